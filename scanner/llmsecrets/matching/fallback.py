"""Stage one without Hyperscan: literals every match of a rule must hold, found one by one.

Slower, and needed where no wheel of Hyperscan exists. The regions are wider than Hyperscan's (the whole width of the
pattern on both sides of the literal), which stage two does not mind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import regex

from llmsecrets.anchors import literals_of, width_of
from llmsecrets.matching import (
    WHOLE,
    Bounds,
    Data,
    Regions,
    add_span,
    anchor_of,
    everywhere,
)
from llmsecrets.model import Version
from llmsecrets.rules import GATE, GATE_REACH, GATE_WIDTH, Rule, RuleSet, any_of

Announced = dict[bytes, list[tuple[int, int]]]  # literal in lower case → rules, and how far their matches reach from it


class KeywordMatcher:
    """Literals of the rules, and of the names of gated rules: those count only where the gate is open."""

    signs = True  # who wants to know must look

    def __init__(self, rules: RuleSet) -> None:
        self._direct: Announced = {}
        self._gated: Announced = {}
        self._rules = rules
        self._names: dict[int, Any] = {}  # of the gated rules met so far, and how far their matches reach
        self._reach: dict[int, int] = {}
        self._unanchored: list[int] = []
        self._gate = regex.compile(GATE.encode())
        self._gate_words: Announced = {_bytes(literal): [(0, GATE_WIDTH)] for literal in literals_of(GATE)}
        for index, rule in enumerate(rules):
            self._add(index, rule)

    @classmethod
    def compile(cls, rules: RuleSet) -> KeywordMatcher:
        return cls(rules)

    def clone(self) -> KeywordMatcher:
        return self

    def follow(self, version: Version) -> Regions:
        return self.regions(version.data)

    def regions(self, data: Data, bounds: Bounds = WHOLE) -> Regions:
        if not bounds:
            return self._regions(bytes(data))
        found: Regions = {}
        for first, last in zip(*bounds, strict=True):
            for index, spans in self._regions(bytes(data[first:last])).items():
                found.setdefault(index, []).extend([first + start, min(first + end, last)] for start, end in spans)
        return found

    def _regions(self, data: bytes) -> Regions:
        text = data.lower()
        found: Regions = {}
        _collect(text, self._direct, 0, len(text), found)
        found = {index: _merged(spans) for index, spans in found.items()}
        near: Regions = {}
        for start, end in self._open_gates(data, text):
            _collect(text, self._gated, start, end, near)
        for index, spans in near.items():
            starts = {match.start() for start, end in _merged(spans) for match in self._named(index, data, start, end)}
            if starts:
                found[index] = [[start, start + self._reach[index]] for start in sorted(starts)]
        found.update((index, everywhere(len(data))) for index in self._unanchored)
        return found

    def _add(self, index: int, rule: Rule) -> None:
        if rule.unanchored:
            self._unanchored.append(index)
        elif rule.gated:
            for name in rule.names:
                for literal in literals_of(any_of([name])):
                    self._gated.setdefault(_bytes(literal), []).append((index, width_of(name)))
        else:
            anchor = anchor_of(rule)
            for literal in rule.keywords or anchor.literals:
                self._direct.setdefault(_bytes(literal.lower()), []).append((index, anchor.pattern_width + 1))

    def _named(self, index: int, data: bytes, start: int, end: int) -> Iterator[Any]:
        if index not in self._names:  # most of hundreds are never met
            rule = self._rules[index]
            self._reach[index] = anchor_of(rule).pattern_width + 1
            self._names[index] = regex.compile(any_of(rule.names).encode())
        found: Iterator[Any] = self._names[index].finditer(data, start, end, overlapped=True)
        return found

    def _open_gates(self, data: bytes, text: bytes) -> Iterator[list[int]]:
        near: Regions = {}
        _collect(text, self._gate_words, 0, len(text), near)
        gates: list[list[int]] = []
        for start, end in _merged(near.get(0, [])):
            for match in self._gate.finditer(data, start, end, overlapped=True):
                add_span(gates, max(0, match.end() - GATE_REACH), match.end())
        return iter(_merged(gates))


def _bytes(literal: str) -> bytes:
    return literal.encode("utf-8", "surrogateescape")


def _collect(text: bytes, announces: Announced, start: int, end: int, found: Regions) -> None:
    for literal, announced in announces.items():
        position = text.find(literal, start, end)
        while position >= 0:
            for index, reach in announced:
                add_span(found.setdefault(index, []), max(0, position - reach), position + len(literal) + reach)
            position = text.find(literal, position + 1, end)


def _merged(spans: list[list[int]]) -> list[list[int]]:
    """Spans of several literals, in order and without overlap."""
    merged: list[list[int]] = []
    for start, end in sorted(spans):
        add_span(merged, start, end)
    return merged
