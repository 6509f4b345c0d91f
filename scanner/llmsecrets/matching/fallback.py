"""Stage one without Hyperscan: literals every match of a rule must hold, found one by one.

Slower, and needed where no wheel of Hyperscan exists. The regions are wider than Hyperscan's (the whole width of the
pattern on both sides of the literal), which stage two does not mind.
"""

from __future__ import annotations

from llmsecrets.matching import Data, Regions, anchor_of
from llmsecrets.rules import RuleSet


class KeywordMatcher:
    """Literals in lower case, each with the rules it announces and how far their matches reach."""

    def __init__(self, announces: dict[bytes, list[tuple[int, int]]]) -> None:
        self._announces = announces

    @classmethod
    def compile(cls, rules: RuleSet) -> KeywordMatcher:
        announces: dict[bytes, list[tuple[int, int]]] = {}
        for index, rule in enumerate(rules):
            anchor = anchor_of(rule)
            for literal in rule.keywords or anchor.literals:
                announces.setdefault(literal.lower().encode(), []).append((index, anchor.pattern_width + 1))
        return cls(announces)

    def clone(self) -> KeywordMatcher:
        return self

    def regions(self, data: Data) -> Regions:
        text = bytes(data).lower()
        found: Regions = {}
        for literal, announced in self._announces.items():
            position = text.find(literal)
            while position >= 0:
                for index, reach in announced:
                    _add(found.setdefault(index, []), max(0, position - reach), position + len(literal) + reach)
                position = text.find(literal, position + 1)
        return {index: _merged(spans) for index, spans in found.items()}


def _add(spans: list[list[int]], start: int, end: int) -> None:
    """Append, or widen the last span: one literal's places come in order."""
    if spans and spans[-1][0] <= start <= spans[-1][1]:
        spans[-1][1] = max(end, spans[-1][1])
    else:
        spans.append([start, end])


def _merged(spans: list[list[int]]) -> list[list[int]]:
    """Spans of several literals, in order and without overlap."""
    merged: list[list[int]] = []
    for start, end in sorted(spans):
        _add(merged, start, end)
    return merged
