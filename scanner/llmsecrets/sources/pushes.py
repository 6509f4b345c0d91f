"""What a push brings in: of the commits it sends those that the other side has not, and the tags it sends.

Git's hooks say on standard input which refs are to move from where to where (githooks(5), "pre-push", "pre-receive").
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llmsecrets.errors import SourceError
from llmsecrets.git import Repository
from llmsecrets.model import Chunk, Provenance, Skip
from llmsecrets.sources import Excluded
from llmsecrets.sources.changes import RangeSource
from llmsecrets.sources.messages import message
from llmsecrets.sources.windows import of_bytes

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Update(NamedTuple):
    """A ref that is to move: the object it names now, or "" where it is new, and then, or "" where it is to go."""

    ref: str
    old: str
    new: str


def parse_pushed(text: str) -> list[Update]:
    """The lines a pre-push hook reads: local ref, local id, remote ref, remote id. Raises SourceError."""
    return [Update(ref, _id(old), _id(new)) for _, new, ref, old in _fields(text, 4)]


def parse_received(text: str) -> list[Update]:
    """The lines a pre-receive hook reads: old id, new id, ref. Raises SourceError."""
    return [Update(ref, _id(old), _id(new)) for old, new, ref in _fields(text, 3)]


def _fields(text: str, count: int) -> Iterator[list[str]]:
    for line in filter(None, text.split("\n")):  # not splitlines: a ref's name may hold what Unicode calls a line's end
        fields = line.split(" ", count - 1) if count == 3 else line.rsplit(" ", count - 1)
        if len(fields) != count:
            raise SourceError(f"{line!r} is not what git tells a hook", "Is the hook started by git?")
        yield fields


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise SourceError(f"{text!r} is not the id of an object", "Is the hook started by git?")
    return text if text.strip("0") else ""


class PushSource:
    """The content that refs' updates bring in: commits with their messages, annotated tags, files named by tags."""

    def __init__(
        self,
        repository: Repository,
        updates: Sequence[Update],
        words: Sequence[str],
        *,
        excluded: Excluded,
        max_size: int,
    ) -> None:
        """`words` tell rev-list what the other side already has, such as `--not --remotes=origin`."""
        self._repository, self._excluded, self._max_size = repository, excluded, max_size
        self._tips = list(dict.fromkeys(update.new for update in updates if update.new))
        # After a forced push by somebody else, the other side's tip may be an object we have never seen.
        there = [f"^{name}" for name, _ in repository.types([update.old for update in updates if update.old])]
        ids = [*self._tips, *there]
        self._commits = RangeSource(repository, words, ids=ids, excluded=excluded, max_size=max_size)
        self.commit_ids, self.content_at = self._commits.commit_ids, self._commits.content_at

    def shards(self, jobs: int) -> Sequence[Iterator[Chunk | Skip]]:
        return [itertools.chain(*self._commits.shards(jobs), self._tags())] if self._tips else []

    def _tags(self) -> Iterator[Chunk | Skip]:
        """Annotated tags, and what the odd tag names that leads to no commit."""
        tags = [object_id for object_id, kind in self._repository.types(self._tips) if kind == "tag"]
        while tags:
            nested = []
            for object_id, content, trouble in self._repository.blobs(tags, self._max_size):
                if content is None:
                    yield Skip(Provenance("", blob_id=object_id), "unreadable", trouble)
                else:
                    yield from message("tag", object_id, content)
                    nested += re.findall(rb"\Aobject ([0-9a-f]+)\ntype tag\n", content)
            tags = [object_id.decode() for object_id in nested]
        for object_id, kind in self._repository.types(self._tips, peeled=True):
            yield from self._files(object_id, kind)

    def _files(self, object_id: str, kind: str) -> Iterator[Chunk | Skip]:
        if kind not in ("blob", "tree"):
            return
        paths = self._repository.tree_paths(object_id) if kind == "tree" else {object_id: [f"tag/{object_id}"]}
        wanted = [blob_id for blob_id, names in paths.items() if not all(map(self._excluded, names))]
        for blob_id, content, trouble in self._repository.blobs(wanted, self._max_size):
            provenance = Provenance(paths[blob_id][0], blob_id=blob_id)
            if content is None:
                yield Skip(provenance, "unreadable", trouble)
            else:
                yield from of_bytes(content, provenance)
