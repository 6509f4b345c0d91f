"""YAML that may come from a stranger: strict, bounded, and every refusal names a line."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmsecrets import yamlfile
from llmsecrets.errors import ConfigError, RuleError


def parsed(text: str | bytes):
    return yamlfile.parse(text.encode() if isinstance(text, str) else text, "f.yaml")


def test_mappings_know_their_lines() -> None:
    document = parsed("a: 1\nb:\n  - c: 2\n    d: 3\n")
    assert document == {"a": 1, "b": [{"c": 2, "d": 3}]}
    assert document.lines == {"a": 1, "b": 2}
    assert document["b"][0].line == 3
    assert document["b"][0].lines == {"c": 3, "d": 4}


def refusal_of(content: bytes) -> str:
    """Why the content is refused, or nothing."""
    try:
        parsed(content)
    except ConfigError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_an_empty_mapping(text) -> None:
    assert parsed(text) == {}


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
REFUSED = {
    "aliases": ("a: &x 1\nb: *x\n", 1, "aliases are not accepted"),
    "a bomb of aliases": (BOMB, 1, "aliases are not accepted"),
    "an alias to itself": ("a: &a [*a]\n", 1, "aliases are not accepted"),
    "deep nesting": ("a: " + "[" * 100_000, 1, "nested more than 40 deep"),
    "deep nesting of mappings": ("".join(" " * n + "a:\n" for n in range(50)), 41, "nested more than 40 deep"),
    "a key twice": ("a: 1\nb: 2\na: 3\n", 3, "key 'a' stands twice"),
    "a list at the top": ("- a\n", 1, "expected a mapping"),
    "a text at the top": ("hello\n", 1, "expected a mapping"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
    "an open bracket": ("a: [1,\n", 2, "not valid YAML"),
    "a tab": ("a:\n\tb: 1\n", 2, "not valid YAML"),
    "an object of Python": ("a: !!python/name:os.system x\n", 1, "not valid YAML"),
    "an unknown tag": ("a: !secret x\n", 1, "not valid YAML"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_names_file_line_and_reason(case) -> None:
    text, line, reason = REFUSED[case]
    started = time.monotonic()
    with pytest.raises(ConfigError) as refused:
        parsed(text)
    assert str(refused.value).startswith(f"f.yaml:{line}: "), refused.value
    assert reason in str(refused.value)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "content", [b"a: \xff\n", b"\0", b"a: \x07\n", b"\xff\xfea", b"a: 2024-99-99\n", b"? [a]\n: 1\n"]
)
def test_other_bad_bytes_are_refused_or_read_but_never_a_crash(content) -> None:
    assert refusal_of(content).startswith("f.yaml") or isinstance(parsed(content), yamlfile.Mapping)


@given(st.one_of(st.binary(max_size=60), st.text("ab:-[]{}&*!? \n'\"|>#,0", max_size=40).map(str.encode)))
def test_any_bytes_are_read_or_refused(content) -> None:
    assert refusal_of(content).startswith("f.yaml") or isinstance(parsed(content), yamlfile.Mapping)


def test_a_huge_file_is_refused_unread() -> None:
    with pytest.raises(ConfigError, match="larger than 16 MiB"):
        parsed(b" " * (17 << 20))


def test_a_missing_file_is_refused_in_the_callers_words(tmp_path) -> None:
    with pytest.raises(RuleError, match=r"nowhere.yaml: cannot be read: No such file"):
        yamlfile.load(tmp_path / "nowhere.yaml", RuleError)
