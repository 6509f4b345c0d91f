"""What a baseline adds to a scan: a folder with findings, with no baseline and with ones of rising size that know them.

python bench/baseline.py [--entries 100000] [--rounds 10]
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import tempfile
from pathlib import Path

import measure
from measure import Command

from llmsecrets import baseline
from llmsecrets.templates import expand

_KEY = "{{make:crc32-base62-6}}"
_FINDINGS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _files(place / "files")
        sizes = (_FINDINGS, options.entries)
        commands = {"no baseline": _command(place)}
        commands.update({f"{size:,} entries": _command(place, _baseline(place, size)) for size in sizes})
        results = measure.alternately(commands, options.rounds)
    idle = results["no baseline"].cpu
    rows = [
        (name, measure.seconds(usage.wall), measure.seconds(usage.cpu), measure.seconds(max(0, usage.cpu - idle)))
        for name, usage in results.items()
    ]
    print(measure.table(("scan", "wall", "CPU", "CPU beyond no baseline"), rows))
    print(f"\n{measure.version(measure.llmsecrets(), '--version')}; medians of {options.rounds}; {measure.machine()}")


def _files(folder: Path) -> None:
    folder.mkdir()
    for number in range(_FINDINGS):
        (folder / f"{number}.py").write_text(f"TOKEN = '{expand(_KEY, number)}'\n")


def _command(place: Path, known: Path | None = None) -> Command:
    options = ["--baseline", str(known)] if known else ["--exit-zero"]
    return Command([measure.llmsecrets(), "scan", "files", *options], cwd=place)


def _baseline(place: Path, size: int) -> Path:
    """A baseline of so many entries, those of the folder's findings among them."""
    path = place / f"{size}.jsonl"
    subprocess.run(
        [measure.llmsecrets(), "baseline", "create", "files", "-o", path], cwd=place, check=True, capture_output=True
    )
    known = baseline.load(path)
    more = (
        baseline.Entry(
            f"services/module{number % 700}/src/file{number}.py", "generic", secrets.token_hex(16), "generic-secret",
            1, "false-positive", "", "Ann Author <ann@example.org>", "made up for the tests",
        )
        for number in range(size - len(known.entries))
    )  # fmt: skip
    path.write_text(baseline.dump(known._replace(entries=(*known.entries, *more))))
    return path


if __name__ == "__main__":
    main()
