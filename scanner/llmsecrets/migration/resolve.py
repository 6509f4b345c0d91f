"""What other tools know by line or by digest, looked up once in the repository's real content.

What comes out are findings of our own engine: a baseline then holds their keyed digests, and lines may move. Where it
cannot be told which finding is meant, none is taken: an entry must never hide more than it did before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from llmsecrets import gitleaks
from llmsecrets.engine import Engine
from llmsecrets.git import Repository
from llmsecrets.inside import Limits, expand
from llmsecrets.migration import Known
from llmsecrets.model import Chunk, Finding, Provenance, Skip

_LIMIT = 64 << 20  # bytes of a file that is looked into
_MOST_VERSIONS = 200  # of a file without a commit, from the newest back
_TOKEN = re.compile(rb"[^\s\"'`<>()\[\]{},;]+")
_INNER = re.compile(rb"[=:@/&?|]+")


class Answer(NamedTuple):
    """The findings an entry stands for; without any, why. `needed`: something may be reported that was not before."""

    findings: Sequence[Finding]
    why: str = ""
    needed: bool = True


class _File(NamedTuple):
    """One version of a file: what is found in its bytes, and in the text inside (of a notebook, an archive)."""

    data: bytes
    raw: Sequence[Finding]
    inside: Sequence[Finding]


class Resolver:
    """Looks entries up. A version of a file is read and searched once, whatever the number of entries in it."""

    def __init__(
        self,
        root: Path,
        repository: Repository | None,
        engine: Engine,
        everything: Callable[[], Iterable[Finding]],
        known: Sequence[Known],
    ) -> None:
        """`everything` gives all findings of the files and the history; asked only for entries without a path.

        `known` are the entries that will be asked about: git is asked for all of them at once.
        """
        self._root, self._repository, self._engine, self._all = root, repository, engine, everything
        self._known = known
        self._searched: dict[tuple[str, str], _File | None] = {}

    def answer(self, known: Known) -> Answer:
        """What an entry stands for."""
        if not known.path:
            return self._anywhere(known)
        if not known.line and known.accepts is None:
            return Answer((), "neither a line nor a digest tells which finding it is")
        versions = (one for one in self._versions(known) if one is not None)
        found = None
        for version in versions:
            found = _chosen(known, version)
            if found.findings or found.needed:
                break
        missing = f"{known.path} is not there" + (f" in commit {known.commit[:12]}" if known.commit else "")
        return found or Answer((), missing)

    # ---- content

    def _versions(self, known: Known) -> Iterator[_File | None]:
        """The version an entry speaks of; without a commit the file as it is, then as it was, from the newest back."""
        path = self._relative(known.path)
        if known.commit:
            yield self._blob(self._blob_ids.get((known.commit, path), ""), path)
            return
        yield self._on_disk(path)
        if known.accepts is None:
            for blob_id in self._past.get(path, [])[:_MOST_VERSIONS]:
                yield self._blob(blob_id, path)

    def _relative(self, path: str) -> str:
        """A path as reports show it: from the root."""
        try:
            return Path(path).relative_to(self._root.resolve() if Path(path).is_absolute() else ".").as_posix()
        except ValueError:  # elsewhere: nothing will be found there
            return path

    @cached_property
    def _blob_ids(self) -> dict[tuple[str, str], str]:
        places = [(one.commit, self._relative(one.path)) for one in self._known if one.commit and one.path]
        return self._repository.blob_ids(places) if self._repository else {}

    @cached_property
    def _past(self) -> dict[str, list[str]]:
        paths = {self._relative(one.path) for one in self._known if one.path and not one.commit}
        return self._repository.versions_of(paths) if self._repository else {}

    def _on_disk(self, path: str) -> _File | None:
        file = self._root / path
        try:
            inside = file.resolve().is_relative_to(self._root.resolve())
            if not inside or not file.is_file() or file.stat().st_size > _LIMIT:
                return None
            return self._search("", path, file.read_bytes)
        except (OSError, ValueError):  # ValueError: a NUL in the path
            return None

    def _blob(self, blob_id: str, path: str) -> _File | None:
        repository = self._repository
        if repository is None or not blob_id:
            return None
        return self._search(blob_id, path, lambda: next(repository.blobs([blob_id], _LIMIT))[1])

    def _search(self, blob_id: str, path: str, read: Callable[[], bytes | None]) -> _File | None:
        key = (blob_id, path)
        if key not in self._searched:
            data = read()
            self._searched[key] = None if data is None else self._file(Chunk(data, Provenance(path)))
        return self._searched[key]

    def _file(self, chunk: Chunk) -> _File:
        raw = self._found(chunk)
        opened = [one for one in expand(chunk, Limits()) if not isinstance(one, Skip)]
        inside = raw if opened == [chunk] else [finding for one in opened for finding in self._found(one)]
        return _File(bytes(chunk.data), raw, inside)

    def _found(self, chunk: Chunk) -> list[Finding]:
        candidates, _ = self._engine.find(chunk)
        return [candidate.finding for candidate in candidates]

    # ---- entries without a path

    def _anywhere(self, known: Known) -> Answer:
        accepts = known.accepts
        found = [one for one in self._everything if accepts is not None and accepts(one.secret.reveal())]
        return Answer(found, "" if found else "no finding of ours, in files or history, is the secret it means")

    @cached_property
    def _everything(self) -> Sequence[Finding]:
        return list(self._all())


_NOTHING = "llmsecrets finds nothing there"


def _chosen(known: Known, file: _File) -> Answer:
    if known.accepts is not None:
        there = _accepted(known.accepts, file)
        why = _NOTHING if there else "the secret it means is not found in the file"
        return _with_all_places(there, file) if there else Answer((), why, needed=False)
    last = max(known.line, known.last_line)
    there = [one for one in file.raw if known.line <= one.location.end_line and one.location.start_line <= last]
    if not there:
        return Answer((), _NOTHING, needed=False)
    meant = _meant(known, there)
    if not meant:
        return Answer((), "several secrets stand there, and nothing tells which of them is meant")
    return _with_all_places(meant, file)


def _accepted(accepts: Callable[[bytes], bool], file: _File) -> list[Finding]:
    """The findings of the secret an entry means: those it accepts, else those that share bytes with what it accepts."""
    findings = [*file.raw, *file.inside]
    direct = [one for one in findings if accepts(one.secret.reveal())]
    if direct:
        return direct
    tokens = [token for token in _tokens(file.data) if accepts(token)]
    return [one for one in findings for token in tokens if one.secret.reveal() in token or token in one.secret.reveal()]


def _tokens(data: bytes) -> set[bytes]:
    """The words of a text and their parts between signs: what another tool may have taken for the secret."""
    words = {word for word in _TOKEN.findall(data) if len(word) <= 4096}
    parts = {part for word in words for part in _INNER.split(word)}
    behind = {word[found.end() :] for word in words for found in _INNER.finditer(word)}
    return words | parts | behind


def _meant(known: Known, there: Sequence[Finding]) -> list[Finding]:
    """Of the findings in an entry's lines those it is about: all, where they are one secret."""
    if len({one.secret for one in there}) == 1:
        return list(there)
    globs = (known.rule_id, *gitleaks.OURS.get(known.rule_id, ()), f"{known.rule_id.split('-')[0]}-*")
    first, last = known.columns
    for one_means in (
        [one for one in there if any(fnmatchcase(one.rule_id, glob) for glob in globs)],
        [one for one in there if last and first <= one.location.end_column and one.location.start_column <= last + 1],
    ):
        if len({one.secret for one in one_means}) == 1:
            return one_means
    return []


def _with_all_places(meant: Sequence[Finding], file: _File) -> Answer:
    """The same secrets wherever else they stand in the file, as a scan reports them."""
    secrets = {(one.family, one.secret) for one in meant}
    values = {one.secret for one in meant}
    same = [one for one in file.inside if (one.family, one.secret) in secrets or one.secret in values]
    return Answer(same or list(meant))
