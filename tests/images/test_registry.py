"""Images of a registry: a real one on this machine, and one that misbehaves in every way it can."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from image_support import Found, Layout, copy, digest_of, found_in, run, tar_of, tool

TWO = [Found("github-pat", "app.env", "1", "deleted in layer 2")]


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory, key) -> Layout:
    made = Layout(tmp_path_factory.mktemp("layout") / "layout")
    image = made.image(tar_of({"app.env": f"KEY={key('github')}\n"}), tar_of({".wh.app.env": ""}))
    made.index({**image, "annotations": {"org.opencontainers.image.ref.name": "app"}})
    return made


# ---- docker-registry, the real one ---------------------------------------------------------------------------------


def serve(folder: Path, auth: str = "") -> Iterator[str]:
    """The address of a docker-registry that runs until the test has ended."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = folder / "registry.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}"
    config.write_text(f"version: 0.1\nlog: {{level: error}}\n{storage}\nhttp: {{addr: '{address}'}}\n{auth}")
    process = subprocess.Popen([tool("docker-registry"), "serve", config], stderr=subprocess.DEVNULL)
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    """Until it listens. The tests themselves must not connect anywhere, so another process tries."""
    script = f"import socket; socket.create_connection({tuple(address.split(':'))!r}, 1)"
    for _ in range(100):
        assert process.poll() is None, "docker-registry has ended"
        if subprocess.run(["python3", "-c", script], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError("docker-registry does not listen")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, layout: Layout) -> Iterator[str]:
    for address in serve(tmp_path_factory.mktemp("registry")):
        copy(f"oci:{layout.folder}:app", f"docker://{address}/acme/app:1", "--dest-tls-verify=false")
        yield address


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, layout: Layout) -> Iterator[str]:
    """A registry that asks for a user and password."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "htpasswd").write_text(run(tool("htpasswd"), "-Bbn", "ann", "wonder land"))
    auth = f"auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}\n"
    for address in serve(folder, auth):
        target = f"docker://{address}/acme/app:1"
        copy(f"oci:{layout.folder}:app", target, "--dest-tls-verify=false", "--dest-creds", "ann:wonder land")
        yield address


def test_an_image_of_a_registry(registry, scan) -> None:
    outcome = scan("--no-cache", "--image", f"{registry}/acme/app:1")
    assert found_in(outcome) == TWO
    image = outcome.json["findings"][0]["provenance"]["containers"][0]
    assert image["name"] == f"{registry}/acme/app:1"
    digest = image["facts"]["digest"]
    assert found_in(scan("--no-cache", "--image", f"docker://{registry}/acme/app@{digest}")) == TWO


def test_an_image_that_is_not_there(registry, scan) -> None:
    outcome = scan("--no-cache", "--image", f"{registry}/acme/other:1")
    assert outcome.code == 3
    assert "404" in outcome.stderr
    assert "Check the name and the tag." in outcome.stderr


def test_a_login_of_dockers_configuration(guarded, scan, tmp_path) -> None:
    entry = base64.b64encode(b"ann:wonder land").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {guarded: {"auth": entry}}}))
    assert found_in(scan("--no-cache", "--image", f"{guarded}/acme/app:1", DOCKER_CONFIG=str(tmp_path))) == TWO


def test_a_login_of_a_credential_helper(guarded, scan, tmp_path) -> None:
    helper = tmp_path / "docker-credential-test"
    answer = json.dumps({"ServerURL": guarded, "Username": "ann", "Secret": "wonder land"})
    helper.write_text(f"#!/bin/sh\nread server\n[ \"$1 $server\" = 'get {guarded}' ] && echo '{answer}'\n")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {guarded: "test"}}))
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert (
        found_in(scan("--no-cache", "--image", f"{guarded}/acme/app:1", DOCKER_CONFIG=str(tmp_path), PATH=path)) == TWO
    )


@pytest.mark.parametrize("config", [{}, {"auths": {"": {}}}, None])
def test_without_a_login_it_says_what_to_do(guarded, scan, tmp_path, config) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    outcome = scan("--no-cache", "--image", f"{guarded}/acme/app:1", DOCKER_CONFIG=str(tmp_path))
    assert outcome.code == 3
    assert "it asks for a login" in outcome.stderr
    assert "docker login" in outcome.stderr


def test_a_wrong_password_is_not_shown(guarded, scan, tmp_path) -> None:
    entry = base64.b64encode(b"ann:quite wrong").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {guarded: {"auth": entry}}}))
    outcome = scan("--no-cache", "--image", f"{guarded}/acme/app:1", DOCKER_CONFIG=str(tmp_path))
    assert outcome.code == 3
    assert "wrong" not in outcome.stderr
    assert entry not in outcome.stderr


@pytest.mark.parametrize("name", ["../../bin/sh", "-x", "a b", "", 7])
def test_a_helper_is_a_name_and_nothing_else(scan, tmp_path, name) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": name or "../x"}))
    outcome = scan("--no-cache", "--image", "registry.example/acme/app:1", DOCKER_CONFIG=str(tmp_path))
    assert outcome.code == 2
    assert "no name of a credential helper" in outcome.stderr


def test_the_base_that_an_image_names_at_its_own_registry(registry, scan, tmp_path, key) -> None:
    lower, upper = tar_of({"base.env": f"KEY={key('npm')}\n"}), tar_of({"own.env": f"KEY={key('github')}\n"})
    name = f"{registry}/acme/base:1"
    for made, tars in (("base", [lower]), ("app", [lower, upper])):
        layout = Layout(tmp_path / made)
        image = layout.image(*tars, config={"config": {"Labels": {"org.opencontainers.image.base.name": name}}})
        layout.index({**image, "annotations": {"org.opencontainers.image.ref.name": "x"}})
        copy(f"oci:{layout.folder}:x", f"docker://{registry}/acme/{made}:1", "--dest-tls-verify=false")
    findings = scan("--no-cache", "--image", f"{registry}/acme/app:1").json["findings"]
    facts = {one["rule_id"]: one["provenance"]["containers"][1]["facts"] for one in findings}
    assert facts["npm-access-token"]["base image"] == name
    assert "base image" not in facts["github-pat"]


# ---- one that misbehaves -------------------------------------------------------------------------------------------

Answer = Callable[["Handler"], bool]


class Handler(BaseHTTPRequestHandler):
    """Serves a layout as a registry would, after `answer` had its chance to do otherwise."""

    layout: Layout
    answer: Answer
    asked: list[tuple[str, str | None, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization"), self.headers.get("Range")))
        if not type(self).answer(self):
            self.content()

    def content(self, start: int = 0) -> None:
        body = self.body()
        self.reply(206 if start else 200, body[start:])

    def body(self) -> bytes:
        name = self.path.rsplit("/", 1)[1]
        if not name.startswith("sha256:"):
            name = json.loads((self.layout.folder / "index.json").read_text())["manifests"][0]["digest"]
        return self.layout.path(name).read_bytes()

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Bad:
    """A registry that answers as told; `asked` holds (path, Authorization, Range) of each request."""

    def __init__(self, layout: Layout, answer: Answer) -> None:
        self.asked: list[tuple[str, str | None, str | None]] = []
        handler = type("Told", (Handler,), {"layout": layout, "answer": staticmethod(answer), "asked": self.asked})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Bad:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def logged_in(tmp_path: Path) -> Callable[[Bad], dict[str, str]]:
    """The environment of somebody who has logged in at a registry, as ann with the password that base64 shows."""

    def environment(bad: Bad) -> dict[str, str]:
        entry = base64.b64encode(b"ann:wonderland").decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {bad.address: {"auth": entry}}}))
        return {"DOCKER_CONFIG": str(tmp_path)}

    return environment


BASIC = "Basic " + base64.b64encode(b"ann:wonderland").decode()


def test_a_token_is_asked_for_with_the_login_and_used(layout, scan, logged_in) -> None:
    def answer(request: Handler) -> bool:
        if request.path.startswith("/token?"):
            request.reply(200, json.dumps({"token": "opaque"}).encode())
        elif request.headers.get("Authorization") != "Bearer opaque":
            realm = f'Bearer realm="http://{request.headers["Host"]}/token",service="test"'
            request.reply(401, WWW_Authenticate=f'{realm},scope="repository:acme/app:pull"')
        else:
            return False
        return True

    with Bad(layout, answer) as bad:
        assert found_in(scan("--no-cache", "--image", f"{bad.address}/acme/app:1", **logged_in(bad))) == TWO
    (token,) = [one for one in bad.asked if one[0].startswith("/token")]
    assert token[0] == "/token?service=test&scope=repository%3Aacme%2Fapp%3Apull"
    assert token[1] == BASIC


def test_a_token_server_without_https_gets_no_password(layout, scan, logged_in) -> None:
    def answer(request: Handler) -> bool:
        request.reply(401, WWW_Authenticate='Bearer realm="http://tokens.example/token",service="test"')
        return True

    with Bad(layout, answer) as bad:
        outcome = scan("--no-cache", "--image", f"{bad.address}/acme/app:1", **logged_in(bad))
    assert outcome.code == 3
    assert "token server is not reached over HTTPS" in outcome.stderr


def test_a_redirect_to_another_host_carries_no_login(layout, scan, logged_in) -> None:
    with Bad(layout, lambda request: False) as store:

        def answer(request: Handler) -> bool:
            if request.headers.get("Authorization") != BASIC:
                request.reply(401, WWW_Authenticate='Basic realm="test"')
            elif "/blobs/" in request.path:
                request.reply(307, Location=f"http://{store.address}{request.path}")
            else:
                return False
            return True

        with Bad(layout, answer) as bad:
            assert found_in(scan("--no-cache", "--image", f"{bad.address}/acme/app:1", **logged_in(bad))) == TWO
    assert len(store.asked) == 3
    assert {authorization for _, authorization, _ in store.asked} == {None}


def test_a_redirect_within_the_registry_keeps_the_login(layout, scan, logged_in) -> None:
    def answer(request: Handler) -> bool:
        if request.headers.get("Authorization") != BASIC:
            request.reply(401, WWW_Authenticate='Basic realm="test"')
        elif "/blobs/" in request.path and "moved" not in request.path:
            request.reply(307, Location=request.path.replace("/blobs/", "/moved/"))
        else:
            return False
        return True

    with Bad(layout, answer) as bad:
        assert found_in(scan("--no-cache", "--image", f"{bad.address}/acme/app:1", **logged_in(bad))) == TWO


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_leads_to_no_other_protocol(layout, scan, place) -> None:
    def answer(request: Handler) -> bool:
        request.reply(307, Location=place)
        return True

    with Bad(layout, answer) as bad:
        outcome = scan("--no-cache", "--image", f"{bad.address}/acme/app:1")
    assert outcome.code == 3
    assert "HTTPS" in outcome.stderr


@pytest.mark.parametrize("ranges", [True, False], ids=["with Range", "without"])
def test_a_download_that_breaks_off_is_taken_up_again(scan, key, tmp_path, ranges) -> None:
    layout = Layout(tmp_path / "layout")
    folder = tar_of({"noise": os.urandom(300_000), "app.env": f"KEY={key('github')}\n"})
    layer = layout.blob(folder, "application/vnd.oci.image.layer.v1.tar")
    layout.index(layout.manifest([layer], {}))
    broken = []

    def answer(request: Handler) -> bool:
        if layer["digest"] not in request.path:
            return False
        if len(broken) < 3:
            broken.append(request.path)
            body = request.body()[_start(request) if ranges else 0 :]
            request.send_response(206 if ranges and _start(request) else 200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body[:90_000])
            request.close_connection = True
            return True
        request.content(_start(request) if ranges else 0)
        return True

    with Bad(layout, answer) as bad:
        assert found_in(scan("--no-cache", "--image", f"{bad.address}/acme/app:1")) == [
            Found("github-pat", "app.env", "1", "visible")
        ]
    asked = [one[2] for one in bad.asked if layer["digest"] in one[0]]
    assert asked[0] is None
    assert all(one and one.startswith("bytes=") for one in asked[1:])


def _start(request: Handler) -> int:
    asked = request.headers.get("Range")
    return int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0


def test_a_download_that_never_gets_on_is_a_skip(layout, scan) -> None:
    def answer(request: Handler) -> bool:
        if "/blobs/" in request.path and request.body().startswith(b"\x1f\x8b"):
            request.reply(503)
            return True
        return False

    with Bad(layout, answer) as bad:
        outcome = scan("--no-cache", "--image", f"{bad.address}/acme/app:1")
    assert outcome.code == 3
    assert {skip["reason"] for skip in outcome.json["skips"]} == {"unreadable"}


def test_content_of_another_digest_is_not_taken_for_the_image(layout, scan) -> None:
    def answer(request: Handler) -> bool:
        if "/blobs/" in request.path and not request.body().startswith(b"\x1f\x8b"):
            request.reply(200, b'{"config": {"Env": ["A=B"]}}')
            return True
        return False

    with Bad(layout, answer) as bad:
        outcome = scan("--no-cache", "--image", f"{bad.address}/acme/app:1")
        named = scan("--no-cache", "--image", f"{bad.address}/acme/app@{digest_of(b'something else')}")
    assert [skip["reason"] for skip in outcome.json["skips"]] == ["wrong digest"]
    assert named.code == 3


def test_a_layer_of_another_digest_is_read_and_told_of(layout, scan, key) -> None:
    def answer(request: Handler) -> bool:
        if "/blobs/" in request.path and request.body().startswith(b"\x1f\x8b"):
            other = gzip.compress(tar_of({"other": f"KEY={key('npm')}\n"}))
            request.reply(200, other.ljust(len(request.body()), b"\0"))
            return True
        return False

    with Bad(layout, answer) as bad:
        outcome = scan("--no-cache", "--image", f"{bad.address}/acme/app:1")
    assert {skip["reason"] for skip in outcome.json["skips"]} >= {"wrong digest"}
    assert {finding["rule_id"] for finding in outcome.json["findings"]} == {"npm-access-token"}


def test_a_manifest_without_end_is_not_read_to_its_end(layout, scan) -> None:
    def answer(request: Handler) -> bool:
        request.reply(200, b" " * (9 << 20))
        return True

    with Bad(layout, answer) as bad:
        outcome = scan("--no-cache", "--image", f"{bad.address}/acme/app:1")
    assert outcome.code == 3
    assert "8,388,608 bytes" in outcome.stderr
