"""Content to Chunks: one for a blob that fits in memory, overlapping windows for one that does not.

Text in UTF-16 or UTF-32 that says so in its first bytes becomes UTF-8 on the way, so that rules see one encoding.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from llmsecrets.model import Chunk, Provenance
from llmsecrets.reading import Read, exactly
from llmsecrets.sources import OVERLAP, WINDOW

Previous = Callable[[], Iterable[bytes]] | None
Reopen = Callable[[], BinaryIO] | None

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which begins the same
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def chunks(read: Read, provenance: Provenance, previous: Previous = None, reopen: Reopen = None) -> Iterator[Chunk]:
    """The content that `read` gives, as chunks; empty content is an empty one, so that it counts as read.

    `reopen` goes into the first one's, if it does not hold everything; not where that would give other bytes.
    """
    first = exactly(read, WINDOW)
    encoding = next((name for mark, name in _MARKS if first.startswith(mark)), None)
    if encoding:
        read = _transcoded(first, read, encoding)
        first, reopen = exactly(read, WINDOW), None
    if len(first) < WINDOW:
        yield Chunk(first, provenance, previous=previous)
        return
    windows = _windows(first, read, Chunk(b"", provenance, previous=previous, reopen=reopen))
    del first  # 16 MiB that would be held to the end
    yield from windows


def is_marked(content: bytes) -> bool:
    """Whether the text says in its first bytes that it is in UTF-16 or UTF-32."""
    return content.startswith(tuple(mark for mark, _ in _MARKS))


def of_bytes(content: bytes, provenance: Provenance, previous: Previous = None) -> Iterator[Chunk]:
    """As `chunks`, for content already in memory."""
    view = memoryview(content)
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        position += size
        return bytes(view[position - size : position])

    if len(content) < WINDOW and not is_marked(content):
        return iter((Chunk(content, provenance, previous=previous),))
    return chunks(read, provenance, previous, lambda: io.BytesIO(content))


def _windows(window: bytes, read: Read, whole: Chunk) -> Iterator[Chunk]:
    """Overlapping windows; `whole` is what all their chunks have in common."""
    offset, line, column, seen = 0, 1, 1, 0
    while True:
        passed = _character_start(window, len(window) - OVERLAP)
        following = exactly(read, WINDOW, window[passed:])
        last = len(following) == len(window) - passed
        yield whole._replace(data=window, offset=offset, first_line=line, first_column=column, seen=seen, last=last)
        if last:
            return
        line += window.count(b"\n", 0, passed)
        line_start = window.rfind(b"\n", 0, passed) + 1
        column = len(window[line_start:passed].decode("utf-8", "replace")) + (1 if line_start else column)
        offset, seen = offset + passed, len(window) - passed
        window = following


def _character_start(window: bytes, at: int) -> int:
    """Where the character starts that has a byte at a place: cut in two, it would count as several in a column."""
    return next((start for start in range(at, max(-1, at - 4), -1) if window[start] & 0xC0 != 0x80), at)


def _transcoded(first: bytes, read: Read, encoding: str) -> Read:
    """The rest of the text in UTF-8, its byte order mark left out."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    ready = decoder.decode(first).lstrip("\ufeff").encode("utf-8", "replace")
    ended = False

    def next_bytes(size: int) -> bytes:
        nonlocal ready, ended
        while len(ready) < size and not ended:
            piece = read(size)
            ended = not piece
            ready += decoder.decode(piece, final=ended).encode("utf-8", "replace")
        taken, ready = ready[:size], ready[size:]
        return taken

    return next_bytes
