"""Rule files: what is accepted, what is refused and how the refusal reads, how sets of rules are put together."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from llmsecrets import rules
from llmsecrets.errors import RuleError
from llmsecrets.model import CONFIDENCES, SEVERITIES
from llmsecrets.rules import builtin_folder, fields, load_rules
from llmsecrets.rules.globs import path_matches

ACME = """\
rules:
  - id: acme-key
    name: Acme key
    description: Opens every door at Acme.
    pattern: 'acme_[a-z0-9]{20}'
    remediation: Ask for a new one.
    examples: ['key = "acme_{{lowernum:20}}"']
"""
KEY = "acme_0h1i2j3k4l5m6n7o8p9q"


@pytest.fixture
def rule_file(tmp_path):
    """Write a rule file: ACME with replacements, or another text."""

    def write(*replacements: tuple[str, str], name: str = "acme.yaml", text: str = ACME) -> Path:
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    return write


def only(path: Path) -> rules.Rule:
    (rule,) = load_rules([path], builtin=False)
    return rule


# ---- what a rule says ----------------------------------------------------------------------------------------------


def test_what_is_not_said_has_a_default(rule_file) -> None:
    rule = only(rule_file())
    assert (rule.id, rule.severity, rule.confidence, rule.family) == ("acme-key", "high", "high", "acme")
    assert (rule.paths, rule.tags, rule.components, rule.checksum, rule.min_entropy) == ((), (), (), None, 0)
    assert rule.origin.endswith("acme.yaml:2")


def test_everything_that_can_be_said_survives_the_cache(rule_file) -> None:
    text = ACME.replace("remediation", "severity: low\n    confidence: medium\n    family: doors\n    specificity: 2\n"
        "    tags: [a, b]\n    paths: ['*.py']\n    exclude_paths: [x]\n    min_entropy: 2.5\n    min_digits: 3\n"
        "    allow: {values: [v], regexes: [r], stopwords: [s], sha256: [h]}\n    keywords: [acme_]\n"
        "    checksum: {name: crc32-base62-6, failed: drop}\n    references: ['https://acme.test']\n"
        "    components: [{name: id, pattern: 'id-[0-9]{8}', within: 2, required: true}]\n"
        "    revoke_url: 'https://acme.test'\n    negative_examples: [acme_no]\n    remediation")  # fmt: skip
    path = rule_file(text=text)
    loaded = only(path)
    assert (loaded.checksum, loaded.components[0][0], loaded.components[0][2:]) == (
        ("crc32-base62-6", "drop"),
        "id",
        (2, True),
    )
    assert loaded == only(path)
    assert loaded.allow == (("v",), ("r",), ("s",), ("h",))


def test_a_group_of_the_pattern_is_the_secret(rule_file) -> None:
    assert only(rule_file(("acme_[a-z0-9]{20}", "acme_([a-z0-9]{20})"))).secret_group == 1
    assert only(rule_file()).secret_group == 0


def test_fragments_stand_for_pieces_of_patterns(rule_file) -> None:
    text = ACME.replace("[a-z0-9]{20}", "{{tail}}") + "fragments: {tail: '{{char}}{20}', char: '[a-z]'}\n"
    assert only(rule_file(text=text)).core == "acme_[a-z]{20}"


def test_globs_match_at_any_depth() -> None:
    assert path_matches("a.py", ("*.py",))
    assert path_matches("deep/a.py", ("*.py",))
    assert path_matches("a.py", ("**/a.py",))
    assert path_matches("deep/down/a.py", ("**/a.py",))
    assert not path_matches("aa.py", ("**/a.py",))
    assert not path_matches("a.py", ())


# ---- what is refused -----------------------------------------------------------------------------------------------

LONG_ACME = ACME + ACME.replace("rules:\n", "")
REFUSED = {
    "unknown key": ([("    name", "    colour: red\n    name")], 3, "unknown key 'colour'"),
    "unknown key at the top": ([("rules:", "author: me\nrules:")], 1, "unknown key 'author'"),
    "no name": ([("    name: Acme key\n", "")], 2, "rule 'acme-key' has no 'name'"),
    "no remediation": ([("    remediation: Ask for a new one.\n", "")], 2, "has no 'remediation'"),
    "no examples": ([("    examples: ['key = \"acme_{{lowernum:20}}\"']\n", "")], 2, "has no 'examples'"),
    "empty examples": ([("['key = \"acme_{{lowernum:20}}\"']", "[]")], 7, "rule 'acme-key' has no example"),
    "bad expression": ([("acme_[a-z0-9]{20}", "acme_[a-z{20}")], 5, "bad regular expression"),
    "unknown severity": ([("    name", "    severity: huge\n    name")], 3, "'severity' must be one of critical"),
    "unknown alphabet": ([("    name", "    alphabet: greek\n    name")], 3, "'alphabet' must be one of"),
    "text for a list": ([("    name", "    tags: api\n    name")], 3, "'tags' must be a list of texts"),
    "list of numbers": ([("    name", "    tags: [1]\n    name")], 3, "'tags' must be a list of texts"),
    "number for a text": ([("Acme key", "7")], 3, "'name' must be a text"),
    "truth for a number": ([("    name", "    width: true\n    name")], 3, "'width' must be a number"),
    "unknown checksum": ([("    name", "    checksum: {name: sum}\n    name")], 2, "unknown checksum 'sum'"),
    "unknown fate": (
        [("    name", "    checksum: {name: crc32-base62-6, failed: cry}\n    name")],
        3,
        "'failed' must be one of drop, lower",
    ),
    "unknown key of a checksum": ([("    name", "    checksum: {nome: sum}\n    name")], 3, "unknown key 'nome'"),
    "unknown key of allow": ([("    name", "    allow: {word: [x]}\n    name")], 3, "unknown key 'word'"),
    "component without a pattern": (
        [("    name", "    components: [{name: id}]\n    name")],
        2,
        "a component has no 'pattern'",
    ),
    "unknown fragment": ([("[a-z0-9]", "{{letters}}")], 5, "there is no fragment 'letters'"),
    "flags in the middle": ([("acme_[a-z0-9]{20}", "(?i)acme_[a-z0-9]{20}")], 5, "bad regular expression"),
    "a group in a name": ([("    name", "    names: ['(acme)']\n    name")], 3, "a name must not hold a group"),
    "a group that is not there": ([("    name", "    secret_group: 2\n    name")], 3, "the pattern has no group 2"),
    "a bad expression to allow": ([("    name", "    allow: {regexes: ['[']}\n    name")], 3, "bad regular expression"),
    "a rule that is no mapping": ([("rules:\n", "rules:\n  - acme\n")], 1, "a rule must be a mapping"),
    "a key twice": ([("    name", "    id: acme-key\n    name")], 3, "key 'id' stands twice"),
    "not YAML": ([("rules:\n", "rules: [\n")], 2, "not valid YAML"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_with_file_line_and_reason(rule_file, case) -> None:
    replacements, line, reason = REFUSED[case]
    path = rule_file(*replacements)
    with pytest.raises(RuleError) as refused:
        load_rules([path])
    assert str(refused.value).startswith(f"{path}:{line}: "), refused.value
    assert reason in str(refused.value)


def test_an_id_that_stands_twice_is_refused(rule_file, tmp_path) -> None:
    path = rule_file(text=LONG_ACME)
    with pytest.raises(RuleError, match=r"acme.yaml:8: rule id 'acme-key' stands twice \(first at .*acme.yaml:2\)"):
        load_rules([path])
    rule_file(name="own/a.yaml")
    rule_file(name="own/b.yaml")
    with pytest.raises(RuleError, match=r"b.yaml:2: rule id 'acme-key' stands twice \(first at .*a.yaml:2\)"):
        load_rules([tmp_path / "own"])


@pytest.mark.parametrize(
    "text",
    ["rules: 7\n", "rules: acme\n", "rules: {id: x}\n", "fragments: 7\n", "fragments: {a: 1}\n", "- a\n", "7\n",
     "rules: [[]]\n", "rules: [{}]\n", ACME.replace("acme-key", "7"),
     "fragments: {a: '{{a}}'}\n" + ACME.replace("[a-z0-9]", "{{a}}"),
     ACME.replace("    name", "    components: 7\n    name"), ACME.replace("    name", "    components: [7]\n    name"),
     ACME.replace("    name", "    allow: [7]\n    name"), ACME.replace("    name", "    allow: {values: 7}\n    name"),
     ACME.replace("    name", "    allow: {regexes: ['(']}\n    name"),
     ACME.replace("    name", "    components: [{name: id, pattern: '(x'}]\n    name"),
     ACME.replace("    name", "    components: [{name: id, pattern: x, alphabet: greek}]\n    name"),
     ACME.replace("    name", "    components: [{name: id, pattern: x, within: near}]\n    name"),
     ACME.replace("    name", "    names: ['(']\n    name"), ACME.replace("    name", "    secret_group: 3\n    name"),
     ACME.replace("    name", "    anchor: '('\n    name"),
     ACME.replace("    name", "    checksum: {failed: drop}\n    name"),
     ],
    ids=lambda text: " ".join(text.split())[:60],
)  # fmt: skip
def test_whatever_is_wrong_exits_with_2_names_the_file_and_scans_nothing(rule_file, llmsecrets, key, text) -> None:
    path = rule_file(text=text)
    outcome = llmsecrets("scan", "--rules", path, "-", stdin=key("github").encode())
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert str(path) in outcome.stderr
    assert "unexpected" not in outcome.stderr


def test_a_missing_file_or_empty_folder_is_refused(llmsecrets, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    for name, reason in (("nowhere.yaml", "cannot be read"), ("empty", "no .yaml file in this folder")):
        outcome = llmsecrets("scan", "--rules", name)
        assert outcome.code == 2
        assert f"{name}: {reason}" in outcome.stderr


# ---- sets of rules -------------------------------------------------------------------------------------------------


def test_own_rules_are_added(rule_file, scan, key) -> None:
    rule_file(name="own/acme.yaml")
    text = f"{KEY} {key('github')}".encode()
    assert [rule for rule, _, _ in scan("-", "--rules", "own", stdin=text).places] == ["acme-key", "github-pat"]
    assert [rule for rule, _, _ in scan("-", stdin=text).places] == ["github-pat"]


def test_own_rules_replace_built_in_ones_of_the_same_id(rule_file, scan, key) -> None:
    rule_file(("acme-key", "github-pat"))
    text = f"{KEY} {key('github')}".encode()
    found = scan("-", "--rules", "acme.yaml", "--show-secrets", "--enable", "github-pat", stdin=text)
    assert [entry["secret"] for entry in found.json["findings"]] == [KEY]


def test_a_later_file_replaces_an_earlier_one(rule_file, scan) -> None:
    rule_file(name="one.yaml")
    rule_file(("Acme key", "Second"), name="two.yaml")
    found = scan("-", "--rules", "one.yaml", "--rules", "two.yaml", "--enable", "acme-*", stdin=KEY.encode())
    assert [entry["name"] for entry in found.json["findings"]] == ["Second"]


def test_rules_are_disabled_and_enabled_by_id_or_glob(scan, key) -> None:
    text = f"{key('github')} {key('npm')}".encode()

    def found(*options):
        return [rule for rule, _, _ in scan("-", "--engine", "regex", *options, stdin=text).places]

    assert found() == ["github-pat", "npm-access-token"]
    assert found("--disable", "github-pat") == ["npm-access-token"]
    assert found("--disable", "github-*") == ["npm-access-token"]
    assert found("--enable", "github-*") == ["github-pat"]
    assert found("--enable", "github-*", "--disable", "github-pat") == []


@pytest.mark.parametrize("option", ["--enable", "--disable"])
def test_an_id_that_matches_nothing_is_a_mistake(llmsecrets, option) -> None:
    outcome = llmsecrets("scan", option, "github-pta", "-", stdin=b"x")
    assert outcome.code == 2
    assert "no rule matches 'github-pta'" in outcome.stderr


def test_own_fragments_do_not_reach_back_into_built_in_rules(rule_file) -> None:
    before = {rule.id: rule.expression for rule in load_rules()}
    path = rule_file(text=ACME + "fragments: {assigned: never}\n")
    after = {rule.id: rule.expression for rule in load_rules([path])}
    assert {**before, "acme-key": after["acme-key"]} == after


# ---- the built-in rules --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(builtin_folder().glob("*.yaml")), ids=lambda path: path.name)
def test_the_published_schema_accepts_every_built_in_file(path) -> None:
    validator = jsonschema.Draft202012Validator(fields.json_schema())
    errors = [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text("utf-8")))]
    assert errors == []


@pytest.mark.parametrize("case", ["unknown key", "no examples", "unknown severity", "text for a list", "unknown fate"])
def test_the_published_schema_refuses_what_the_loader_refuses(rule_file, case) -> None:
    document = yaml.safe_load(rule_file(*REFUSED[case][0]).read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, fields.json_schema())


def test_the_published_schema_is_a_schema(llmsecrets) -> None:
    outcome = llmsecrets("rules", "schema")
    assert outcome.json == json.loads(json.dumps(fields.json_schema()))
    jsonschema.Draft202012Validator.check_schema(outcome.json)


def test_built_in_rules_say_what_a_report_needs(builtin_rules) -> None:
    for rule in builtin_rules:
        assert rule.severity in SEVERITIES, rule.id
        assert rule.confidence in CONFIDENCES, rule.id
        assert rule.id == rule.id.lower().replace(" ", "-"), rule.id
        assert rule.description.endswith("."), rule.id
        assert rule.remediation.endswith("."), rule.id
        assert rule.tags, rule.id
        assert len(rule.examples) >= 2, rule.id


def test_the_rules_the_readme_promises_are_there(builtin_rules) -> None:
    ids = " ".join(rule.id for rule in builtin_rules)
    vendors = "openai anthropic aws bedrock google gcp azure huggingface github gitlab slack stripe npm pypi jwt"
    for vendor in (*vendors.split(), "private-key", "database-url", "generic-secret"):
        assert vendor in ids, vendor


# ---- list, show ----------------------------------------------------------------------------------------------------


def test_list_has_a_line_a_rule(llmsecrets, builtin_rules, rule_file) -> None:
    assert len(llmsecrets("rules", "list").stdout.splitlines()) == len(builtin_rules)
    rule_file()
    outcome = llmsecrets("rules", "list", "--rules", "acme.yaml", "--enable", "acme-*")
    assert outcome.stdout.split() == ["acme-key", "high", "high", "Acme", "key"]


def test_show_says_everything(llmsecrets) -> None:
    shown = llmsecrets("rules", "show", "github-pat").json
    assert shown["id"] == "github-pat"
    assert set(shown) == set(rules.Rule._fields)
    assert shown["checksum"]["name"] == "crc32-base62-6"


def test_show_of_an_unknown_rule_is_a_mistake(llmsecrets) -> None:
    outcome = llmsecrets("rules", "show", "acme-key")
    assert (outcome.code, "there is no rule 'acme-key'" in outcome.stderr) == (2, True)


def test_a_changed_file_is_read_again(rule_file, scan) -> None:
    """The parsed rules are cached by content."""
    arguments = ("-", "--rules", "acme.yaml", "--enable", "acme-*")
    rule_file()
    assert scan(*arguments, stdin=KEY.encode()).code == 1
    rule_file(("acme_[a-z0-9]{20}", "ACME_[a-z0-9]{20}"), ("acme_{{", "ACME_{{"))
    assert scan(*arguments, stdin=KEY.encode()).code == 0
