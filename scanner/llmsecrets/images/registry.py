"""Images of a registry, by the distribution API (OCI distribution specification 1.1, "Pulling").

Layers are not kept: they are read as they come, held to their digest, and asked for again from where the connection
broke.
"""

from __future__ import annotations

import hashlib
import http.client
import platform as machine
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from llmsecrets.errors import SourceError
from llmsecrets.images import DOCUMENT_LIMIT, Cut, Image, Layer, Trouble, oci
from llmsecrets.images.connection import Connection, Refused, Response
from llmsecrets.images.credentials import login
from llmsecrets.images.reference import Reference
from llmsecrets.images.streams import verified
from llmsecrets.reading import Read

_MANIFESTS = ", ".join((
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
))  # fmt: skip
_TRIES, _PAUSE = 5, 0.05  # in a row without a byte more; seconds before the second, doubled before each further one
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm/v7",
             "i686": "386", "i386": "386"}  # fmt: skip
_ADVICE = {
    0: "Check the name, the network and the proxy; for a registry without HTTPS: --insecure-registry",
    401: "Log in first: docker login, podman login or skopeo login",
    403: "Ask for access, or log in as somebody else.",
    404: "Check the name and the tag.",
    429: "Wait, or log in: the registry limits how much is pulled.",
}


class RegistryStore:
    """The image, or list of images, that a name means at its registry."""

    parallel = True

    def __init__(self, name: str, *, insecure: bool = False) -> None:
        self._reference = Reference.parse(name)
        self.host = self._reference.host
        self._connection = Connection(self._reference.address, login(self._reference.host), insecure=insecure)
        self.notes: list[str] = []

    def images(self, platform: str) -> Iterator[Image | Trouble]:
        reference = self._reference
        try:
            content = self._content(f"manifests/{reference.wanted}", reference.digest)
        except Refused as refused:
            advice = _ADVICE.get(refused.status, _ADVICE[0] if refused.status < 500 else "Try again later.")
            raise SourceError(f"{reference}: the registry does not give it: {refused}", advice) from refused
        except Cut as cut:
            raise SourceError(f"{reference}: {cut}", "Do not trust this registry.") from cut
        digest = reference.digest or f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._first = {digest: content}
        root = oci.Descriptor(digest, len(content), "", "", {})
        own = f"linux/{_MACHINES.get(machine.machine().lower(), 'amd64')}"
        yield from oci.images(self._document, [(str(reference), root)], platform or own, self.notes)

    def streams(self, layers: Sequence[Layer]) -> Iterator[tuple[Layer, AbstractContextManager[Read]]]:
        return ((layer, self._blob(layer)) for layer in layers)

    def _document(self, at: oci.Descriptor, kind: str) -> bytes:
        if at.digest in self._first:
            return self._first[at.digest]
        try:
            return self._content(f"{kind}/{at.digest}", at.digest)
        except Refused as refused:
            raise Cut("missing", f"{at.digest}: the registry does not give it: {refused}") from refused

    def _content(self, what: str, digest: str) -> bytes:
        with self._get(what, {"Accept": _MANIFESTS}) as response:
            try:
                content: bytes = response.read(DOCUMENT_LIMIT + 1)
            except (OSError, http.client.HTTPException) as failure:
                raise Refused(0, str(failure) or type(failure).__name__) from failure
        if len(content) > DOCUMENT_LIMIT:
            raise Cut("too large", f"{what} has more than {DOCUMENT_LIMIT:,} bytes")
        return verified(content, digest)

    def _get(self, what: str, headers: dict[str, str]) -> Response:
        path = f"/v2/{self._reference.path}/{what}"
        return self._connection.get(path, headers, f"repository:{self._reference.path}:pull")

    @contextmanager
    def _blob(self, layer: Layer) -> Iterator[Read]:
        download = _Download(self, layer)
        try:
            yield download.read
        finally:
            download.close()

    def open_at(self, digest: str, position: int) -> tuple[Response, int]:
        """A blob from a position on, and from where it really comes: not every registry can start in the middle."""
        response = self._get(f"blobs/{digest}", {"Range": f"bytes={position}-"} if position else {})
        return response, position if response.status == 206 else 0


class _Download:
    """A layer as it comes in, taken up again where it broke off."""

    def __init__(self, store: RegistryStore, layer: Layer) -> None:
        self._store, self._layer = store, layer
        self._response: Response | None = None
        self._position = self._failures = 0

    def read(self, size: int) -> bytes:
        """Up to so many bytes; no more in all than the manifest says there are."""
        if self._layer.size is not None:
            size = min(size, self._layer.size - self._position)
        while size:
            try:
                if self._response is None:
                    self._response = self._opened()
                piece: bytes = self._response.read(size)
                if not piece and self._layer.size is not None:
                    raise http.client.IncompleteRead(b"", self._layer.size - self._position)
                self._position += len(piece)
                self._failures = 0
                return piece
            except (OSError, http.client.HTTPException) as failure:
                self._failed(str(failure) or type(failure).__name__, failure)
            except Refused as refused:
                if 400 <= refused.status < 500:
                    raise Cut("missing", f"the registry does not give it: {refused}") from refused
                self._failed(str(refused), refused)
        return b""

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def _opened(self) -> Response:
        response, start = self._store.open_at(self._layer.digest, self._position)
        left = self._position - start
        while left and (piece := response.read(min(left, 1 << 20))):
            left -= len(piece)
        return response

    def _failed(self, why: str, cause: Exception) -> None:
        self.close()
        time.sleep(_PAUSE * 2**self._failures)
        self._failures += 1
        if self._failures >= _TRIES:
            raise Cut("unreadable", f"the download broke off at byte {self._position:,}: {why}") from cause
