"""Stage two: from the regions of stage one to confirmed findings.

`find` reads a chunk's bytes and knows nothing of its path; `settle` adds what the path decides and resolves overlaps.
They are separate because in a history a blob is scanned once, before the paths it stood at are known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from llmsecrets import placeholders, scoring
from llmsecrets.matching import Matcher
from llmsecrets.model import (
    CONFIDENCES,
    Candidate,
    Chunk,
    Component,
    Context,
    Excerpt,
    Finding,
    Location,
    Secret,
    Skip,
)
from llmsecrets.rules import Allow, Part, Rule, RuleSet

TIMEOUT = 2.0  # seconds one confirmation may take; an honest pattern needs microseconds
_EXCERPT = 60  # characters shown on each side of a secret
_CONTEXT = 1024  # bytes of a line kept on each side for filters to look at


class Match(NamedTuple):
    """A rule's pattern has matched and its own conditions hold. Spans are offsets in the chunk."""

    rule: Rule
    start: int
    end: int
    secret_start: int
    secret_end: int
    confidence: str
    score: float
    facts: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, int, int], ...] = ()


class Engine:
    """A rule set ready to scan with. One for each thread (`clone`): matchers hold scratch space."""

    def __init__(self, rules: RuleSet, matcher: Matcher, *, timeout: float = TIMEOUT) -> None:
        self._rules, self._matcher, self._timeout = rules, matcher, timeout
        self._patterns: dict[str, Any] = {}

    def clone(self) -> Engine:
        other = Engine(self._rules, self._matcher.clone(), timeout=self._timeout)
        other._patterns = self._patterns  # compiled patterns may be shared; at worst one is compiled twice
        return other

    def find(self, chunk: Chunk) -> tuple[list[Candidate], list[Skip]]:
        """Everything in the chunk that a rule confirms, in order of place, and the confirmations that timed out."""
        regions = self._matcher.regions(chunk.data)
        if not regions:
            return [], []
        data = bytes(chunk.data)
        matches: list[Match] = []
        skips: list[Skip] = []
        for index, spans in regions.items():
            rule = self._rules[index]
            try:
                matches += self._confirm(rule, data, spans, chunk)
            except TimeoutError:
                detail = f"rule {rule.id} took longer than {self._timeout:g} s near byte {chunk.offset + spans[0][0]}"
                skips.append(Skip(chunk.provenance, "timeout", detail))
        matches.sort(key=lambda match: (match.secret_start, match.secret_end, match.rule.id))
        return list(_candidates(matches, data, chunk)), skips

    def settle(self, candidates: Sequence[Candidate], path: str) -> list[Candidate]:
        """What of the candidates stands in a file of this path: one finding for the same bytes.

        An empty path is an unknown one: rules limited to paths do not apply to it.
        """
        placed = (self._placed(candidate, path) for candidate in candidates)
        return _without_overlaps([candidate for candidate in placed if candidate], self._rules)

    def misplaced(self, candidate: Candidate, path: str) -> bool:
        """Whether the rule is limited to paths and this is none of them."""
        return not self._rules.get(candidate.finding.rule_id).applies_to(path)

    def _placed(self, candidate: Candidate, path: str) -> Candidate | None:
        finding = candidate.finding
        rule = self._rules.get(finding.rule_id)
        if not rule.applies_to(path):
            return None
        if not rule.score:
            return candidate
        return _rescored(candidate, scoring.place_features(path), rule)

    # ---- confirming

    def _pattern(self, expression: str) -> Any:
        pattern = self._patterns.get(expression)
        if pattern is None:
            import regex  # late: most runs of a hook confirm nothing

            pattern = self._patterns[expression] = regex.compile(expression.encode())
        return pattern

    def _matches(self, expression: str, data: bytes, start: int, end: int) -> Iterator[Any]:
        found: Iterator[Any] = self._pattern(expression).finditer(data, start, end, timeout=self._timeout)
        return found

    def _confirm(self, rule: Rule, data: bytes, spans: Iterable[Sequence[int]], chunk: Chunk) -> Iterator[Match]:
        for start, end in spans:
            for found in self._matches(rule.expression, data, start, end):
                match = self._judged(rule, data, found)
                if match and match.end >= chunk.seen and (chunk.last or match.end < len(data)):
                    yield match

    def _judged(self, rule: Rule, data: bytes, found: Any) -> Match | None:
        span = found.span(rule.secret_group)
        if rule.score:
            value = scoring.value_at(data, found.end())
            if value is None:
                return None
            return self._scored(rule, data, found, value)
        secret = data[slice(*span)]
        if not _plausible(rule, secret):
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
        if self._never_a_secret(rule.allow, secret) or (not proved and placeholders.reason(secret)):
            return None
        parts = self._parts(rule, data, found)
        if parts is None:
            return None
        score = {"high": 0.95, "medium": 0.8, "low": 0.5}[confidence]
        return Match(rule, found.start(), found.end(), span[0], span[1], confidence, score, facts, parts)

    def _scored(self, rule: Rule, data: bytes, found: Any, value: scoring.Value) -> Match | None:
        secret = data[value.start : value.end]
        if not _plausible(rule, secret) or self._never_a_secret(rule.allow, secret) or placeholders.reason(secret):
            return None
        name = _whole_name(data, found.start(), found.end(1))
        features = scoring.features(name, secret, quoted=value.quoted)
        score = scoring.probability(features)
        facts = (("name", name.decode("utf-8", "replace")),)
        return Match(rule, found.start(), value.end, value.start, value.end, "low", score, facts)

    def _never_a_secret(self, allow: Allow, secret: bytes) -> bool:
        if not any(allow):
            return False
        text = secret.decode("utf-8", "replace")
        return (
            text in allow.values
            or any(word.lower() in text.lower() for word in allow.stopwords)
            or (bool(allow.sha256) and sha256(secret).hexdigest() in allow.sha256)
            or any(self._pattern(pattern).search(secret, timeout=self._timeout) for pattern in allow.regexes)
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
        places = [near.span(1) for near in self._matches(part.expression, data, start, end)]
        apart = [
            place for place in places if place[1] <= found.start(1 if found.re.groups else 0) or place[0] >= found.end()
        ]
        return min(apart, key=lambda place: abs(place[0] - found.start()), default=None)


def _plausible(rule: Rule, secret: bytes) -> bool:
    if rule.min_digits and sum(48 <= byte <= 57 for byte in secret) < rule.min_digits:
        return False
    return bool(secret) and (not rule.min_entropy or scoring.entropy(secret) >= rule.min_entropy)


def _lower(confidence: str) -> str:
    return CONFIDENCES[min(CONFIDENCES.index(confidence) + 1, len(CONFIDENCES) - 1)]


_NAME_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-$")


def _whole_name(data: bytes, start: int, end: int) -> bytes:
    """The identifier a matched word is part of: the pattern need not look for where it begins."""
    floor = max(0, start - 64)
    while start > floor and data[start - 1] in _NAME_BYTES:
        start -= 1
    return data[start:end].strip(b".-")


def _lines_around(data: bytes, start: int, end: int, lines: int) -> tuple[int, int]:
    """The span of the lines from so many before a match to so many after it, at most 4 KiB either way."""
    first, last = start, end
    for _ in range(lines + 1):
        first = max(data.rfind(b"\n", max(0, start - 4096), first), 0)
        following = data.find(b"\n", last + 1, end + 4096)
        last = following if following >= 0 else min(len(data), end + 4096)
    return first, last


# ---- from matches to findings ------------------------------------------------------------------------------------


def _candidates(matches: Sequence[Match], data: bytes, chunk: Chunk) -> Iterator[Candidate]:
    lines = _Lines(data, chunk)
    masked = sorted({(match.secret_start, match.secret_end) for match in matches})
    for match in matches:
        yield Candidate(_finding(match, data, chunk, lines, masked), _context(match, data))


def _finding(match: Match, data: bytes, chunk: Chunk, lines: _Lines, masked: Sequence[tuple[int, int]]) -> Finding:
    rule = match.rule
    return Finding(
        rule_id=rule.id,
        family=rule.family,
        secret=Secret(data[match.secret_start : match.secret_end]),
        location=lines.location(match.secret_start, match.secret_end),
        provenance=chunk.provenance,
        severity=rule.severity,
        confidence=match.confidence,
        score=match.score,
        excerpt=_excerpt(data, match.secret_start, match.secret_end, masked),
        facts=match.facts,
        components=tuple(
            Component(name, Secret(data[start:end]), lines.location(start, end)) for name, start, end in match.parts
        ),
    )


class _Lines:
    """Offsets to lines and columns. Asked in rising order of offset, each newline is counted once."""

    def __init__(self, data: bytes, chunk: Chunk) -> None:
        self._data, self._chunk = data, chunk
        self._offset, self._newlines = 0, 0

    def location(self, start: int, end: int) -> Location:
        shift = self._chunk.offset
        return Location(*self._point(start), *self._point(end), start + shift, end + shift)

    def _point(self, offset: int) -> tuple[int, int]:
        if offset < self._offset:
            self._offset, self._newlines = 0, 0
        self._newlines += self._data.count(b"\n", self._offset, offset)
        self._offset = offset
        line_start = self._data.rfind(b"\n", 0, offset) + 1
        column = _characters(self._data[line_start:offset]) + (1 if self._newlines else self._chunk.first_column)
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


def _context(match: Match, data: bytes) -> Context:
    line_start = data.rfind(b"\n", 0, match.secret_start) + 1
    line_end = data.find(b"\n", match.secret_end)
    line_end = len(data) if line_end < 0 else line_end
    before_start = data.rfind(b"\n", 0, max(0, line_start - 1)) + 1
    return Context(
        Secret(data[match.start : match.end]),
        Secret(data[max(line_start, match.secret_start - _CONTEXT) : min(line_end, match.secret_end + _CONTEXT)]),
        Secret(data[max(before_start, line_start - _CONTEXT) : max(line_start - 1, 0)]),
    )


def _rescored(candidate: Candidate, places: Sequence[scoring.Feature], rule: Rule) -> Candidate | None:
    score = scoring.shifted(candidate.finding.score, places)
    if score < scoring.LOW:
        return None
    tier = "low" if score < scoring.MEDIUM else rule.confidence
    return candidate._replace(finding=candidate.finding._replace(score=round(score, 3), confidence=tier))


def _without_overlaps(candidates: Sequence[Candidate], rules: RuleSet) -> list[Candidate]:
    """Of findings that share bytes the most specific stays; the order of place is kept."""
    ranked = sorted(candidates, key=lambda candidate: _rank(candidate.finding, rules))
    taken: list[tuple[int, int]] = []  # spans without overlap, in order
    kept: list[Candidate] = []
    for candidate in ranked:
        start, end = candidate.finding.location.start, candidate.finding.location.end
        at = bisect_left(taken, (start, end))
        if (at and taken[at - 1][1] > start) or (at < len(taken) and taken[at][0] < end):
            continue
        taken.insert(at, (start, end))
        kept.append(candidate)
    return sorted(kept, key=lambda candidate: candidate.finding.location.start)


def _rank(finding: Finding, rules: RuleSet) -> tuple[int, int, int, str]:
    rule = rules.get(finding.rule_id)
    return (
        -rule.specificity,
        CONFIDENCES.index(finding.confidence),
        finding.location.start - finding.location.end,
        rule.id,
    )
