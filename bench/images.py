"""Keys planted in a container image: which are found, and told with their layer, beside Kingfisher where it is on PATH.

    python bench/images.py

The image has a key in each of six layers (two deleted or overwritten later, one in a zip) and five in its
configuration. Kingfisher is given the same tar as a file: it has no other way without a daemon or registry.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import measure

from llmsecrets.templates import expand

KINDS = ("{{make:crc32-base62-6}}", "glpat-{{alnum:20}}", "{{make:crc32-base62-6:npm_}}")


class Counted(NamedTuple):
    """Of the planted keys: how many were found, in how many places, and in how many of these a layer or instruction is
    named. `wrong`: reports of anything else."""

    found: int
    places: int
    told: int
    wrong: int


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "image.tar"
        planted = _plant(tar)
        tools = {"llmsecrets": _ours(tar, planted)}
        if shutil.which("kingfisher"):
            tools["kingfisher"] = _kingfishers(tar, planted)
    head = ("tool", f"found of {len(planted)}", "places", "with layer or instruction", "wrongly reported")
    print(measure.table(head, [(name, *map(str, counted)) for name, counted in tools.items()]))
    print(f"\n{measure.version(measure.llmsecrets(), '--version')}; {measure.machine()}")


# ---- what is planted -------------------------------------------------------------------------------------------------


def _plant(target: Path) -> list[str]:
    """Write the image as `docker save` does; the keys in it."""
    keys = [expand(KINDS[number % len(KINDS)], number) for number in range(11)]
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.properties", f"key={keys[5]}\n" + "# nothing\n" * 200)
    layers = [
        _tar({"srv/app.env": f"KEY={keys[0]}\n"}),
        _tar({"srv/old.env": f"KEY={keys[1]}\n"}),
        _tar({"root/.npmrc": f"//registry.example/:_authToken={keys[2]}\n"}),
        _tar({"srv/app.env": f"KEY={keys[3]}\n", "srv/.wh.old.env": ""}),
        _tar({"root/.bash_history": f"export TOKEN={keys[4]}\n"}),
        _tar({"srv/app.jar": jar.getvalue()}),
    ]
    made = [*(f"COPY {number} /" for number in range(5)), "COPY app.jar /srv/"]
    settings = {
        "Env": [f"API_TOKEN={keys[6]}"],
        "Labels": {"owner": f"token {keys[7]}"},
        "Cmd": ["serve", "--token", keys[8]],
        "Healthcheck": {"Test": ["CMD", "curl", "-H", f"Authorization: Bearer {keys[9]}"]},
    }
    empty = [f"ENV API_TOKEN={keys[6]}", f"RUN |1 BUILD_TOKEN={keys[10]} /bin/sh -c make # buildkit"]
    history = [*({"created_by": line} for line in made), *({"created_by": line, "empty_layer": True} for line in empty)]
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    config = {"config": settings, "history": history, "rootfs": {"type": "layers", "diff_ids": digests}}
    names = [f"{number}/layer.tar.gz" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": ["planted:1"], "Layers": names}]
    packed = {name: gzip.compress(layer) for name, layer in zip(names, layers, strict=True)}
    target.write_bytes(_tar({**packed, "config.json": json.dumps(config), "manifest.json": json.dumps(manifest)}))
    return keys


def _tar(files: Mapping[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


# ---- what is found ---------------------------------------------------------------------------------------------------


def _ours(tar: Path, planted: list[str]) -> Counted:
    command = [measure.llmsecrets(), "scan", "-f", "json", "--show-secrets", "--no-cache", "--image", tar]
    report = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    found = [
        (finding["secret"], any(one["kind"] in ("layer", "instruction") for one in finding["provenance"]["containers"]))
        for finding in report["findings"]
    ]
    return _counted(found, planted)


def _kingfishers(tar: Path, planted: list[str]) -> Counted:
    command = ["kingfisher", "scan", tar, "--format", "jsonl", "--no-validate", "--no-update-check"]
    lines = subprocess.run(command, capture_output=True, check=False, text=True).stdout.splitlines()
    findings = [json.loads(line)["finding"] for line in lines if '"finding"' in line]
    return _counted([(one["snippet"], "layer " in one["path"] or "ENV" in one["path"]) for one in findings], planted)


def _counted(found: list[tuple[str, bool]], planted: list[str]) -> Counted:
    right = [(secret, told) for secret, told in found if secret in planted]
    return Counted(len({one for one, _ in right}), len(right), sum(told for _, told in right), len(found) - len(right))


if __name__ == "__main__":
    main()
