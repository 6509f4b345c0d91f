"""A tar as it streams by: entry after entry, forward only, with nothing held but the header at hand.

The standard library's tarfile reads the headers. It believes what they say, so it reads them through `_Feed`: a header
that claims megabytes, or a size below zero, ends the tar instead of the memory.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

from llmsecrets.images import Cut
from llmsecrets.reading import Read, exactly

_HEADERS = 1 << 20  # bytes that one entry's headers may take: long names and extended attributes
_BLOCK = 512
_PIECE = 1 << 20


class Entry(NamedTuple):
    """An entry's header. `size` is what it stores here, which for a sparse file is less than the file has.

    `name` uses surrogate escapes. `link` is what a symbolic or hard link points at; `folder` says it is one; what has
    neither and stores nothing may be a device.
    """

    name: str
    size: int
    link: str
    folder: bool


def entries(read: Read, *, skip: Callable[[int], object] | None = None) -> Iterator[tuple[Entry, Read]]:
    """Entries with a way to read what each stores, until the next is asked for.

    `skip` passes over so many bytes where that is cheaper than to read them. Raises Cut where the tar is damaged.
    """
    feed = _Feed(read)
    try:
        tar: Any = tarfile.TarFile(fileobj=cast(Any, feed), encoding="utf-8", errors="surrogateescape")
        if tar.firstmember is None:  # asked for more of an empty one, tarfile of Python 3.10 would go back
            feed.check_end()
            return
        while True:
            feed.allowed = _HEADERS
            member = tar.next()
            if member is None:
                feed.check_end()
                return
            tar.members.clear()
            tar.pax_headers.clear()
            stored = _Stored(feed, tar.offset - feed.position, min(member.size, tar.offset - feed.position), skip)
            yield Entry(member.name, stored.size, member.linkname, member.isdir()), stored.read
            if not stored.pass_over():
                return
    except tarfile.TarError as failure:
        if feed.position:  # else there is nothing at all: a layer of no bytes, which holds no files
            raise Cut("damaged", f"not a sound tar at byte {feed.position:,}: {failure}") from failure
    except (ArithmeticError, LookupError, ValueError, RecursionError) as failure:
        raise Cut("damaged", f"not a sound tar at byte {feed.position:,}: {failure}") from failure


class _Stored:
    """What an entry stores: `size` bytes, padded to `room`."""

    def __init__(self, feed: _Feed, room: int, size: int, skip: Callable[[int], object] | None) -> None:
        if room < 0 or size < 0:
            raise Cut("damaged", f"a tar header of a size below zero at byte {feed.position:,}")
        self._feed, self._room, self.size, self._skip = feed, room, size, skip
        self._left = size

    def read(self, size: int) -> bytes:
        piece = self._feed.take(min(size, self._left, _PIECE))
        self._left -= len(piece)
        self._room -= len(piece)
        return piece

    def pass_over(self) -> bool:
        """Go to the next header. False where the tar ends before it: umoci leaves the last entry's padding out."""
        if self._skip:
            self._skip(self._room)
            self._feed.position += self._room
            return True
        while self._left:
            self.read(self._left)
        return len(self._feed.read(self._room)) == self._room


class _Feed:
    """The file that tarfile reads headers from. It only moves forward."""

    def __init__(self, read: Read) -> None:
        self._read, self.position, self.allowed, self._last = read, 0, _HEADERS, b""

    def take(self, size: int) -> bytes:
        """Up to so many bytes, at least one: the stream must not end here."""
        piece = self._read(size) if size else b""
        if size and not piece:
            raise Cut("damaged", f"the tar ends in the middle of an entry, at byte {self.position:,}")
        self.position += len(piece)
        return piece

    def read(self, size: int) -> bytes:
        self.allowed -= size
        if size < 0 or self.allowed < 0:
            raise Cut("damaged", f"a tar header of more than {_HEADERS:,} bytes at byte {self.position:,}")
        self._last = exactly(self._read, size)
        self.position += len(self._last)
        return self._last

    def tell(self) -> int:
        return self.position

    def seek(self, position: int) -> None:
        raise Cut("damaged", f"a tar header that leads from byte {self.position:,} to byte {position:,}")

    def check_end(self) -> None:
        """A tar ends with a block of zeros, or with the stream; tarfile also ends at a header it cannot read."""
        if self._last.strip(b"\0") or len(self._last) % _BLOCK:
            raise Cut("damaged", f"no tar header at byte {self.position - len(self._last):,}")
