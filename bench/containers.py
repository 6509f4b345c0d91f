"""Keys planted in notebooks, archives and encodings: which are found, beside Kingfisher where it is on PATH.

    python bench/containers.py [--pictures 200] [--rounds 5] [--cost FOLDER]

Notebooks with pictures are made by matplotlib, and hold no key: whatever is reported there is wrong. A key is found if
it is reported in its file, and told if the place says which cell or member it is in. `--cost` compares scans of a
folder of sources with and without looking inside.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import io
import json
import lzma
import random
import shutil
import subprocess
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import measure
from measure import Command
from packing import Files, tarred, zipped

from llmsecrets.templates import expand

KINDS = ("sk-proj-{{alnum:74}}T3BlbkFJ{{alnum:74}}", "{{make:crc32-base62-6}}", "glpat-{{alnum:20}}")


class Found(NamedTuple):
    """A report of a tool: the file, the secret, and what it was inside as the tool names it."""

    path: str
    secret: str
    inside: str


class Planted(NamedTuple):
    """A key in a file, and the word by which its place inside is told, as a reader would look for it."""

    path: str
    secret: str
    place: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cost", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planted = list(_plant(folder))
        _draw(folder / "pictures", options.pictures)
        print(_findings_table(folder, planted))
        print(f"\n{len(planted)} keys, each in a file of its own; {options.pictures} notebooks with pictures")
    if options.cost:
        print("\n" + _cost_table(options.cost, options.rounds))
    print(f"\n{measure.version(measure.llmsecrets(), '--version')}; {measure.machine()}")


# ---- what is planted -------------------------------------------------------------------------------------------------


def _plant(folder: Path) -> Iterator[Planted]:
    numbers = iter(range(10_000))

    def key() -> str:
        number = next(numbers)
        return expand(KINDS[number % len(KINDS)], number)

    for name, make in NOTEBOOKS.items():
        for repeat in range(10):
            secret = key()
            path = f"notebooks/{name}-{repeat}.ipynb".replace(" ", "-")
            _write(folder / path, _notebook(repeat + 2, make(secret)))
            yield Planted(path, secret, f"cell {repeat + 2}")
    for name, pack in ARCHIVES.items():
        for repeat in range(5):
            secret, path = key(), f"archives/{repeat}{name}"
            member = "config/settings.py" if ".txt" not in name else f"{repeat}.txt"
            _write(folder / path, pack({"README": b"hello\n" * 99, member: f"a = 1\nKEY = '{secret}'\n".encode()}))
            yield Planted(path, secret, member)
    for name, encode in ENCODINGS.items():
        for repeat in range(10):
            secret = key()
            path = f"encoded/{name}-{repeat}.yaml"
            _write(folder / path, b"kind: Thing\nvalue: " + encode(f"token={secret}") + b"\n")
            yield Planted(path, secret, "")


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"outputs": [{"output_type": "stream", "name": name, "text": text.splitlines(keepends=True)}]}


def _shown(**data: object) -> dict[str, Any]:
    named = {name.replace("_", "/", 1): value for name, value in data.items()}
    return {"outputs": [{"output_type": "display_data", "data": named, "metadata": {}}]}


def _error(name: str, message: str) -> dict[str, Any]:
    lines = ["\x1b[0;31m----\x1b[0m", f"\x1b[0;31m{name}\x1b[0m: {message}"]
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": lines}


def _coloured(secret: str) -> str:
    return f"\x1b[0;31mKEY\x1b[0m = \x1b[32m{secret[:12]}\x1b[39m{secret[12:]}\x1b[0m"


NOTEBOOKS: dict[str, Callable[[str], dict[str, Any]]] = {
    "source": lambda secret: {"source": ["import os\n", f'KEY = "{secret}"\n']},
    "printed": lambda secret: _stream(f"a\nheaders: {{'Authorization': 'Bearer {secret}'}}\n"),
    "after an escaped quote": lambda secret: _stream(json.dumps({"log": json.dumps({"key": secret})})),
    "coloured": lambda secret: _stream(f"log\n{_coloured(secret)}\n", "stderr"),
    "traceback": lambda secret: {"outputs": [_error("AuthError", f"bad key {secret}")]},
    "displayed": lambda secret: _shown(text_plain="<IPython.core.display.HTML object>", text_html=f"<b>{secret}</b>"),
    "JSON output": lambda secret: _shown(application_json={"settings": [{"key": secret}]}),
    "metadata": lambda secret: {"metadata": {"papermill": {"parameters": {"api_key": secret}}}},
}  # fmt: skip


def _notebook(number: int, cell: dict[str, Any]) -> bytes:
    """A notebook with a cell as its so-manieth."""
    plain = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": ["x = 1\n"]}
    cells = [plain] * (number - 1) + [{**plain, **cell}]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


ARCHIVES: dict[str, Callable[[Files], bytes]] = {
    ".zip": zipped,
    ".whl": zipped,
    ".jar": lambda files: zipped(files, zipfile.ZIP_STORED),
    ".tar": tarred,
    ".tar.gz": lambda files: tarred(files, "w:gz"),
    ".tar.bz2": lambda files: tarred(files, "w:bz2"),
    ".tar.xz": lambda files: tarred(files, "w:xz"),
    ".nested.zip": lambda files: zipped({"inner.tar.gz": tarred({"app.zip": zipped(files)}, "w:gz")}),
    ".txt.gz": lambda files: gzip.compress(list(files.values())[1]),
    ".txt.xz": lambda files: lzma.compress(list(files.values())[1]),
}
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).rstrip(b"="),
    "base64-twice": lambda text: base64.b64encode(base64.b64encode(text.encode())),
    "base64-lines": lambda text: (
        b"|\n  " + base64.encodebytes(b"hello world, " * 9 + text.encode()).replace(b"\n", b"\n  ")
    ),
    "hex": lambda text: text.encode().hex().encode(),
    "percent": lambda text: text.replace("-", "%2D").replace("_", "%5F").encode(),
    "unicode": lambda text: text.replace("-", "\\u002d").replace("_", "\\u005f").encode(),
    "html": lambda text: text.replace("-", "&#45;").replace("_", "&#x5f;").encode(),
    "utf-16": lambda text: b"\n".join((b"", f"token {text} is long enough\n".encode("utf-16-le"))),
}


def _draw(folder: Path, count: int) -> None:
    """Notebooks with what a kernel sends for a figure: a picture, and a line about it."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    chance = random.Random(1)
    for number in range(count):
        figure, axes = pyplot.subplots(figsize=(4, 3))
        axes.scatter(*([chance.random() for _ in range(200)] for _ in range(2)))
        data: dict[str, object] = {"text/plain": [f"<Figure size {400 + number}x300 with 1 Axes>"]}
        for form in ("png", "svg"):
            out = io.BytesIO()
            figure.savefig(out, format=form)
            data["image/png" if form == "png" else "image/svg+xml"] = (
                base64.encodebytes(out.getvalue()).decode() if form == "png" else out.getvalue().decode()
            )
        pyplot.close(figure)
        output = {"output_type": "display_data", "data": data, "metadata": {"needs_background": "light"}}
        _write(folder / f"{number}.ipynb", _notebook(1, {"outputs": [output], "source": ["plt.scatter(x, y);"]}))


# ---- what is found ---------------------------------------------------------------------------------------------------


def _by_llmsecrets(folder: Path) -> list[Found]:
    command = [measure.llmsecrets(), "scan", "-q", "--exit-zero", "-f", "json", "--show-secrets", "."]
    report = json.loads(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout)
    entries = [entry for finding in report["findings"] for entry in ({**finding}, *finding["occurrences"])]
    return [
        Found(entry["location"]["path"], entry.get("secret", ""),
              ", ".join(f"{one['kind']} {one['name']}" for one in entry["provenance"]["containers"]))
        for entry in entries
    ]  # fmt: skip


def _by_kingfisher(folder: Path) -> list[Found]:
    command = ["kingfisher", "scan", ".", "--no-validate", "--no-update-check", "--format", "json", "--no-dedup"]
    output = subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout
    report = json.loads(output[: output.rfind(b"}") + 1].splitlines()[0])
    places = [finding["finding"] for finding in report["findings"]]
    return [
        Found(path.removeprefix("./"), one["snippet"], inside)
        for one in places
        for path, _, inside in (one["path"].partition("!"),)
    ]


TOOLS: dict[str, Callable[[Path], list[Found]]] = {"llmsecrets": _by_llmsecrets, "kingfisher": _by_kingfisher}


def _findings_table(folder: Path, planted: list[Planted]) -> str:
    head = ("", *(f"{name}: {what}" for name in TOOLS for what in ("found", "told", "twice", "wrong")))
    results = {
        name: tool(folder) if name == "llmsecrets" or shutil.which(name) else None for name, tool in TOOLS.items()
    }
    groups: dict[str, list[Planted]] = {"pictures": []}
    for one in planted:
        groups.setdefault(one.path.partition("/")[0], []).append(one)
    rows = [
        (group, *(cell for found in results.values() for cell in _counted(group, keys, found)))
        for group, keys in groups.items()
    ]
    return measure.table(head, rows)


def _counted(group: str, planted: list[Planted], found: list[Found] | None) -> tuple[str, str, str, str]:
    if found is None:
        return "–", "–", "–", "–"
    here = [one for one in found if one.path.startswith(f"{group}/")]
    wanted = {(one.path, one.secret): one.place for one in planted}
    times = Counter((one.path, one.secret) for one in here if (one.path, one.secret) in wanted)
    told = {(one.path, one.secret) for one in here if (wanted.get((one.path, one.secret)) or "?") in one.inside}
    wrong = sum((one.path, one.secret) not in wanted for one in here)
    twice = sum(count > 1 for count in times.values())
    return f"{len(times)} of {len(wanted)}", str(len(told)), str(twice), str(wrong)


# ---- what it costs ---------------------------------------------------------------------------------------------------


def _cost_table(folder: Path, rounds: int) -> str:
    scan = [measure.llmsecrets(), "scan", "-q", "--exit-zero", str(folder)]
    outside = [*scan, "--max-archive-depth", "0", "--max-decode-depth", "0"]
    results = measure.alternately({"all of it": Command(scan), "none of it": Command(outside)}, rounds)
    base = results["none of it"]
    rows = [
        (name, measure.seconds(usage.wall), measure.seconds(usage.cpu), measure.ratio(usage.cpu, base.cpu))
        for name, usage in results.items()
    ]
    return measure.table(("inside", "wall", "CPU", "CPU to none"), rows)


if __name__ == "__main__":
    main()
