"""The walk through a damaged history: `git rev-list` gives up at the first commit or tree that it cannot read."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from llmsecrets.git.commits import parse_links

if TYPE_CHECKING:
    from llmsecrets.git import Repository

_LIMIT = 64 << 20  # bytes of the largest commit or tree that is read
_FOLDER, _SUBMODULE = b"40000", b"160000"


class _Place(NamedTuple):
    """The commit that brought an object in, by its number, and where to."""

    commit: int
    path: bytes


def lines(repository: Repository) -> Iterator[bytes]:
    """What rev-list would print, from every commit that is still there on: which of them refs lead to, a lost one does
    not tell. Ids of what could not be read come first, behind a question mark.
    """
    commits, lost = _commits(repository)
    roots: dict[str, _Place] = {}
    for number, (_, tree) in enumerate(commits):
        roots.setdefault(tree, _Place(number, b""))
    places, unread = _below(repository, roots)
    yield from (b"?%s\n" % one.encode() for one in (*lost, *unread))
    brought: dict[int, list[tuple[bytes, str]]] = {}
    for object_id, place in places.items():
        brought.setdefault(place.commit, []).append((place.path, object_id))
    for number, (commit_id, _) in enumerate(commits):
        yield b"%s\n" % commit_id.encode()
        yield from (b"%s %s\n" % (object_id.encode(), path) for path, object_id in sorted(brought.get(number, ())))


def _commits(repository: Repository) -> tuple[list[tuple[str, str]], list[str]]:
    """(commit id, id of its tree) of every commit, the oldest first; ids of those that are named and not there."""
    found = {}
    for commit_id, content, _ in repository.blobs(repository.every_id(("commit",)), _LIMIT):
        links = parse_links(content) if content else None
        if links:
            found[commit_id] = links
    named = {parent for links in found.values() for parent in links.parents}
    cut_off = {
        one for commit_id in repository.boundary().split() if commit_id in found for one in found[commit_id].parents
    }
    parents = {one: [parent for parent in links.parents if parent in found] for one, links in found.items()}
    order = _oldest_first(parents, {one: links.date for one, links in found.items()})
    return [(one, found[one].tree) for one in order], sorted(named - found.keys() - cut_off)


def _oldest_first(parents: Mapping[str, list[str]], dates: Mapping[str, int]) -> Iterator[str]:
    """Commits by their dates, none before its parents."""
    children: dict[str, list[str]] = {}
    waiting = {one: len(those) for one, those in parents.items()}
    for one, those in parents.items():
        for parent in those:
            children.setdefault(parent, []).append(one)
    ready = [(dates[one], one) for one, count in waiting.items() if not count]
    heapq.heapify(ready)
    while ready:
        _, one = heapq.heappop(ready)
        yield one
        for child in children.get(one, ()):
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, (dates[child], child))


def _below(repository: Repository, roots: Mapping[str, _Place]) -> tuple[dict[str, _Place], list[str]]:
    """The first place of everything in the trees of commits, and ids of what could not be read of it."""
    places = dict(roots)
    blobs: dict[str, None] = {}
    lost: dict[str, None] = {}
    level: Mapping[str, _Place] = roots
    size = 32 if repository.facts.object_format == "sha256" else 20
    while level:
        below: dict[str, _Place] = {}
        for tree_id, content, _ in repository.blobs(level, _LIMIT):
            commit, folder = level[tree_id]
            entries = _entries(content or b"", size)
            if content is None or entries is None:
                lost[tree_id] = None
                continue
            for mode, name, object_id in entries:
                if mode == _SUBMODULE or (object_id in places and places[object_id].commit <= commit):
                    continue
                places[object_id] = _Place(commit, folder + b"/" + name if folder else name)
                if mode == _FOLDER:
                    below[object_id] = places[object_id]
                else:
                    blobs[object_id] = None
        level = below
    here = {one for one, _ in repository.types(list(blobs))}
    return places, [*lost, *(one for one in blobs if one not in here)]


def _entries(tree: bytes, size: int) -> list[tuple[bytes, bytes, str]] | None:
    """(mode, name, id) of each; None where the tree is not in order."""
    entries = []
    at = 0
    while at < len(tree):
        mode, space, _ = tree[at : at + 8].partition(b" ")
        name_at = at + len(mode) + 1
        id_at = tree.find(b"\0", name_at) + 1
        if not (space and id_at and id_at + size <= len(tree)):
            return None
        entries.append((mode, tree[name_at : id_at - 1], tree[id_at : id_at + size].hex()))
        at = id_at + size
    return entries
