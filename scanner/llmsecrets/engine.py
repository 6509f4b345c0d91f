"""Stage two: from the regions of stage one to confirmed findings.

`find` reads a chunk's bytes and knows nothing of its path; `settle` adds what the path decides and resolves overlaps.
They are separate because in a history a blob is scanned once, before the paths it stood at are known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from llmsecrets.matching import Matcher, Regions
from llmsecrets.matching.patterns import Patterns
from llmsecrets.model import (
    CONFIDENCES,
    Batch,
    Candidate,
    Chunk,
    Component,
    Container,
    Context,
    Excerpt,
    Finding,
    Location,
    Provenance,
    Secret,
    Skip,
    Version,
)
from llmsecrets.nearmiss import Shapes
from llmsecrets.rules import FIRST_GROUP, Allow, Part, Rule, RuleSet

TIMEOUT = 2.0  # seconds one confirmation may take; an honest pattern needs microseconds
# Bytes around a region that a confirmation may look at: the boundaries of a key; for a scored value the whole name
# before it, and what that is a part of, and the longest value behind, up to its quote and a little further.
_MARGINS, _SCORED_MARGINS = (16, 4), (128, 640)
_COMPONENT_MARGINS = (4112, 4112)
_MEMORABLE, _REMEMBERED = 8192, 20_000  # the largest region remembered, and how many
_EXCERPT = 60  # characters shown on each side of a secret
_CONTEXT = 1024  # bytes of a line kept on each side for filters to look at
_AROUND_ENCODED = 1 << 16  # bytes on each side of what is encoded in which its line is looked for


class Match(NamedTuple):
    """A rule's pattern has matched and its own conditions hold. Spans are offsets in the blob."""

    rule: Rule
    start: int
    end: int
    secret_start: int
    secret_end: int
    confidence: str
    score: float
    facts: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, int, int], ...] = ()

    def lies_in(self, chunk: Chunk) -> bool:
        """Whether the chunk holds the whole match."""
        return chunk.offset <= self.start and self.end <= chunk.offset + len(chunk.data)

    def secret_in(self, chunk: Chunk) -> Secret:
        """The secret, from the chunk that holds the match."""
        return Secret(bytes(chunk.data[self.secret_start - chunk.offset : self.secret_end - chunk.offset]))

    def moved(self, distance: int) -> Match:
        """The same match so many bytes further on."""
        parts = tuple((name, start + distance, end + distance) for name, start, end in self.parts)
        return self._replace(
            start=self.start + distance,
            end=self.end + distance,
            secret_start=self.secret_start + distance,
            secret_end=self.secret_end + distance,
            parts=parts,
        )


class _Judgements:
    """What became of each region of a version: the matches in it, for the versions that descend from this one."""

    def __init__(self, version: Version, base: _Judgements | None) -> None:
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
        before, after = _needs(rule)
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


class Followed(NamedTuple):
    """What a version, as a chunk, holds. `news`: it has regions that the version it descends from has not. `signs`:
    what is new in it may hold encoded text.
    """

    matches: list[Match]
    skips: list[Skip]
    chunk: Chunk
    regions: Regions
    news: bool
    signs: bool


class Engine:
    """A rule set ready to scan with. One for each thread (`clone`): matchers hold scratch space."""

    def __init__(self, rules: RuleSet, matcher: Matcher, *, timeout: float = TIMEOUT) -> None:
        self.rules, self._matcher, self._timeout = rules, matcher, timeout
        self._patterns = Patterns(rules.digest)
        self._shapes = Shapes(rules, self._patterns, timeout)
        self._seen: dict[tuple[object, ...], list[Match]] = {}
        self._judgements: list[_Judgements] = []  # of the versions that the one at hand descends from

    def clone(self) -> Engine:
        other = Engine(self.rules, self._matcher.clone(), timeout=self._timeout)
        other._patterns, other._shapes = self._patterns, self._shapes
        return other

    def keep(self) -> None:
        """Keep what was compiled to confirm with for the next run."""
        self._patterns.keep()

    @property
    def signs(self) -> bool:
        """Whether the chunk that was looked through last may hold encoded text."""
        return self._matcher.signs

    def specificity(self, rule_id: str) -> int:
        """How much a rule says, of two that match the same."""
        return self.rules.get(rule_id).specificity

    def find(self, chunk: Chunk) -> tuple[list[Candidate], list[Skip]]:
        """What a chunk holds at the path it has, and the confirmations that timed out."""
        matches, skips = self.matches(chunk)
        if not matches:
            return [], skips
        provenance = chunk.provenance
        kept = self.settle(matches, provenance.whole_path if provenance.kind in ("file", "stdin") else "")
        return describe(kept, chunk, masked=matches), skips

    def suspects(self, batch: Batch) -> Iterator[tuple[Chunk, Regions | None]]:
        """The blobs of a batch in which rules could match, with where; None where that is to be looked up anew."""
        inside: dict[int, Regions] = {}
        for rule, spans in self._matcher.regions(batch.data, (batch.starts, batch.ends)).items():
            at_start = self.rules[rule].gated  # matches of it begin where a span does
            for start, end in spans:
                index = max(0, bisect_right(batch.starts, start) - 1)
                while index < len(batch.starts) and batch.starts[index] < end:
                    first, last = batch.starts[index], batch.ends[index]
                    if start < last:
                        clipped = [max(0, start - first), min(end, last) - first]
                        inside.setdefault(index, {}).setdefault(rule, []).append(clipped)
                    if at_start:
                        break
                    index += 1
        for index in batch.apart:
            inside.pop(index, None)
            yield batch.chunk(index), None
        for index, regions in inside.items():
            chunk = batch.chunk(index)
            yield chunk, regions if chunk.provenance.kind == "file" else None

    def follow(self, version: Version) -> Followed:
        """As `matches` of a version; what was found in the one it descends from is not looked for again."""
        regions = self._matcher.follow(version)
        del self._judgements[version.depth :]
        judgements = _Judgements(version, self._judgements[-1] if version.depth else None)
        self._judgements.append(judgements)
        chunk = Chunk(version.data, Provenance("", blob_id=version.blob_id))
        matches, skips = self._found_in(chunk, regions, judgements)
        return Followed(matches, skips, chunk, regions, judgements.news, self._matcher.signs)

    def regions(self, chunk: Chunk) -> Regions:
        """Where in the chunk rules could match."""
        return self._matcher.regions(chunk.data)

    def matches(self, chunk: Chunk, regions: Regions | None = None) -> tuple[list[Match], list[Skip]]:
        """Everything in the chunk that a rule confirms, wherever it stands, in order of place."""
        if regions is None:
            regions = self.regions(chunk)
        return self._found_in(chunk, regions)

    def _found_in(
        self, chunk: Chunk, regions: Regions, judgements: _Judgements | None = None
    ) -> tuple[list[Match], list[Skip]]:
        if not regions:
            return [], []
        data = bytes(chunk.data)
        found: list[Match] = []
        skips: list[Skip] = []
        lowered = b""
        for index, spans in regions.items():
            rule = self.rules[index]
            if rule.requires:
                lowered = lowered or data.lower()
                if not any(word.encode() in lowered for word in rule.requires):
                    continue
            try:
                if judgements is None:
                    found += self._confirm(rule, data, spans, chunk)
                    continue
                for start, end in spans:
                    known = judgements.recall(rule, start, end)
                    if known is None:
                        known = self._matches_in(rule, data, start, min(end, len(data)))
                    judgements.keep(rule, start, end, known)
                    found += known
            except TimeoutError:
                detail = f"rule {rule.id} took longer than {self._timeout:g} s near byte {chunk.offset + spans[0][0]}"
                skips.append(Skip(chunk.provenance, "timeout", detail))
        found.sort(key=lambda match: (match.secret_start, match.secret_end, match.rule.id))
        if chunk.origin:
            found = [match for match in found if chunk.origin.owns(match.secret_start, match.secret_end)]
        return [match.moved(chunk.offset) for match in found] if chunk.offset else found, skips

    def settle(self, matches: Sequence[Match], path: str) -> list[Match]:
        """What of a blob's matches stands in a file of this path: one for the same bytes.

        An empty path is an unknown one: rules limited to paths do not apply to it.
        """
        placed = [match for match in (_placed(match, path) for match in matches) if match]
        return _without_overlaps(placed) if len(placed) > 1 else placed

    # ---- confirming

    def _matches(self, expression: str, data: bytes, start: int, end: int) -> Iterator[Any]:
        found: Iterator[Any] = self._patterns[expression].finditer(data, start, end, timeout=self._timeout)
        return found

    def _confirm(self, rule: Rule, data: bytes, spans: Iterable[Sequence[int]], chunk: Chunk) -> Iterator[Match]:
        for start, end in spans:
            for match in self._matches_in(rule, data, start, min(end, len(data))):
                if match.end >= chunk.seen and (chunk.last or match.end < len(data)):
                    yield match

    def _matches_in(self, rule: Rule, data: bytes, start: int, end: int) -> list[Match]:
        """The rule's matches in a region. The versions of a file share most regions, so what one held is remembered.

        What a match depends on lies in the region and some way around it.
        """
        if rule.unanchored:  # what a region cuts off, the next one holds whole
            return [match for match in self._fresh(rule, data, start, end) if match.end < end or end == len(data)]
        before, after = _needs(rule)
        first, last = max(0, start - before), min(len(data), end + after)
        if last - first > _MEMORABLE:
            return self._fresh(rule, data, start, end)
        key = (rule.id, data[first:last], start - first, end - first, first == 0, last == len(data))
        known = self._seen.get(key)
        if known is None:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            known = [match.moved(-first) for match in self._fresh(rule, data, start, end)]
            self._seen[key] = known
        return [match.moved(first) for match in known] if known else known

    def _fresh(self, rule: Rule, data: bytes, start: int, end: int) -> list[Match]:
        if rule.gated:  # the name is where the region starts
            found = self._patterns[rule.expression].match(data, start, end, timeout=self._timeout)
            match = self._judged(rule, data, found) if found else None
            return [match] if match else []
        judged = (self._judged(rule, data, found) for found in self._matches(rule.expression, data, start, end))
        return [match for match in judged if match]

    def _judged(self, rule: Rule, data: bytes, found: Any) -> Match | None:
        from llmsecrets import placeholders  # late: most runs of a hook judge nothing

        if rule.score:
            return self._scored(rule, data, found)
        span = _secret_span(rule, found)
        secret = data[slice(*span)]
        # what is too even to be drawn may still be typed into a shape that only the vendor's keys have
        typed = not (rule.names or rule.strict) and placeholders.reason(secret) in placeholders.TYPED
        if not _plausible(rule, secret) and not typed:
            return None
        if rule.names and _is_of_a_detail(data, found.start(), span[0]):
            return None
        confidence, proved = rule.confidence, False
        facts: tuple[tuple[str, str], ...] = ()
        if rule.checksum:
            from llmsecrets import proofs

            proof = proofs.verify(rule.checksum.name, secret)
            facts, proved = proof.facts, proof.passed is True and rule.checksum.name in proofs.ARITHMETIC
            if proof.passed is False:
                if rule.checksum.failed == "drop":
                    return None
                confidence = _lower(confidence)
            if rule.checksum.name in proofs.OF_ANY_TOKEN and self._shapes.nearly(data[found.start() : span[0]], secret):
                return None
        reason = "" if proved else placeholders.reason(secret)
        if self._never_a_secret(rule.allow, secret) or (reason and reason not in placeholders.TYPED):
            return None
        if reason and confidence == "high":
            confidence = "medium"
        parts = self._parts(rule, data, found)
        if parts is None:
            return None
        score = {"high": 0.95, "medium": 0.8, "low": 0.5}[confidence]
        return Match(rule, found.start(), found.end(), span[0], span[1], confidence, score, facts, parts)

    def _scored(self, rule: Rule, data: bytes, found: Any) -> Match | None:
        """The generic detector's verdict on what a name is given; the cheapest tests first."""
        from llmsecrets import placeholders, scoring

        given = scoring.given_at(data, found.start(), found.end(1), found.end())
        if given is None:
            return None
        name, secret = data[slice(*given.name)], data[slice(*given.value)]
        if scoring.hopeless(name, secret) or not scoring.is_text(data, given.name[0], given.value[1]):
            return None
        score = scoring.score(name, secret, given.quoted, given.manner)
        if scoring.shifted(score, scoring.best_place()) < scoring.LOW or not _plausible(rule, secret):
            return None
        if self._never_a_secret(rule.allow, secret) or placeholders.reason(secret) not in ("", "sequence"):
            return None
        if self._shapes.nearly(name, secret):
            return None
        facts = (("name", name.strip(b".-$").decode("utf-8", "replace")),)
        return Match(rule, found.start(), given.value[1], *given.value, "low", score, facts)

    def _never_a_secret(self, allow: Allow, secret: bytes) -> bool:
        if not any(allow):
            return False
        from hashlib import sha256

        text = secret.decode("utf-8", "replace")
        return (
            text in allow.values
            or any(word.lower() in text.lower() for word in allow.stopwords)
            or (bool(allow.sha256) and sha256(secret).hexdigest() in allow.sha256)
            or any(self._patterns[pattern].search(secret, timeout=self._timeout) for pattern in allow.regexes)
        )

    def _parts(self, rule: Rule, data: bytes, found: Any) -> tuple[tuple[str, int, int], ...] | None:
        """The rule's components that stand near, or None where a required one does not."""
        parts = []
        for part in rule.components:
            place = self._nearest(part, data, found)
            if place:
                parts.append((part.name, *place))
            elif part.required:
                return None
        return tuple(parts)

    def _nearest(self, part: Part, data: bytes, found: Any) -> tuple[int, int] | None:
        start, end = _lines_around(data, found.start(), found.end(), part.within)
        places = [
            near.span(1)
            for near in self._matches(part.expression, data, start, end)
            if near.end() < end or data[end : end + 1] in b"\n"  # else it may be cut short
        ]
        apart = [
            place for place in places if place[1] <= found.start(1 if found.re.groups else 0) or place[0] >= found.end()
        ]
        return min(apart, key=lambda place: abs(place[0] - found.start()), default=None)


def _secret_span(rule: Rule, found: Any) -> tuple[int, int]:
    """Where the secret stands in a match."""
    if rule.secret_group != FIRST_GROUP:
        span: tuple[int, int] = found.span(rule.secret_group)
        return span
    spans = (found.span(group) for group in range(1, found.re.groups + 1))
    return next(((start, end) for start, end in spans if end > start), found.span())


def _is_of_a_detail(data: bytes, start: int, value: int) -> bool:
    """Whether a rule's name, found at `start`, goes on up to the value as that of something else."""
    from llmsecrets import scoring

    return scoring.is_of_a_detail(scoring.name_of(data, start, value))


def _needs(rule: Rule) -> tuple[int, int]:
    """How many bytes before and after a region the matches in it depend on."""
    if rule.components:
        return _COMPONENT_MARGINS
    return _SCORED_MARGINS if rule.score else _MARGINS


def _plausible(rule: Rule, secret: bytes) -> bool:
    from llmsecrets import scoring

    if rule.min_digits and sum(48 <= byte <= 57 for byte in secret) < rule.min_digits:
        return False
    return bool(secret) and (not rule.min_entropy or scoring.entropy(secret) >= rule.min_entropy)


def _lower(confidence: str) -> str:
    return CONFIDENCES[min(CONFIDENCES.index(confidence) + 1, len(CONFIDENCES) - 1)]


def _lines_around(data: bytes, start: int, end: int, lines: int) -> tuple[int, int]:
    """The span of the lines from so many before a match to so many after it, at most 4 KiB either way."""
    first, last = start, end - 1  # a match may end where its line does
    for _ in range(lines + 1):
        first = max(data.rfind(b"\n", max(0, start - 4096), first), start - 4096, 0)
        following = data.find(b"\n", last + 1, end + 4096)
        last = following if following >= 0 else min(len(data), end + 4096)
    return first, last


def _placed(match: Match, path: str) -> Match | None:
    rule = match.rule
    if not rule.applies_to(path):
        return None
    if not (rule.score or rule.names):
        return match
    from llmsecrets import scoring

    if not rule.score:  # known by a name: beside one, a lock file has digests
        return match._replace(confidence=_lower(match.confidence)) if scoring.is_lock_file(path) else match
    score = scoring.shifted(match.score, scoring.place_features(path))
    if score < scoring.LOW:
        return None
    return match._replace(score=round(score, 3), confidence="low" if score < scoring.MEDIUM else rule.confidence)


def _without_overlaps(matches: Sequence[Match]) -> list[Match]:
    """Of matches that share bytes of a secret the most specific stays; the order of place is kept."""
    taken: list[tuple[int, int]] = []  # spans without overlap, in order
    kept: list[Match] = []
    for match in sorted(matches, key=_rank):
        start, end = match.secret_start, match.secret_end
        at = bisect_left(taken, (start, end))
        if (at and taken[at - 1][1] > start) or (at < len(taken) and taken[at][0] < end):
            continue
        taken.insert(at, (start, end))
        kept.append(match)
    return sorted(kept, key=lambda match: match.secret_start)


def _rank(match: Match) -> tuple[int, int, int, str, int]:
    rule = match.rule
    return (
        -rule.specificity,
        CONFIDENCES.index(match.confidence),
        match.secret_start - match.secret_end,
        rule.id,
        match.start,
    )


# ---- from matches to findings ------------------------------------------------------------------------------------


def describe(kept: Sequence[Match], chunk: Chunk, masked: Sequence[Match]) -> list[Candidate]:
    """The matches as findings with line, column and excerpt; `masked` are all those whose secrets excerpts hide."""
    data = bytes(chunk.data)
    lines = _Lines(chunk)
    spans = sorted({(match.secret_start - chunk.offset, match.secret_end - chunk.offset) for match in masked})
    here = [match.moved(-chunk.offset) if chunk.offset else match for match in kept]
    return [Candidate(_finding(match, data, chunk, lines, spans), _context(match, data, chunk)) for match in here]


def _finding(match: Match, data: bytes, chunk: Chunk, lines: _Lines, masked: Sequence[tuple[int, int]]) -> Finding:
    rule = match.rule
    location, containers = lines.place(match.secret_start, match.secret_end)
    provenance = chunk.provenance
    return Finding(
        rule_id=rule.id,
        family=rule.family,
        secret=Secret(data[match.secret_start : match.secret_end]),
        location=location,
        provenance=provenance._replace(containers=provenance.containers + containers) if containers else provenance,
        severity=rule.severity,
        confidence=match.confidence,
        score=match.score,
        excerpt=_excerpt(data, match.secret_start, match.secret_end, masked),
        facts=match.facts,
        components=tuple(
            Component(name, Secret(data[start:end]), lines.place(start, end)[0]) for name, start, end in match.parts
        ),
    )


class _Lines:
    """Offsets to lines and columns, in the file the text was found in. Asked in rising order, each newline is counted
    once.
    """

    def __init__(self, chunk: Chunk) -> None:
        self._inner = chunk
        while chunk.origin:
            chunk = chunk.origin.outer
        self._data, self._chunk = bytes(chunk.data), chunk
        self._offset, self._newlines = 0, 0

    def place(self, start: int, end: int) -> tuple[Location, tuple[Container, ...]]:
        """Where a span of the chunk's text stands in the file, and what it was found inside there."""
        inside: tuple[Container, ...] = ()
        origin = self._inner.origin
        while origin:
            spot = origin.locate(start, end)
            start, end, inside = spot.start, spot.end, spot.containers + inside
            origin = origin.outer.origin
        shift = self._chunk.offset
        return Location(*self._point(start), *self._point(end), start + shift, end + shift), inside

    def _point(self, offset: int) -> tuple[int, int]:
        if offset < self._offset:
            self._offset, self._newlines = 0, 0
        self._newlines += self._data.count(b"\n", self._offset, offset)
        self._offset = offset
        line_start = self._data.rfind(b"\n", 0, offset) + 1
        before = self._data[line_start:offset]
        if not (line_start or self._chunk.offset):
            before = before.removeprefix(BOM_UTF8)  # no character of the text, and no editor's first column
        column = _characters(before) + (1 if self._newlines else self._chunk.first_column)
        return self._chunk.first_line + self._newlines, column


def _characters(data: bytes) -> int:
    return len(data) if data.isascii() else len(data.decode("utf-8", "replace"))


def _excerpt(data: bytes, start: int, end: int, masked: Sequence[tuple[int, int]]) -> Excerpt:
    line_start = max(data.rfind(b"\n", 0, start) + 1, start - _EXCERPT)
    line_end = data.find(b"\n", end, end + _EXCERPT)
    line_end = line_end if line_end >= 0 else min(len(data), end + _EXCERPT)
    return Excerpt(_masked(data, line_start, start, masked).lstrip(), _masked(data, end, line_end, masked).rstrip())


def _masked(data: bytes, start: int, end: int, masked: Sequence[tuple[int, int]]) -> str:
    """The text of a span with every secret that reaches into it replaced by an ellipsis."""
    out, position = [], start
    for secret_start, secret_end in masked:
        if secret_end <= position or secret_start >= end:
            continue
        out.append(data[position : max(position, secret_start)].decode("utf-8", "replace") + "…")
        position = secret_end
    out.append(data[position:end].decode("utf-8", "replace") if position < end else "")
    return "".join(out)


def _context(match: Match, data: bytes, chunk: Chunk) -> Context:
    """What filters look at: of an encoded text the lines around it, too, where alone its author can put a comment."""
    places = ((data, match.secret_start, match.secret_end), *_encoded_in(chunk, match.secret_start, match.secret_end))
    lines, lines_before = zip(*(_lines_at(*place) for place in places), strict=True)
    return Context(Secret(data[match.start : match.end]), Secret(b"\n".join(lines)), Secret(b"\n".join(lines_before)))


def _encoded_in(chunk: Chunk, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The texts that a span of a chunk was encoded in, innermost first, as much as lies around it, and where it is."""
    while chunk.origin:
        spot = chunk.origin.locate(start, end)
        chunk, start, end = chunk.origin.outer, spot.start, spot.end
        if any(
            one.kind != "encoded" for one in spot.containers
        ):  # a notebook's cell: its text, not its JSON, has lines
            return
        first = max(0, start - _AROUND_ENCODED)
        yield bytes(chunk.data[first : end + _AROUND_ENCODED]), start - first, end - first


def _lines_at(data: bytes, start: int, end: int) -> tuple[bytes, bytes]:
    """The line of a span, and the one before it, cut to a length."""
    line_start = data.rfind(b"\n", 0, start) + 1
    line_end = data.find(b"\n", end)
    line_end = len(data) if line_end < 0 else line_end
    before_start = data.rfind(b"\n", 0, max(0, line_start - 1)) + 1
    return (
        data[max(line_start, start - _CONTEXT) : min(line_end, end + _CONTEXT)],
        data[max(before_start, line_start - _CONTEXT) : max(line_start - 1, 0)],
    )
