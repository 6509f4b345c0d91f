"""Stage one by Hyperscan: all anchors in one pass, reporting where each ends.

Start-of-match reporting would make a third of the patterns fail to compile and the scan three times slower, so only
ends are asked for; the anchor's own width says how far back its match can have begun.
"""

from __future__ import annotations

import platform
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import cache as once
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import hyperscan

from llmsecrets import cache
from llmsecrets.errors import RuleError
from llmsecrets.matching import SIGNS, WHOLE, Bounds, Data, Regions, anchor_of, bounds_of, everywhere
from llmsecrets.model import Copy, Version
from llmsecrets.rules import GATE, GATE_REACH, GATE_WIDTH, MANY_NAMES, Rule, RuleSet, any_of

_RULE_BITS, _RULE_MASK = 16, 0xFFFF
_SIGN = _RULE_MASK  # where a rule's number stands: text may be encoded here

# A span behind a gate → (rule, where its name begins) of the names in it.
Named = dict[tuple[int, int], list[tuple[int, int]]]
Shared = Callable[[int, int], "list[tuple[int, int]] | None"]
# What is to be looked through between copies: from a margin before it, where it begins, and where it ends.
_Gap = tuple[int, int, int]

# Where the shortest of many literals has three bytes, Hyperscan looks at every other byte only, and is misled so often
# that it takes up to half longer. An expression of two that stands nowhere keeps it from that.
_MANY, _TWO_BYTES = 200, r"\x01\x02[\x03-\x3f]{30}"

# Anchors of scored rules reach into the value, past the end of their matches: a few bytes more are looked at.
_AHEAD_OF_SCORED = 8
# What must follow a name behind a gate begins within its reach, and is told by so many bytes of the value, of which the
# gate asks 4 fewer.
_OPENING_REACH = GATE_REACH + 4
_MEMORABLE, _REMEMBERED = 4096, 8192  # the longest span whose names are remembered, and how many
# A rule's match lies within `back` bytes before the end of what was found, and `ahead` bytes after it.
Reach = Sequence[Sequence[int]]
Expressions = Sequence[tuple[int, str]]  # what to look for, with the number of the rule it is of


class _Trace(NamedTuple):
    """What stage one found in a version, for those that descend from it."""

    hits: list[int]
    names: Named


class _Opening(NamedTuple):
    """What must follow a name of a rule: all of so many expressions, each of so many bytes at most."""

    database: hyperscan.Database
    wanted: int
    width: int


class _Anchors(NamedTuple):
    """What is looked for everywhere: the anchors of all rules but the gated ones, and the gate that stands for those.

    `margin` is the most bytes that an anchor or the gate spans.
    """

    database: hyperscan.Database
    reach: Reach
    unanchored: Sequence[int]
    margin: int


class _Gated(NamedTuple):
    """What is looked for where the gate is open: the names of the gated rules, and the openings of those with many."""

    database: hyperscan.Database | None
    openings: Mapping[int, _Opening]


def _nothing_shared(start: int, end: int) -> None:
    return None


class HyperscanMatcher:
    """Databases shared by all threads, one scratch of each for each thread."""

    def __init__(self, anchors: _Anchors, gated: Callable[[], _Gated]) -> None:
        """`gated` is asked when the first gate is open: most small changes open none."""
        self._compiled = anchors, gated
        self._anchors, self._reach, self._unanchored, self._margin = anchors
        self._scratch = hyperscan.Scratch(self._anchors)
        self.signs = False
        self._names: _Names | None = None
        self._traces: list[_Trace] = []  # of the versions that the one at hand descends from

    @classmethod
    def compile(cls, rules: RuleSet, *, keep: bool = True) -> HyperscanMatcher:
        """From the cache where it holds the databases of these very rules, else compiled and, to `keep`, put there."""
        key = _cache_key(rules.digest) if keep else ""
        anchors = _kept_anchors(key) if keep else None
        if anchors:
            return cls(anchors, once(lambda: _kept_names(key) or _compiled_names(rules, key)))
        if len(rules) > 100:
            kept = f"once; kept in {cache.folder()}" if cache.usable() else f"each time: cannot write {cache.folder()}"
            print(f"llmsecrets: compiling {len(rules)} rules ({kept})", file=sys.stderr)
        anchors, gated = _compiled_anchors(rules, key), _compiled_names(rules, key)
        return cls(anchors, lambda: gated)

    @staticmethod
    def may_wait(rules: RuleSet) -> bool:
        """Whether the rules are not compiled yet, and nobody has asked so before. The next time they should be."""
        key = _cache_key(rules.digest)
        if cache.holds(f"{key}.hsdb") or cache.holds(f"{key}.waits"):
            return False
        cache.write(f"{key}.waits", b"")
        return True

    def clone(self) -> HyperscanMatcher:
        return HyperscanMatcher(*self._compiled)

    def regions(self, data: Data, bounds: Bounds = WHOLE) -> Regions:
        self.signs = False
        return self._gathered(data, self._hits(data), {}, _nothing_shared, bounds)

    # What stage one finds depends on the bytes at hand only. So where a version repeats the one it descends from, the
    # hits there are that one's, moved; only what lies between, and a margin around it, is looked through.

    def follow(self, version: Version) -> Regions:
        self.signs = False
        del self._traces[version.depth :]
        base = self._traces[-1] if version.depth else _Trace([], {})
        copies = [copy for copy in version.copies if copy[2] > 2 * self._margin]
        hits = self._moved_hits(version.data, copies, base.hits) if copies else self._hits(version.data)
        targets = [target for _, target, _ in copies]

        def shared(start: int, end: int) -> list[tuple[int, int]] | None:
            """The names behind a gate, where gate and all lie in one copy."""
            at = bisect_right(targets, start) - 1
            if at < 0 or end > targets[at] + copies[at][2]:
                return None
            moved = targets[at] - copies[at][0]
            known = base.names.get((start - moved, end - moved))
            return known if not (known and moved) else [(rule, place + moved) for rule, place in known]

        names: Named = {}
        self._traces.append(_Trace(hits, names))
        return self._gathered(version.data, hits, names, shared)

    def _moved_hits(self, data: bytes, copies: Sequence[Copy], known: list[int]) -> list[int]:
        """All hits in a version, those within copies taken from the hits of its base."""
        margin = self._margin
        hits: list[int] = []
        gaps: list[_Gap] = []
        done = 0  # all hits that end up to here are known, or in a gap
        for source, target, length in copies:
            sure = 0 if source == target == 0 else target + margin  # hits that end beyond lie in the copy
            if sure:
                gaps.append((max(0, done - margin), done, sure))
            moved = target - source
            first = bisect_left(known, (sure - moved + (sure > 0)) << _RULE_BITS)
            last = bisect_left(known, (source + length + 1) << _RULE_BITS)
            if first < last:
                hits += [hit + (moved << _RULE_BITS) for hit in known[first:last]] if moved else known[first:last]
            done = target + length
        if done < len(data):
            gaps.append((max(0, done - margin), done, len(data)))
        new = self._hits_in(data, gaps)
        return sorted(hits + new) if new else hits

    def _hits_in(self, data: bytes, gaps: Sequence[_Gap]) -> list[int]:
        """Hits in gaps, all of which are looked through at once: begun in one, none ends behind another's margin."""
        view = memoryview(data)
        found = self._hits(b"".join([view[start:end] for start, _, end in gaps]))
        hits: list[int] = []
        begun = 0  # where the gap begins in what was looked through
        for start, known, end in gaps if found else ():
            moved = start - begun
            first = bisect_left(found, (known - moved + 1) << _RULE_BITS)
            last = bisect_left(found, (end - moved + 1) << _RULE_BITS)
            hits += [hit + (moved << _RULE_BITS) for hit in found[first:last]]
            begun += end - start
        return hits

    def _hits(self, data: Data) -> list[int]:
        """Where anchors end, each as `end << _RULE_BITS | rule`, in order."""
        hits: list[int] = []
        add = hits.append

        def on_hit(rule: int, _start: int, end: int, _flags: int, _context: object) -> None:
            if rule == _SIGN:
                self.signs = True
            else:
                add(end << _RULE_BITS | rule)

        self._anchors.scan(data, match_event_handler=on_hit, scratch=self._scratch)  # type: ignore[type-var]
        hits.sort()
        return hits

    def _gathered(self, data: Data, hits: list[int], names: Named, shared: Shared, bounds: Bounds = WHOLE) -> Regions:
        """Regions of hits. Behind each gate the names are looked for, unless `shared` knows them; `names` gets them."""
        found: Regions = {}
        reach = self._reach
        bounded = len(reach) - 1 if bounds else -1  # the gate, where there are bounds to it
        for hit in hits:
            rule, end = hit & _RULE_MASK, hit >> _RULE_BITS
            back, ahead = reach[rule]
            start = end - back if end > back else 0
            if rule == bounded:
                first, last = bounds_of(end, bounds)
                if end > last:
                    continue
                start = max(start, first)
            spans = found.get(rule)
            if spans is None:
                found[rule] = [[start, end + ahead]]
            elif start <= spans[-1][1]:
                spans[-1][1] = end + ahead
            else:
                spans.append([start, end + ahead])
        gates = found.pop(len(reach) - 1, None)
        if gates:
            behind = self._names = self._names or _Names(self._compiled[1]())
            for start, end in gates:
                known = shared(start, end)
                if known is None:
                    known = behind.within(data, start, end)
                names[start, end] = known
                for rule, place in known:
                    found.setdefault(rule, []).append([place, place + reach[rule][1]])
        for rule in self._unanchored:
            found[rule] = everywhere(len(data))
        return found


class _Names:
    """The search behind gates, of one thread."""

    def __init__(self, gated: _Gated) -> None:
        self._database = gated.database
        self._scratch = hyperscan.Scratch(gated.database) if gated.database else None
        self._openings = {rule: (*one, hyperscan.Scratch(one.database)) for rule, one in gated.openings.items()}
        self._known = lru_cache(_REMEMBERED)(self._fresh)

    def within(self, data: Data, start: int, end: int) -> list[tuple[int, int]]:
        """(rule, where its name begins) of the names of gated rules in a span. What one holds is remembered: the files
        of a repository repeat each other.
        """
        text, size = bytes(memoryview(data)[start : end + _OPENING_REACH]), end - start
        found = self._known(text, size) if size <= _MEMORABLE else self._fresh(text, size)
        return [(rule, place + start) for rule, place in found]

    def _fresh(self, text: bytes, size: int) -> list[tuple[int, int]]:
        """As `within`, of the first so many bytes of a text."""
        if self._database is None:
            return []
        found: dict[tuple[int, int], None] = {}  # a name may end at several places
        ends: list[tuple[int, int, int]] = []  # of names that are worth a second look
        openings = self._openings

        def on_name(rule: int, place: int, end: int, _flags: int, _context: object) -> None:
            if rule in openings:
                ends.append((rule, place, end))
            else:
                found[rule, place] = None

        whole = memoryview(text)
        self._database.scan(whole[:size], match_event_handler=on_name, scratch=self._scratch)  # type: ignore[type-var]
        for rule, place, name_end in ends:
            if self._opens(rule, whole[name_end:]):
                found[rule, place] = None
        return sorted(found)

    def _opens(self, rule: int, data: memoryview) -> bool:
        """Whether what follows a name of the rule begins as it must."""
        hits: list[int] = []

        def on_hit(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            hits.append(number)

        database, wanted, width, scratch = self._openings[rule]
        database.scan(data[:width], match_event_handler=on_hit, scratch=scratch)  # type: ignore[type-var]
        return len(hits) == wanted


# ---- the databases ---------------------------------------------------------------------------------------------------


def _kept_anchors(key: str) -> _Anchors | None:
    """The anchors of rules, from the cache; None where it does not hold them."""
    kept = cache.shelf(f"{key}.hsdb")
    database = _unserialized(kept.get(0)) if kept else None
    return _Anchors(database, *kept.head) if kept and database else None


def _compiled_anchors(rules: RuleSet, key: str) -> _Anchors:
    """The anchors of rules; put into the cache where there is a key to them."""
    every = list(rules)
    anchors = [anchor_of(rule) for rule in every]
    reach = [
        (anchor.reach, _AHEAD_OF_SCORED if rule.score else anchor.pattern_width + 1)
        for rule, anchor in zip(every, anchors, strict=True)
    ]
    unanchored = [index for index, rule in enumerate(every) if rule.unanchored]
    direct = [
        (index, anchor.expression)
        for index, anchor in enumerate(anchors)
        if not every[index].gated and not every[index].unanchored
    ]
    compiled = _Anchors(
        _database([*_steadied([*direct, (len(every), GATE)]), *((_SIGN, sign) for sign in SIGNS)], every),
        [*reach, (GATE_REACH, 1)],
        unanchored,
        max([GATE_WIDTH, *(anchors[index].width for index, _ in direct)]),
    )
    if key:
        cache.shelve(f"{key}.hsdb", compiled[1:], {0: hyperscan.dumpb(compiled.database)})
    return compiled


def _kept_names(key: str) -> _Gated | None:
    """The names of gated rules, from the cache; None where it does not hold them."""
    kept = cache.shelf(f"{key}.names")
    if not kept:
        return None
    count, opened = kept.head
    databases = [database for database in map(_unserialized, map(kept.get, range(count))) if database]
    if len(databases) < count:
        return None
    openings = {rule: _Opening(databases[number], *rest) for rule, number, *rest in opened}
    return _Gated(databases[0] if databases else None, openings)


def _compiled_names(rules: RuleSet, key: str) -> _Gated:
    """The names of gated rules; put into the cache where there is a key to them."""
    every = list(rules)
    # one expression a name: they compile ten times faster than alternatives of one expression
    gated = [(index, any_of([name])) for index, rule in enumerate(every) if rule.gated for name in rule.names]
    names = _database(_steadied(gated), every, hyperscan.HS_FLAG_SOM_LEFTMOST) if gated else None
    openings = _openings(every)
    if key:
        databases = list(dict.fromkeys([*filter(None, [names]), *(one.database for one in openings.values())]))
        opened = [(rule, databases.index(one.database), *one[1:]) for rule, one in openings.items()]
        cache.shelve(f"{key}.names", (len(databases), opened), dict(enumerate(map(hyperscan.dumpb, databases))))
    return _Gated(names, openings)


class HyperscanFinder:
    """A few expressions; with `first`, only the first match of each."""

    def __init__(self, database: hyperscan.Database) -> None:
        self._database, self._scratch = database, hyperscan.Scratch(database)

    @classmethod
    def stored(cls, expressions: Sequence[str], *, first: bool) -> HyperscanFinder | None:
        """From the cache; None where it does not hold them."""
        database = _unserialized(cache.read(_finder_name(expressions, first)))
        return cls(database) if database else None

    @classmethod
    def compiled(cls, expressions: Sequence[str], *, first: bool) -> HyperscanFinder:
        """From the cache, else compiled and put there."""
        stored = cls.stored(expressions, first=first)
        if stored:
            return stored
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        flags = [hyperscan.HS_FLAG_SINGLEMATCH if first else 0] * len(expressions)
        texts = [expression.encode() for expression in expressions]
        database.compile(expressions=texts, ids=list(range(len(texts))), flags=flags)
        cache.write(_finder_name(expressions, first), hyperscan.dumpb(database))
        return cls(database)

    def find(self, data: Data) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []

        def on_hit(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((number, end))

        self._database.scan(data, match_event_handler=on_hit, scratch=self._scratch)  # type: ignore[type-var]
        return found


def _finder_name(expressions: Sequence[str], first: bool) -> str:
    return f"{cache.key(*(one.encode() for one in expressions), *_machine(), bytes([first]))}.finder"


def _openings(rules: Sequence[Rule]) -> dict[int, _Opening]:
    """Those of gated rules, each compiled once for all rules that have it."""
    from llmsecrets.anchors import loosely, width_of  # late: what is compiled already needs none

    compiled: dict[tuple[str, ...], _Opening] = {}
    openings: dict[int, _Opening] = {}
    for index, rule in enumerate(rules):
        texts = _opening_texts(rule) if rule.gated else ()
        if texts and texts not in compiled:
            expressions = [(index, f"^(?:{loosely(text)})") for text in texts]
            database = _database(expressions, rules, hyperscan.HS_FLAG_SINGLEMATCH, range(len(texts)))
            compiled[texts] = _Opening(database, len(texts), min(_OPENING_REACH, max(map(width_of, texts))))
        if texts:
            openings[index] = compiled[texts]
    return openings


def _opening_texts(rule: Rule) -> tuple[str, ...]:
    """What must follow a name of a rule: closely where trying them all again takes long, else roughly."""
    from llmsecrets.anchors import openings_of, rough_opening_of

    behind = rule.core.removeprefix(any_of(rule.names))
    if len(rule.names) > MANY_NAMES:
        return openings_of(behind)
    return tuple(filter(None, [rough_opening_of(behind)]))


def _unserialized(dump: bytes | None) -> hyperscan.Database | None:
    try:
        return hyperscan.loadb(dump, hyperscan.HS_MODE_BLOCK) if dump else None
    except hyperscan.HyperscanError:  # written by another version or for another processor
        return None


def _steadied(expressions: Expressions) -> Expressions:
    """Expressions, if they are many, with one more. It goes by the last one's number, which costs time at worst."""
    return [*expressions, (expressions[-1][0], _TWO_BYTES)] if len(expressions) > _MANY else expressions


def _database(
    expressions: Expressions, rules: Sequence[Rule], flags: int = 0, ids: Sequence[int] = ()
) -> hyperscan.Database:
    """A database of expressions, reported by their rules' numbers or `ids`. Raises RuleError, naming the rule."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    texts = [expression.encode() for _, expression in expressions]
    ids = ids or [index for index, _ in expressions]
    try:
        once = [hyperscan.HS_FLAG_SINGLEMATCH if index == _SIGN else 0 for index, _ in expressions]
        database.compile(expressions=texts, ids=list(ids), flags=[flags | one for one in once])
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


@lru_cache(maxsize=1)
def _cache_key(digest: str) -> str:
    """What the databases of the rules with a digest are kept by."""
    package = Path(__file__).parents[1]
    sources = (package / "anchors.py", package / "rules" / "__init__.py", package / "matching" / "__init__.py")
    return cache.key(digest.encode(), *_machine(), cache.code(__file__, *sources))


def _machine() -> tuple[bytes, ...]:
    """What a compiled database depends on beside what is compiled."""
    version: str = hyperscan.__version__  # type: ignore[attr-defined]  # missing from the stubs, as buffers are below
    return version.encode(), platform.machine().encode(), _cpu()


@lru_cache(maxsize=1)
def _cpu() -> bytes:
    """The processor's features, where the system tells: a home folder may be shared by different machines."""
    try:
        with open("/proc/cpuinfo", "rb") as file:
            head = file.read(8192)
    except OSError:
        return b""
    return next((line for line in head.splitlines() if line.startswith((b"flags", b"Features"))), b"")
