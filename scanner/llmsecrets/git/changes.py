"""Git's raw diffs: what a commit, or the index, changed (`git help diff`, "RAW OUTPUT FORMAT")."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

from llmsecrets.git.calls import text_of


class Change(NamedTuple):
    """A path a commit (or the index) changed: its new blob and the blobs it had before, one a parent that has it."""

    path: str
    mode: str
    blob_id: str
    before: tuple[str, ...]
    parents: int = 1

    @property
    def is_new(self) -> bool:
        """Whether some parent has nothing at this path: the file may have come from another one."""
        return len(self.before) < self.parents


def parse_raw(fields: Iterable[bytes]) -> list[Change]:
    """The changes of a raw diff's NUL-separated fields."""
    rest = iter(fields)
    return [change for field in rest if field for change in _change(field, rest)]


def by_commit(fields: Iterable[bytes], to: Container[str] | None = None) -> Iterator[tuple[str, list[Change]]]:
    """(commit id, its changes), of raw diffs with the id in front of each; all, or only those `to` some blobs.

    Paths may look like ids or records: what a field is, its place alone tells.
    """
    commit_id = ""
    changes: list[Change] = []
    rest = iter(fields)
    for field in rest:
        if field.startswith(b":"):
            changes += _change(field, rest, to)
        elif field:
            if commit_id:
                yield commit_id, changes
            commit_id, changes = field.decode(), []
    if commit_id:
        yield commit_id, changes


def _change(record: bytes, rest: Iterator[bytes], to: Container[str] | None = None) -> Iterator[Change]:
    """What a record says: a colon, mode and id for each parent, the new ones, a status; then a path, two if renamed.

    Nothing of a file that is gone, or of a submodule.
    """
    words = record.decode().split(" ")
    parents = words[0].count(":")
    mode, ids, status = words[parents], words[parents + 1 : -1], words[-1]
    path = next(rest)
    if status[0] in "RC" and parents == 1:
        path = next(rest)
    if to is not None and ids[-1] not in to:
        return
    if mode != "160000" and ids[-1].strip("0"):
        yield Change(text_of(path), mode, ids[-1], tuple(id for id in ids[:-1] if id.strip("0")), parents)
