"""Expressions of one width each, looked for together: what the rules' own engine is not asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from llmsecrets.matching import Data

if TYPE_CHECKING:
    from llmsecrets.matching.hyperscan import HyperscanFinder

_INSTALLED = find_spec("hyperscan") is not None
_WORTH_COMPILING = 1 << 16  # bytes; compiling for Hyperscan takes milliseconds, which a hook would notice


class Finder:
    """Finds where expressions match. Not safe to share between threads.

    Hyperscan does it where there is one and it has compiled the expressions before; else it does after the first few
    bytes, for which Python's own engine is good enough.
    """

    def __init__(self, expressions: Sequence[str], *, first: bool = False) -> None:
        """With `first`, only the first match of each expression is looked for."""
        self._expressions, self._first, self._seen = expressions, first, 0
        self._patterns: list[re.Pattern[bytes]] = []
        self._fast: HyperscanFinder | None = None

    def find(self, data: Data) -> list[tuple[int, int]]:
        """(number of the expression, offset a match ends at), of overlapping matches too, by offset."""
        if self._fast is None and _INSTALLED:
            self._fast = self._prepared(len(data))
        return self._fast.find(data) if self._fast else self._find_slowly(data)

    def _prepared(self, size: int) -> HyperscanFinder | None:
        from llmsecrets.matching.hyperscan import HyperscanFinder

        before, self._seen = self._seen, self._seen + size
        if self._seen >= _WORTH_COMPILING:
            return HyperscanFinder.compiled(self._expressions, first=self._first)
        return None if before else HyperscanFinder.stored(self._expressions, first=self._first)

    def _find_slowly(self, data: Data) -> list[tuple[int, int]]:
        if not self._patterns:
            form = "{}" if self._first else "(?=({}))"  # a lookahead finds what overlaps
            self._patterns = [re.compile(form.format(one).encode()) for one in self._expressions]
        found: list[tuple[int, int]] = []
        for number, pattern in enumerate(self._patterns):
            if self._first:
                match = pattern.search(data)
                found += [(number, match.end())] if match else []
            else:
                found += [(number, match.end(1)) for match in pattern.finditer(data)]
        return sorted(found, key=lambda one: one[1])
