"""From matches to findings: line, column and excerpt, and the text around that filters judge by."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence

from llmsecrets.engine.match import Match
from llmsecrets.model import (
    Candidate,
    Chunk,
    Component,
    Container,
    Context,
    Excerpt,
    Finding,
    Location,
    Secret,
    Spot,
)

_EXCERPT = 60  # characters shown on each side of a secret
_CONTEXT = 1024  # bytes of a line kept on each side for filters to look at
_AROUND_ENCODED = 1 << 16  # bytes on each side of what is encoded in which its line is looked for


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


def in_file(matches: Sequence[Match], chunk: Chunk) -> Iterator[tuple[int, int]]:
    """Where in the file that a chunk is of the secrets of matches stand, those of their components included."""
    shift = chunk.outermost.offset
    for match in matches:
        for start, end in ((match.secret_start, match.secret_end), *(span for _, *span in match.parts)):
            first, last, _ = _located(chunk, start - chunk.offset, end - chunk.offset)
            yield first + shift, last + shift


def _located(chunk: Chunk, start: int, end: int) -> Spot:
    """Where a span of a chunk's text stands in what it was found inside, at last in the file itself."""
    inside: tuple[Container, ...] = ()
    origin = chunk.origin
    while origin:
        spot = origin.locate(start, end)
        start, end, inside = spot.start, spot.end, spot.containers + inside
        origin = origin.outer.origin
    return Spot(start, end, inside)


class _Lines:
    """Offsets to lines and columns, in the file the text was found in. Asked in rising order, each newline is counted
    once.
    """

    def __init__(self, chunk: Chunk) -> None:
        self._inner, self._chunk = chunk, chunk.outermost
        self._data = bytes(self._chunk.data)
        self._offset, self._newlines = 0, 0

    def place(self, start: int, end: int) -> tuple[Location, tuple[Container, ...]]:
        """Where a span of the chunk's text stands in the file, and what it was found inside there."""
        start, end, inside = _located(self._inner, start, end)
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
        data[max(line_start, start - _CONTEXT) : min(line_end, end + _CONTEXT)].removesuffix(b"\r"),
        data[max(before_start, line_start - _CONTEXT) : max(line_start - 1, 0)],
    )
