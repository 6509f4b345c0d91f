"""Git's raw diffs: what a commit, or the index, changed (`git help diff`, "RAW OUTPUT FORMAT")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from llmsecrets.git.calls import text_of


class Change(NamedTuple):
    """A path a commit (or the index) changed: its new blob and the blobs it had before, one a parent."""

    path: str
    mode: str
    blob_id: str
    before: tuple[str, ...]


def awaits_path(fields: Sequence[bytes]) -> bool:
    """Whether the next field of a raw diff must be a path (which may look like anything, an id included)."""
    if not fields:
        return False
    if fields[-1].startswith(b":"):
        return True
    return len(fields) >= 2 and fields[-2].startswith(b":") and fields[-2].split(b" ")[-1][:1] in (b"R", b"C")


def parse_raw(fields: Iterable[bytes]) -> Iterator[Change]:
    """Records of `--raw -z`: a colon, mode and id for each parent, the new ones, a status, a path (two if renamed)."""
    rest = iter(fields)
    for field in rest:
        if not field.startswith(b":"):
            continue
        parents = len(field) - len(field.lstrip(b":"))
        words = field.lstrip(b":").decode().split(" ")
        mode, ids, status = words[parents], words[parents + 1 : -1], words[-1]
        path = next(rest)
        if status[0] in "RC" and parents == 1:
            path = next(rest)
        if mode != "160000" and ids[-1].strip("0"):
            yield Change(text_of(path), mode, ids[-1], tuple(id for id in ids[:-1] if id.strip("0")))
