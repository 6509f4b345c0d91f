"""What stands at a path in a repository, asked once a scan has found something: a secret known elsewhere has moved if
it stands there no longer."""

from __future__ import annotations

from collections.abc import Iterator

from llmsecrets.git import Repository
from llmsecrets.model import Commit


class Trees:
    """The content at paths: in the tree of a commit, or without one in `today`, a revision or "" for the index."""

    def __init__(self, repository: Repository, today: str, max_size: int) -> None:
        self._repository, self._today, self._max_size = repository, today, max_size
        self._revision: str | None = None  # whose files are held: a mass rename asks for those of one commit
        self._files: dict[str, str] = {}

    def __call__(self, path: str, commit: Commit | None) -> Iterator[bytes] | None:
        """The file's content; nothing where there is none, None where that is not to be told."""
        revision = commit.sha if commit else self._today
        if revision != self._revision:
            self._files, self._revision = self._repository.files(revision), revision
        blob_id = self._files.get(path)
        if not blob_id:
            return None if self._is_inside_a_file(path) else iter(())
        ((_, content, _),) = self._repository.blobs([blob_id], self._max_size)
        return None if content is None else iter((content,))

    def _is_inside_a_file(self, path: str) -> bool:
        """Whether a file stands where the path has a folder, as an archive does on the way to its members."""
        return any(path[:at] in self._files for at, letter in enumerate(path) if letter == "/")
