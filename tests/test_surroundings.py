"""A key that only its vendor's name tells is found wherever that name may stand before it: in source, settings, logs,
markup, escaped, in another's fields.

Keys are drawn afresh in every run; a failure names the seed they were drawn with.
"""

from __future__ import annotations

import html
import json
import random
from urllib.parse import quote

import pytest
from support import findings_in

from llmsecrets.templates import expand

VENDORS = {  # the vendor's own rule: its name as a setting has it, and a template of its key
    "mistral-api-key": ("MISTRAL_API_KEY", "7{{alnum:31}}"),
    "deepgram-api-key": ("DEEPGRAM_API_KEY", "{{hex:40}}"),
    "yi-api-key": ("YI_API_KEY", "{{hex:32}}"),
}
LOG = "\x1b[1mNAME\x1b[0m: \x1b[33m"
SURROUNDINGS = [
    # source
    'NAME: str = "KEY"', 'NAME: str = field(default="KEY")', 'os.getenv("NAME", "KEY")',
    'os.environ.get("NAME") or "KEY"',
    'parser.add_argument("--kebab", type=str, default="KEY")', 'static NAME: &\'static str = "KEY";',
    'env::var("NAME").unwrap_or_else(|_| "KEY".to_string());', 'sys.env.getOrElse("NAME", "KEY")',
    'const camel: []const u8 = "KEY";', 'const camel* = "KEY"', 'std::string camel{"KEY"};', '#define NAME @"KEY"',
    'var camel = @"KEY";', 'public string camel { get; set; } = "KEY";', "ENV['NAME'] ||= 'KEY'", '$ENV{NAME} = "KEY";',
    'camel <- "KEY"', '(setenv "NAME" "KEY")', "  camel:: 'KEY',", '<Provider camel={"KEY"}>', "define('NAME', 'KEY');",
    "{'camel': SecretStr('KEY')}",
    # shells
    'export NAME="${NAME:-KEY}"', 'secret set NAME --body "KEY"', 'wrangler secret put NAME <<< "KEY"',
    'aws ssm put-parameter --name /prod/NAME --type SecureString --value "KEY"', 'set camel to "KEY"',
    'Set-Item -Path Env:NAME -Value "KEY"', "app\0--kebab\0KEY\0--port\x0080\0",
    # settings
    'variable "kebab" {\n  type    = string\n  default = "KEY"\n}', 'camel: "\\\n  KEY"',
    "camel: |-\n    KEY\n", "camel: >-\n  KEY\n",
    "camel: !!str KEY", 'camel: &key "KEY"',
    "camel:\n    Type: String\n    Default: KEY",
    "name: kebab\nin: header\nexample: KEY",
    '[{"name": "NAME", "description": "a key", "value": "KEY"}]',
    '{"key":"env.NAME","value":{"stringValue":"KEY"}}',
    '"args": [\n                "--kebab",\n                "KEY"\n',
    "<camel><![CDATA[KEY]]></camel>", '<string name="camel" translatable="false">KEY</string>',
    '<meta-data\n  android:name="com.acme.NAME"\n  android:value="KEY" />', "<key>camel</key>\n  <string>KEY</string>",
    # prose, logs, tables
    "<tr><td>NAME</td><td><code>KEY</code></td></tr>", "| `NAME` | `KEY` |", "**NAME**: KEY", "- **NAME:** `KEY`",
    "Set ``NAME`` to ``KEY``.", "NAME:: `KEY`", "NAME;KEY;x", LOG + '"KEY"\x1b[0m', "NAME=\x1b[33mKEY\x1b[0m",
    '["NAME"]=>\n  string(32) "KEY"',
]  # fmt: skip
SECTIONS = [
    '[providers.VENDOR]\nmodel = "large"\napi_key = "KEY"',
    "[VENDOR]\nbase_url = https://a.test/v1\napi_key=KEY\n",
    "providers:\n  VENDOR:\n    model: large\n    api_key: KEY\n",
    '{"VENDOR": {"baseUrl": "https://a.test", "apiKey": "KEY"}}',
    '{"VENDOR": {"type": "api", "key": "KEY"}}', "- provider: VENDOR\n  model: large\n  apiKey: KEY\n",
    'curl "https://api.VENDOR.com/v1" \\\n  -H "Content-Type: application/json" \\\n  -H "Authorization: Bearer KEY"',
    'fetch("https://api.VENDOR.com/v1", {\n  headers: {\n    Authorization: "Bearer KEY",\n  },\n});',
]  # fmt: skip
ENCLOSING = {
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "a line's end written out": lambda text: json.dumps(f"PATH=/bin\n{text}\n"),
    "JSON's escapes": lambda text: text.replace('"', "\\u0022"),
    "a URL": lambda text: quote(text, safe=""),
    "HTML": html.escape,
}


def filled(text: str, name: str, key: str) -> str:
    words = name.lower().split("_")
    forms = {"camel": words[0] + "".join(map(str.title, words[1:])), "kebab": "-".join(words), "VENDOR": words[0]}
    for word, form in (*forms.items(), ("NAME", name), ("KEY", key)):
        text = form.join(text.split(word)) if word != "KEY" else text.replace("_KEY", "\1").replace(word, form)
    return text.replace("\1", "_KEY")


def found_in(engine, text: str) -> list[tuple[str, str]]:
    return [(one.finding.rule_id, one.finding.secret.reveal().decode()) for one in findings_in(engine, text.encode())]


@pytest.mark.parametrize("rule_id", VENDORS)
def test_a_key_is_found_behind_its_vendors_name_in_all_surroundings(rule_id: str, engine) -> None:
    name, template = VENDORS[rule_id]
    seed = random.randrange(1 << 32)
    places = SURROUNDINGS + (SECTIONS if len(name) > 12 else [])  # `yi` alone names nothing
    keys = [expand(template, seed + number) for number in range(len(places))]
    missed = [
        place
        for place, key in zip(places, keys, strict=True)
        if found_in(engine, filled(place, name, key)) != [(rule_id, key)]
    ]
    assert missed == [], f"seed {seed}"


@pytest.mark.parametrize("enclosed", ENCLOSING)
@pytest.mark.parametrize("rule_id", VENDORS)
def test_a_name_and_its_key_are_found_where_they_are_escaped(rule_id: str, enclosed: str, tmp_path, scan) -> None:
    name, template = VENDORS[rule_id]
    key = expand(template, random.randrange(1 << 32))
    for text in ('NAME = "KEY"', '{"camel": "KEY", "n": 1}', "{'kebab': 'KEY'}"):
        (tmp_path / "notes.txt").write_text(ENCLOSING[enclosed](filled(text, name, key)))
        found = scan(tmp_path / "notes.txt", "--show-secrets").json["findings"]
        assert [(one["rule_id"], one["secret"]) for one in found] == [(rule_id, key)], (text, key)


def test_a_shape_known_badly_is_reported_as_surely_as_the_generic_detector_would(engine) -> None:
    key = expand("{{hex:64}}", random.randrange(1 << 32))
    found = [one.finding for one in findings_in(engine, f'REDUCTO_API_KEY="{key}"'.encode(), "app/.env")]
    assert [(one.rule_id, one.confidence) for one in found] == [("reducto-api-key", "medium")]


def test_of_two_vendors_the_one_whose_name_stands_nearest_has_the_key(engine) -> None:
    key = expand("{{hex:32}}", random.randrange(1 << 32))
    text = f"providers:\n  mistral:\n    model: large\n  yi-api-key:\n    value: {key}\n"
    assert found_in(engine, text) == [("yi-api-key", key)]
