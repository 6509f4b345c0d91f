"""A layer's bytes on their way to the tar reader: counted, hashed, unpacked, and stopped where limits say so."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from typing import IO, Any

from llmsecrets.images import Cut, Layer, Limits
from llmsecrets.reading import Read

_ALGORITHMS = {"sha256": 64, "sha512": 128}  # the two of the OCI image specification, with their lengths in hex
_SLACK = 64 << 20  # bytes that may come of anything before the ratio counts
_WINDOW = 1 << 27  # bytes of zstd's window: what its own tool accepts without --long
_PIECE = 1 << 20


def is_digest(text: object) -> bool:
    """Whether this is a digest that can be checked, such as sha256:…"""
    algorithm, _, value = text.partition(":") if isinstance(text, str) else ("", "", "")
    return len(value) == _ALGORITHMS.get(algorithm) and not value.strip("0123456789abcdef")


def verified(content: bytes, digest: str) -> bytes:
    """The content, if it has the digest. Raises Cut."""
    if digest and hashlib.new(digest.partition(":")[0], content).hexdigest() != digest.partition(":")[2]:
        raise Cut("wrong digest", f"the content does not have the digest {digest}")
    return content


def is_packed(start: bytes) -> bool:
    """Whether these are the first bytes of something packed with gzip, zstd, bzip2 or xz."""
    return start.startswith(tuple(magic for magic, _ in _FORMATS))


def unpacked(file: io.BufferedReader) -> Read:
    """The content of a file that may be packed."""
    start = file.peek(8)
    opener = next((opener for magic, opener in _FORMATS if start.startswith(magic)), None)
    return opener(file) if opener else file.read


class LayerStream:
    """The unpacked bytes of a layer. `read` raises Cut at a limit or damage; `finish` reads the rest and checks."""

    def __init__(self, layer: Layer, read: Read, limits: Limits) -> None:
        self._layer, self._limits = layer, limits
        self._packed = _Counted(read, layer.digest)
        self._unpacked = unpacked(io.BufferedReader(self._packed, _PIECE))
        self._content = _hash(layer.diff_id if not layer.digest else "")
        self._count = 0
        self._until = time.monotonic() + limits.seconds

    def read(self, size: int) -> bytes:
        try:
            piece = self._unpacked(min(size, _PIECE))
        except Cut:
            raise
        except Exception as failure:  # each decompressor has errors of its own
            raise Cut("damaged", f"cannot be unpacked: {failure or type(failure).__name__}") from failure
        self._count += len(piece)
        self._check()
        if self._content:
            self._content.update(piece)
        return piece

    def finish(self) -> bool:
        """Read what is left, and hold it to the digest. True where there was more than padding."""
        more = False
        while piece := self.read(_PIECE):
            more = more or bool(piece.strip(b"\0"))
        while self._packed.read(_PIECE):
            pass
        for digest, state in ((self._layer.digest, self._packed.hash), (self._layer.diff_id, self._content)):
            if state and state.hexdigest() != digest.partition(":")[2]:
                raise Cut("wrong digest", f"the content does not have the digest {digest}")
        return more

    def _check(self) -> None:
        count, limits = self._count, self._limits
        if count > limits.size:
            raise Cut("too large", f"more than {limits.size} bytes unpacked (--max-layer-size)")
        if count > _SLACK and count > limits.ratio * self._packed.count:
            raise Cut("bomb", f"unpacks to more than {limits.ratio} times its size (--max-layer-ratio)")
        if time.monotonic() > self._until:
            raise Cut("timeout", f"reading took longer than {limits.seconds} s (--max-layer-seconds)")


class _Counted(io.RawIOBase):
    """What a Read gives, as the decompressors want it."""

    def __init__(self, read: Read, digest: str) -> None:
        self._read, self.hash, self.count = read, _hash(digest), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._read(len(buffer))
        buffer[: len(piece)] = piece
        self.count += len(piece)
        if self.hash:
            self.hash.update(piece)
        return len(piece)


def _hash(digest: str) -> Any:
    return hashlib.new(digest.partition(":")[0]) if digest else None


def _gzip(packed: IO[bytes]) -> Read:
    import gzip

    return gzip.GzipFile(fileobj=packed).read


def _bzip2(packed: IO[bytes]) -> Read:
    import bz2

    return bz2.BZ2File(packed).read


def _xz(packed: IO[bytes]) -> Read:
    import lzma

    return lzma.LZMAFile(packed).read


def _zstd(packed: IO[bytes]) -> Read:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14
    except ImportError:
        return _zstd_by_library(packed)
    options = {zstd.DecompressionParameter.window_log_max: _WINDOW.bit_length() - 1}
    unpacking: Read = zstd.ZstdFile(packed, options=options).read
    return unpacking


def _zstd_by_library(packed: IO[bytes]) -> Read:
    try:
        import zstandard
    except ImportError as failure:
        raise Cut("zstd", "packed with zstd, which needs a library: pip install 'llmsecrets[zstd]'") from failure
    reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(packed, read_across_frames=True)
    read: Read = reader.read
    return read


_FORMATS: tuple[tuple[bytes, Callable[[IO[bytes]], Read]], ...] = (
    (b"\x1f\x8b", _gzip),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"BZh", _bzip2),
    (b"\xfd7zXZ\0", _xz),
)
