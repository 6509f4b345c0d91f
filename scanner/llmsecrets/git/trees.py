"""The walk through a history that reads the trees itself: a commit costs what it changed, not all it holds."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, NamedTuple

from llmsecrets import forked
from llmsecrets.git.walk import ORDER, Process, Way

if TYPE_CHECKING:
    from llmsecrets.git import Repository
    from llmsecrets.packed._compiled import Trees
    from llmsecrets.packs import ObjectStore

_LARGEST = 256 << 20  # bytes of a tree
_PIECE = 1 << 16  # bytes of git's list of commits: some hundred of them
_OFTEN = 16  # such pieces after which memory is given back


def by_trees(
    repository: Repository, revisions: Sequence[str], opened: Callable[[], ObjectStore | None], tagged: bool = True
) -> Way | None:
    """Git lists the commits, and a process of our own reads their trees. It fails where not all is in order; None where
    this cannot be done here. `opened` is asked when git is already at work; `tagged`: not only commits are named.
    """
    if not forked.AVAILABLE:
        return None
    listing = repository.start("rev-list", *ORDER, "--no-commit-header", "--format=%H %T %P", *revisions)
    commits = listing.stdout
    assert commits is not None
    store = opened()
    if store is None or not store.walkable:
        with listing:
            listing.kill()
        return None

    def start(output: IO[bytes]) -> Process:
        def walk(wanted: forked.Wanted) -> None:
            tags = _tags(repository, revisions) if tagged else b""
            for lines in _lines(commits, store.trees(_Reader(repository)), tags, store.let_go):
                if not wanted():
                    return
                output.write(lines)
            output.flush()

        with commits:  # which only the other process reads
            return _Walking(listing, forked.Aside(walk))

    return start


class _Walking(NamedTuple):
    """The git that lists commits, and the process that reads their trees."""

    listing: subprocess.Popen[bytes]
    reading: forked.Aside

    def wait(self) -> int:
        """0 where both came to their ends."""
        read = self.reading.wait()
        return self.listing.wait() or read

    def kill(self) -> None:
        """End both, done or not."""
        self.reading.kill()
        self.listing.kill()


def _lines(listing: IO[bytes], trees: Trees, tags: bytes, let_go: Callable[[], None]) -> Iterator[bytes]:
    """What is to be written, many lines at a time. Raises ValueError where something is not in order."""
    yield trees.brought(listing.readline())
    yield tags
    rest = b""
    for number, piece in enumerate(iter(lambda: listing.read(_PIECE), b"")):
        commits, _, rest = (rest + piece).rpartition(b"\n")
        yield trees.brought(commits)
        if not number % _OFTEN:
            let_go()


def _tags(repository: Repository, revisions: Sequence[str]) -> bytes:
    """The lines for annotated tags, which git tells of with the first commit. Raises ValueError for anything else."""
    listing = repository.start("rev-list", *ORDER, "--objects", "--no-walk", "--filter=tree:0", *revisions)
    assert listing.stdout is not None
    with listing:
        tags = [line for line in listing.stdout if b" " in line]
    kinds = {kind for _, kind in repository.types([line.partition(b" ")[0].decode() for line in tags])} if tags else ()
    if listing.returncode or {*kinds} - {"tag"}:
        raise ValueError("refs or reflogs lead to something else")
    return b"".join(tags)


class _Reader:
    """Reads trees that lie in no pack, by a git that waits for the next question."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._git: subprocess.Popen[bytes] | None = None

    def __call__(self, object_id: bytes) -> bytes:
        """Raises ValueError where there is no such tree."""
        self._git = self._git or self._repository.start("cat-file", "--batch", feed=True)
        assert self._git.stdin is not None
        assert self._git.stdout is not None
        self._git.stdin.write(object_id.hex().encode() + b"\n")
        self._git.stdin.flush()
        _, kind, size = (*self._git.stdout.readline().split(), b"", b"", b"")[:3]
        if kind != b"tree" or int(size) > _LARGEST:
            raise ValueError(f"{object_id.hex()} is no tree, or none that can be read")
        return self._git.stdout.read(int(size) + 1)[:-1]
