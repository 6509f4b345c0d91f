"""Images to scan, and what to ask of the report: made by real tools, or byte by byte where a tool would refuse to."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import Outcome

OCI = "application/vnd.oci.image"


def tool(name: str) -> str:
    """The path of a real tool; without it, the test is skipped and says so."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed (Debian package {name})")
    return found


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        list(map(os.fspath, command)), cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment},
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


# ---- by umoci, skopeo and buildah ------------------------------------------------------------------------------------


class Umoci:
    """An OCI layout with one image, `app`, that grows layer by layer."""

    def __init__(self, folder: Path) -> None:
        self._umoci = tool("umoci")
        self.layout, self._files = folder / "layout", folder / "files"
        self._files.mkdir(parents=True)
        run(self._umoci, "init", "--layout", self.layout)
        run(self._umoci, "new", "--image", self.image)

    @property
    def image(self) -> str:
        return f"{self.layout}:app"

    def add(self, path: str, content: str | bytes, made_by: str) -> None:
        """A layer with one file."""
        file = self._files / "file"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        self._insert(made_by, file, path)

    def add_folder(self, path: str, name: str, content: str, made_by: str) -> None:
        """A layer that replaces a whole folder by one with a single file."""
        folder = self._files / "folder"
        folder.mkdir()
        (folder / name).write_text(content)
        self._insert(made_by, "--opaque", folder, path)

    def delete(self, path: str, made_by: str) -> None:
        self._insert(made_by, "--whiteout", path)

    def _insert(self, made_by: str, *what: str | Path) -> None:
        run(self._umoci, "insert", "--rootless", "--image", self.image, "--history.created_by", made_by, *what)

    def configure(self, *options: str, made_by: str) -> None:
        run(self._umoci, "config", "--image", self.image, "--history.created_by", made_by, *options)


def copy(source: str, target: str, *options: str) -> None:
    """By skopeo."""
    run(tool("skopeo"), "copy", "--quiet", "--insecure-policy", *options, source, target)


class Buildah:
    """Builds Dockerfiles without a daemon. RUN needs the rights of root."""

    def __init__(self, folder: Path) -> None:
        places = ("--root", f"{folder}/storage", "--runroot", f"{folder}/run")
        self._command = (tool("buildah"), "--storage-driver", "vfs", *places)
        if os.geteuid():
            pytest.skip("buildah's chroot isolation needs to be root")

    def build(self, context: Path, archive: Path, *options: str) -> None:
        """The image of a folder's Dockerfile, as `docker save` would write it."""
        made = ("build", "--isolation", "chroot", "--layers", "--quiet", "--tag", "built:1", *options, context)
        run(*self._command, *made)
        run(*self._command, "push", "--quiet", "built:1", f"docker-archive:{archive}:built:1")


# ---- byte by byte ----------------------------------------------------------------------------------------------------


def tar_of(files: Mapping[str, bytes | str] | Iterable[tuple[str, bytes | str]]) -> bytes:
    """A tar; a name that ends in a slash is a folder."""
    pairs = files.items() if isinstance(files, Mapping) else files
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in pairs:
            entry = tarfile.TarInfo(name.rstrip("/"))
            data = content.encode() if isinstance(content, str) else content
            entry.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Layout:
    """An OCI layout folder, written by hand: nothing keeps it from lying."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        """Store a blob; its descriptor."""
        digest = digest_of(content)
        self.path(digest).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content), **more}

    def document(self, value: Any, media_type: str, **more: Any) -> dict[str, Any]:
        return self.blob(json.dumps(value).encode(), media_type, **more)

    def image(self, *tars: bytes, config: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Store an image of gzipped layers; its descriptor."""
        layers = [self.blob(gzip.compress(tar, 1, mtime=0), f"{OCI}.layer.v1.tar+gzip") for tar in tars]
        return self.manifest(layers, config or {"os": "linux", "architecture": "amd64"}, **more)

    def manifest(self, layers: list[dict[str, Any]], config: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        described = self.document(config, f"{OCI}.config.v1+json")
        content = {"schemaVersion": 2, "config": described, "layers": layers}
        return self.document(content, f"{OCI}.manifest.v1+json", **more)

    def index(self, *manifests: Mapping[str, Any]) -> Path:
        """Name what the layout begins with; its folder."""
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
        return self.folder

    def path(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")


# ---- what was found ------------------------------------------------------------------------------------------


class Found(NamedTuple):
    """A place in a report: the rule, the path (or the instruction), the layer's number, its state."""

    rule: str
    path: str
    layer: str
    state: str


def found_in(outcome: Outcome) -> list[Found]:
    """The places of a report of everything, in the order of their layers."""
    assert not outcome.json["skips"]
    assert outcome.code in (0, 1), outcome.stderr
    entries = [place for one in outcome.json["findings"] for place in ({**one}, *one["occurrences"])]
    return sorted((_found(one) for one in entries), key=lambda one: (one.layer, one.path))


def _found(entry: dict[str, Any]) -> Found:
    _, place, *_ = entry["provenance"]["containers"]
    if place["kind"] == "layer":
        members = [one["name"] for one in entry["provenance"]["containers"][2:]]
        path = "!".join((entry["location"]["path"], *members))
        return Found(entry["rule_id"], path, place["name"], place["facts"]["state"])
    return Found(entry["rule_id"], place["name"], "", "")


def containers(outcome: Outcome, rule: str) -> list[dict[str, Any]]:
    """What the only finding of a rule is in."""
    (finding,) = [one for one in outcome.json["findings"] if one["rule_id"] == rule]
    known: list[dict[str, Any]] = finding["provenance"]["containers"]
    return known
