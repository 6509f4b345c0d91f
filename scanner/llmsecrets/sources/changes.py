"""What a change adds: the index against HEAD, or the commits of a range against their parents.

Whole new blobs are scanned, and what their earlier versions already held is not reported: a key that was there before
is not added by a change to another line, however the lines moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from llmsecrets.errors import ConfigError, SourceError
from llmsecrets.git import Change, Repository
from llmsecrets.model import Chunk, Commit, Provenance, Skip
from llmsecrets.sources import Excluded
from llmsecrets.sources.windows import of_bytes


class StagedSource:
    """The blobs of the index that differ from HEAD's."""

    def __init__(self, repository: Repository, *, excluded: Excluded, max_size: int) -> None:
        if repository.bare:
            raise SourceError("a bare repository has nothing staged", "Scan its history: llmsecrets scan --history")
        self._repository, self._excluded, self._max_size = repository, excluded, max_size

    def shards(self, jobs: int) -> Sequence[Iterator[Chunk | Skip]]:
        changes = [(change, None) for change in self._repository.staged() if not self._excluded(change.path)]
        return [_scan(self._repository, changes, self._max_size)] if changes else []


class RangeSource:
    """What the commits of a range such as `main..topic` bring in, merges included.

    `limits` are further words for rev-list, such as `--since=2026-01-01` or `--max-count=10`.
    """

    def __init__(
        self,
        repository: Repository,
        revisions: str,
        *,
        excluded: Excluded,
        max_size: int,
        limits: Sequence[str] = (),
    ) -> None:
        if not revisions or (revisions.startswith("-") and not (limits and revisions == "--all")):
            raise ConfigError(f"{revisions!r} is not a range or branch", "Write it as --range A..B or --branch NAME.")
        self._repository, self._excluded, self._max_size = repository, excluded, max_size
        self.commit_ids = repository.commits(*limits, revisions)

    def shards(self, jobs: int) -> Sequence[Iterator[Chunk | Skip]]:
        details = self._repository.details(self.commit_ids)
        changes = [
            (change, details.get(commit_id))
            for commit_id, changed in self._repository.changes(self.commit_ids[::-1], renames=True)
            for change in changed
            if not self._excluded(change.path)
        ]
        return [_scan(self._repository, changes, self._max_size)] if changes else []


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
