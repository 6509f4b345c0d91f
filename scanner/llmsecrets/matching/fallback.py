"""Stage one without Hyperscan: literals every match of a rule must hold, found one by one.

Slower, and needed where no wheel of Hyperscan exists. The regions are wider than Hyperscan's (the whole width of the
pattern on both sides of the literal), which stage two does not mind.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from llmsecrets.matching import GATE_REACH, Data, Regions, add_span, anchor_of
from llmsecrets.matching.anchor import literals_of, width_of
from llmsecrets.rules import GATE, RuleSet

Announced = dict[bytes, list[tuple[int, int]]]  # literal in lower case → rules, and how far their matches reach from it


class KeywordMatcher:
    """Literals of the rules, and of the names of gated rules: those count only where the gate is open."""

    def __init__(self, direct: Announced, gated: Announced) -> None:
        self._direct, self._gated = direct, gated
        self._gate = regex.compile(GATE.encode())
        self._gate_literals = [literal.encode() for literal in literals_of(GATE)]
        self._gate_width = width_of(GATE)

    @classmethod
    def compile(cls, rules: RuleSet) -> KeywordMatcher:
        direct: Announced = {}
        gated: Announced = {}
        for index, rule in enumerate(rules):
            anchor = anchor_of(rule)
            literals = literals_of(rule.names) if rule.gated else rule.keywords or anchor.literals
            for literal in literals:
                announced = (gated if rule.gated else direct).setdefault(literal.lower().encode(), [])
                announced.append((index, anchor.pattern_width + 1))
        return cls(direct, gated)

    def clone(self) -> KeywordMatcher:
        return self

    def regions(self, data: Data) -> Regions:
        text = bytes(data).lower()
        found: Regions = {}
        _collect(text, self._direct, 0, len(text), found)
        for start, end in self._open_gates(bytes(data), text):
            _collect(text, self._gated, start, end, found)
        return {index: _merged(spans) for index, spans in found.items()}

    def _open_gates(self, data: bytes, text: bytes) -> Iterator[list[int]]:
        near: Regions = {}
        words: Announced = {literal: [(0, self._gate_width)] for literal in self._gate_literals}
        _collect(text, words, 0, len(text), near)
        gates: list[list[int]] = []
        for start, end in _merged(near.get(0, [])):
            for match in self._gate.finditer(data, start, end, overlapped=True):
                add_span(gates, max(0, match.end() - GATE_REACH), match.end())
        return iter(_merged(gates))


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
