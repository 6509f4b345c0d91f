"""A match: what stage two confirms."""

from __future__ import annotations

from typing import NamedTuple

from llmsecrets.model import CONFIDENCES, Chunk, Secret
from llmsecrets.rules import Rule


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


def lowered(confidence: str) -> str:
    """The next lower tier, if there is one."""
    return CONFIDENCES[min(CONFIDENCES.index(confidence) + 1, len(CONFIDENCES) - 1)]
