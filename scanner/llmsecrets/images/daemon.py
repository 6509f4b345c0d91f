"""Images of a docker or podman daemon on this machine, by the API on its socket (Docker Engine API 1.24: ImageGet).

The daemon writes an image as one `docker save` stream whose manifest comes last, so it is spooled to a temporary file
without a name; no file of the image is taken out of it.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from llmsecrets.errors import SourceError
from llmsecrets.images.archive import ArchiveStore

_PATIENCE = 120  # seconds without a byte: a daemon packs layers first
_PIECE = 1 << 20


def daemon_store(name: str) -> ArchiveStore | None:
    """An image that a daemon of this machine has; None where there is no daemon we may ask, or it does not have it."""
    for place in filter(Path.is_socket, _sockets()):
        connection = _Local(place)
        try:
            if _has(connection, name):
                return _spooled(connection, name)
        except (OSError, http.client.HTTPException) as failure:
            advice = "Ask the registry instead: docker://NAME"
            raise SourceError(f"{place}: the daemon broke off: {failure}", advice) from failure
        finally:
            connection.close()
    return None


def _sockets() -> Iterator[Path]:
    """Where daemons listen: what DOCKER_HOST says, else docker's and podman's places. Only sockets are asked."""
    chosen = os.environ.get("DOCKER_HOST")
    if chosen:
        address = urlsplit(chosen)
        yield from (Path(address.path),) if address.scheme == "unix" else ()
        return
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/run")
    yield from (Path("/var/run/docker.sock"), runtime / "docker.sock", Path.home() / ".docker/run/docker.sock")
    yield from (runtime / "podman/podman.sock", Path("/run/podman/podman.sock"))


def _has(connection: http.client.HTTPConnection, name: str) -> bool:
    """Whether the daemon knows the image. One that may not be asked, or has gone, does not."""
    try:
        response = _answer(connection, f"/images/{quote(name, safe='')}/json")
        response.read()
    except (OSError, http.client.HTTPException):
        return False
    return response.status == 200


def _answer(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
    connection.request("GET", path, headers={"Host": "localhost", "User-Agent": "llmsecrets"})
    return connection.getresponse()


def _spooled(connection: http.client.HTTPConnection, name: str) -> ArchiveStore:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the store, and goes with the process
    response = _answer(connection, f"/images/{quote(name, safe='')}/get")
    if response.status != 200:
        raise SourceError(f"{name}: the daemon does not give it: {response.status}", "Save it: docker save -o FILE")
    shutil.copyfileobj(response, file, _PIECE)

    def again() -> IO[bytes]:
        return os.fdopen(os.dup(file.fileno()), "rb", buffering=0)

    return ArchiveStore(name, again, shared=True)


class _Local(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, place: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._place = place

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._place))
