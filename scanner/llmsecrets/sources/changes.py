"""What a change adds: the index against HEAD, or the commits of a range against their parents.

Whole new blobs are scanned, and what their earlier versions already held is not reported: a key that was there before
is not added by a change to another line, however the lines moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from llmsecrets.errors import ConfigError
from llmsecrets.git import Repository
from llmsecrets.git.changes import Change
from llmsecrets.git.commits import parse_commit
from llmsecrets.model import Chunk, Commit, Provenance, Skip
from llmsecrets.sources import Excluded
from llmsecrets.sources.messages import message
from llmsecrets.sources.standing import Trees
from llmsecrets.sources.windows import of_bytes

_GROUP = 500  # commits looked at together


class StagedSource:
    """The blobs of the index that differ from HEAD's."""

    def __init__(self, repository: Repository, *, excluded: Excluded, max_size: int) -> None:
        self._repository, self._excluded, self._max_size = repository, excluded, max_size
        self.content_at = Trees(repository, "", max_size)

    def shards(self, jobs: int) -> Sequence[Iterator[Chunk | Skip]]:
        changes = [(change, None) for change in self._repository.staged() if not self._excluded(change.path)]
        return [_scan(self._repository, changes, self._max_size)] if changes else []


class RangeSource:
    """What commits bring in, merges included: their files' new content, and their messages."""

    separable = True

    def __init__(
        self,
        repository: Repository,
        words: Sequence[str],
        *,
        excluded: Excluded,
        max_size: int,
        ids: Sequence[str] = (),
    ) -> None:
        """`words` are for rev-list; one that somebody typed has passed `typed`. `ids` are further commits' ids, or ^ids
        for what is not to be looked at."""
        self._repository, self._excluded, self._max_size = repository, excluded, max_size
        self.commit_ids = repository.commits(*words, ids=ids)
        self.content_at = Trees(repository, "HEAD", max_size)

    def shards(self, jobs: int) -> Sequence[Iterator[Chunk | Skip]]:
        """Stretches of the commits, the oldest first."""
        oldest_first = self.commit_ids[::-1]
        size = max(_GROUP, -(-len(oldest_first) // jobs))
        return [self._read(oldest_first[start : start + size]) for start in range(0, len(oldest_first), size)]

    def _read(self, commit_ids: Sequence[str]) -> Iterator[Chunk | Skip]:
        """What commits bring in. A group at a time, so that neither their number nor a time limit matters to what is
        held.
        """
        for start in range(0, len(commit_ids), _GROUP):
            group = commit_ids[start : start + _GROUP]
            details: dict[str, Commit] = {}
            for commit_id, content, trouble in self._repository.blobs(group, self._max_size):
                if content is None:
                    yield Skip(Provenance("", blob_id=commit_id), "unreadable", trouble)
                else:
                    details[commit_id] = parse_commit(commit_id, content)
                    yield from message("commit", commit_id, content, details[commit_id])
            changes = [
                (change, details.get(commit_id))
                for commit_id, changed in self._repository.changes(group, renames=True)
                for change in changed
                if not self._excluded(change.path)
            ]
            yield from _scan(self._repository, changes, self._max_size)


def typed(revisions: str) -> str:
    """A range or branch that somebody typed, as a word for rev-list. Raises ConfigError for what git would take for an
    option."""
    if not revisions or revisions.startswith("-"):
        raise ConfigError(f"{revisions!r} is not a range or branch", "Write it as --range A..B or --branch NAME.")
    return revisions


def _scan(
    repository: Repository, changes: Sequence[tuple[Change, Commit | None]], limit: int
) -> Iterator[Chunk | Skip]:
    contents = repository.blobs((change.blob_id for change, _ in changes), limit)
    for (change, commit), (blob_id, content, trouble) in zip(changes, contents, strict=False):
        provenance = Provenance(change.path, commit=commit, blob_id=blob_id)
        if content is None:
            yield Skip(provenance, "unreadable", trouble)
        else:
            previous = _earlier(repository, change.before, limit) if change.before else None
            yield from of_bytes(content, provenance, previous)


def _earlier(repository: Repository, ids: Sequence[str], limit: int) -> Callable[[], Iterable[bytes]]:
    """The contents of earlier versions, read only if there is a finding to compare with."""
    return lambda: (content for _, content, _ in repository.blobs(ids, limit) if content is not None)
