"""A folder of 5,000 source files: `llmsecrets scan FOLDER` and `detect-secrets scan --all-files FOLDER`.

    python bench/folder.py [--files 5000] [--rounds 3] [--from FOLDER ...]

The files are Python's standard library and what is installed in site-packages, copied into one folder so that both
commands see the same. detect-secrets is run where it is on PATH.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import measure
from measure import Command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--from", dest="origins", nargs="+", type=Path, default=_default_origins())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        count, size = _copy(itertools.islice(_sources(options.origins), options.files), Path(folder))
        results = measure.alternately(_commands(folder), options.rounds)
    print(f"{count:,} files, {size / 1e6:.1f} MB\n")
    ours = results["llmsecrets"]
    head = ("command", "wall", "CPU", "peak memory", "llmsecrets to it, wall")
    rows = [
        (name, measure.seconds(usage.wall), measure.seconds(usage.cpu), measure.mebibytes(usage.largest),
         measure.ratio(ours.wall, usage.wall))
        for name, usage in results.items()
    ]  # fmt: skip
    print(measure.table(head, rows))
    versions = [measure.version(measure.llmsecrets(), "--version")]
    if "detect-secrets" in results:
        versions.append(f"detect-secrets {measure.version('detect-secrets', '--version')}")
    print(f"\n{'; '.join(versions)}; medians of {options.rounds}; {measure.machine()}")


def _default_origins() -> list[Path]:
    paths = sysconfig.get_paths()
    return [Path(paths["stdlib"]), Path(paths["purelib"])]


def _sources(origins: Sequence[Path]) -> Iterator[Path]:
    """Python files below the folders, each once, in an order that does not change."""
    seen = set()
    for origin in origins:
        for file in sorted(origin.rglob("*.py")):
            if file.resolve() not in seen and file.is_file():
                seen.add(file.resolve())
                yield file


def _copy(files: Iterator[Path], folder: Path) -> tuple[int, int]:
    """(how many files, how many bytes)."""
    count = size = 0
    for count, file in enumerate(files, 1):
        target = folder / f"{count % 100:02}" / f"{count}_{file.name}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, target)
        size += target.stat().st_size
    return count, size


def _commands(folder: str) -> dict[str, Command]:
    ours = [measure.llmsecrets(), "scan", folder, "--exit-zero", "--no-cache"]
    commands = {"llmsecrets": Command(ours)}
    if shutil.which("detect-secrets"):
        # From within the folder: from a git repository elsewhere it takes the files for strangers and reads none.
        commands["detect-secrets"] = Command(["detect-secrets", "scan", "--all-files", "."], cwd=Path(folder))
    return commands


if __name__ == "__main__":
    main()
