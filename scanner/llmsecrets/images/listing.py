"""What a layer puts in place and takes away, and so what became of the files of those below it.

A later layer deletes a file by a whiteout (`.wh.name`), all of a folder by an opaque whiteout (`.wh..wh..opq`), or by
putting something else in the place of a folder (OCI image specification, layer.md).
"""

from __future__ import annotations

import posixpath
from array import array
from bisect import bisect_left
from hashlib import blake2b

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_KINDS = ("files", "folders", "gone", "emptied")


def normal(name: str) -> str:
    """A name as a path from the image's root: what lies outside of the root lies in it."""
    return posixpath.normpath(f"/{name}").lstrip("/")


def hashed(path: str) -> int:
    """Eight bytes that stand for a path."""
    return int.from_bytes(blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


class Listing:
    """One layer's paths, eight bytes each: a layer may have millions. Complete once `close` was called."""

    def __init__(self) -> None:
        self._paths = {kind: array("Q") for kind in _KINDS}

    def add(self, name: str, *, folder: bool = False) -> None:
        """Note one entry of the layer."""
        path = normal(name)
        parent, _, last = path.rpartition("/")
        if last == _OPAQUE:
            self._paths["emptied"].append(hashed(parent))
        elif last.startswith(_WHITEOUT) and not last.startswith(_WHITEOUT * 2):
            gone = last[len(_WHITEOUT) :]
            self._paths["gone"].append(hashed(f"{parent}/{gone}" if parent else gone))
        else:
            self._paths["folders" if folder else "files"].append(hashed(path))

    def close(self) -> None:
        """Make it ready to be asked."""
        self._paths = {kind: array("Q", sorted(paths)) for kind, paths in self._paths.items()}

    def fate(self, name: str) -> str:
        """What the layer does to a file of a layer below: "overwritten", "deleted", or nothing."""
        path = normal(name)
        if self._has("files", path) or self._has("folders", path):
            return "overwritten"
        above = _above(path)
        deleted = (
            self._has("gone", path)
            or any(self._has("gone", one) or self._has("emptied", one) or self._has("files", one) for one in above)
            or self._has("emptied", "")
        )
        return "deleted" if deleted else ""

    def dump(self) -> dict[str, bytes]:
        return {kind: paths.tobytes() for kind, paths in self._paths.items()}

    @classmethod
    def parse(cls, dumped: dict[str, bytes]) -> Listing:
        """What `dump` gave. Raises KeyError or ValueError."""
        listing = cls()
        for kind in _KINDS:
            listing._paths[kind].frombytes(dumped[kind])
        return listing

    def _has(self, kind: str, path: str) -> bool:
        paths, wanted = self._paths[kind], hashed(path)
        at = bisect_left(paths, wanted)
        return at < len(paths) and paths[at] == wanted


def _above(path: str) -> list[str]:
    """The folders a path lies in."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]
