"""The walk through a history that tells which commit brought each object in, and where."""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

from llmsecrets.git.calls import text_of
from llmsecrets.rules.globs import path_matches

if TYPE_CHECKING:
    from llmsecrets.git import Repository

ORDER = ("--date-order", "--reverse", "--ignore-missing")  # of commits, the oldest first


class Seen(NamedTuple):
    """What a walk came by.

    `places`: object id → (commit id, path) of those wanted. `missing`: ids of objects that are not there. `met`: glob →
    the paths it matches. `listing`: the ids of the commits in their order, a line each.
    """

    places: dict[str, tuple[str, str]]
    missing: list[str]
    met: dict[str, set[str]]
    listing: bytes

    def commits(self) -> Iterator[str]:
        """The ids of the commits, in their order."""
        return (line[:-1].decode() for line in io.BytesIO(self.listing))

    @property
    def order(self) -> dict[str, int]:
        """The numbers of the commits of `places`."""
        return self.numbers({commit_id for commit_id, _ in self.places.values()})

    def numbers(self, wanted: Container[str]) -> dict[str, int]:
        """How many commits came before each of those wanted."""
        return {one: number for number, one in enumerate(self.commits()) if one in wanted}


class Process(Protocol):
    """What is under way; `wait` gives 0 where it came to its end."""

    def wait(self) -> int: ...
    def kill(self) -> None: ...


Way = Callable[[IO[bytes]], Process]  # begins to write the list into a file


class Walk:
    """The list that `git rev-list --objects` prints, being written. It goes into an unnamed file, so that nobody need
    read it meanwhile.
    """

    def __init__(self, *ways: Way) -> None:
        """Where one of the ways to write it fails, the next is gone."""
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the walk
        self._process, *self._others = ways[0](self._output), *ways[1:]

    def _ended(self) -> int:
        """How it ended. Waits for that."""
        while self._process.wait() and self._others:
            self._output.seek(0)
            self._output.truncate()
            self._process = self._others.pop(0)(self._output)
        return self._process.wait()

    def first_seen(self, wanted: Container[bytes], globs: Collection[str] = ()) -> Seen:
        """Where each of the objects wanted came in. Waits for the walk to end."""
        self._ended()
        self._output.seek(0)
        found = seen(self._output, wanted, globs)
        self.close()
        return found

    def objects(self) -> list[bytes]:
        """Ids of all objects met, commits and trees included. Waits for the walk to end."""
        self._ended()
        self._output.seek(0)
        lines = self._output.read().split(b"\n")  # a path may hold other ends of lines
        return [line.partition(b" ")[0] for line in lines if line and not line.startswith(b"?")]

    @property
    def broke_off(self) -> bool:
        """Whether git met something it could not read, and told nothing of what it would have met after that. Waits for
        the walk to end.
        """
        return self._ended() != 0

    @property
    def is_whole(self) -> bool:
        """Whether all was there, to be asked before `first_seen`. Waits for the walk to end."""
        if self.broke_off:
            return False
        self._output.seek(0)
        return not any(line.startswith(b"?") for line in self._output)

    def close(self) -> None:
        """End the walk, finished or not."""
        self._process.kill()
        self._process.wait()
        self._output.close()


def by_git(repository: Repository, revisions: Sequence[str], stdin: bytes = b"") -> Way:
    """Git walks. `stdin` holds further revisions, one a line."""

    def start(output: IO[bytes]) -> Process:
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            command = repository.command(
                "rev-list", "--objects", "--in-commit-order", *ORDER, "--missing=print", *revisions,
                *(("--stdin",) if stdin else ()),
                # trees follow their bases closely, and a small cache of these stays in the processor's
                config=("core.deltaBaseCacheLimit=16m",),
            )  # fmt: skip
            return subprocess.Popen(
                command, stdin=given, stdout=output, stderr=subprocess.DEVNULL, env=repository.environment
            )

    return start


def seen(lines: Iterable[bytes], wanted: Container[bytes], globs: Collection[str] = ()) -> Seen:
    """What the lines say that rev-list prints: a commit's id, then those of the objects it brought in, with paths."""
    hinted = re.compile(b"|".join(sorted(re.escape(_hint(glob)) for glob in globs)) or b"(?!)")
    places: dict[str, tuple[str, str]] = {}
    missing: list[str] = []
    met: dict[str, set[str]] = {}
    commit, listing = b"", bytearray()
    for line in lines:
        object_id, space, path = line[:-1].partition(b" ")
        if not space:
            if object_id.startswith(b"?"):
                missing.append(object_id[1:].decode())
                continue
            commit = object_id
            listing += object_id + b"\n"
        if object_id in wanted:
            places.setdefault(object_id.decode(), (commit.decode(), text_of(path)))
        if hinted.search(path):
            for glob in globs:
                if path_matches(text_of(path), (glob,)):
                    met.setdefault(glob, set()).add(text_of(path))
    return Seen(places, missing, met, bytes(listing))


def sequence_of(commit_ids: Iterable[str]) -> str:
    """What stands for commits in this order."""
    return blake2b("".join(commit_ids).encode(), digest_size=16).hexdigest()


def _hint(glob: str) -> bytes:
    """The longest literal of a glob: what any path it matches must hold."""
    return max(re.split(r"[*?\[\]]+", glob), key=len).encode("utf-8", "surrogateescape")
