"""A repository's whole history, read as objects.

Every blob is scanned once, however many commits, branches and merges show it, and so are the messages of commits and
annotated tags. Git streams the objects in the order of its packs; where they came from is walked meanwhile and looked
up afterwards, for those with findings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from llmsecrets.git import BlobReader, Header, Repository
from llmsecrets.model import Candidate, Chunk, Container, Provenance, Skip, Standing
from llmsecrets.sources import WINDOW, Excluded, Found
from llmsecrets.sources.windows import chunks, of_bytes

# Where git itself keeps these texts while they are written: a path no tracked file can have.
MESSAGES = {"commit": ("commit message", ".git/COMMIT_EDITMSG"), "tag": ("tag message", ".git/TAG_EDITMSG")}
Misplaced = Callable[[Candidate, str], bool]  # whether a path alone decides against a candidate
_EVERYTHING = ("--all", "--reflog")
_REFS_LOOKED_AT = 20
_REFS_NAMED = 5


class HistorySource:
    """All objects reachable from any ref or reflog; with `unreachable`, the rest of the object database too."""

    def __init__(self, repository: Repository, *, excluded: Excluded, max_size: int, unreachable: bool = False) -> None:
        self._repository, self._excluded, self._max_size = repository, excluded, max_size
        self._unreachable = unreachable
        self._walk = repository.walk(*_EVERYTHING)
        self.skips: list[Skip] = []

    def shards(self, jobs: int) -> Sequence[Iterator[Chunk | Skip]]:
        blocks = _Blocks(self._repository.every_object(("blob", *MESSAGES)))
        return [self._shard(blocks) for _ in range(jobs)]

    def _shard(self, blocks: Iterator[bytes]) -> Iterator[Chunk | Skip]:
        buffer = bytearray(1 << 20)
        with BlobReader(self._repository, blocks) as reader:
            for header in reader:
                provenance = Provenance("", blob_id=header.id)
                if header.size is None:
                    yield Skip(provenance, "unreadable", f"{header.type} object {header.id}")
                elif header.type in MESSAGES:
                    yield from _message(reader, header)
                elif header.size > self._max_size:
                    reader.discard(header.size)
                    yield Skip(provenance, "too large", f"{header.size} bytes, more than --max-file-size")
                elif header.size >= WINDOW:
                    yield from _streamed(reader, header.size, provenance)
                elif header.size:
                    if header.size > len(buffer):
                        buffer = bytearray(header.size)
                    view = memoryview(buffer)[: header.size]
                    reader.read_into(view)
                    if buffer.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
                        yield from of_bytes(bytes(view), provenance)
                    else:
                        yield Chunk(view, provenance)
                else:
                    reader.end()

    def attribute(self, found: Sequence[Found], misplaced: Misplaced) -> Sequence[Found]:
        """Each blob's findings at the commit and path that first held it; without those no ref leads to."""
        by_id = _by_blob(found)
        places, missing = self._walk.first_seen({blob_id.encode() for blob_id in by_id})
        self.skips = [Skip(Provenance("", blob_id=blob_id), "missing object", blob_id) for blob_id in missing]
        if self._unreachable:
            places.update(self._dangling(by_id.keys() - places.keys()))
        placed = list(self._placed(by_id, places))
        elsewhere = {
            one.provenance.blob_id for one in placed if all(misplaced(c, one.provenance.path) for c in one.candidates)
        }
        return placed + list(self._further(by_id, placed, elsewhere - {None})) if elsewhere else placed

    def _placed(self, by_id: Mapping[str, Found], places: Mapping[str, tuple[str, str]]) -> Iterator[Found]:
        targets = (_target(by_id[blob_id]) for blob_id in places)
        commits = self._repository.details(filter(None, (*targets, *(commit for commit, _ in places.values()))))
        introduced = _introduced(self._repository, {commit for commit, path in places.values() if path}, by_id)
        tips = _Tips(self._repository)
        for blob_id, (commit_id, walked) in places.items():
            found = by_id[blob_id]
            commit = commits.get(commit_id)
            if found.provenance.kind != "file":
                yield found._replace(provenance=found.provenance._replace(commit=commits.get(_target(found), commit)))
                continue
            brought_in = introduced.get((commit_id, blob_id)) or [walked]
            for path in dict.fromkeys([*brought_in, *tips.paths(blob_id)]):
                if not self._excluded(path):
                    provenance = Provenance(path, commit=commit if path in brought_in else None, blob_id=blob_id)
                    yield found._replace(provenance=provenance, standing=tips.standing(blob_id))

    def _further(
        self, by_id: Mapping[str, Found], placed: Sequence[Found], blob_ids: Set[str | None]
    ) -> Iterator[Found]:
        """Other places of blobs whose findings the paths seen so far decide against. Costly, and rarely needed."""
        known = {(one.provenance.blob_id, one.provenance.path) for one in placed}
        seen = list(self._repository.places_of([blob_id for blob_id in blob_ids if blob_id]))
        commits = self._repository.details(commit_id for commit_id, _, _ in seen)
        for commit_id, blob_id, path in reversed(seen):
            if (blob_id, path) not in known and not self._excluded(path):
                known.add((blob_id, path))
                yield by_id[blob_id]._replace(
                    provenance=Provenance(path, commit=commits.get(commit_id), blob_id=blob_id)
                )

    def _dangling(self, blob_ids: Set[str]) -> dict[str, tuple[str, str]]:
        """Places of objects that no ref leads to: those of unreachable commits, else none but the object itself."""
        lost = b"\n".join(self._repository.every_object(("commit",)))
        walk = self._repository.walk("--not", *_EVERYTHING, "--not", stdin=lost)
        places, _ = walk.first_seen({blob_id.encode() for blob_id in blob_ids})
        return {blob_id: places.get(blob_id, ("", f"unreachable/{blob_id}")) for blob_id in blob_ids}


def _by_blob(found: Sequence[Found]) -> dict[str, Found]:
    """One entry a blob: the windows of a large one come separately."""
    merged: dict[str, Found] = {}
    for one in found:
        blob_id = one.provenance.blob_id or ""
        before = merged.get(blob_id)
        merged[blob_id] = before._replace(candidates=before.candidates + one.candidates) if before else one
    return merged


def _introduced(
    repository: Repository, commit_ids: Set[str], wanted: Mapping[str, object]
) -> dict[tuple[str, str], list[str]]:
    """(commit, blob) → the paths at which the commit brought the blob in."""
    paths: dict[tuple[str, str], list[str]] = {}
    for commit_id, changes in repository.changes(sorted(commit_ids)):
        for change in changes:
            if change.blob_id in wanted:
                paths.setdefault((commit_id, change.blob_id), []).append(change.path)
    return paths


class _Tips:
    """What stands today: at HEAD and at the tips of the newest refs."""

    def __init__(self, repository: Repository) -> None:
        self._head = repository.tree_paths("HEAD")
        self._refs = {name: repository.tree_paths(tree) for name, tree in repository.tips(_REFS_LOOKED_AT)}

    def paths(self, blob_id: str) -> Iterator[str]:
        """Where a blob stands at HEAD and the tips."""
        for tree in (self._head, *self._refs.values()):
            yield from tree.get(blob_id, ())

    def standing(self, blob_id: str) -> Standing:
        refs = tuple(name for name, tree in self._refs.items() if blob_id in tree)
        return Standing(blob_id in self._head, refs[:_REFS_NAMED], 1)


class _Blocks(Iterator[bytes]):
    """Blocks of ids that several threads take from in turn."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._lock = blocks, threading.Lock()

    def __next__(self) -> bytes:
        with self._lock:
            return next(self._blocks)


def _message(reader: BlobReader, header: Header) -> Iterator[Chunk]:
    """What stands below the headers of a commit or tag."""
    assert header.size is not None
    kind, path = MESSAGES[header.type]
    head, _, message = reader.read(header.size).partition(b"\n\n")
    containers = (_tag(head),) if header.type == "tag" else ()
    return of_bytes(message, Provenance(path, containers, blob_id=header.id, kind=kind))


def _tag(head: bytes) -> Container:
    fields = {name: value for name, _, value in (line.partition(b" ") for line in head.splitlines())}
    name, target = (fields.get(key, b"").decode("utf-8", "replace") for key in (b"tag", b"object"))
    return Container("tag", name, (("object", target),))


def _target(found: Found) -> str:
    """The commit a message belongs to: what a tag points at, or the commit itself."""
    containers = found.provenance.containers
    if containers:
        return dict(containers[0].facts)["object"]
    return found.provenance.blob_id or "" if found.provenance.kind == "commit message" else ""


def _streamed(reader: BlobReader, size: int, provenance: Provenance) -> Iterator[Chunk]:
    """A blob too large to hold, window by window."""
    left = size

    def read(most: int) -> bytes:
        nonlocal left
        piece = reader.read_some(min(most, left))
        left -= len(piece)
        return piece

    yield from chunks(read, provenance)
    reader.discard(left)
