"""RE2's syntax, rewritten: what RE2 itself matches is what `regex` matches afterwards."""

from __future__ import annotations

import re

import pytest
import regex
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llmsecrets.re2 import Re2Error, translate

re2 = pytest.importorskip("re2", reason="google-re2 has no wheel here")


def spans(pattern: str, text: str) -> list[list[tuple[int, int]]]:
    """Every match with its groups, as bytes of UTF-8."""
    compiled = regex.compile(translate(pattern).pattern.encode())
    return [list(found.regs) for found in compiled.finditer(text.encode())]


def spans_in_re2(pattern: str, text: str) -> list[list[tuple[int, int]]]:
    compiled = re2.compile(pattern.encode(), _options())
    found = compiled.finditer(text.encode())
    return [[match.span(group) for group in range(compiled.groups + 1)] for match in found]


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


# ---- constructs read differently elsewhere -------------------------------------------------------------------------

CONSTRUCTS = {
    "(?P<key>a+)b": "xaab",
    "(?<key>a+)b": "xaab",
    "a(?i)b|c": "aB C ab A",
    "((?i)a)b": "AB Ab ab",
    "(?i)a(?-i)b": "Ab AB",
    "(?i:a)b": "Ab AB",
    "(?s)a.b": "a\nb",
    "a.b": "a\nb aäb",
    "(?s:a.)b": "a\nb",
    "(?U)a+": "aaa",
    "(?U)a+?": "aaa",
    "a$": "a\na",
    "(?m)^a$": "a\nb\na\n",
    r"a\z": "a\n a",
    r"\Aa": "a\na",
    r"\Q.*[\E+": "a.*[[[",
    r"\Q\E": "ab",
    r"[[:alpha:]]+[[:^digit:]]": "ab1 abc",
    r"[[:space:]x]+": "\v\t x",
    r"\s+": "a\v\f b",
    r"\S+": "a\v\f b",
    r"[^\s]": "\v",
    r"\pL+": "Größe 12",
    r"\PL+": "Größe 12",
    r"\p{Greek}\p{^Greek}": "αβc",
    r"[\p{Lu}\d]+": "ÄB1c",
    r"(?i)[ä]": "Ä ä",
    r"[à-ÿ]x": "èx Èx",
    r"[^é]x": "éx èx ex",
    r"\x{1F511}\x41\101\0": "\U0001f511AA\0",
    r"[\x{80}-\x{10FFFF}]": "a\U0010ffff€é",
    "x{,3}": "x{,3} xxx",
    "x{a}{": "x{a}{",
    "[]a]+": "a]b",
    "[^]a]+": "a]b",
    "[a-]+": "a-b",
    r"[\-\]]+": "a-]b",
    "(?:a||b)c": "acbc",
    "(a)|(b)": "ab",
    r"\bkey\b": "key keys äkey",
    r"a{2,3}?": "aaaa",
    "(?:ab){2}": "ababab",
}


@pytest.mark.parametrize("pattern", CONSTRUCTS)
def test_matches_what_re2_matches(pattern) -> None:
    assert spans(pattern, CONSTRUCTS[pattern]) == spans_in_re2(pattern, CONSTRUCTS[pattern])


REFUSED = {
    r"ab\C": r"\C is not RE2 syntax, at character 3",
    "(?=a)": "(?= is not RE2 syntax, at character 1",
    "a(?<!b)": "(?<! is not RE2 syntax, at character 2",
    "(?P=key)": "(?P= is not RE2 syntax",
    "(?>a)": "(?> is not RE2 syntax",
    "a*+": "*+ repeats a repeat, which RE2 refuses, at character 2",
    "a++b": "++ repeats a repeat",
    r"(a)\1": r"\1 refers back to a group, which RE2 cannot, at character 4",
    r"\Z": r"\Z is not RE2 syntax",
    r"\h": r"\h is not RE2 syntax",
    r"\p{Klingon}": r"\p{Klingon} names no character class",
    "[[:foo:]]": "[:foo:] names no character class",
    r"\x{110000}": "is no character",
    r"\xg": "is no character",
    "(a": "( without its ) at character 1",
    "a)": "unexpected ) at character 2",
    "[a": "[ without its ] at character 1",
    "[b-a]": "bad range b-a at character 2",
    "*a": "* has nothing to repeat at character 1",
    "a{1001}": "bad repeat {1001} at character 2",
    "a{3,2}": "bad repeat {3,2}",
    "((a{100}){100}){100}": "repeats within repeats come to more than 1000",
    "a\\": "\\ is not RE2 syntax",
    "(" * 500: "nested too deep",
}


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_re2_has_not_is_refused_by_name_and_place(pattern) -> None:
    with pytest.raises(Re2Error) as refused:
        translate(pattern)
    assert REFUSED[pattern] in str(refused.value)


def test_one_group_can_be_kept() -> None:
    assert translate("(a)(?P<b>b)(c)", keep=2).pattern == "(?:a)(b)(?:c)"
    assert translate("(a)(b)").groups == 2


# ---- any expression ------------------------------------------------------------------------------------------------

LETTERS = "abkz019_- .\n\"='äß€"
ATOMS = st.one_of(
    st.sampled_from(
        [re.escape(one) for one in LETTERS if one != "\n"]
        + ["\\n", "\\d", "\\W", "\\w", "[a-z]", "[^a\\s]", "[[:digit:]_]", "\\Qa.\\E", "\\x41", "\\x{e4}", "\\pL", "."]
    ),
    st.sampled_from(["\\b", "^", "$", "\\A", "\\z", "(?i)", "(?s)", "(?m)", "(?U)", "(?-i)"]),
)
COUNTED = st.tuples(
    st.sampled_from(["a", "[a-z]", "\\d", "(?:ab)", "[_\\-]", "(?i:k|0)"]),
    st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?", "??", "{1,2}?"]),
).map("".join)
EXPRESSIONS = st.recursive(
    st.one_of(ATOMS, COUNTED),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        inner.map(lambda part: f"({part})"),
        inner.map(lambda part: f"(?i:{part})"),
        inner.map(lambda part: f"(?P<name>{part})"),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS, st.text(LETTERS + "ABKZ", max_size=24))
def test_any_expression_matches_what_re2_matches(pattern, text) -> None:
    """Only the first match: the libraries differ in what they look at behind an empty one. Repeated classes that hold
    all of Unicode are left out: those count bytes."""
    try:
        expected = re2.compile(pattern.encode(), _options()).search(text.encode())
    except re2.error:
        assume(False)
    found = regex.compile(translate(pattern).pattern.encode()).search(text.encode())
    assert (found and found.span()) == (expected and expected.span()), translate(pattern)


@settings(max_examples=400, deadline=None)
@given(st.text("ab(|)[]^$.*+?{},1-\\pLQECdwxsimU:P<>=!_é", max_size=14))
def test_any_text_is_read_as_re2_reads_it_or_refused(pattern) -> None:
    try:
        written = translate(pattern).pattern
    except Re2Error:
        return
    re.compile(written.encode())
    regex.compile(written.encode())
