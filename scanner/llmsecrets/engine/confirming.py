"""Confirming: whether a region that stage one names holds what a rule describes.

The whole pattern is matched, and what no pattern can say is asked: digits, entropy, placeholders, check values, near
misses of other shapes, components that must stand near; of a value of no known shape, what its name and itself tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmsecrets.engine.match import Match, lowered
from llmsecrets.matching.patterns import Patterns
from llmsecrets.nearmiss import Shapes
from llmsecrets.rules import FIRST_GROUP, Allow, Part, Rule

TIMEOUT = 2.0  # seconds one confirmation may take; an honest pattern needs microseconds
# Bytes around a region that a confirmation may look at: the boundaries of a key; for a scored value the whole name
# before it, and what that is a part of, and the longest value behind, up to its quote and a little further.
_MARGINS, _SCORED_MARGINS = (16, 4), (128, 640)
COMPONENT_MARGINS = (4112, 4112)
# Bytes of a region, and how many came before, from which on it pays to look for the longest run of a value first.
_GLANCED_AT, _FEW = 256, 100
_MEMORABLE, _REMEMBERED = 8192, 20_000  # the largest region remembered, and how many


class Confirmation:
    """Matches rules in regions, for one thread: it remembers what regions held."""

    def __init__(self, patterns: Patterns, shapes: Shapes, timeout: float) -> None:
        self._patterns, self._shapes, self._timeout = patterns, shapes, timeout
        self._seen: dict[tuple[object, ...], list[Match]] = {}

    def clone(self) -> Confirmation:
        """For another thread."""
        return Confirmation(self._patterns, self._shapes, self._timeout)

    def in_region(self, rule: Rule, data: bytes, start: int, end: int) -> list[Match]:
        """The rule's matches in a region. The versions of a file share most regions, so what one held is remembered.

        What a match depends on lies in the region and some way around it.
        """
        if rule.unanchored:  # what a region cuts off, the next one holds whole
            return [match for match in self._fresh(rule, data, start, end) if match.end < end or end == len(data)]
        before, after = needs(rule)
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

    def _matches(self, expression: str, data: bytes, start: int, end: int) -> Iterator[Any]:
        found: Iterator[Any] = self._patterns[expression].finditer(data, start, end, timeout=self._timeout)
        return found

    def _fresh(self, rule: Rule, data: bytes, start: int, end: int) -> list[Match]:
        if rule.names and not self._has_value(rule, data, start, end):
            return []
        if rule.gated:  # the name is where the region starts
            found = self._patterns[rule.expression].match(data, start, end, timeout=self._timeout)
            whole = found and (found.end() < end or end == len(data))  # not of one that the region cuts off
            match = self._judged(rule, data, found) if whole else None
            return [match] if match else []
        judged = (self._judged(rule, data, found) for found in self._matches(rule.expression, data, start, end))
        return [match for match in judged if match]

    def _has_value(self, rule: Rule, data: bytes, start: int, end: int) -> bool:
        """Whether anything here has the shape of the rule's value: if not, nothing need be read from its names on."""
        if not rule.shape:
            return True
        if end - start > _GLANCED_AT and len(self._seen) > _FEW:
            from llmsecrets import anchors  # late: what few regions hold is soon looked up

            run = anchors.run_of(rule.shape)
            if run and not run.within(data[start:end]):
                return False
        return bool(self._patterns[rule.shape].search(data, start, end, timeout=self._timeout))

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
                confidence = lowered(confidence)
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


def needs(rule: Rule) -> tuple[int, int]:
    """How many bytes before and after a region the matches in it depend on."""
    if rule.components:
        return COMPONENT_MARGINS
    return _SCORED_MARGINS if rule.score else _MARGINS


def _plausible(rule: Rule, secret: bytes) -> bool:
    from llmsecrets import scoring

    if rule.min_digits and sum(48 <= byte <= 57 for byte in secret) < rule.min_digits:
        return False
    return bool(secret) and (not rule.min_entropy or scoring.entropy(secret) >= rule.min_entropy)


def _lines_around(data: bytes, start: int, end: int, lines: int) -> tuple[int, int]:
    """The span of the lines from so many before a match to so many after it, at most 4 KiB either way."""
    first, last = start, end - 1  # a match may end where its line does
    for _ in range(lines + 1):
        first = max(data.rfind(b"\n", max(0, start - 4096), first), start - 4096, 0)
        following = data.find(b"\n", last + 1, end + 4096)
        last = following if following >= 0 else min(len(data), end + 4096)
    return first, last
