"""Stage one for a small change while nothing is compiled yet: compiling would take longer than the scan."""

from __future__ import annotations

from llmsecrets.matching import WHOLE, Bounds, Data, Regions
from llmsecrets.matching.fallback import KeywordMatcher
from llmsecrets.matching.hyperscan import HyperscanMatcher
from llmsecrets.model import Version
from llmsecrets.rules import RuleSet

LITTLE = 1 << 20  # bytes that are searched for literals sooner than the rules compile


class LateMatcher:
    """The fallback for the first `LITTLE` bytes, Hyperscan from there on. Their regions hold the same matches."""

    def __init__(self, rules: RuleSet, fallback: KeywordMatcher) -> None:
        self._rules, self._fallback, self._seen = rules, fallback, 0
        self._compiled: HyperscanMatcher | None = None

    @classmethod
    def compile(cls, rules: RuleSet) -> LateMatcher:
        return cls(rules, KeywordMatcher.compile(rules))

    def clone(self) -> LateMatcher:
        return LateMatcher(self._rules, self._fallback)

    @property
    def signs(self) -> bool:
        return self._compiled.signs if self._compiled else self._fallback.signs

    def follow(self, version: Version) -> Regions:
        return self.regions(version.data)

    def regions(self, data: Data, bounds: Bounds = WHOLE) -> Regions:
        self._seen += len(data)
        if self._compiled is None and self._seen > LITTLE:
            self._compiled = HyperscanMatcher.compile(self._rules)
        return (self._compiled or self._fallback).regions(data, bounds)
