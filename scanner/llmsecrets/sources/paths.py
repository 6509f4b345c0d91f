"""Files and folders as they are on disk.

Every regular file is read, binary or not; `.git` is left to the history source. Symbolic links are not followed (what
they lead to within the target is met there anyway, what lies outside was not asked for), except those named themselves.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from llmsecrets.errors import ConfigError
from llmsecrets.git import Repository
from llmsecrets.model import Chunk, Commit, Provenance, Skip
from llmsecrets.sources import Excluded
from llmsecrets.sources.windows import chunks

_PLAIN = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_WORTH_A_PROCESS = 64  # files: less is scanned sooner than shared out
_KINDS = ((stat.S_ISFIFO, "FIFO"), (stat.S_ISSOCK, "socket"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"))


class PathSource:
    """The files below the given paths, each scanned once however often it is named."""

    separable = True

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        excluded: Excluded,
        max_size: int,
        prefix: str = ".",
        use_gitignore: bool = False,
    ) -> None:
        """`prefix` is the current folder as seen from where reported paths start."""
        for path in paths:
            if _is_absent(path):
                raise ConfigError(f"{path}: no such file or folder", "Check the path.")
        self._paths, self._excluded, self._max_size = paths, excluded, max_size
        self._prefix, self._use_gitignore = prefix, use_gitignore

    def shards(self, jobs: int) -> Sequence[Iterator[Chunk | Skip]]:
        if jobs == 1:
            return [self._shard(self._files())]
        files = list(self._files())
        jobs = min(jobs, 1 + len(files) // _WORTH_A_PROCESS)
        if jobs == 1:
            return [self._shard(files)]
        from llmsecrets.forked import Queue  # late: a hook names few files

        queue = Queue(files)
        return [self._shard(queue) for _ in range(jobs)]

    def content_at(self, path: str, commit: Commit | None) -> Iterator[bytes] | None:
        """What stands at a path that reports show. A link is no file of its own."""
        if ".." in path.split("/"):
            return None
        place = os.path.join(os.path.relpath(os.curdir, self._prefix), path)  # noqa: PTH118
        try:
            descriptor = os.open(place, os.O_RDONLY | _PLAIN | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return iter(())
        except OSError as failure:
            return iter(()) if failure.errno == errno.ELOOP else None  # None for a file in the way: an archive, say
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > self._max_size:
                return iter(()) if stat.S_ISDIR(status.st_mode) else None
            return iter([bytes(chunk.data) for chunk in chunks(file.read, Provenance(path))])

    def _shard(self, queue: Iterable[str | Skip]) -> Iterator[Chunk | Skip]:
        for item in queue:
            if isinstance(item, Skip):
                yield item
            else:
                yield from self._file(item)

    def _files(self) -> Iterator[str | Skip]:
        seen: set[str] = set()
        place = os.path.abspath if len(self._paths) > 1 else str  # one path names no file twice
        for path in self._paths:
            for item in self._below(os.path.normpath(os.fspath(path))):
                if isinstance(item, Skip):
                    yield item
                elif place(item) not in seen:
                    seen.add(place(item))
                    yield item

    def _below(self, top: str) -> Iterator[str | Skip]:
        if not os.path.isdir(top):  # noqa: PTH112 - plain strings throughout: a Path each would double the walk
            glob = self._excluded(self._shown(top))
            return iter((self._skip(top, "excluded", f"by {glob}", expected=True) if glob else top,))
        if self._use_gitignore:
            return self._unignored(top)
        return self._walk(top)

    def _unignored(self, top: str) -> Iterator[str | Skip]:
        for path in Repository(Path(top)).unignored():
            yield from self._entry(os.path.normpath(os.path.join(top, path)))  # noqa: PTH118

    def _entry(self, path: str) -> Iterator[str | Skip]:
        """One listed file, unless it is gone, a link, a submodule's folder or excluded."""
        if not os.path.islink(path) and os.path.isfile(path) and not self._excluded(self._shown(path)):  # noqa: PTH113, PTH114
            yield path

    def _walk(self, top: str) -> Iterator[str | Skip]:
        """The files below a folder by their names, however deep it is."""
        waiting = [(top, True)]
        while waiting:
            path, folder = waiting.pop()
            if not folder:
                yield path
                continue
            try:
                waiting += reversed(list(self._listed(path)))
            except OSError as failure:
                yield self._skip(path, "unreadable", failure.strerror or str(failure))

    def _listed(self, folder: str) -> Iterator[tuple[str, bool]]:
        """What is to be looked at in a folder, and whether it is one itself."""
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        prefix = "" if folder == "." else folder + os.sep
        for entry in entries:
            path, below = prefix + entry.name, entry.is_dir(follow_symlinks=False)
            if not (entry.name == ".git" or entry.is_symlink() or self._excluded(self._shown(path) + "/" * below)):
                yield path, below

    def _file(self, path: str) -> Iterator[Chunk | Skip]:
        try:
            descriptor = os.open(path, os.O_RDONLY | _PLAIN)
        except OSError as failure:
            yield self._unopened(path, failure)
            return
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                yield self._skip(path, "not a file", _kind(status.st_mode), expected=True)
            elif status.st_size > self._max_size:
                yield self._skip(path, "too large", f"{status.st_size} bytes, more than --max-file-size")
            else:
                try:
                    yield from chunks(file.read, Provenance(self._shown(path)), reopen=lambda: open(path, "rb"))  # noqa: SIM115
                except OSError as failure:
                    yield self._skip(path, "unreadable", failure.strerror or str(failure))

    def _unopened(self, path: str, failure: OSError) -> Skip:
        if isinstance(failure, FileNotFoundError):
            return self._skip(path, "vanished", "gone before it could be read", expected=True)
        try:
            kind = _kind(os.lstat(path).st_mode)
        except OSError:
            kind = ""
        if kind:
            return self._skip(path, "not a file", kind, expected=True)
        return self._skip(path, "unreadable", failure.strerror or str(failure))

    def _shown(self, path: str) -> str:
        """The path as reports show it, with forward slashes."""
        path = path if os.sep == "/" else path.replace(os.sep, "/")
        if self._prefix == "." or path.startswith("/"):
            return path
        return posixpath.normpath(f"{self._prefix}/{path}")

    def _skip(self, path: str, reason: str, detail: str, *, expected: bool = False) -> Skip:
        return Skip(Provenance(self._shown(path)), reason, detail, expected)


def _is_absent(path: Path) -> bool:
    """Whether there is nothing of this name. What may not be known is for the scan to tell."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "")
