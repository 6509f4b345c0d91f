"""Patterns: what was compiled in an earlier run matches as what is compiled now."""

from __future__ import annotations

import pytest
import regex

from llmsecrets import cache
from llmsecrets.matching.patterns import Patterns
from llmsecrets.rules import load_rules
from llmsecrets.templates import expand

RULES = tuple(load_rules())
TRIVIAL = regex.compile(b"")


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Patterns:
    """All rules' expressions, as the next run has them."""
    monkeypatch.setenv("LLMSECRETS_CACHE_DIR", str(tmp_path))
    patterns = Patterns("rules")
    for rule in RULES:
        assert patterns[rule.expression].pattern == rule.expression.encode()
    patterns.keep()
    return Patterns("rules")


def test_a_kept_pattern_matches_as_a_new_one(kept, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LLMSECRETS_CACHE_DIR", str(tmp_path / "empty"))
    new = Patterns("rules")
    for rule in RULES:
        for example in (*rule.examples, *rule.negative_examples):
            text = expand(example, 1).encode()
            expected = [(one.span(), one.groups()) for one in new[rule.expression].finditer(text)]
            assert [(one.span(), one.groups()) for one in kept[rule.expression].finditer(text)] == expected


def test_nothing_is_compiled_twice(kept, monkeypatch) -> None:
    monkeypatch.setattr("regex.compile", lambda text: pytest.fail(f"compiled {text!r}") if text else TRIVIAL)
    for rule in RULES:
        assert kept[rule.expression].pattern == rule.expression.encode()


def test_what_two_runs_compiled_is_kept_of_both(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LLMSECRETS_CACHE_DIR", str(tmp_path))
    one, other = Patterns("rules"), Patterns("rules")
    assert one["a+"].search(b"caa")
    assert other["b+"].search(b"cbb")
    one.keep()
    other.keep()
    monkeypatch.setattr("regex.compile", lambda text: pytest.fail(f"compiled {text!r}") if text else TRIVIAL)
    after = Patterns("rules")
    assert after["a+"].search(b"caa")
    assert after["b+"].search(b"cbb")


def test_a_damaged_file_is_compiled_anew(kept, tmp_path) -> None:
    (file,) = tmp_path.glob("*.patterns")
    file.write_bytes(file.read_bytes()[:-9])
    assert Patterns("rules")[RULES[0].expression].pattern == RULES[0].expression.encode()


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LLMSECRETS_CACHE_DIR", str(tmp_path / "file"))
    patterns = Patterns("rules")
    assert patterns["a+"].search(b"caa")
    patterns.keep()
    assert not cache.holds("anything")
