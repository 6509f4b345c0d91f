"""Text inside things: archives and compressed files, notebooks, encoded strings, each in any of the others.

`expand` opens one chunk. What comes out are chunks again, so a scan need not know what they were inside: members carry
their names as containers of their provenance, decoded text an Origin that says where it came from.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from llmsecrets import magic
from llmsecrets.inside.limits import Budget, LimitError, Limits
from llmsecrets.model import Batch, Chunk, Container, Provenance, Skip
from llmsecrets.sources.windows import chunks

if TYPE_CHECKING:
    from llmsecrets.inside.archive import Closed, Member, Stream

# Bytes of one text of a history: most manifests and settings are no longer; more would cost it 10 %.
_THOROUGH = 16 << 10

__all__ = ["Limits", "expand", "glimpsed", "with_encoded"]


def expand(chunk: Chunk, limits: Limits) -> Iterator[Chunk | Skip]:
    """What a chunk holds, to be scanned: itself unless it was opened, and the text found inside.

    A later window of a large blob is never opened; the first one is, where its `reopen` gives the whole. If that does
    not come out itself, its later windows are not to be scanned either. The order is always the same.
    """
    if not isinstance(chunk.data, bytes):
        chunk = chunk._replace(data=bytes(chunk.data))
    try:
        yield from _expanded(chunk, Budget(limits, _size(chunk)), 0)
    except LimitError as limit:
        yield Skip(chunk.provenance, "limit reached", str(limit))
    except OSError as failure:  # a file that went, or changed its rights, since it was opened
        yield Skip(chunk.provenance, "unreadable", failure.strerror or str(failure))


def _size(chunk: Chunk) -> int:
    if chunk.reopen is None or chunk.last:
        return len(chunk.data)
    with chunk.reopen() as file:
        return file.seek(0, io.SEEK_END)


def _expanded(chunk: Chunk, budget: Budget, depth: int) -> Iterator[Chunk | Skip]:
    if not chunk.offset:
        kind = magic.kind_of(chunk.data) or ("zip" if _is_launcher(chunk) else "")
        if kind and budget.limits.archive_depth:
            yield from _opened(chunk, kind, budget, depth)
            return
        if magic.is_notebook(chunk.data):
            yield from _read(chunk, budget)
            return
    yield from _with_decoded(chunk, budget)


def _with_decoded(chunk: Chunk, budget: Budget) -> Iterator[Chunk]:
    """A text, and what stands encoded in it, in that, and so on."""
    yield chunk
    for _ in range(budget.limits.decode_depth):
        from llmsecrets.inside import encodings

        inner = encodings.decoded(chunk)
        if inner is None:
            return
        budget.spend(len(inner.data))
        yield inner
        chunk = inner


# ---- encoded text, quickly -----------------------------------------------------------------------------------------


def glimpsed(text: bytes, limits: Limits, *, manifest: bool) -> Iterator[Chunk]:
    """What stands encoded in a text, and in that, and so on: what a history can be asked for.

    It is looked through thoroughly up to `_THOROUGH`. `manifest`: the text is of Kubernetes manifests.
    """
    from llmsecrets.inside import encodings

    chunk: Chunk | None = Chunk(text, Provenance(""))
    look: encodings.Look = partial(encodings.spans, manifest=manifest, thorough=_THOROUGH)
    for _ in range(limits.decode_depth):
        chunk = encodings.decoded(chunk, look) if chunk else None
        if chunk:
            yield chunk
        look = encodings.spans


def with_encoded(batch: Batch, limits: Limits) -> Iterator[int]:
    """The files of a batch of which `glimpsed` would give something."""
    from llmsecrets.inside import encodings

    if limits.decode_depth:
        for index in batch.files:
            text = batch.data[batch.starts[index] : batch.ends[index]]
            if encodings.may_hold(text) or magic.is_manifest(text):
                yield index


# ---- archives ------------------------------------------------------------------------------------------------------


def _opened(chunk: Chunk, kind: str, budget: Budget, depth: int) -> Iterator[Chunk | Skip]:
    from llmsecrets.inside import archive

    if depth >= budget.limits.archive_depth:
        yield chunk
        yield Skip(chunk.provenance, "limit reached", f"archives nested more than {depth} deep (--max-archive-depth)")
        return
    if not chunk.last and chunk.reopen is None:
        yield from _with_decoded(chunk, budget)
        yield Skip(chunk.provenance, "too large", "an archive too large to be held, where it can be read only once")
        return
    try:
        with _file(chunk) as file:
            for member in archive.members(file, kind, chunk.provenance.whole_path, budget):
                yield from _member(member, chunk.provenance, budget, depth + 1)
    except archive.UnopenedError as failure:
        yield from _with_decoded(chunk, budget)
        yield Skip(chunk.provenance, "not opened", str(failure), expected=not failure.missing)
        return
    if kind == "zip" and magic.may_launch(chunk.data):
        with _file(chunk) as file:
            for part in chunks(archive.before_zip(file), chunk.provenance):
                yield from _with_decoded(part, budget)


def _is_launcher(chunk: Chunk) -> bool:
    if not magic.may_launch(chunk.data):
        return False
    with _file(chunk) as file:
        return magic.is_launcher(file)


def _file(chunk: Chunk) -> BinaryIO:
    if chunk.last or chunk.reopen is None:
        return io.BytesIO(chunk.data)
    return chunk.reopen()


def _member(member: Member | Closed, archive: Provenance, budget: Budget, depth: int) -> Iterator[Chunk | Skip]:
    from llmsecrets.inside.archive import Closed

    inner = (*archive.containers, Container("member", member.name)) if member.name else archive.containers
    provenance = archive._replace(containers=inner)
    if isinstance(member, Closed):
        yield Skip(provenance, member.reason, member.detail, member.expected)
        return
    yield from _content(member.stream, provenance, budget, depth)
    if member.stream.trouble:
        yield Skip(provenance, "damaged archive", member.stream.trouble, expected=True)


def _content(stream: Stream, provenance: Provenance, budget: Budget, depth: int) -> Iterator[Chunk | Skip]:
    head = stream.peek(magic.NOTEBOOK_HEAD)
    if magic.kind_of(head) or magic.is_notebook(head):
        whole = stream.peek(budget.limits.held + 1)
        if len(whole) <= budget.limits.held:
            yield from _expanded(Chunk(whole, provenance), budget, depth)
            return
        detail = f"more than {budget.limits.held} bytes inside an archive are read, but not opened"
        yield Skip(provenance, "too large", detail)
        for chunk in chunks(stream.read, provenance):
            yield from _with_decoded(chunk, budget)
        return
    for chunk in chunks(stream.read, provenance):
        yield from _expanded(chunk, budget, depth) if chunk.last and not chunk.offset else _with_decoded(chunk, budget)


# ---- notebooks -----------------------------------------------------------------------------------------------------


def _read(chunk: Chunk, budget: Budget) -> Iterator[Chunk | Skip]:
    from llmsecrets.inside import notebook

    whole = chunk
    if not chunk.last:
        content = b""
        if chunk.reopen:
            with chunk.reopen() as file:
                content = file.read(budget.limits.held + 1)
        if not content or len(content) > budget.limits.held:
            yield from _with_decoded(chunk, budget)
            yield _as_text(chunk, f"more than {budget.limits.held if chunk.reopen else len(chunk.data)} bytes")
            return
        whole = chunk._replace(data=content, last=True)
    try:
        yield from _with_decoded(notebook.text_of(whole), budget)
    except notebook.BrokenError as failure:
        yield from _with_decoded(chunk, budget)
        yield _as_text(chunk, str(failure))


def _as_text(chunk: Chunk, why: str) -> Skip:
    """All of it is scanned, so the result is complete."""
    return Skip(chunk.provenance, "notebook read as plain text", why, expected=True)
