"""Images of a daemon, by its socket. No daemon runs where the tests do: a server stands in that speaks its API."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from image_support import Found, Layout, copy, found_in, tar_of

pytestmark = pytest.mark.skipif(not hasattr(socketserver, "UnixStreamServer"), reason="no unix sockets here")


@pytest.fixture
def daemon(tmp_path: Path, key) -> Iterator[str]:
    """DOCKER_HOST of a daemon that has one image, app:1, as skopeo saves it."""
    layout = Layout(tmp_path / "layout")
    image = layout.image(tar_of({"app.env": f"KEY={key('github')}\n"}), tar_of({".wh.app.env": ""}))
    layout.index({**image, "annotations": {"org.opencontainers.image.ref.name": "app"}})
    saved = tmp_path / "saved.tar"
    copy(f"oci:{layout.folder}:app", f"docker-archive:{saved}:app:1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {"/images/app%3A1/json": b"{}", "/images/app%3A1/get": saved.read_bytes()}
            body = known.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def address_string(self) -> str:
            return "local"

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "sock"), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"unix://{tmp_path / 'sock'}"
        server.shutdown()


@pytest.mark.parametrize("name", ["app:1", "docker-daemon:app:1"])
def test_an_image_of_the_daemon(daemon, scan, name) -> None:
    outcome = scan("--no-cache", "--image", name, DOCKER_HOST=daemon)
    assert found_in(outcome) == [Found("github-pat", "app.env", "1", "deleted in layer 2")]


def test_an_image_that_it_has_not(daemon, scan) -> None:
    outcome = scan("--image", "docker-daemon:other:1", DOCKER_HOST=daemon)
    assert outcome.code == 3
    assert "no daemon of this machine has it" in outcome.stderr


def test_a_daemon_elsewhere_is_not_asked(scan) -> None:
    outcome = scan("--image", "docker-daemon:app:1", DOCKER_HOST="tcp://192.0.2.1:2375")
    assert outcome.code == 3
    assert "no daemon of this machine has it" in outcome.stderr


def test_a_socket_that_nobody_listens_to_is_no_daemon(scan, tmp_path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    outcome = scan("--image", "docker-daemon:app:1", DOCKER_HOST=f"unix://{tmp_path / 'left'}")
    assert "no daemon of this machine has it" in outcome.stderr
