"""A small change is not kept waiting while rules compile."""

from __future__ import annotations

import pytest
from support import make_key

from llmsecrets import cache, matching
from llmsecrets.engine import Engine
from llmsecrets.model import Chunk, Provenance
from llmsecrets.rules import load_rules
from llmsecrets.templates import expand

pytest.importorskip("hyperscan", reason="without Hyperscan there is nothing to be late for")

from llmsecrets.matching.late import LITTLE, LateMatcher


@pytest.fixture
def few(tmp_path, monkeypatch):
    """Few rules, and a cache with nothing in it."""
    monkeypatch.setenv("LLMSECRETS_CACHE_DIR", str(tmp_path / "cache"))
    return load_rules().select(["github-*", "npm-*", "generic-*"])


def compiled() -> bool:
    return any(cache.folder().glob("*.hsdb"))


def test_the_first_small_change_does_not_compile_and_the_second_does(few) -> None:
    first = matching.compile_rules(few, little=True)
    assert (type(first), compiled()) == (LateMatcher, False)
    second = matching.compile_rules(few, little=True)
    assert (type(second), compiled()) != (LateMatcher, False)
    assert type(second) is type(matching.compile_rules(few))


def test_an_engine_that_was_asked_for_is_taken(few) -> None:
    assert type(matching.compile_rules(few, "hyperscan", little=True)) is type(matching.compile_rules(few))


def test_much_text_is_worth_compiling_for(few) -> None:
    matcher = matching.compile_rules(few, little=True)
    matcher.regions(b"." * LITTLE)
    assert not compiled()
    matcher.regions(b".")
    assert compiled()


def test_findings_are_the_same_before_and_after(few) -> None:
    typed = expand("{{alnum:5}}#{{alnum:4}}!{{alnum:4}}", 1)
    text = f"a = '{make_key('github')}'\nb = '{make_key('npm')}'\npassword = '{typed}'\n".encode()
    late, usual = (Engine(few, matching.compile_rules(few, little=little)) for little in (True, False))
    chunk = Chunk(text, Provenance("app.py"))
    assert late.find(chunk) == usual.find(chunk)
    assert len(late.find(chunk)[0]) == 3


def test_a_staged_change_is_the_small_one(repository, scan, key, few) -> None:
    repository.add("app.py", f"key = '{key('github')}'\n")
    chosen = ("--staged", "--enable", "github-*")
    found = [scan(*chosen, cwd=repository.root, LLMSECRETS_CACHE_DIR=str(cache.folder())).places for _ in range(3)]
    assert found == [[("github-pat", "app.py", 1)]] * 3
    assert compiled()
