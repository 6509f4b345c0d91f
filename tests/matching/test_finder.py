"""A Finder gives the same, whoever looks: Python's engine, or Hyperscan once it has compiled the expressions."""

from __future__ import annotations

import pytest

from llmsecrets.matching import finder
from llmsecrets.matching.finder import Finder

FORMS = ["[a-f0-9]{4}", "%[2-7]"]
TEXT = b"zz abcdef %4 12345 %2 x"


@pytest.mark.parametrize("first", [False, True])
def test_it_finds_the_same_before_and_after_it_was_worth_compiling(first, monkeypatch) -> None:
    pytest.importorskip("hyperscan")
    fresh = Finder(FORMS, first=first)
    slowly = fresh.find(TEXT)
    assert (0, 7) in slowly
    assert ((0, 8) in slowly) is not first
    monkeypatch.setattr(finder, "_WORTH_COMPILING", 0)
    assert Finder(FORMS, first=first).find(TEXT) == slowly
    monkeypatch.undo()
    assert Finder(FORMS, first=first).find(TEXT) == slowly  # from the cache


def test_without_hyperscan_it_goes_on_with_pythons(monkeypatch) -> None:
    monkeypatch.setattr(finder, "_INSTALLED", False)
    plain = Finder(FORMS)
    assert plain.find(bytes(1 << 17)) == []
    assert (1, 12) in plain.find(TEXT)
