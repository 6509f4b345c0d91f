"""The walk through a history that tells which commit brought each object in, and where."""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from llmsecrets.git.calls import text_of
from llmsecrets.rules.globs import path_matches

if TYPE_CHECKING:
    from llmsecrets.git import Repository


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


class Walk:
    """A `rev-list --objects` under way. Its output waits in an unnamed file, so that it needs nobody to read it."""

    def __init__(self, repository: Repository, revisions: Sequence[str], stdin: bytes) -> None:
        """`stdin` holds further revisions, one a line."""
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - both live as long as the walk
        self._input = tempfile.TemporaryFile()  # noqa: SIM115
        self._input.write(stdin)
        self._input.seek(0)
        self._process = subprocess.Popen(
            repository.command(
                "rev-list", "--objects", "--in-commit-order", "--date-order", "--reverse", "--missing=print",
                "--ignore-missing", *revisions, *(("--stdin",) if stdin else ()),
                # trees follow their bases closely, and a small cache of these stays in the processor's
                config=("core.deltaBaseCacheLimit=16m",),
            ),
            stdin=self._input, stdout=self._output, stderr=subprocess.DEVNULL, env=repository.environment,
        )  # fmt: skip

    def first_seen(self, wanted: Container[bytes], globs: Collection[str] = ()) -> Seen:
        """Where each of the objects wanted came in. Waits for the walk to end."""
        self._process.wait()
        self._output.seek(0)
        found = seen(self._output, wanted, globs)
        self.close()
        return found

    def objects(self) -> list[bytes]:
        """Ids of all objects met, commits and trees included. Waits for the walk to end."""
        self._process.wait()
        self._output.seek(0)
        lines = self._output.read().split(b"\n")  # a path may hold other ends of lines
        return [line.partition(b" ")[0] for line in lines if line and not line.startswith(b"?")]

    @property
    def broke_off(self) -> bool:
        """Whether git met something it could not read, and told nothing of what it would have met after that. Waits for
        the walk to end.
        """
        return self._process.wait() != 0

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
        self._input.close()


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
