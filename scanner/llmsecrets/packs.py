"""Git's pack files, read for what `git cat-file` cannot say: what a version shares with the one it was packed against.

A pack keeps most objects as deltas: "copy these bytes of that object, insert these". Read as such, a history is
scanned at the cost of what changed instead of that of every version whole. Only what is plainly in order is read here:
an object that is not (damaged, too large, in a format unknown) is left to git, which can tell why.

Formats: https://git-scm.com/docs/gitformat-pack (index version 2, pack version 2 and 3).
"""

from __future__ import annotations

import mmap
import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmsecrets.model import Copy, Version
from llmsecrets.packed import BLOB, COMMIT, TAG

try:
    from llmsecrets.packed import _compiled as packed
except ImportError:  # there was no compiler where this was installed
    from llmsecrets import packed  # type: ignore[no-redef]
try:
    from isal import isal_zlib as zlib  # inflates twice as fast
except ImportError:
    import zlib  # type: ignore[no-redef]

if TYPE_CHECKING:
    from llmsecrets.packed._compiled import Trees

_SMALL = 4096  # bytes of a blob whose versions are looked through whole sooner than compared
_HELD = 64 << 20  # bytes of ancestors held while a family is read
_BLOCK = 500  # objects stored whole that are read at a time
_LITTLE = 4096  # bytes, packed: a thousand times as much fits in the memory
_MAPPED = 16 << 20  # bytes of a pack read before their memory is given back
_LARGE_OFFSETS = 0x8000_0000
_HEX = frozenset("0123456789abcdef")
_TYPES = {BLOB: "blob", COMMIT: "commit", TAG: "tag"}


class UnreadError(ValueError):
    """A pack or an object that is left to git, and why."""


class Family(NamedTuple):
    """A blob stored whole, by its number in the pack, with all that are stored as deltas of it or of one of these."""

    pack: Pack
    root: int

    def versions(self, most: int, least: int) -> Iterator[Version | str]:
        """The blobs of the family; those that cannot be read here, or are larger than `most`, as ids only.

        Copies shorter than `least` are not told.
        """
        return self.pack.versions(self.root, most, least)


class Block(NamedTuple):
    """Objects of one type stored whole, by their numbers in the pack, with all that are stored as deltas of these."""

    pack: Pack
    type: str
    roots: Sequence[int]

    def contents(self, most: int) -> Iterator[tuple[str, bytes] | str]:
        """(id, content) of the objects; those that cannot be read here, or are larger than `most`, as ids only."""
        for root in self.roots:
            for version in self.pack.versions(root, most, most + 1):
                if isinstance(version, str):
                    yield version
                elif version.blob_id:
                    yield version.blob_id, version.data


class Pack:
    """One pack with its index. Objects are numbered in the order in which they lie in the pack."""

    def __init__(self, index: Path, id_size: int) -> None:
        """Raises UnreadError (or OSError) where index and pack do not belong together or are not understood."""
        raw = index.read_bytes()
        count, names, offsets = _parse_index(raw, id_size)
        with index.with_suffix(".pack").open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self._data[:4] != b"PACK" or struct.unpack(">I", self._data[8:12])[0] != count:
            raise UnreadError(f"{index}: is not the index of its pack")
        self._id_size = id_size
        self._names, self._offsets = packed.arrange(names, offsets), offsets
        if count and offsets[-1] >= len(self._data) - id_size:
            raise UnreadError(f"{index}: names an offset that its pack does not have")
        self._offsets.append(len(self._data) - id_size)
        self._types = bytearray(count)  # 0 where it is not known
        # of what is stored as a delta of an object, the last one; and of each of those the one before
        self._child, self._sibling = array("i", [-1]) * count, array("i", [-1]) * count
        self._roots = array("i")  # objects stored whole, but for trees
        self._large: set[int] = set()  # blobs of them that are not small
        self._left_out: set[int] = set()
        self._find_families()

    def __len__(self) -> int:
        return len(self._types)

    def leave_out(self, told: set[bytes]) -> set[bytes]:
        """From now on, tell nothing of these objects, kept elsewhere too. Returns them with all of this pack."""
        size = self._id_size
        ids = [self._names[at : at + size] for at in range(0, len(self._names), size)]
        if told:
            self._left_out = {number for number, object_id in enumerate(ids) if object_id in told}
        return told.union(ids)

    def unclassed(self) -> Iterator[str]:
        """Ids of the objects whose type is not known, as they lie in the pack."""
        return (
            self._id(number) for number, kind in enumerate(self._types) if not kind and number not in self._left_out
        )

    def families(self) -> list[Family]:
        """The blobs from which enough follows that reading them as versions pays."""
        return [Family(self, root) for root in self._roots if self._pays(root)]

    def blocks(self) -> Iterator[Block]:
        """The other blobs, the commits and the tags."""
        others = {kind: array("i") for kind in _TYPES}
        for root in self._roots:
            if not self._pays(root):
                others[self._types[root]].append(root)
        for kind, roots in others.items():
            yield from (Block(self, _TYPES[kind], roots[at : at + _BLOCK]) for at in range(0, len(roots), _BLOCK))

    def _pays(self, root: int) -> bool:
        return root in self._large and self._child[root] >= 0

    def versions(self, root: int, most: int, least: int) -> Iterator[Version | str]:
        """As `Family.versions`."""
        path: list[bytes] = []  # the contents from the root down to the blob at hand
        held = [0]  # how many bytes they are, up to each depth
        waiting = [(root, 0)]
        while waiting:
            number, depth = waiting.pop()
            del path[depth:], held[depth + 1 :]
            try:
                if held[-1] > _HELD:
                    raise UnreadError("the family is too large to hold")
                content, copies = self._content(number, path[-1] if path else None, most, least)
            except (ValueError, zlib.error, IndexError, OverflowError):  # type: ignore[misc]  # a class, not an instance
                yield from self._left(number)
                continue
            self._read += self._offsets[number + 1] - self._offsets[number]
            if self._read > _MAPPED:
                self.let_go()
            path.append(content)
            held.append(held[-1] + len(content))
            waiting += [(child, depth + 1) for child in self._children(number)]
            yield Version(content, "" if number in self._left_out else self._id(number), depth, copies)

    @property
    def tables(self) -> tuple[mmap.mmap, array[int], bytearray, bytes]:
        """Its bytes, and of the objects in it: offsets, types, ids one after the other."""
        return self._data, self._offsets, self._types, self._names

    def let_go(self) -> None:
        """Give back the memory that what was read of the pack is mapped to: the system keeps it for who asks again."""
        self._read = 0
        if hasattr(self._data, "madvise") and hasattr(mmap, "MADV_DONTNEED"):
            self._data.madvise(mmap.MADV_DONTNEED)

    def _left(self, number: int) -> Iterator[str]:
        """The ids of an object and all that follow from it."""
        waiting = [number]
        while waiting:
            number = waiting.pop()
            waiting += self._children(number)
            if number not in self._left_out:
                yield self._id(number)

    def _id(self, number: int) -> str:
        return self._names[number * self._id_size : (number + 1) * self._id_size].hex()

    def _find_families(self) -> None:
        """Types and descent of all objects, a stretch of the pack after the other."""
        first, count, offsets = 0, len(self._types), self._offsets
        while first < count:
            last = max(first + 1, bisect_right(offsets, offsets[first] + _MAPPED, first, count))
            found = packed.classify(self._data, offsets, first, last, self._types, self._child, self._sibling)
            self._roots.extend(found)
            self._large.update(one for one in found if self._types[one] == BLOB and self._size(one) >= _SMALL)
            self.let_go()
            first = last

    def _size(self, root: int) -> int:
        return packed.head(self._data, self._offsets[root], self._offsets[root + 1])[0]

    def _children(self, number: int) -> Iterator[int]:
        child = self._child[number]
        while child >= 0:
            yield child
            child = self._sibling[child]

    def _content(self, number: int, base: bytes | None, most: int, least: int) -> tuple[bytes, Sequence[Copy]]:
        """An object's content and what it shares with its base, if it has one."""
        end = self._offsets[number + 1]
        size, position = packed.head(self._data, self._offsets[number], end)
        if size > most:
            raise UnreadError("too large")
        inflated = _inflated(self._data[position:end], size)
        return (inflated, ()) if base is None else packed.applied(inflated, base, most, least)


def _parse_index(raw: bytes, id_size: int) -> tuple[int, bytes, array[int]]:
    """(number of objects, their ids in order of id, their offsets in the same order)."""
    if raw[:8] != b"\xfftOc\0\0\0\2" or len(raw) < 1032:
        raise UnreadError("not an index of version 2")
    count = struct.unpack(">I", raw[1028:1032])[0]
    names_end = 1032 + count * id_size
    small_at = names_end + 4 * count
    large_at = small_at + 4 * count
    if len(raw) < large_at + 2 * id_size:
        raise UnreadError("the index is cut short")
    small, large = array("I", raw[small_at:large_at]), array("Q", raw[large_at : -2 * id_size])
    if struct.pack("=I", 1) != struct.pack(">I", 1):
        small.byteswap()
        large.byteswap()
    try:
        offsets = array("Q", (large[one - _LARGE_OFFSETS] if one >= _LARGE_OFFSETS else one for one in small))
    except IndexError as failure:
        raise UnreadError("the index names an offset it does not hold") from failure
    return count, raw[1032:names_end], offsets


def _inflated(compressed: bytes, size: int) -> bytes:
    if len(compressed) < _LITTLE:
        content, ended = zlib.decompress(compressed), True
    else:
        stream = zlib.decompressobj()
        content, ended = stream.decompress(compressed, size + 1), stream.eof
    if len(content) != size or not ended:
        raise UnreadError("the object has another size than it says")
    return content


class ObjectStore:
    """All objects of a repository, wherever they are kept: what packs hold, and what git is to read."""

    def __init__(self, packs: Sequence[Pack], loose: Sequence[str], id_size: int) -> None:
        self._packs, self._loose, self._id_size = packs, loose, id_size
        told = {bytes.fromhex(object_id) for object_id in loose}
        for pack in sorted(packs, key=len) if told or len(packs) > 1 else ():
            told = pack.leave_out(told)

    @classmethod
    def open(cls, folder: Path, id_size: int) -> ObjectStore | None:
        """That of an objects folder and its alternates; None where some of it is not understood."""
        try:
            folders = list(_with_alternates(folder, 0))
            packs = [Pack(index, id_size) for one in folders for index in sorted((one / "pack").glob("pack-*.idx"))]
            loose = {object_id for one in folders for object_id in _loose(one, id_size)}
        except (OSError, ValueError, struct.error, IndexError):
            return None
        return cls(packs, sorted(loose), id_size)

    def families(self) -> list[Family]:
        """Blobs with many that follow from them."""
        return [family for pack in self._packs for family in pack.families()]

    def blocks(self) -> list[Block]:
        """Packed blobs of no such family, commits and tags."""
        return [block for pack in self._packs for block in pack.blocks()]

    @property
    def walkable(self) -> bool:
        """Whether `trees` can be had: what walks them is compiled, or not there."""
        return hasattr(packed, "Trees")

    def trees(self, read: Callable[[bytes], bytes]) -> Trees:
        """The trees, to be walked. `read` gives those that lie in no pack, or as a delta of what is named by its id."""
        loose = bytes.fromhex("".join(self._loose))
        return packed.Trees([pack.tables for pack in self._packs], loose, self._id_size, _inflated, read)

    def let_go(self) -> None:
        """Give back the memory that what was read is mapped to."""
        for pack in self._packs:
            pack.let_go()

    def unclassed(self) -> list[str]:
        """Ids of objects whose type is for git to tell."""
        return [*(object_id for pack in self._packs for object_id in pack.unclassed()), *self._loose]


def _with_alternates(folder: Path, depth: int) -> Iterator[Path]:
    if depth > 5:  # as git has it
        raise UnreadError(f"{folder}: alternates of alternates without end")
    yield folder
    listed = folder / "info" / "alternates"
    for line in listed.read_text("utf-8", "surrogateescape").splitlines() if listed.exists() else ():
        if line.startswith('"'):
            raise UnreadError(f"{listed}: a quoted path")
        if line and not line.startswith("#"):
            yield from _with_alternates(folder / line, depth + 1)


def _loose(folder: Path, id_size: int) -> Iterator[str]:
    """Ids of the objects that have a file of their own."""
    for start in range(256):
        below = folder / f"{start:02x}"
        if below.is_dir():
            ids = (f"{start:02x}{one.name}" for one in below.iterdir())
            yield from (one for one in ids if len(one) == 2 * id_size and not set(one) - _HEX)
