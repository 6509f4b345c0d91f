"""Excerpts beside what stands encoded: a secret is hidden in them as the file writes it, encoded or cut off, too.

Each piece of a file is searched by itself, and hides in its excerpts what was found in it.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from llmsecrets.model import Candidate, Chunk, Excerpt

_SHORTEST = 4  # characters of one that is cut off at an excerpt's end; fewer tell nothing
_REACH = 1024  # bytes of a file that an excerpt can show on a side, three times escaped


class Writing(NamedTuple):
    """A secret as it is written in a file, or a line of it: its place, and the text. `inside`: not as plain text."""

    start: int
    end: int
    text: str
    inside: bool


def written(piece: Chunk, spans: Iterable[tuple[int, int]]) -> Iterator[Writing]:
    """How the secrets that were found in a piece of a file are written in the file, where they stand at `spans`."""
    file = piece.outermost
    for start, end in spans:
        span = file.data[start - file.offset : end - file.offset]
        for line in map(str.strip, bytes(span).decode("utf-8", "replace").splitlines()):
            if len(line) >= _SHORTEST:
                yield Writing(start, end, line, file is not piece)


def spans(candidates: Iterable[Candidate]) -> Iterator[tuple[int, int]]:
    """Where in their file the secrets of findings stand, those of their components included."""
    for finding in (candidate.finding for candidate in candidates):
        for location in (finding.location, *(part.location for part in finding.components)):
            yield location.start, location.end


def hiding(candidates: Sequence[Candidate], writings: Iterable[Writing]) -> Sequence[Candidate]:
    """The candidates of a file with what is written near them masked in their excerpts, also where that is cut off."""
    ordered = sorted(set(writings))
    if not any(one.inside for one in ordered):
        return candidates
    starts = [one.start for one in ordered]
    longest = max(one.end - one.start for one in ordered)

    def masked(candidate: Candidate) -> Candidate:
        finding = candidate.finding
        first = bisect(starts, finding.location.start - _REACH - longest)
        near = {one.text for one in ordered[first : bisect(starts, finding.location.end + _REACH)]}
        return candidate._replace(finding=finding._replace(excerpt=_masked(finding.excerpt, near)))

    return [masked(candidate) for candidate in candidates]


def _masked(excerpt: Excerpt, texts: Iterable[str]) -> Excerpt:
    before, after = excerpt
    for text in sorted(texts, key=len, reverse=True):
        before, after = before.replace(text, "…"), after.replace(text, "…")
        for length in range(min(len(text) - 1, max(len(before), len(after))), _SHORTEST - 1, -1):
            if before.startswith(text[-length:]):
                before = f"…{before[length:]}"
            if after.endswith(text[:length]):
                after = f"{after[:-length]}…"
    return Excerpt(before, after)
