"""How far the content of one file is opened, and what has been spent of it."""

import time
from typing import NamedTuple

_INNOCENT = 64 << 20  # bytes any file may unpack to, however small it is: text of zeros or spaces packs very well


class Limits(NamedTuple):
    """What one file may cost, all that is nested in it included.

    `archive_depth`: archives within archives, 0 for opening none. `decode_depth`: encodings within encodings, 0 for
    decoding nothing. `size`: bytes unpacked. `ratio`: bytes unpacked a byte read, beyond the first 64 MiB. `members`:
    of archives. `seconds`: time until the last of it. `held`: bytes of a notebook, or of an archive within another one,
    that are held in memory; archive formats cannot be read from a stream.
    """

    archive_depth: int = 4
    decode_depth: int = 2
    size: int = 1 << 30
    ratio: int = 200
    members: int = 100_000
    seconds: int = 120
    held: int = 64 << 20


class LimitError(Exception):
    """A limit is reached; the text says which one and what its option is called."""


class Budget:
    """What is left of the limits while one file is opened."""

    def __init__(self, limits: Limits, packed: int) -> None:
        """`packed` is the size of the file as it is."""
        self.limits = limits
        self._most = min(limits.size, max(_INNOCENT, packed * limits.ratio))
        self._ends = time.monotonic() + limits.seconds
        self._size = self._members = 0

    def spend(self, size: int) -> None:
        """Count unpacked bytes. Raises LimitError."""
        self._size += size
        if self._size > self.limits.size:
            raise LimitError(f"unpacks to more than {self.limits.size} bytes (--max-archive-size)")
        if self._size > self._most:
            raise LimitError(f"unpacks to more than {self.limits.ratio} times its size (--max-archive-ratio)")
        if time.monotonic() > self._ends:
            raise LimitError(f"takes longer than {self.limits.seconds} s (--max-archive-seconds)")

    def enter(self) -> None:
        """Count a member. Raises LimitError."""
        self._members += 1
        self.spend(0)
        if self._members > self.limits.members:
            raise LimitError(f"holds more than {self.limits.members} members (--max-archive-members)")
