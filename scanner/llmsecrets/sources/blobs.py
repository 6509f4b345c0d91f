"""The objects of a repository as content to scan: from packs, versions of files as such, or as git reads them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from llmsecrets import magic
from llmsecrets.git import Repository
from llmsecrets.git.objects import BlobReader, Header, Stretch
from llmsecrets.model import Batch, Chunk, Content, Provenance, Skip
from llmsecrets.packs import Block, Family
from llmsecrets.sources.messages import MESSAGES, message
from llmsecrets.sources.windows import Reopen, chunks, is_marked, of_bytes

MISSING = "missing object"  # the reason of a skip
_STRETCH = 2 << 20  # bytes of small objects looked through at once: little enough to stay in the processor's cache
_LEAST_COPY = 512  # bytes a version shares with another, of which it is worth knowing
_MARKS = frozenset(b"\xff\xfe\x00") | magic.FIRST_BYTES  # what a byte order mark or an archive can start with
_TAR = magic.TAR_MAGIC[0]
_OPENED = 128 << 20  # bytes of the largest archive that is held in memory to be opened


class Blobs:
    """Reads blobs, and messages of commits and tags. Of what is larger than `max_size` bytes comes a skip."""

    def __init__(self, repository: Repository, max_size: int) -> None:
        self._repository, self._max_size = repository, max_size

    def read(self, blocks: Iterator[bytes]) -> Iterator[Content]:
        """The objects whose ids stand in `blocks`, a line each, as git gives them."""
        with BlobReader(self._repository, blocks) as reader:
            for item in reader.stretches(_STRETCH, min(_STRETCH, self._max_size)):
                if isinstance(item, Stretch):
                    yield _batch(item.data, item.starts, item.headers)
                elif item.type == "missing":
                    yield not_here(item.id)
                elif item.size is None:
                    yield Skip(Provenance("", blob_id=item.id), "unreadable", f"{item.type} object {item.id}")
                elif item.type in MESSAGES:
                    yield from message(item.type, item.id, reader.read(item.size) or b"")
                elif item.size > self._max_size:
                    if reader.discard(item.size):
                        detail = f"{item.size} bytes, more than --max-file-size"
                        yield Skip(Provenance("", blob_id=item.id), "too large", detail)
                else:
                    reopen = self._reopen(item.id) if item.size <= _OPENED else None
                    yield from _streamed(reader, item.size, Provenance("", blob_id=item.id), reopen)

    def versions(self, families: Iterable[Family]) -> Iterator[Content]:
        """The blobs that packs keep as versions of each other; then those of them that git is to read."""
        left: list[str] = []
        for family in families:
            for version in family.versions(min(_STRETCH, self._max_size), _LEAST_COPY):
                if isinstance(version, str):
                    left.append(version)
                elif _is_apart(version.data[: magic.HEAD]):
                    yield version._replace(blob_id="")
                    yield from of_bytes(version.data, Provenance("", blob_id=version.blob_id))
                else:
                    yield version
        yield from self.named(left)

    def objects(self, blocks: Iterable[Block]) -> Iterator[Content]:
        """The objects of blocks of a pack, many at a time; then those of them that git is to read."""
        left: list[str] = []
        contents: list[bytes] = []
        headers: list[Header] = []
        size = 0
        for block in blocks:
            for one in block.contents(min(_STRETCH, self._max_size)):
                if isinstance(one, str):
                    left.append(one)
                    continue
                if size > _STRETCH:
                    yield _joined(contents, headers)
                    contents, headers, size = [], [], 0
                object_id, content = one
                contents.append(content)
                headers.append(Header(object_id, block.type, len(content)))
                size += len(content)
        if headers:
            yield _joined(contents, headers)
        yield from self.named(left)

    def named(self, ids: Sequence[str]) -> Iterator[Content]:
        """The objects with these ids, as git gives them."""
        if ids:
            yield from self.read(iter(("\n".join(ids).encode(),)))

    def _reopen(self, blob_id: str) -> Callable[[], BinaryIO]:
        return lambda: io.BytesIO(next(content or b"" for _, content, _ in self._repository.blobs([blob_id], _OPENED)))


def not_here(blob_id: str) -> Skip:
    """A skip for an object that is not here."""
    return Skip(Provenance("", blob_id=blob_id), MISSING, "not in this clone")


def _joined(contents: Sequence[bytes], headers: Sequence[Header]) -> Batch:
    starts = list(itertools.accumulate((len(one) + 1 for one in contents[:-1]), initial=0))
    return _batch(memoryview(b"\n".join((*contents, b""))), starts, headers)


def _batch(data: memoryview, starts: list[int], headers: Sequence[Header]) -> Batch:
    """Objects of which the first begins at `starts[0]`, and so on; a byte more must come behind the last."""
    ends = [start + (header.size or 0) for start, header in zip(starts, headers, strict=True)]

    def chunk(index: int) -> Chunk:
        header, content = headers[index], bytes(data[starts[index] : ends[index]])
        if header.type in MESSAGES:
            return next(message(header.type, header.id, content))
        return next(of_bytes(content, Provenance("", blob_id=header.id)))

    apart = [
        index
        for index, start in enumerate(starts)
        if (data[start] in _MARKS or (ends[index] - start >= magic.HEAD and data[start + magic.TAR_AT] == _TAR))
        and headers[index].type == "blob"
        and _is_apart(bytes(data[start : min(start + magic.HEAD, ends[index])]))
    ]
    files = [index for index, header in enumerate(headers) if header.type == "blob"]
    return Batch(data, starts, ends, apart, files, chunk)


def _is_apart(head: bytes) -> bool:
    return is_marked(head) or bool(magic.kind_of(head))


def _streamed(reader: BlobReader, size: int, provenance: Provenance, reopen: Reopen) -> Iterator[Chunk]:
    """A blob too large to hold, window by window."""
    left = size

    def read(most: int) -> bytes:
        nonlocal left
        piece = reader.read_some(min(most, left))
        left -= len(piece)
        return piece

    yield from chunks(read, provenance, reopen=reopen)
    reader.discard(left)
