"""Both engines give equal findings: on every example, on every negative example, on random texts with keys in them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ENGINES, KEYS, findings_in, make_key

from llmsecrets import matching
from llmsecrets.engine import Engine
from llmsecrets.errors import ConfigError
from llmsecrets.model import Chunk, Provenance
from llmsecrets.rules import RuleSet, load_rules
from llmsecrets.templates import expand

RULES = {rule.id: rule for rule in load_rules()}
SEEDS = (1, 2, 3)


def path_for(rule) -> str:
    """A path the rule looks at."""
    return rule.paths[0].replace("**/", "folder/").replace("*", "x") if rule.paths else "notes"


@pytest.mark.parametrize("rule_id", RULES)
def test_engines_agree_on_the_examples_of_a_rule(rule_id, builtin_engines) -> None:
    rule = RULES[rule_id]
    for example in (*rule.examples, *rule.negative_examples):
        for seed in SEEDS:
            text = expand(example, seed).encode()
            first, *others = (findings_in(builtin_engines[name], text, path_for(rule)) for name in ENGINES)
            assert all(first == other for other in others), example


@pytest.mark.parametrize("rule_id", RULES)
def test_a_rule_finds_its_examples_and_not_its_near_misses(rule_id, engine) -> None:
    """As `rules check` does, but among all the other rules."""
    rule = RULES[rule_id]
    for example in rule.examples:
        found = findings_in(engine, expand(example, 1).encode(), path_for(rule))
        assert any(rule.id == one.finding.rule_id or RULES[one.finding.rule_id].specificity >= rule.specificity
                   for one in found), example  # fmt: skip
    for example in rule.negative_examples:
        found = findings_in(engine, expand(example, 1).encode(), path_for(rule))
        assert all(
            rule.id != one.finding.rule_id for one in found if not rule.score or one.finding.confidence != "low"
        ), example


NOISE = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"\r\n", b"\0", b'\\"', b"password = '", b"sk-", b"T3BlbkFJ", b"-----BEGIN ", b"://", b"%22", b"@"]
    ),
)
PLANTS = st.tuples(st.sampled_from(sorted(KEYS)), st.integers(0, 50)).map(lambda plant: make_key(*plant).encode())
TEXTS = st.lists(st.one_of(NOISE, PLANTS), max_size=12).map(b"".join)


@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_engines_agree_on_random_texts_with_keys(text, builtin_engines) -> None:
    first, *others = (findings_in(builtin_engines[name], text) for name in ENGINES)
    assert all(first == other for other in others)


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("", 1),
        ("x=", 1),
        ("-", 1),
        (r"a\n", 1),
        ("%22", 1),
        (r"\u0022", 1),
        (r"\x22", 1),
        ("\x1b[0;31m", 1),
        ("z", 0),
        ("_", 0),
    ],
)
@pytest.mark.parametrize("name", ENGINES)
def test_a_key_that_begins_with_few_letters_begins_cleanly(before, found, name, builtin_engines) -> None:
    """Stage one asks for that, too: base64 is full of such letters."""
    text = f"first line\n{before}{expand('AKIA{{base32:16}}', 7)} and more".encode()
    rules = [one.finding.rule_id for one in findings_in(builtin_engines[name], text)]
    assert rules.count("aws-access-key-id") == found


@pytest.mark.parametrize("assigns", ["=", ":", " => ", "%3D", r"\u003d", "\t", '||"', "??'", "=b'", '=r"'])
def test_the_gate_is_open_wherever_something_is_assigned(assigns, engine) -> None:
    """Of minified code, an escaped query, a table, a string with a prefix, too."""
    text = f"DEEPGRAM_API_KEY{assigns}{expand('{{hex:40}}', 7)}".encode()
    assert [one.finding.rule_id for one in findings_in(engine, text)] == ["deepgram-api-key"]


class Everywhere:
    """A stage one that decides nothing: every rule could match everywhere."""

    def __init__(self, rules: RuleSet) -> None:
        self._count = len(rules)

    def regions(self, data):
        return {index: [[0, len(data)]] for index in range(self._count)}

    def clone(self):
        return self


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_an_engines_regions_hold_every_match_of_every_rule(data, tmp_path_factory) -> None:
    """Scanning the regions of stage one finds what scanning the whole text does.

    Not so for gated rules: their regions say where a match begins, not only where it lies.
    """
    anchored = sorted(rule.id for rule in RULES.values() if not rule.gated)
    chosen = data.draw(st.lists(st.sampled_from(anchored), min_size=1, max_size=4, unique=True))
    rules = RuleSet.of(RULES[rule_id] for rule_id in chosen)
    examples = st.sampled_from([example for rule in rules for example in rule.examples])
    planted = st.tuples(examples, st.integers(1, 3)).map(lambda plant: expand(*plant).encode())
    text = data.draw(st.lists(st.one_of(NOISE, planted), max_size=6).map(b"".join))
    whole, _ = Engine(rules, Everywhere(rules)).find(Chunk(text, Provenance("notes")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLMSECRETS_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "rules drawn by chance"))
        for name in ENGINES:
            found, _ = Engine(rules, matching.compile_rules(rules, name)).find(Chunk(text, Provenance("notes")))
            assert found == whole


@pytest.mark.parametrize("name", ENGINES)
def test_no_rules_find_nothing(name) -> None:
    engine = Engine(RuleSet.of([]), matching.compile_rules(RuleSet.of([]), name))
    assert findings_in(engine, make_key("github").encode()) == []


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_is_scanned(name, kind, builtin_engines) -> None:
    assert len(findings_in(builtin_engines[name], kind(make_key("github").encode()))) == 1


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ConfigError, match="no engine 'yara'"):
        matching.compile_rules(RuleSet.of([]), "yara")
