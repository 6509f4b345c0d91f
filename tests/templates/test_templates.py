"""Templates: what is replaced, what stays, and which mistakes are told."""

from __future__ import annotations

import base64
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmsecrets.templates import CLASSES, TemplateError, expand


@pytest.mark.parametrize("name", sorted(CLASSES))
@given(seed=st.integers())
def test_a_class_draws_its_own_characters(name: str, seed: int) -> None:
    text = expand(f"{{{{{name}:40}}}}", seed)
    assert len(text) == 40
    assert set(text) <= set(CLASSES[name])


@given(seed=st.integers())
def test_a_range_draws_a_length(seed: int) -> None:
    assert 5 <= len(expand("{{alnum:5-9}}", seed)) <= 9


def test_the_same_template_and_seed_give_the_same_text() -> None:
    template = "{{alnum:20}} {{uuid}} {{make:jwt}} {{make:pem:EC PRIVATE KEY}}"
    assert expand(template, 1) == expand(template, 1)
    assert expand(template, 1) != expand(template, 2)
    assert expand("{{alnum:20}}", 1) != expand("{{alnum:20}} ", 1)[:20]


def test_the_text_around_templates_stays() -> None:
    assert re.fullmatch(r'key = "sk-[0-9]{4}" # \{ok\}', expand('key = "sk-{{digit:4}}" # {ok}', 1))


def test_the_empty_template_splits_a_word() -> None:
    assert expand("EXAM{{}}PLE", 1) == "EXAMPLE"


def test_a_uuid_is_random() -> None:
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", expand("{{uuid}}", 1))
    assert re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{19}", expand("{{uuid-hex}}", 1))


def test_base64_of_a_text_with_templates_in_it() -> None:
    encoded = expand('{{b64:{"user":"[[lower:6]]","list":[[1]]}}}', 1)
    assert re.fullmatch(rb'\{"user":"[a-z]{6}","list":\[\[1\]\]\}', base64.b64decode(encoded))
    assert expand("{{b64:a}}", 1) == "YQ=="
    assert expand("{{b64url:~~~?a}}", 1) == "fn5-P2E"


def test_base64_of_a_made_token() -> None:
    assert base64.b64decode(expand("{{b64:[[make:pem:EC PRIVATE KEY]]}}", 1)).startswith(b"-----BEGIN EC")


def test_a_key_inside_quotes_has_escaped_line_breaks() -> None:
    text = expand('"{{escaped:[[make:pem:EC PRIVATE KEY]]}}"', 1)
    assert "\n" not in text
    assert "-----\\nM" in text


@pytest.mark.parametrize(
    ("template", "form"),
    [
        ("{{{digit:3}}}", r"\{[0-9]{3}\}"),
        ('{"id":{{digit:3}}}', r'\{"id":[0-9]{3}\}'),
        ("${{{digit:3}}}", r"\$\{[0-9]{3}\}"),
        ("{{digit:2}}{{digit:3}}", r"[0-9]{5}"),
        ("{{ key = '{{digit:3}}' }}", r"\{\{ key = '[0-9]{3}' \}\}"),
    ],
)
def test_braces_next_to_a_template(template: str, form: str) -> None:
    assert re.fullmatch(form, expand(template, 1))


@pytest.mark.parametrize(
    "text",
    [
        "{{ secrets.API_KEY }}",
        "{{ template }}",
        "${{ secrets.X }}",
        "{{github.token}}",
        "{{API_KEY}}",
        "{{password}}",
        "{{ user:name }}",
        "{{ open",
        "}} {{",
        "{{#each keys}}{{/each}}",
        "{% if x %}{{ x|default('{}') }}",
    ],
)
def test_other_peoples_braces_stay(text: str) -> None:
    assert expand(text, 1) == text


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{alnmu:5}}", "unknown character class 'alnmu'"),
        ("{{alnum}}", "write a count"),
        ("{{alnum:x}}", "write a count"),
        ("{{alnum:9-5}}", "backwards"),
        ("{{make:nothing}}", "unknown maker 'nothing'"),
        ("{{make:pem:NO SUCH LABEL}}", "no maker for the label"),
        ("{{make:crc32-base62-6:ghp_:many}}", "do not fit"),
        ("{{make:azure-identifiable:AZEG}}", "not published"),
        ("{{b64:[[alnmu:5]]}}", "unknown character class 'alnmu'"),
    ],
)
def test_mistakes_are_told(template: str, told: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(told)):
        expand(template, 1)


@given(template=st.text(alphabet="{}[]:ab1 -lower", max_size=60), seed=st.integers())
def test_any_text_is_expanded_or_refused(template: str, seed: int) -> None:
    with suppress(TemplateError):
        assert isinstance(expand(template, seed), str)
