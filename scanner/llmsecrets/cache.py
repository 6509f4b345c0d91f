"""The user's cache folder: small files that only save time.

Files are written whole under a temporary name and renamed, readable by the user alone. Whatever cannot be read is
treated as absent, and whatever cannot be written costs time, never a result. Each file starts with a checksum of the
rest, or of the checksums of its pieces, so what is truncated or foreign is rebuilt instead of believed.
"""

from __future__ import annotations

import marshal
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any
from zlib import crc32

try:
    from _blake2 import blake2b  # hashlib's own, without the OpenSSL that hashlib loads: two milliseconds
except ImportError:
    from hashlib import blake2b

_MAGIC = b"llmsecrets-cache-3\n"
_FORMAT = 4  # of marshal, which every Python from 3.4 on reads
_CHECK_SIZE = 12  # what was written, and how much: hooks read megabytes, so no costly digest
_SETTLED = 2  # seconds after which a file's change shows in its times, however coarse a file system's clock
_KEEP = 40  # files of one kind kept; older ones are removed when a new one is written


def folder() -> Path:
    """Where caches live: LLMSECRETS_CACHE_DIR, else the platform's cache folder for the user."""
    override = os.environ.get("LLMSECRETS_CACHE_DIR")
    if override:
        return Path(override)
    if sys.platform == "linux":  # the common case without the cost of importing platformdirs
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118
        return Path(base) / "llmsecrets"
    from platformdirs import user_cache_path

    return user_cache_path("llmsecrets", appauthor=False)


def usable() -> bool:
    """Whether the folder can be written; it is made where it is not there."""
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder(), os.W_OK)


def key(*parts: bytes) -> str:
    """A file name made of the parts that decide whether a cached value still holds."""
    state = blake2b(digest_size=16)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


def code(*files: str | Path) -> bytes:
    """What some source files of this package say, as a part of a key: every installation gives them new times."""
    return b"".join(Path(file).read_bytes() for file in files)


def remembered(files: Sequence[Path], make: Callable[[], str]) -> str:
    """What `make` makes of what files say, remembered while they stay as they are: a hook need not read them."""
    try:
        stats = [file.stat() for file in files]
    except OSError:  # `make` tells what is wrong
        return make()
    stamps = [(one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in stats]
    name = f"{key(*map(os.fsencode, files), repr(stamps).encode())}.stamp"
    known = read(name)
    if known is not None:
        return known.decode()
    made = make()
    if max(one.st_ctime for one in stats) < time.time() - _SETTLED:
        write(name, made.encode())
    return made


def holds(name: str) -> bool:
    """Whether there is something under a name, intact or not."""
    return (folder() / name).exists()


def read(name: str) -> bytes | None:
    """The content stored under a name, or None where there is none or it is not intact."""
    try:
        with (folder() / name).open("rb") as file:  # in two pieces: hooks read megabytes, and need not copy them
            head, body = file.read(len(_MAGIC) + _CHECK_SIZE), file.read()
    except OSError:
        return None
    return body if head == _MAGIC + _check(body) else None


def write(name: str, body: bytes) -> bool:
    """Store content under a name; False where the folder cannot be written."""
    return _put(name, _MAGIC + _check(body) + body)


# ---- many pieces in one file ---------------------------------------------------------------------------------------


class Shelf:
    """Pieces kept in one file, each read and checked when it is asked for. `head` is a plain value, read at once."""

    def __init__(self, file: Path, beginning: int, head: Any, places: Mapping[Any, tuple[int, int, int]]) -> None:
        """`places`: key → how far behind the beginning its piece lies, its size, its checksum."""
        self.head = head
        self._file, self._beginning, self._places = file, beginning, places

    def get(self, key: str | int) -> bytes | None:
        """The piece of a key; None where there is none, or it is not intact."""
        if key not in self._places:
            return None
        offset, size, check = self._places[key]
        try:
            with self._file.open("rb", buffering=0) as file:
                file.seek(self._beginning + offset)
                piece = file.read(size)
        except OSError:
            return None
        return piece if crc32(piece) == check else None

    def every(self) -> dict[Any, bytes]:
        """All pieces that are intact, by their keys."""
        try:
            content = memoryview(self._file.read_bytes())[self._beginning :]
        except OSError:
            return {}
        pieces = ((key, bytes(content[offset : offset + size])) for key, (offset, size, _) in self._places.items())
        return {key: piece for key, piece in pieces if crc32(piece) == self._places[key][2]}


def shelf(name: str) -> Shelf | None:
    """What `shelve` has kept under a name; None where there is nothing, or not intact."""
    path = folder() / name
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(len(_MAGIC) + _CHECK_SIZE)
            index = file.read(min(int.from_bytes(start[-8:], "little"), os.fstat(file.fileno()).st_size))
        if start != _MAGIC + _check(index):
            return None
        head, places = marshal.loads(index)  # noqa: S302 - plain values, and ours by their checksum
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return Shelf(path, len(start) + len(index), head, places)


def shelve(name: str, head: Any, pieces: Mapping[Any, bytes]) -> bool:
    """Keep pieces by their keys (texts or numbers), with a plain value; False where the folder cannot be written."""
    offsets = accumulate(map(len, pieces.values()), initial=0)
    places = {
        key: (offset, len(piece), crc32(piece)) for offset, (key, piece) in zip(offsets, pieces.items(), strict=False)
    }
    index = marshal.dumps((head, places), _FORMAT)
    return _put(name, b"".join((_MAGIC, _check(index), index, *pieces.values())))


def _put(name: str, content: bytes) -> bool:
    target = folder() / name
    temporary = target.with_name(f".{name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(target)
        _prune(target)
    except OSError:
        temporary.unlink(missing_ok=True) if target.parent.is_dir() else None
        return False
    return True


def _check(body: bytes) -> bytes:
    return crc32(body).to_bytes(4, "little") + len(body).to_bytes(8, "little")


def _prune(written: Path) -> None:
    """Drop the oldest files of the same kind: every edit of a rule file leaves one behind."""
    siblings = sorted(written.parent.glob(f"*{written.suffix}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for stale in siblings[_KEEP:]:
        stale.unlink(missing_ok=True)
