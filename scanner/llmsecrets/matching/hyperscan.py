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
from llmsecrets.matching import GATE_REACH, Data, Regions, anchor_of, everywhere
from llmsecrets.rules import GATE, Rule, RuleSet, any_of

# A rule's match lies within `back` bytes before the end of what was found, and `ahead` bytes after it.
Reach = Sequence[Sequence[int]]
Expressions = Sequence[tuple[int, str]]  # what to look for, with the number of the rule it is of


class HyperscanMatcher:
    """Databases shared by all threads, one scratch for each thread.

    The first database holds the anchors of all rules but the gated ones, and the gate that stands for those; the second
    the names of the gated rules, looked for only where the gate is open.
    """

    def __init__(
        self, anchors: hyperscan.Database, names: hyperscan.Database | None, reach: Reach, unanchored: Sequence[int]
    ) -> None:
        self._anchors, self._names, self._reach, self._unanchored = anchors, names, reach, unanchored
        self._scratch = hyperscan.Scratch(anchors)
        self._names_scratch = None if names is None else hyperscan.Scratch(names)

    @classmethod
    def compile(cls, rules: RuleSet) -> HyperscanMatcher:
        """From the cache where it holds the databases of these very rules, else compiled and put there."""
        name = f"{_cache_key(rules)}.hsdb"
        return cls._load(cache.read(name)) or cls._build(rules, name)

    def clone(self) -> HyperscanMatcher:
        return HyperscanMatcher(self._anchors, self._names, self._reach, self._unanchored)

    def regions(self, data: Data) -> Regions:
        found: Regions = {}
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

        self._anchors.scan(data, match_event_handler=on_hit, scratch=self._scratch)  # type: ignore[type-var]
        gates = found.pop(len(reach) - 1, None)
        if gates and self._names is not None:
            self._look_for_names(data, gates, found)
        for rule in self._unanchored:
            found[rule] = everywhere(len(data))
        return found

    def _look_for_names(self, data: Data, gates: Sequence[Sequence[int]], found: Regions) -> None:
        reach, view = self._reach, memoryview(data)
        offset = 0

        def on_name(rule: int, start: int, _end: int, _flags: int, _context: object) -> None:
            span = [offset + start, offset + start + reach[rule][1]]
            spans = found.setdefault(rule, [])
            if not spans or spans[-1] != span:
                spans.append(span)

        assert self._names is not None
        for offset, end in gates:
            self._names.scan(view[offset:end], match_event_handler=on_name, scratch=self._names_scratch)  # type: ignore[type-var]

    @classmethod
    def _load(cls, stored: bytes | None) -> HyperscanMatcher | None:
        if stored is None:
            return None
        head, _, databases = stored.partition(b"\n")
        try:
            size, reach, unanchored = json.loads(head)
            anchors, names = databases[:size], databases[size:]
            return cls(_unserialized(anchors), _unserialized(names) if names else None, reach, unanchored)
        except hyperscan.HyperscanError:  # written by another version or for another processor
            return None

    @classmethod
    def _build(cls, rules: RuleSet, name: str) -> HyperscanMatcher:
        if len(rules) > 100:
            print(f"llmsecrets: compiling {len(rules)} rules (once; kept in {cache.folder()})", file=sys.stderr)
        every = list(rules)
        anchors = [anchor_of(rule) for rule in every]
        reach = [(anchor.width, anchor.pattern_width + 1) for anchor in anchors]
        unanchored = [index for index, rule in enumerate(every) if rule.unanchored]
        direct = [
            (index, anchor.expression)
            for index, anchor in enumerate(anchors)
            if not every[index].gated and not every[index].unanchored
        ]
        # one expression a name: they compile ten times faster than alternatives of one expression
        gated = [(index, any_of([name])) for index, rule in enumerate(every) if rule.gated for name in rule.names]
        main = _database([*direct, (len(every), GATE)], every)
        names = _database(gated, every, hyperscan.HS_FLAG_SOM_LEFTMOST) if gated else None
        reach.append((GATE_REACH, 1))
        dumps = [hyperscan.dumpb(one) if one else b"" for one in (main, names)]
        head = json.dumps([len(dumps[0]), reach, unanchored]).encode()
        cache.write(name, head + b"\n" + b"".join(dumps))
        return cls(main, names, reach, unanchored)


class HyperscanFinder:
    """A few expressions; with `first`, only the first match of each."""

    def __init__(self, expressions: Sequence[str], *, first: bool) -> None:
        name = f"{cache.key(*(one.encode() for one in expressions), *_machine(), bytes([first]))}.finder"
        stored = cache.read(name)
        try:
            self._database = _unserialized(stored) if stored else self._build(expressions, first, name)
        except hyperscan.HyperscanError:  # written by another version or for another processor
            self._database = self._build(expressions, first, name)
        self._scratch = hyperscan.Scratch(self._database)

    @staticmethod
    def _build(expressions: Sequence[str], first: bool, name: str) -> hyperscan.Database:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        flags = [hyperscan.HS_FLAG_SINGLEMATCH if first else 0] * len(expressions)
        texts = [expression.encode() for expression in expressions]
        database.compile(expressions=texts, ids=list(range(len(texts))), flags=flags)
        cache.write(name, hyperscan.dumpb(database))
        return database

    def find(self, data: Data) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []

        def on_hit(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((number, end))

        self._database.scan(data, match_event_handler=on_hit, scratch=self._scratch)  # type: ignore[type-var]
        return found


def _unserialized(dump: bytes) -> hyperscan.Database:
    return hyperscan.loadb(dump, hyperscan.HS_MODE_BLOCK)


def _database(expressions: Expressions, rules: Sequence[Rule], flags: int = 0) -> hyperscan.Database:
    """A database of expressions. Raises RuleError, naming the rule it is about."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    texts = [expression.encode() for _, expression in expressions]
    ids = [index for index, _ in expressions]
    try:
        database.compile(expressions=texts, ids=ids, flags=[flags] * len(texts))
    except hyperscan.HyperscanError as failure:
        raise RuleError(
            _blame(expressions, rules, flags) or f"the rules do not compile together: {failure}"
        ) from failure
    return database


def _blame(expressions: Expressions, rules: Sequence[Rule], flags: int) -> str:
    """Which rule it is that does not compile: the library names none."""
    for index, expression in expressions:
        try:
            alone = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            alone.compile(expressions=[expression.encode()], ids=[0], flags=[flags])
        except hyperscan.HyperscanError as failure:
            return f"{rules[index].origin}: rule {rules[index].id!r} does not compile for stage one: {failure}"
    return ""


def _cache_key(rules: RuleSet) -> str:
    code = "".join(
        f"{path.stat().st_mtime_ns}"
        for path in (Path(__file__), *(Path(__file__).parents[1] / name for name in ("anchors.py", "rules.py")))
    )
    return cache.key(rules.digest.encode(), *_machine(), code.encode())


def _machine() -> tuple[bytes, ...]:
    """What a compiled database depends on beside what is compiled."""
    version: str = hyperscan.__version__  # type: ignore[attr-defined]  # missing from the stubs, as buffers are below
    return version.encode(), platform.machine().encode(), _cpu()


def _cpu() -> bytes:
    """The processor's features, where the system tells: a home folder may be shared by different machines."""
    try:
        with open("/proc/cpuinfo", "rb") as file:
            head = file.read(8192)
    except OSError:
        return b""
    return next((line for line in head.splitlines() if line.startswith((b"flags", b"Features"))), b"")
