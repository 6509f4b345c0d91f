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
    return _without_overlaps(placed) if len(placed) > 1 else placed


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
