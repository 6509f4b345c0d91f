"""Which matches stand: what a path decides, and one match for the same bytes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from llmsecrets.engine.match import Match, lowered
from llmsecrets.model import CONFIDENCES


def settle(matches: Sequence[Match], path: str) -> list[Match]:
    """What of a blob's matches stands in a file of this path: one for the same bytes.

    An empty path is an unknown one: rules limited to paths do not apply to it.
    """
    placed = [match for match in (_placed(match, path) for match in matches) if match]
    return _without_overlaps(_assured(_once(placed))) if len(placed) > 1 else placed


def _placed(match: Match, path: str) -> Match | None:
    rule = match.rule
    if not rule.applies_to(path):
        return None
    if not (rule.score or rule.names):
        return match
    from llmsecrets import scoring

    if not rule.score:  # known by a name: beside one, a lock file has digests
        return match._replace(confidence=lowered(match.confidence)) if scoring.is_lock_file(path) else match
    score = scoring.shifted(match.score, scoring.place_features(path))
    if score < scoring.LOW:
        return None
    return match._replace(score=round(score, 3), confidence="low" if score < scoring.MEDIUM else rule.confidence)


def _once(matches: Sequence[Match]) -> list[Match]:
    """Of a rule's matches of the same secret the first: engines differ in how many names they find before one."""
    firsts: dict[tuple[str, int, int], Match] = {}
    for match in sorted(matches, key=lambda match: match.start):
        firsts.setdefault((match.rule.id, match.secret_start, match.secret_end), match)
    return list(firsts.values())


def _assured(matches: Sequence[Match]) -> list[Match]:
    """A vendor's shape that is known badly counts for as much as what the generic detector makes of the same bytes."""
    scored = {(match.secret_start, match.secret_end): match for match in matches if match.rule.score}
    return [_at_least(match, scored.get((match.secret_start, match.secret_end))) for match in matches]


def _at_least(match: Match, other: Match | None) -> Match:
    surer = other and CONFIDENCES.index(other.confidence) < CONFIDENCES.index(match.confidence)
    return match._replace(confidence=other.confidence, score=other.score) if other and surer else match


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


def _rank(match: Match) -> tuple[int, int, int, bool, int, str]:
    """The most specific first, then the surest, the longest, and the one whose name stands nearest."""
    rule = match.rule
    return (
        -rule.specificity,
        CONFIDENCES.index(match.confidence),
        match.secret_start - match.secret_end,
        bool(rule.score),
        -match.start,
        rule.id,
    )
