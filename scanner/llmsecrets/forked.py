"""Work in forked processes, for what the interpreter's lock would let only one thread do at a time.

A child inherits everything and sends back bytes; nothing is pickled. Where the system cannot fork, there are threads.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from llmsecrets.errors import LlmsecretsError

AVAILABLE = hasattr(os, "fork") and sys.platform != "darwin"  # macOS' own libraries do not survive a fork

Report = Callable[[int, int], None]  # a child tells how many blobs and bytes it has done
Task = Callable[[Report], bytes]
Wanted = Callable[[], bool]  # whether the parent still lives: else nobody waits for the result

_COUNTS = struct.Struct("<QQ")
_TICKET = struct.Struct("<H")
_PIECES = 1000  # that the things in a queue are drawn in, at most: their tickets fit in a pipe

Item = TypeVar("Item")


class Queue(Iterable[Item]):
    """Things to do, drawn by several processes or threads as each has time. Each iterates over its share."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items, self._size = items, -(-len(items) // _PIECES) or 1
        self._drawing, filling = os.pipe()
        pieces = -(-len(items) // self._size)
        with open(filling, "wb") as tickets:
            tickets.write(b"".join(_TICKET.pack(number) for number in range(pieces)))

    def __iter__(self) -> Iterator[Item]:
        while ticket := os.read(self._drawing, _TICKET.size):
            (number,) = _TICKET.unpack(ticket)
            yield from self._items[number * self._size : (number + 1) * self._size]

    def __del__(self) -> None:
        os.close(self._drawing)


class _Child(NamedTuple):
    pid: int
    pipe: int
    pieces: list[bytes]


def run(tasks: Sequence[Task], watch: Callable[[int, int], None]) -> list[bytes]:
    """The result of each task, each run in a process of its own. `watch` is told the sum of what they report.

    Where the system gives no more processes, what is left is run here, afterwards. Raises LlmsecretsError where a child
    ends without a result.
    """
    board = mmap.mmap(-1, _COUNTS.size * len(tasks))
    children: list[_Child] = []
    try:
        for number, task in enumerate(tasks):
            child = _start(task, board, number)
            if child is None:
                break
            children.append(child)
        _gather(children, board, watch)
        statuses = [os.waitpid(child.pid, 0)[1] for child in children]
    except BaseException:
        for child in children:
            _end(child)
        raise
    if any(statuses):
        raise LlmsecretsError("a worker process ended early", "Try again with -j 1, which says more.")
    left = tasks[len(children) :]
    return [*(b"".join(child.pieces) for child in children), *(task(lambda blobs, size: None) for task in left)]


class Aside:
    """One thing done in a process of its own, beside all else."""

    def __init__(self, task: Callable[[Wanted], None]) -> None:
        self._pid = _fork(task)  # while it runs
        self._code = 1

    def wait(self) -> int:
        """Its exit code, once it has ended: 0 only where the task was done."""
        if self._pid:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            self._pid = None
        return self._code

    def kill(self) -> None:
        """End it, done or not."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)


def _start(task: Task, board: mmap.mmap, number: int) -> _Child | None:
    receiving, sending = os.pipe()

    def work(wanted: Wanted) -> None:
        def report(blobs: int, size: int) -> None:
            if not wanted():
                os._exit(1)
            _COUNTS.pack_into(board, _COUNTS.size * number, blobs, size)

        result = task(report)
        with open(sending, "wb") as out:
            out.write(result)

    pid = _fork(work)
    os.close(sending)
    if pid is None:
        os.close(receiving)
        return None
    return _Child(pid, receiving, [])


def _fork(work: Callable[[Wanted], None]) -> int | None:
    """The id of a process that does the work; None where there are too many, or too little memory for one more."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        pid = os.fork()
    except OSError:
        return None
    if pid:
        return pid
    code = 1
    try:
        work(lambda: os.getppid() == parent)
        code = 0
    finally:
        os._exit(code)  # not a line of the parent's must run here


def _gather(children: Sequence[_Child], board: mmap.mmap, watch: Callable[[int, int], None]) -> None:
    """Read all pipes until each has ended."""
    open_pipes = {child.pipe: child for child in children}
    while open_pipes:
        ready, _, _ = select.select(list(open_pipes), [], [], 0.1)
        for pipe in ready:
            piece = os.read(pipe, 1 << 20)
            if piece:
                open_pipes[pipe].pieces.append(piece)
            else:
                os.close(pipe)
                del open_pipes[pipe]
        counts = [_COUNTS.unpack_from(board, _COUNTS.size * number) for number in range(len(children))]
        watch(sum(blobs for blobs, _ in counts), sum(size for _, size in counts))


def _end(child: _Child) -> None:
    """Stop a child and wait for it; one that has been waited for is no trouble."""
    try:
        os.kill(child.pid, 15)
        os.waitpid(child.pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return
