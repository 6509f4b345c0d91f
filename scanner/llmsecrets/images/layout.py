"""An OCI layout as a folder (image-layout.md): index.json, and blobs by their digest."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from llmsecrets.errors import SourceError
from llmsecrets.images import DOCUMENT_LIMIT, Cut, Image, Layer, Trouble, oci
from llmsecrets.images.streams import verified
from llmsecrets.reading import Read


def is_layout(folder: Path) -> bool:
    return (folder / "index.json").is_file()


class LayoutStore:
    """The images of an OCI layout folder."""

    host = ""
    parallel = True

    def __init__(self, folder: Path) -> None:
        if not is_layout(folder):
            raise SourceError(f"{folder}: not an OCI image layout: it has no index.json", "Name a folder that has one.")
        self._folder = folder
        self.notes: list[str] = []

    def images(self, platform: str) -> Iterator[Image | Trouble]:
        try:
            with self._file("index.json") as read:
                content = read(DOCUMENT_LIMIT + 1)
            yield from oci.indexed(content, str(self._folder), self._document, platform or "all", self.notes)
        except Cut as cut:
            yield from oci.troubles(str(self._folder), [cut])

    def streams(self, layers: Sequence[Layer]) -> Iterator[tuple[Layer, AbstractContextManager[Read]]]:
        return ((layer, self._file(blob_path(layer.place))) for layer in layers)

    def _document(self, at: oci.Descriptor, kind: str) -> bytes:
        with self._file(blob_path(at.digest)) as read:
            return verified(read(DOCUMENT_LIMIT + 1), at.digest)

    @contextmanager
    def _file(self, name: str) -> Iterator[Read]:
        try:
            file = os.fdopen(os.open(self._folder / name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb")
        except OSError as failure:
            raise Cut("missing", f"{name}: {failure.strerror}") from failure
        with file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Cut("not a file", name)
            yield file.read


def blob_path(digest: str) -> str:
    """Where an OCI layout keeps a blob; the digest has been checked to be one."""
    return "blobs/" + digest.replace(":", "/")
