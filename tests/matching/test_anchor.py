"""Anchors: whatever a pattern matches, its anchor matches too, and every match holds one of its literals."""

from __future__ import annotations

import re

import pytest
import regex
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from support import ENGINES

from llmsecrets.anchors import LITERAL, AnchorError, derive, literals_of, loosely, openings_of, rough_opening_of, run_of
from llmsecrets.errors import RuleError
from llmsecrets.matching import anchor_of, compile_rules
from llmsecrets.rules import GATE_REACH, MAX_WIDTH, RuleSet, any_of, load_rules
from llmsecrets.templates import expand

RULES = {rule.id: rule for rule in load_rules()}
ANCHORED = sorted(rule.id for rule in RULES.values() if not rule.gated)


def texts_of(pattern: str) -> st.SearchStrategy[bytes]:
    """Texts a pattern matches. Look-around, which Hypothesis treats loosely, is checked afterwards."""
    ascii_only = st.characters(max_codepoint=127)
    return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True, alphabet=ascii_only).map(str.encode)


@pytest.mark.parametrize(
    ("pattern", "anchor"),
    [
        ("sk-ant-[a-z]{95}", r"sk\x2dant\x2d[a-z]{10}"),
        ("(?:AKIA|ASIA)[A-Z]{16}", r"A(?:KIA|SIA)[A-Z]{16}"),  # base64 is full of so short a literal
        ("[a-z]{5}key[0-9]{90}", r"[a-z]{5}key[0-9]{64}"),
        (r"\bghpat_\w{36}", r"ghpat\x5f[\w]{11}"),
        ("token-[a-z]{4,90}", r"token\x2d[a-z]{4}"),  # met sooner, and as often
        # behind what may be left out, or comes again, the rest follows: none of it is cut short
        ("secret-(?:(?i:token_[a-z]{30}),)?[0-9]{9}", r"secret\x2d(?:(?i:token\x5f[a-z]{30})\x2c)?[0-9]{9}"),
        ("(?:(?i:token_[a-z]{30}),){2}", r"(?:(?i:token\x5f[a-z]{30})\x2c){2}"),
        # what is behind an alternative that ends in rounds must follow all of them
        ("(?:abc(?:xy){2,5}z|[0-9])keyword=[a-z]{20}", r"(?:abc(?:xy){2,5}z|[0-9])keyword\x3d[a-z]{9}"),
    ],
)
def test_an_anchor_is_the_pattern_up_to_a_literal_and_a_little_more(pattern, anchor) -> None:
    assert derive(pattern).expression == anchor


def test_the_width_says_how_far_back_an_anchors_match_can_begin() -> None:
    anchor = derive("[a-z]{2,5}keys-[0-9]{30,60}")
    assert anchor.width == anchor.reach == 5 + len("keys-") + 14 - 2
    assert anchor.pattern_width == 5 + len("keys-") + 60


def test_an_anchor_of_the_rules_own_may_stand_anywhere_in_a_match() -> None:
    anchor = derive("https://[a-z.]{4,200}/[a-z]{0,90}sig=[0-9a-f]{64}", "sig=[0-9a-f]{8}")
    assert anchor.width == len("sig=") + 8
    assert anchor.reach == anchor.pattern_width


@pytest.mark.parametrize("override", [r"\bsig=", "sig=(?![a-z])", "(?:^|,)sig=", "(?:(?<=a)sig=){2}"])
def test_an_anchor_must_not_look_around(override) -> None:
    with pytest.raises(AnchorError, match="around"):
        derive("[a-z]{4}sig=[0-9a-f]{64}", override)


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("sk-ant-[a-z]{95}", {"sk-ant-"}),
        ("(?:AKIA|ASIA)[A-Z]{16}", {"akia", "asia"}),
        ("[a-f]{32}-us[0-9]{1,2}", {"-us" + str(digit) for digit in range(10)} | {"-us"}),
        ("(?:secret|token)[=:]x{5}", None),
    ],
)
def test_every_match_holds_a_literal(pattern, literals) -> None:
    found = set(derive(pattern).literals)
    assert found
    assert literals is None or found <= literals


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[A-Za-z0-9]{40}", "no literal"),
        ("(?:token)?[a-z]{30}", "no literal"),
        ("ab[0-9]{30}", "no literal"),
        ("(?:secret|[a-z]{8})[0-9]{30}", "no literal"),
        ("secret[a-z]+", "no upper width"),
        ("secret.*end", "no upper width"),
        ("(secret)[a-z]{4}\\1", "not supported|no upper width|no literal"),
    ],
)
def test_a_pattern_stage_one_cannot_look_for_is_refused(pattern, reason) -> None:
    with pytest.raises(AnchorError, match=reason):
        derive(pattern)


def test_a_width_bounds_a_pattern_that_does_not_bound_itself() -> None:
    assert derive("secret[a-z]+", width=200).pattern_width == 200


def test_a_pattern_wider_than_a_windows_overlap_is_refused() -> None:
    rule = next(iter(RULES.values()))._replace(core="secret[a-z]{40000}")
    with pytest.raises(RuleError, match=f"more than {MAX_WIDTH}"):
        anchor_of(rule)


def test_a_refusal_names_file_line_and_rule() -> None:
    rule = next(iter(RULES.values()))._replace(core="[a-z]{40}", id="acme-key", origin="acme.yaml:7")
    for engine in ENGINES:
        with pytest.raises(RuleError, match=r"^acme\.yaml:7: rule 'acme-key': the pattern has no literal"):
            compile_rules(RuleSet.of([rule]), engine)


@pytest.mark.parametrize(
    ("pattern", "openings"),
    [
        ("=[a-z]{3,9}", [r"\x3d[a-z]{3}"]),
        ("=(?:[a-z]{2,5}|[0-9]{4}x{0,2})(?!y)", [r"\x3d(?:[a-z]{2}|[0-9]{4})"]),
        ("=((?=[a-z]{0,4}[0-9])[a-z0-9]{5,9})", [r"\x3d(?:[a-z0-9]{5})", r"\x3d[a-z]{0,4}[0-9]"]),
        ("=(?:a|(?=b)[a-z])", [r"\x3d(?:a|[a-z])"]),  # one alternative's lookahead need not hold
    ],
)
def test_openings_end_as_early_as_a_match_may(pattern, openings) -> None:
    assert list(openings_of(pattern)) == openings


@pytest.mark.parametrize(
    ("pattern", "opening"),
    [
        ("[ =]{1,3}([0-9a-f]{32})", r"[\x20\x3d]{1,3}"),
        ("[(=]{1,3}((?:[0-9a-f]{4}-){5}(?=[a-z])[a-z]{9})", r"[\x28\x3d]{1,3}"),
        ("(?<=x)[^](]{1,3}(sk-[A-Za-z0-9]{40}|(?i:pk_)[a-z]{30,})", r"[^\x5d\x28]{1,3}"),
        ("[ =]{1,3}([A-Z]{8}(?:[0-9]{2}[!?])+[A-Z]{30})", None),  # ten are sure
        ("[ =]{1,3}([0-9a-f]{19})", None),
        (r"[ =]{1,3}(\d{4}-\w{40})", r"[\x20\x3d]{1,3}"),
        (r"[ =]{1,3}(\S{40})", None),
        ("(?:[ =]{1,3}([0-9a-f]{40}))", None),
        ("[ =]{1,3}[0-9a-f]{40}", None),
    ],
)
def test_rough_openings_differ_in_what_comes_before_the_group_only(pattern, opening) -> None:
    assert rough_opening_of(pattern) == (opening + "[A-Za-z0-9+/=_.:-]{20}" if opening else "")


def test_an_opening_may_be_looked_for_without_upper_bounds() -> None:
    assert loosely("a{0,3}b{1,4}c{2,220}d{40}e{0,2}f{3,}") == "a{0,3}b{1,}c{2,}d{40}e{0,2}f{3,}"


# ---- the built-in rules --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule_id", ANCHORED)
def test_every_example_holds_a_literal_and_an_anchor(rule_id) -> None:
    rule = RULES[rule_id]
    anchor = anchor_of(rule)
    assert min(len(literal.encode()) for literal in anchor.literals) >= LITERAL
    for example in rule.examples:
        text = expand(example, 1)
        assert any(literal in text.lower() for literal in rule.keywords or anchor.literals), example
        assert re.search(anchor.expression.encode(), text.encode()), example


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_an_anchor_matches_whatever_its_pattern_matches(data) -> None:
    rule = RULES[data.draw(st.sampled_from(ANCHORED))]
    anchor = anchor_of(rule)
    text = data.draw(texts_of(rule.core))
    found = re.search(rule.core.encode(), text)
    if found and found.start() == 0:  # else a look-around at the edge has nothing to look at
        started = (
            re.search(anchor.expression.encode(), text) if rule.anchor else re.match(anchor.expression.encode(), text)
        )
        assert started, (rule.id, text)
        assert started.end() <= anchor.reach
        lowered = found.group().lower().decode("utf-8", "surrogateescape")
        assert any(literal in lowered for literal in rule.keywords or anchor.literals), (rule.id, text)


def test_of_rules_behind_the_gate_only_their_width_is_asked() -> None:
    behind = [rule for rule in RULES.values() if rule.gated]
    for rule in behind[::20]:
        whole = derive(rule.core, width=rule.width, named=True).pattern_width
        assert GATE_REACH < anchor_of(rule).pattern_width <= whole, "a name is not looked for further away"
    assert all(literals_of(any_of([name])) for rule in behind for name in rule.names)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_match_begins_with_all_openings_of_its_pattern(data) -> None:
    rule = RULES[data.draw(st.sampled_from(sorted(RULES)))]
    behind = rule.core.removeprefix(any_of(rule.names))
    text = data.draw(texts_of(behind))
    if begins(behind, text):
        for opening in (*openings_of(behind), rough_opening_of(behind)):
            assert begins(opening, text), (behind, text)
            assert begins(loosely(opening), text), (behind, text)


def begins(expression: str, text: bytes) -> bool:
    """Whether the text begins so. What has no upper bounds is for Hyperscan, which never goes back; here it may."""
    try:
        return bool(regex.match(expression.encode(), text, timeout=1))
    except TimeoutError:
        reject()


PIECES = st.recursive(
    st.sampled_from(["abc", "x", "[a-f]", "[0-9]", r"\d", "[^z]", "Key", "q-", r"\."]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["?", "{2}", "{1,3}", "{0,20}", "{15}"])).map(lambda p: f"(?:{p[0]}){p[1]}"),
        inner.map(lambda one: f"(?i:{one})"),
        inner.map(lambda one: f"({one})"),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(pattern=PIECES, data=st.data())
def test_the_same_holds_for_any_pattern(pattern, data) -> None:
    pattern = f"{pattern}mark[a-z]{{5}}{pattern}"
    try:
        anchor = derive(pattern)
    except AnchorError:
        return
    text = data.draw(texts_of(pattern))
    started = re.match(anchor.expression.encode(), text)
    assert started, (pattern, anchor.expression, text)
    assert started.end() <= anchor.width
    assert len(text) <= anchor.pattern_width
    lowered = text.lower().decode("utf-8", "surrogateescape")
    assert any(literal in lowered for literal in anchor.literals), (pattern, anchor.literals, text)
    assert all(re.match(opening.encode(), text) for opening in openings_of(pattern)), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "length", "kind"),
    [
        ("[a-z2-7]{52}", 52, b"abcdefghijklmnopqrstuvwxyz234567"),
        ("x[0-9]{16}-[a-f]{4}(?:[0-9a-f]{20,40}|y)", 16, b"0123456789"),  # not of what may be missing
        (r"([\da-f]{56,64})", 56, b"0123456789abcdef"),
        ("(?:[a-z]{30}){0,1}k[0-9]{20}", 20, b"0123456789"),
        ("[a-z]{15}", 0, b""),  # too few to be told from a word
        ("(?i)[a-z]{40}", 0, b""),  # the class does not say all
        ("(?i:[a-z]{40})", 0, b""),
        ("(?:[a-z]{20}|[0-9]{20})", 0, b""),
    ],
)
def test_the_longest_run_of_a_value_is_told(pattern, length, kind) -> None:
    run = run_of(pattern)
    assert (run.length, {code for code in range(256) if run.table[code]}) == (length, {*kind}) if run else not length


def test_whatever_has_a_shape_has_its_run() -> None:
    seen = 0
    for rule in RULES.values():
        run = run_of(rule.shape) if rule.shape else None
        for text in (expand(example, 1).encode() for example in rule.examples if run):
            if regex.search(rule.shape.encode(), text):
                seen += 1
                assert run.within(text), (rule.id, text)
    assert seen > 1000


@settings(max_examples=150, deadline=None)
@given(pattern=PIECES, data=st.data())
def test_and_so_has_what_any_pattern_matches(pattern, data) -> None:
    run = run_of(f"{pattern}[ab]{{16}}{pattern}")
    assert run
    assert run.within(data.draw(texts_of(f"{pattern}[ab]{{16}}{pattern}")))
