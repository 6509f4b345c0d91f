"""What is left of a zip whose directory is missing or damaged: members by the headers that stand before each of them.

Such a header (APPNOTE.TXT 4.3.7) may leave out how long its member is. Deflated data say themselves where they end.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, NamedTuple

_MAGIC, _HEADER = b"PK\x03\x04", struct.Struct("<4s5H3I2H")
_STORED, _DEFLATED, _HIGHEST_METHOD = 0, 8, 99
_ENCRYPTED, _SIZE_FOLLOWS, _UTF_8 = 1, 8, 0x800  # of the flags
_NEWEST = 63  # version needed to extract: 6.3 is the last there is
_UNKNOWN = 0xFFFF_FFFF  # a size that is told elsewhere: in a zip of more than 4 GiB
_PIECE = 1 << 16  # bytes read at a time


class Header(NamedTuple):
    """What stands before a member: where its data begin, and how many bytes they are, or None if it does not say."""

    name: str
    method: int
    encrypted: bool
    start: int
    size: int | None

    @property
    def readable(self) -> bool:
        """Whether it can be told where the data end."""
        return self.method == _DEFLATED or (self.method == _STORED and self.size is not None)


def header_at(file: BinaryIO, at: int) -> Header | None:
    """The header of a member at a place; None where none stands there."""
    file.seek(at)
    raw = file.read(_HEADER.size)
    if len(raw) < _HEADER.size:
        return None
    magic, version, flags, method, _, _, _, size, _, name_size, extra_size = _HEADER.unpack(raw)
    name = file.read(name_size)
    if magic != _MAGIC or version & 0xFF > _NEWEST or method > _HIGHEST_METHOD or not name or len(name) < name_size:
        return None
    known = None if flags & _SIZE_FOLLOWS or size == _UNKNOWN else size
    text = name.decode("utf-8" if flags & _UTF_8 else "cp437", "replace")
    return Header(text, method, bool(flags & _ENCRYPTED), at + _HEADER.size + name_size + extra_size, known)


def next_mark(file: BinaryIO, start: int) -> int:
    """Where the next thing begins that looks like a header, or -1."""
    file.seek(start)
    rest = b""
    while piece := file.read(_PIECE):
        found = (rest + piece).find(_MAGIC)
        if found >= 0:
            return start - len(rest) + found
        rest, start = (rest + piece)[1 - len(_MAGIC) :], start + len(piece)
    return -1


class Data:
    """A member's unpacked bytes. `at` is how far into the file it has been read: at the end, where the next begins."""

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self._file, self.at = file, header.start
        self._left = header.size or 0
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if header.method == _DEFLATED else None

    def read(self, size: int) -> bytes:
        """Up to so many bytes, none at the end. Raises zlib.error, or EOFError where the file ends before."""
        return self._stored(size) if self._inflate is None else self._inflated(self._inflate, size)

    def _stored(self, size: int) -> bytes:
        piece = self._next(min(size, self._left)) if self._left else b""
        self._left -= len(piece)
        return piece

    def _inflated(self, inflate: zlib._Decompress, size: int) -> bytes:
        while not inflate.eof:
            piece = inflate.decompress(inflate.unconsumed_tail or self._next(_PIECE), size)
            if inflate.eof:
                self.at -= len(inflate.unused_data)
            if piece:
                return piece
        return b""

    def _next(self, size: int) -> bytes:
        self._file.seek(self.at)
        piece = self._file.read(size)
        if not piece:
            raise EOFError("the archive ends in the middle of it")
        self.at += len(piece)
        return piece
