"""Archives and compressed files: their members as streams. Nothing is ever written to disk.

Everything in an archive may be hostile. Names are names only: no path is ever built of them. Links, devices and folders
are passed over. What is unpacked counts against a Budget, and damage ends the member or archive it is in.
"""

from __future__ import annotations

import io
import posixpath
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from lzma import LZMADecompressor, LZMAError
from typing import Any, BinaryIO, NamedTuple

from llmsecrets import magic
from llmsecrets.inside import salvage
from llmsecrets.inside.limits import Budget, LimitError
from llmsecrets.reading import Read, exactly

_PIECE = 1 << 18  # bytes unpacked at a time
_READS_BEYOND = 8  # times that tarfile may read at the end of a tar that is in order
_TAR_HEADERS = 1 << 20  # bytes that may stand between two members: long names, extended attributes
_ZSTD_PIECE = 512  # bytes unpacked at once: to 16 MiB at most
_XZ_MEMORY = 128 << 20  # `xz -9` needs 65 MiB to unpack
_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zstd", ".z")
# What the standard library raises over damaged or hostile archives; MemoryError where a header asks for too much.
DAMAGE = (
    OSError, EOFError, ValueError, ArithmeticError, LookupError, RuntimeError, MemoryError, struct.error,
    zlib.error, LZMAError, tarfile.TarError, zipfile.BadZipFile, zipfile.LargeZipFile,
)  # fmt: skip


class UnopenedError(Exception):
    """Not an archive that can be opened. `missing` says that a library would help."""

    def __init__(self, detail: str, *, missing: bool = False) -> None:
        super().__init__(detail)
        self.missing = missing


class Member(NamedTuple):
    """A file in an archive, to be read before the next one is asked for."""

    name: str
    stream: Stream


class Closed(NamedTuple):
    """A member that cannot be read, and why; `expected` where nobody could without a password."""

    name: str
    reason: str
    detail: str
    expected: bool = True


class Stream:
    """What something unpacks to. It ends where the data are damaged, and `trouble` says how."""

    def __init__(self, read: Read, budget: Budget | None) -> None:
        """`read` gives up to so many bytes, none at the end; without a budget, bytes that are counted already."""
        self._read, self._budget, self._ahead = read, budget, b""
        self.trouble = ""

    def read(self, size: int) -> bytes:
        """Up to so many bytes, empty at the end. Raises LimitError."""
        if self._ahead:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            return piece
        if self.trouble:
            return b""
        try:
            piece = self._read(min(size, _PIECE))
        except DAMAGE as failure:
            self.trouble = reason_of(failure)
            return b""
        if self._budget:
            self._budget.spend(len(piece))
        return piece

    def peek(self, size: int) -> bytes:
        """So many bytes, fewer only at the end; they are read again."""
        head = exactly(self.read, size)
        self._ahead = head + self._ahead if self._ahead else head
        return head


def reason_of(failure: BaseException) -> str:
    """What a library says of damage, in a line; a message may quote content, so it is cut short."""
    text = str(failure).splitlines()[0][:80] if str(failure) else ""
    return f"{type(failure).__name__}: {text}" if text else type(failure).__name__


def members(file: BinaryIO, kind: str, path: str, budget: Budget) -> Iterator[Member | Closed]:
    """The files in an archive, in the order in which they lie there.

    Raises UnopenedError, but not after the first, and LimitError. `path` is what the archive is called: a compressed
    file is its only member, named like it without the suffix.
    """
    if kind == "zip":
        return _zip_members(file, budget)
    if kind == "7z":
        return _seven_zip_members(file, budget)
    if kind == "tar":
        return _tar_members(Stream(file.read, budget), budget)
    return _unpacked(_decompressor(kind, file), path, budget)


def before_zip(file: BinaryIO) -> Read:
    """What stands before the first member of a zip: the program, in one that can be run."""
    with zipfile.ZipFile(file) as archive:
        left = min((info.header_offset for info in archive.infolist()), default=0)
    file.seek(0)

    def next_bytes(size: int) -> bytes:
        nonlocal left
        piece = file.read(min(size, left))
        left -= len(piece)
        return piece

    return next_bytes


# ---- compressed files and tar --------------------------------------------------------------------------------------


def _unpacked(read: Read, path: str, budget: Budget) -> Iterator[Member | Closed]:
    stream = Stream(read, budget)
    head = stream.peek(magic.HEAD)
    if not head and stream.trouble:
        raise UnopenedError(stream.trouble)
    if magic.kind_of(head) == "tar":
        yield from _tar_members(stream, budget)
        return
    budget.enter()
    name = posixpath.basename(path)
    yield Member(name.removesuffix(next((end for end in _SUFFIXES if name.lower().endswith(end)), "")), stream)


def _decompressor(kind: str, file: BinaryIO) -> Read:
    """A function that gives up to so many unpacked bytes. Concatenated streams are one."""
    if kind == "gzip":
        import gzip

        return gzip.GzipFile(fileobj=file).read1
    if kind == "bzip2":
        import bz2

        return _streams(bz2.BZ2Decompressor, file)
    if kind == "xz":
        return _streams(lambda: LZMADecompressor(memlimit=_XZ_MEMORY), file)
    return _zstd(file)


def _streams(begin: Callable[[], Any], file: BinaryIO) -> Read:
    """As lzma.open, which sets no limit on memory, and bz2.open, which passes over what stands behind the data."""
    decompressor = begin()

    def read(size: int) -> bytes:
        nonlocal decompressor
        while True:
            if decompressor.eof:
                rest = (decompressor.unused_data or file.read(_PIECE)).lstrip(b"\0")
                if not rest:
                    return b""
                decompressor = begin()
            else:
                rest = file.read(_PIECE) if decompressor.needs_input else b""
                if not rest and decompressor.needs_input:
                    raise EOFError("the compressed data end too early")
            piece: bytes = decompressor.decompress(rest, size)
            if piece:
                return piece

    return read


def _zstd(file: BinaryIO) -> Read:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14
    except ImportError:
        try:
            import zstandard
        except ImportError as failure:
            raise UnopenedError("to look into zstd: pip install 'llmsecrets[zstd]'", missing=True) from failure
        return _telling(zstandard.ZstdError, _zstd_frames(zstandard.ZstdDecompressor(), file))
    return _telling(zstd.ZstdError, zstd.ZstdFile(file).read1)


def _telling(error: type[Exception], read: Read) -> Read:
    """What tells of damage by an error of its own, as one that does by a ValueError."""

    def next_bytes(size: int) -> bytes:
        try:
            return read(size)
        except error as failure:
            raise ValueError(failure) from failure

    return next_bytes


def _zstd_frames(decompressor: Any, file: BinaryIO) -> Read:
    """As the stream_reader of zstandard, which takes data that break off for whole."""
    frame, packed, unpacked = decompressor.decompressobj(), b"", io.BytesIO()

    def read(size: int) -> bytes:
        nonlocal frame, packed, unpacked
        while not (piece := unpacked.read(size)):
            packed = packed or file.read(_ZSTD_PIECE)
            if frame.eof:
                if not packed:
                    return b""
                frame = decompressor.decompressobj()
            elif not packed:
                raise EOFError("the compressed data end too early")
            unpacked, packed = io.BytesIO(frame.decompress(packed)), frame.unused_data
        return piece

    return read


def _tar_members(stream: Stream, budget: Budget) -> Iterator[Member | Closed]:
    source = _Tar(stream)
    try:
        tar: Any = tarfile.open(fileobj=source, mode="r|", tarinfo=_Header)  # type: ignore[call-overload]  # noqa: SIM115 - nothing is held
    except DAMAGE as failure:
        raise UnopenedError(reason_of(failure)) from failure
    while True:
        try:
            source.allow(_TAR_HEADERS)
            info = tar.next()
            source.allow(None)
        except DAMAGE as failure:
            yield Closed("", "damaged archive", reason_of(failure))
            source.allow(None)
            break
        if info is None:
            break
        tar.members.clear()  # tarfile would remember them all
        if info.isreg():
            budget.enter()
            content = tar.extractfile(info)
            assert content is not None
            member = Stream(content.read, budget if info.issparse() else None)
            yield Member(_name(info.name), member)
            while member.read(_PIECE):  # what was not asked for; tarfile would hold it to be a header
                pass
    behind = Stream(_without_zeros(tar.fileobj.read), None)  # another tar, say
    if behind.peek(1):
        yield Member("", behind)
    if stream.trouble:
        yield Closed("", "damaged archive", stream.trouble)


def _without_zeros(read: Read) -> Read:
    """What is read, from the first byte on that is not zero."""
    begun = False

    def next_bytes(size: int) -> bytes:
        nonlocal begun
        piece = read(size)
        while piece and not begun:
            rest = piece.lstrip(b"\0")
            begun, piece = bool(rest), rest or read(size)
        return piece

    return next_bytes


class _Header(tarfile.TarInfo):
    """A header of a tar. At one that is damaged or cut off tarfile would end as if the tar did."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(tar)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as failure:  # type: ignore[attr-defined]
            raise ValueError(failure) from failure


class _Tar:
    """A stream for tarfile, which believes a header that claims to be gigabytes long, or that its member is."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._beyond = 0  # how often it was read after its end: tarfile would, for each block it believes in
        self._left: int | None = _TAR_HEADERS  # tarfile reads the first header when it opens a stream

    def allow(self, size: int | None) -> None:
        """How much may be read from here on; None for no limit."""
        self._left = size

    def read(self, size: int) -> bytes:
        piece = self._stream.read(size)
        if self._left is not None:
            self._left -= len(piece)
            if self._left < 0:
                raise ValueError("a header larger than a megabyte")
        self._beyond += not piece
        if self._beyond > _READS_BEYOND:
            raise EOFError("a member ends too early")
        return piece


# ---- zip -------------------------------------------------------------------------------------------------------------


def _zip_members(file: BinaryIO, budget: Budget) -> Iterator[Member | Closed]:
    try:
        archive, infos = _directory(file, budget)
    except UnopenedError as failure:
        yield from _salvaged(file, budget, failure)
        return
    end = 0
    for info in infos:
        budget.enter()
        overlaps, name = info.header_offset < end, _name(info.filename)
        end = max(end, info.header_offset + info.compress_size)
        if info.filename.endswith("/"):  # is_dir() fails on a name of nothing
            continue
        if info.flag_bits & 1:
            yield Closed(name, "encrypted", "a password is needed")
        elif overlaps:
            yield Closed(name, "damaged archive", "shares bytes with another member")
        else:
            yield _zip_member(archive, info, name, budget)
    if archive.comment:
        yield Member("", Stream(io.BytesIO(archive.comment).read, budget))


def _directory(file: BinaryIO, budget: Budget) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """A zip and its entries as they lie in it. Raises UnopenedError and LimitError."""
    _refuse_many(file, budget)
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGE as failure:
        raise UnopenedError(reason_of(failure)) from failure
    infos = sorted(archive.infolist(), key=lambda one: one.header_offset)
    if (not infos or infos[0].header_offset) and salvage.header_at(file, 0):
        raise UnopenedError("its directory is that of an archive within it")
    return archive, infos


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, budget: Budget) -> Member | Closed:
    try:
        return Member(name, Stream(archive.open(info).read1, budget))  # type: ignore[attr-defined]  # a ZipExtFile
    except DAMAGE as failure:
        return Closed(name, "damaged archive", reason_of(failure))


def _salvaged(file: BinaryIO, budget: Budget, failure: UnopenedError) -> Iterator[Member | Closed]:
    """The members of a zip that has no directory to go by; the failure is raised if its first one is not there."""
    if not salvage.header_at(file, 0):
        raise failure
    yield Closed("", "damaged archive", f"{failure}; its members are told by what stands before them")
    at = 0
    while (at := salvage.next_mark(file, at)) >= 0:
        budget.enter()
        header, at = salvage.header_at(file, at), at + 1
        if header is None or header.name.endswith("/"):
            continue
        name = _name(header.name)
        if header.encrypted:
            yield Closed(name, "encrypted", "a password is needed")
        elif not header.readable:
            yield Closed(name, "damaged archive", "nothing says where it ends")
        else:
            data = salvage.Data(file, header)
            stream = Stream(data.read, budget)
            yield Member(name, stream)
            while stream.read(_PIECE):  # what was not asked for
                pass
            at = at if stream.trouble else data.at


def _refuse_many(file: BinaryIO, budget: Budget) -> None:
    """Look at the size of a zip's directory before zipfile reads all of it into memory (APPNOTE.TXT 4.3.14, 4.3.16)."""
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - magic.ZIP_TAIL - 76))
    tail = file.read()
    at = magic.end_of_zip(tail)
    if at < 0:
        raise UnopenedError("the end of the zip is missing")
    (size,) = struct.unpack_from("<I", tail, at + 12)
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07") and tail[max(0, at - 76) : at].startswith(b"PK\x06\x06"):
        (size,) = struct.unpack_from("<Q", tail, at - 76 + 40)
    if size > length:
        raise UnopenedError("the directory of the zip is larger than the file")
    if size > budget.limits.members * 160:  # an entry is 46 bytes, a name and a few attributes
        raise LimitError(f"holds more than {budget.limits.members} members (--max-archive-members)")


# ---- 7z --------------------------------------------------------------------------------------------------------------


def _seven_zip_members(file: BinaryIO, budget: Budget) -> Iterator[Member | Closed]:
    """All members at once: the format packs them as one, and py7zr gives them no other way."""
    try:
        import py7zr
    except ImportError as failure:
        raise UnopenedError("to look into 7z: pip install 'llmsecrets[7z]'", missing=True) from failure
    shelf = _Shelf(budget)
    try:
        with py7zr.SevenZipFile(file) as archive:
            if archive.needs_password():
                yield Closed("", "encrypted", "a password is needed")
                return
            archive.extractall(factory=shelf)  # noqa: S202 - into the shelf
    except LimitError:
        raise
    except Exception as failure:  # py7zr and the codecs it calls have a dozen of their own
        raise UnopenedError(reason_of(failure)) from failure
    for name, content in shelf.held.items():
        budget.enter()
        yield Member(_name(name), Stream(io.BytesIO(content.getvalue()).read, budget))


class _Shelf:
    """Where py7zr puts members: memory, against the budget."""

    def __init__(self, budget: Budget) -> None:
        self.budget, self.held, self.size = budget, dict[str, _Held](), 0

    def create(self, name: str) -> _Held:
        return self.held.setdefault(name, _Held(self))


class _Held(io.BytesIO):
    def __init__(self, shelf: _Shelf) -> None:
        super().__init__()
        self._shelf = shelf

    def write(self, piece: Any) -> int:
        self._shelf.size += len(piece)
        if self._shelf.size > self._shelf.budget.limits.held:
            raise LimitError(f"a 7z archive of more than {self._shelf.budget.limits.held} bytes is not held in memory")
        return super().write(piece)

    def size(self) -> int:
        return len(self.getbuffer())

    def close(self) -> None:
        """Left open: what was written is read afterwards."""


def _name(name: str) -> str:
    """A member's name as paths are kept: stray bytes as surrogate escapes, surrogates that stand for none replaced."""
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "replace").decode()
    return name
