"""How long a commit waits: `llmsecrets scan --staged` of a three-file change, whole process, warm caches.

    python bench/hook.py [--rounds 20]

Compared with a Python that does nothing and, where it is on PATH, with kingfisher on the same change.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import measure
from measure import Command

_FILES = ("argparse.py", "json/decoder.py", "textwrap.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _staged_change(Path(folder))
        commands = _commands(Path(folder))
        results = measure.alternately(commands, options.rounds)
    idle = results["python -c pass"].wall
    head = ("command", "wall", "to python -c pass", "CPU", "peak memory")
    rows = [
        (name, measure.seconds(usage.wall), measure.ratio(usage.wall, idle), measure.seconds(usage.cpu),
         measure.mebibytes(usage.largest))
        for name, usage in results.items()
    ]  # fmt: skip
    print(measure.table(head, rows))
    if "kingfisher" in results:
        ours, theirs = results["llmsecrets"].wall, results["kingfisher"].wall
        print(f"\nllmsecrets to {measure.version('kingfisher', '--version')}: {measure.ratio(ours, theirs)}")
    print(f"\n{measure.version(measure.llmsecrets(), '--version')}; medians of {options.rounds}; {measure.machine()}")


def _commands(folder: Path) -> dict[str, Command]:
    commands = {
        "python -c pass": Command([sys.executable, "-c", "pass"]),
        "llmsecrets": Command([measure.llmsecrets(), "scan", "--staged"], cwd=folder),
    }
    if shutil.which("kingfisher"):
        arguments = ["kingfisher", "scan", ".", "--staged", "--no-validate", "--no-update-check"]
        commands["kingfisher"] = Command(arguments, cwd=folder)
    return commands


def _staged_change(folder: Path) -> None:
    """A repository with a few files of the standard library, three of them changed and staged."""
    library = Path(argparse.__file__).parent
    for file in library.glob("*.py"):
        shutil.copy(file, folder)
    (folder / "json").mkdir()
    for file in (library / "json").glob("*.py"):
        shutil.copy(file, folder / "json")
    _git(folder, "init", "-q")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "the library")
    for name in _FILES:
        with (folder / name).open("a") as file:
            file.write("\nREGION = 'eu-central-1'\n")
    _git(folder, "add", ".")


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgSign=false")
    hooks = ("-c", "core.hooksPath=/dev/null")
    subprocess.run(["git", "-C", str(folder), *identity, *hooks, *arguments], check=True)


if __name__ == "__main__":
    main()
