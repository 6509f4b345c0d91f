"""Objects streamed from git, many at a time."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from llmsecrets.git import Repository

_NEWLINE = ord("\n")


class Header(NamedTuple):
    """The line before an object's content; size is None for an object that is missing or corrupt, as `type` says."""

    id: str
    type: str
    size: int | None


class Stretch(NamedTuple):
    """A piece of git's output that holds whole objects, in a buffer that is reused for the next one.

    `headers[i]` describes the object that starts at `starts[i]`; it ends `headers[i].size` bytes further on.
    """

    data: memoryview
    starts: list[int]
    headers: list[Header]


class BlobReader:
    """Objects streamed through one `git cat-file --batch`, from blocks of ids (one a line).

    Iterating gives headers; after each one its whole content must be read or discarded. `stretches` gives many small
    objects at a time. Git gives up at an object it cannot read: that one comes out as "corrupt", and a new git goes on
    behind it.
    """

    def __init__(self, repository: Repository, blocks: Iterable[bytes]) -> None:
        self._repository, self._blocks = repository, iter(blocks)
        self._asked: deque[list[bytes]] = deque()  # blocks of ids written to git and not all answered
        self._answered = 0  # of the first of them
        self._ahead = b""  # output already taken from the pipe, before what is still in it
        self._start()

    def __enter__(self) -> BlobReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._out.close()
        self._feeder.join()
        self._process.wait()

    def __iter__(self) -> Iterator[Header]:
        while True:
            while (line := self._out.readline()) and self._is_next(header := _header(line)):
                yield self._announced(header)
            lost = self._restart()
            if lost is None:
                return
            yield lost

    def stretches(self, size: int, most: int) -> Iterator[Stretch | Header]:
        """All objects, in pieces of `size` bytes; a Header alone for one larger than `most`, or that cannot be had.

        After a Header with a size, its content must be read or discarded.
        """
        buffer = bytearray(size + 256)
        view = memoryview(buffer)
        while True:
            filled = 0
            while count := self._read_into(view[filled:]):
                filled += count
                starts, headers, parsed, torn = _parse_stretch(buffer, filled, most)
                sound = self._as_asked(headers)
                if sound < len(headers):  # the one before is not as long as git said
                    torn = True
                    del starts[max(sound - 1, 0) :], headers[max(sound - 1, 0) :]
                self._count_answers(len(headers))
                if headers:
                    yield Stretch(view[: starts[-1] + (headers[-1].size or 0) + 1], starts, headers)
                if torn:
                    self._give_up()
                    break
                rest = bytes(view[parsed:filled])
                filled = len(rest)
                view[:filled] = rest
                large = _first_header(rest)
                if large and (large[0].size is None or large[0].size > most):
                    self._ahead, filled = rest[large[1] :], 0
                    if not self._is_next(large[0]):
                        break
                    yield self._announced(large[0])
            lost = self._restart()
            if lost is None:
                return
            yield lost

    def read(self, size: int) -> bytes | None:
        """The content of the object just announced; None where git gave up within it, and tells so next."""
        content = self.read_some(size)
        while len(content) < size and (piece := self.read_some(size - len(content))):
            content += piece
        return content if self._end() else None

    def read_some(self, size: int) -> bytes:
        """A part of the content just announced. The caller counts, and discards what is left, be it nothing."""
        if not self._ahead:
            return self._out.read(size)
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken

    def discard(self, size: int) -> bool:
        """Step over the rest of an object's content. False as `read` gives None."""
        while size > 0 and (piece := self.read_some(min(size, 1 << 20))):
            size -= len(piece)
        return self._end()

    def _end(self) -> bool:
        """Step over the newline that follows an object's content: only then has git answered, and as it said."""
        whole = self.read_some(1) == b"\n"
        self._count_answers(whole)
        if not whole:
            self._give_up()
        return whole

    def _is_next(self, header: Header) -> bool:
        """Whether this is the answer that is due; if not, the object before was not as long as git said."""
        due = bool(self._as_asked([header]))
        if not due:
            self._give_up()
        return due

    def _as_asked(self, headers: list[Header]) -> int:
        """How many headers, from the first on, are of the objects that were asked for in their turn."""
        asked: list[bytes] = []
        answered = self._answered
        for block in list(self._asked):
            if len(asked) == len(headers):
                break
            asked += block[answered : answered + len(headers) - len(asked)]
            answered = 0
        pairs = zip(headers, asked, strict=False)
        return next((n for n, (one, word) in enumerate(pairs) if not one.id.startswith(word.decode())), len(headers))

    def _give_up(self) -> None:
        """Take no more from this git: what it says can no longer be told apart."""
        self._process.kill()
        self._out.read()
        self._ahead = b""

    def _announced(self, header: Header) -> Header:
        if header.size is None:
            self._count_answers(1)
        return header

    def _read_into(self, view: memoryview) -> int:
        if not self._ahead:
            return self._out.readinto(view)  # type: ignore[attr-defined,no-any-return]
        taken, self._ahead = self._ahead[: len(view)], self._ahead[len(view) :]
        view[: len(taken)] = taken
        return len(taken)

    def _start(self) -> None:
        # The cache must hold the bases of a pack's delta chains, or git inflates them again for every version.
        config = ("core.deltaBaseCacheLimit=512m",)
        self._process = self._repository.start("cat-file", "--batch", "--buffer", config=config, feed=True)
        assert self._process.stdout is not None
        self._out: IO[bytes] = self._process.stdout
        self._feeder = threading.Thread(target=self._feed, args=(self._process.stdin,), daemon=True)
        self._feeder.start()

    def _feed(self, stdin: IO[bytes]) -> None:
        """Write ids for git to look up, in a thread of its own: git answers before it has read them all."""
        try:
            with stdin:
                for block in self._blocks:
                    self._asked.append(block.split())
                    stdin.write(block + b"\n")
        except (BrokenPipeError, ValueError):  # git has ended: the reader finds out which ids were left
            return

    def _restart(self) -> Header | None:
        """After git has ended: None if it answered everything, else the object it gave up at, a new git started."""
        self._feeder.join()
        left = [object_id for block in self._asked for object_id in block][self._answered :]
        if not left:
            return None
        self.__exit__()
        self._blocks = itertools.chain((b"\n".join(left[1:]),) if left[1:] else (), self._blocks)
        self._asked, self._answered, self._ahead = deque(), 0, b""
        self._start()
        return Header(left[0].decode(), "corrupt", None)

    def _count_answers(self, count: int) -> None:
        self._answered += count
        while self._asked and self._answered >= len(self._asked[0]):
            self._answered -= len(self._asked.popleft())


def _header(line: bytes) -> Header:
    fields = line.split()
    if len(fields) == 3 and fields[2].isdigit():
        return Header(fields[0].decode(), fields[1].decode(), int(fields[2]))
    return Header(fields[0].decode() if fields else "", "missing", None)


def _first_header(data: bytes) -> tuple[Header, int] | None:
    """The header at the start of some output and where it ends, if it is there whole."""
    end = data.find(b"\n", 0, 256)
    return (_header(data[:end]), end + 1) if end >= 0 else None


def _parse_stretch(buffer: bytearray, filled: int, most: int) -> tuple[list[int], list[Header], int, bool]:
    """(starts, headers, bytes used) of the objects of at most `most` bytes that lie whole in the first `filled`; and
    whether the next one ends elsewhere than its header says.
    """
    starts: list[int] = []
    headers: list[Header] = []
    position = 0
    while (end := buffer.find(b"\n", position, min(filled, position + 256))) >= 0:
        header = _header(bytes(buffer[position:end]))
        if header.size is None or header.size > most or end + 1 + header.size >= filled:
            break
        if buffer[end + 1 + header.size] != _NEWLINE:
            return starts, headers, position, True
        starts.append(end + 1)
        headers.append(header)
        position = end + header.size + 2
    return starts, headers, position, False
