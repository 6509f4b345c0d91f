"""The messages of commits and annotated tags: texts of a repository that stand in no file."""

from __future__ import annotations

from collections.abc import Iterator

from llmsecrets.model import Chunk, Commit, Container, Provenance
from llmsecrets.sources.windows import of_bytes

# Where git itself keeps these texts while they are written: a path no tracked file can have.
MESSAGES = {"commit": ("commit message", ".git/COMMIT_EDITMSG"), "tag": ("tag message", ".git/TAG_EDITMSG")}


def message(type: str, object_id: str, content: bytes, commit: Commit | None = None) -> Iterator[Chunk]:
    """What stands below the headers of a commit or tag object. `commit` is whose message it is, where that is known."""
    kind, path = MESSAGES[type]
    head, _, text = content.partition(b"\n\n")
    containers = (_tag(head),) if type == "tag" else ()
    return of_bytes(text, Provenance(path, containers, commit, object_id, kind))


def _tag(head: bytes) -> Container:
    fields = {name: value for name, _, value in (line.partition(b" ") for line in head.splitlines())}
    name, target = (fields.get(key, b"").decode("utf-8", "replace") for key in (b"tag", b"object"))
    return Container("tag", name, (("object", target),))


def target_of(provenance: Provenance) -> str:
    """The commit a message belongs to: what a tag points at, or the commit itself; "" for what is no message."""
    if provenance.containers and provenance.containers[0].kind == "tag":
        return dict(provenance.containers[0].facts)["object"]
    return provenance.blob_id or "" if provenance.kind == "commit message" else ""
