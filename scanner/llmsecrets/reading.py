"""Reading from what gives only some of what was asked for: pipes, decompressors, members of archives."""

from __future__ import annotations

import io
from collections.abc import Callable

_PIECE = 1 << 20  # bytes asked for at a time
Read = Callable[[int], bytes]  # up to so many bytes; empty at the end


def exactly(read: Read, size: int, start: bytes = b"") -> bytes:
    """So many bytes, the first ones given, fewer only at the end."""
    content = io.BytesIO(start)  # unlike a list of pieces, it is never there twice
    missing = size - content.seek(0, io.SEEK_END)
    while missing > 0 and (piece := read(min(missing, _PIECE))):
        missing -= content.write(piece)
    return content.getvalue()
