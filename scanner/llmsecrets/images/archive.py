"""Images in a tar file: what `docker save` writes (with a manifest.json of its own) and OCI layouts, packed or not.

A plain tar is indexed once and read at its offsets. A packed one cannot be: it is gone through twice, once for its
documents and once for its layers, in the order in which they stand.
"""

from __future__ import annotations

import io
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import IO, Any, NamedTuple

from llmsecrets.errors import SourceError
from llmsecrets.images import DOCUMENT_LIMIT, Cut, Image, Layer, Trouble, oci
from llmsecrets.images.layout import blob_path
from llmsecrets.images.listing import normal
from llmsecrets.images.streams import is_digest, is_packed, unpacked, verified
from llmsecrets.images.tar import Entry, entries
from llmsecrets.reading import Read, exactly

_MOST = 100_000  # entries: a file each for documents and layers
_HELD = 64 << 20  # bytes of documents held of a packed archive
_LINKS = 8  # followed one after the other: docker links a layer that stands twice


class _Member(NamedTuple):
    offset: int
    size: int
    link: str


class ArchiveStore:
    """The images of a tar file. `open` opens it anew; `shared` says that all files it gives share one position."""

    host = ""

    def __init__(self, name: str, open: Callable[[], IO[bytes]], *, shared: bool = False) -> None:
        self._name, self._open = name, open
        self.notes: list[str] = []
        self._members: dict[str, _Member] = {}
        self._documents: dict[str, bytes] = {}
        self._damage: Trouble | None = None
        with self._open() as file:
            file.seek(0)
            self._packed = is_packed(file.read(8))
            self.parallel = not self._packed and not shared
            try:
                self._index(file)
            except Cut as cut:
                if not self._members:
                    raise _no_image(name, str(cut)) from cut
                self._damage = Trouble(name, cut.reason, str(cut))

    def images(self, platform: str) -> Iterator[Image | Trouble]:
        if self._damage:
            yield self._damage
        if not {"index.json", "manifest.json"} & self._members.keys():
            raise _no_image(self._name, "it holds neither manifest.json nor index.json")
        for document, read in (("index.json", self._indexed), ("manifest.json", self._listed)):
            if document in self._members:
                try:
                    yield from read(platform or "all")
                    return
                except Cut as cut:
                    yield from oci.troubles(self._name, [cut])

    def streams(self, layers: Sequence[Layer]) -> Iterator[tuple[Layer, AbstractContextManager[Read]]]:
        wanted = {self._resolved(_place(layer)): layer for layer in layers}
        if self._packed:
            yield from self._passing(wanted)
        for name, layer in wanted.items():
            if name not in self._members:
                yield layer, _absent(name)
            elif not self._packed:
                yield layer, self._member(self._members[name])

    # ---- documents

    def _blob(self, at: oci.Descriptor, kind: str) -> bytes:
        return verified(self._read(blob_path(at.digest)), at.digest)

    def _indexed(self, platform: str) -> Iterator[Image | Trouble]:
        return oci.indexed(self._read("index.json"), self._name, self._blob, platform, self.notes)

    def _listed(self, platform: str) -> Iterator[Image | Trouble]:
        """The images of `docker save`'s manifest.json. Raises Cut where it is none."""
        entries = oci.an_array(oci.parsed(self._read("manifest.json"), "manifest.json"), "manifest.json")
        for number, entry in enumerate(entries, 1):
            try:
                yield from self._saved(oci.an_object(entry, f"entry {number} of manifest.json"))
            except Cut as cut:
                yield from oci.troubles(self._name, [cut])

    def _saved(self, entry: Mapping[str, Any]) -> Iterator[Image | Trouble]:
        """One of these images: what can be read of it."""
        name = next((tag for tag in oci.listed(entry.get("RepoTags")) if isinstance(tag, str)), self._name)
        config: Mapping[str, Any] = {}
        digest = ""
        try:
            place = _path(entry.get("Config"), "Config in manifest.json")
            named = f"sha256:{posixpath.basename(place).removesuffix('.json')}"
            digest = named if is_digest(named) else ""
            config = oci.configuration(verified(self._read(place), digest))
        except Cut as cut:
            yield from oci.troubles(name, [cut])
        layers, wrong = oci.layers_of(entry.get("Layers"), config, lambda *one: Layer(_path(*one[:2]), "", one[2]))
        yield from oci.troubles(name, wrong)
        yield Image(name, oci.platform_name(config), digest, config, layers, {})

    def _read(self, name: str) -> bytes:
        place = self._resolved(name)
        if place in self._documents:
            return self._documents[place]
        if place not in self._members:
            raise Cut("missing", f"{name} is not in the archive")
        if self._packed or self._members[place].size > DOCUMENT_LIMIT:
            raise Cut("too large", f"{name} has {self._members[place].size:,} bytes")
        with self._member(self._members[place]) as read:
            return read(DOCUMENT_LIMIT)

    # ---- the tar

    def _index(self, file: IO[bytes]) -> None:
        """Note where each member stands; of a packed archive, hold what may be a document."""
        held = 0
        for entry, content in self._entries(file):
            if len(self._members) >= _MOST:
                raise Cut("too many entries", f"more than {_MOST:,} entries")
            name = normal(entry.name)
            self._members[name] = _Member(0 if self._packed else file.tell(), entry.size, entry.link)
            if self._packed and entry.size <= min(DOCUMENT_LIMIT, _HELD - held):
                document = exactly(content, entry.size)
                if document[:1] in (b"{", b"["):
                    self._documents[name] = document
                    held += entry.size
        if not self._packed and file.tell() > file.seek(0, 2):
            raise Cut("damaged", "the archive is cut off")

    def _entries(self, file: IO[bytes]) -> Iterator[tuple[Entry, Read]]:
        file.seek(0)
        if self._packed:
            return entries(unpacked(io.BufferedReader(file)))  # type: ignore[arg-type]
        return entries(file.read, skip=lambda size: file.seek(size, 1))

    def _resolved(self, name: str) -> str:
        """The member a name leads to, through links within the archive."""
        name = normal(name)
        for _ in range(_LINKS):
            member = self._members.get(name)
            if member is None or not member.link:
                break
            name = normal(posixpath.join(posixpath.dirname(name), member.link))
        return name

    @contextmanager
    def _member(self, member: _Member) -> Iterator[Read]:
        with self._open() as file:
            file.seek(member.offset)
            yield _at_most(file.read, member.size)

    def _passing(self, wanted: Mapping[str, Layer]) -> Iterator[tuple[Layer, AbstractContextManager[Read]]]:
        """The layers as they come by in a packed archive."""
        with self._open() as file:
            try:
                for entry, content in self._entries(file):
                    if normal(entry.name) in wanted and not entry.link:
                        yield wanted[normal(entry.name)], nullcontext(content)
            except Cut:  # `images` has told of it
                return


def _no_image(name: str, why: str) -> SourceError:
    return SourceError(f"{name}: not an image: {why}", "Name a tar made by docker save, or an OCI layout.")


def _at_most(read: Read, size: int) -> Read:
    left = size

    def next_bytes(most: int) -> bytes:
        nonlocal left
        piece = read(min(most, left))
        left -= len(piece)
        return piece

    return next_bytes


def _path(value: Any, what: str) -> str:
    """The path of a member. Raises Cut."""
    if not isinstance(value, str) or not value:
        raise Cut("damaged", f"{what} is not the path of a file")
    return value


def _place(layer: Layer) -> str:
    return blob_path(layer.place) if is_digest(layer.place) else layer.place


@contextmanager
def _absent(name: str) -> Iterator[Read]:
    raise Cut("missing", f"{name} is not in the archive")
    yield
