"""Stage one by Hyperscan: all anchors in one pass, reporting where each ends.

Start-of-match reporting would make a third of the patterns fail to compile and the scan three times slower, so only
ends are asked for; the anchor's own width says how far back its match can have begun.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import hyperscan

from llmsecrets import cache
from llmsecrets.errors import RuleError
from llmsecrets.matching import Data, Regions, anchor_of
from llmsecrets.matching.anchor import Anchor
from llmsecrets.rules import RuleSet

# A rule's match lies within `back` bytes before an anchor's end and `ahead` bytes after it.
Reach = Sequence[tuple[int, int]]


class HyperscanMatcher:
    """One database shared by all threads, one scratch each."""

    def __init__(self, database: hyperscan.Database | None, reach: Reach) -> None:
        self._database, self._reach = database, reach
        self._scratch = None if database is None else hyperscan.Scratch(database)

    @classmethod
    def compile(cls, rules: RuleSet) -> HyperscanMatcher:
        """From the cache where it holds the database of these very rules, else compiled and put there."""
        name = f"{_cache_key(rules)}.hsdb"
        return cls._load(cache.read(name)) or cls._build(rules, name)

    def clone(self) -> HyperscanMatcher:
        return HyperscanMatcher(self._database, self._reach)

    def regions(self, data: Data) -> Regions:
        found: Regions = {}
        if self._database is None:
            return found
        reach = self._reach

        def on_hit(rule: int, _start: int, end: int, _flags: int, _context: object) -> None:
            back, ahead = reach[rule]
            start = end - back if end > back else 0
            spans = found.get(rule)
            if spans is None:
                found[rule] = [[start, end + ahead]]
            elif start <= spans[-1][1]:
                spans[-1][1] = end + ahead
            else:
                spans.append([start, end + ahead])

        self._database.scan(data, match_event_handler=on_hit, scratch=self._scratch)  # type: ignore[type-var]
        return found

    @classmethod
    def _load(cls, stored: bytes | None) -> HyperscanMatcher | None:
        if stored is None:
            return None
        head, _, serialized = stored.partition(b"\n")
        try:
            return cls(hyperscan.loadb(serialized, hyperscan.HS_MODE_BLOCK), json.loads(head))
        except hyperscan.HyperscanError:  # written by another version or for another processor
            return None

    @classmethod
    def _build(cls, rules: RuleSet, name: str) -> HyperscanMatcher:
        if not len(rules):
            return cls(None, ())
        anchors = [anchor_of(rule) for rule in rules]
        if len(anchors) > 100:
            print(f"llmsecrets: compiling {len(anchors)} rules (once; kept in {cache.folder()})", file=sys.stderr)
        database = _database(rules, anchors)
        reach = [(anchor.width, anchor.pattern_width + 1) for anchor in anchors]
        cache.write(name, json.dumps(reach).encode() + b"\n" + hyperscan.dumpb(database))
        return cls(database, reach)


def _database(rules: RuleSet, anchors: Sequence[Anchor]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    expressions = [anchor.expression.encode() for anchor in anchors]
    try:
        database.compile(expressions=expressions, ids=list(range(len(expressions))), flags=[0] * len(expressions))
    except hyperscan.HyperscanError as failure:
        raise RuleError(_blame(rules, expressions) or f"the rules do not compile together: {failure}") from failure
    return database


def _blame(rules: RuleSet, expressions: Sequence[bytes]) -> str:
    """Which rule it is that does not compile: the library names none."""
    for rule, expression in zip(rules, expressions, strict=True):
        try:
            hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(expressions=[expression], ids=[0], flags=[0])
        except hyperscan.HyperscanError as failure:
            return f"{rule.origin}: rule {rule.id!r} does not compile for stage one: {failure}"
    return ""


def _cache_key(rules: RuleSet) -> str:
    code = "".join(f"{path.stat().st_mtime_ns}" for path in (Path(__file__), Path(__file__).with_name("anchor.py")))
    version: str = hyperscan.__version__  # type: ignore[attr-defined]  # missing from the stubs, as buffers are below
    return cache.key(rules.digest.encode(), version.encode(), platform.machine().encode(), _cpu(), code.encode())


def _cpu() -> bytes:
    """The processor's features, where the system tells: a home folder may be shared by different machines."""
    try:
        with open("/proc/cpuinfo", "rb") as file:
            head = file.read(8192)
    except OSError:
        return b""
    return next((line for line in head.splitlines() if line.startswith((b"flags", b"Features"))), b"")
