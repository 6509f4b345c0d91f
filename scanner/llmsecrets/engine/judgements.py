"""What became of the regions of a version, for the versions of the same family that descend from it."""

from __future__ import annotations

from bisect import bisect_right

from llmsecrets.engine.confirming import needs
from llmsecrets.engine.match import Match
from llmsecrets.model import Version
from llmsecrets.rules import Rule


class Judgements:
    """What became of each region of a version: the matches in it, for the versions that descend from this one."""

    def __init__(self, version: Version, base: Judgements | None) -> None:
        self._copies, self._base = version.copies, base
        self._targets = [target for _, target, _ in version.copies] if base else []
        self._regions: dict[tuple[str, int, int], list[Match]] = {}
        self._recalled = 0

    def keep(self, rule: Rule, start: int, end: int, matches: list[Match]) -> None:
        self._regions[rule.id, start, end] = matches

    @property
    def news(self) -> bool:
        """Whether the version has a region that its base has not."""
        return self._recalled < len(self._regions)

    def recall(self, rule: Rule, start: int, end: int) -> list[Match] | None:
        """The matches in a region, if it and all they depend on are copied from the base."""
        before, after = needs(rule)
        at = bisect_right(self._targets, max(0, start - before)) - 1
        if at < 0 or self._base is None:
            return None
        source, target, length = self._copies[at]
        if end + after > target + length or (start < before and source):
            return None
        moved = target - source
        known = self._base._regions.get((rule.id, start - moved, end - moved))
        self._recalled += known is not None
        return [match.moved(moved) for match in known] if known and moved else known
