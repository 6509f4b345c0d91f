"""Full-history scans side by side: wall time, CPU and memory as ratios, and how fast git itself can read.

    bench/history [--rounds 3] REPOSITORY ...

llmsecrets is compared with those of kingfisher, gitleaks, betterleaks and trufflehog that are on PATH, run alternately,
each once before to warm caches. None of them verifies a finding over the network. The floor is one `git cat-file` of
all blobs, in the order of the packs, to nowhere. Standard output is a Markdown table.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import measure
from measure import Command, Usage

_OURS, _FLOOR = "llmsecrets", "git cat-file (floor)"
_GITLEAKS = ("git", "{repository}", "--no-banner", "--exit-code", "0", "-f", "json", "-r", "{report}")
# Command → (its arguments, exit codes that mean it finished, how to ask for its version).
_PEERS: Mapping[str, tuple[Sequence[str], Sequence[int], str]] = {
    "kingfisher": (
        ("scan", "{repository}", "--no-validate", "--git-history", "full", "--no-update-check", "--format", "json"),
        (0, 200, 205),
        "--version",
    ),
    "gitleaks": (_GITLEAKS, (0,), "version"),
    "betterleaks": (_GITLEAKS, (0,), "version"),
    "trufflehog": (
        ("git", "file://{repository}", "--no-verification", "--no-update", "--json"),
        (0, 183),
        "--version",
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", type=Path, metavar="REPOSITORY")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    peers = [name for name in _PEERS if shutil.which(name)]
    rows: list[Sequence[str]] = []
    for repository in options.repositories:
        rows += _measured(repository.resolve(), peers, options.rounds)
    head = ("repository", "command", "wall", "CPU", "peak memory", "own process", "llmsecrets to it, wall", "CPU")
    print(measure.table(head, rows))
    versions = [measure.version(measure.llmsecrets(), "--version"), measure.version("git", "--version")]
    versions += [f"{name}: {measure.version(name, _PEERS[name][2])}" for name in peers]
    print(f"\n{'; '.join(versions)}\n\nMedians of {options.rounds} alternating runs; {measure.machine()}.")


def _measured(repository: Path, peers: Sequence[str], rounds: int) -> list[Sequence[str]]:
    measure.say(f"{repository}: listing blobs")
    with tempfile.TemporaryDirectory() as folder:
        blobs = Path(folder, "blobs")
        count, size = _list_blobs(repository, blobs)
        results = measure.alternately(_commands(repository, peers, Path(folder), blobs), rounds)
    title = f"{_name(repository)}: {count:,} blobs, {size / 1e9:.2f} GB"
    return [_row(title if not number else "", name, usage, results[_OURS])
            for number, (name, usage) in enumerate(results.items())]  # fmt: skip


def _row(title: str, name: str, usage: Usage, ours: Usage) -> Sequence[str]:
    return (
        title,
        name,
        measure.seconds(usage.wall),
        measure.seconds(usage.cpu),
        measure.mebibytes(usage.largest),
        measure.mebibytes(usage.own),
        measure.ratio(ours.wall, usage.wall),
        measure.ratio(ours.cpu, usage.cpu),
    )


def _name(repository: Path) -> str:
    """The last part of the path that says anything."""
    said = [part.removesuffix(".git") for part in repository.parts if part not in (".git", "repo")]
    return said[-1] if said else str(repository)


def _commands(repository: Path, peers: Sequence[str], folder: Path, blobs: Path) -> dict[str, Command]:
    report = folder / "report"
    ours = ["scan", "--history", str(repository), "-f", "json", "-o", str(report), "--no-cache"]
    git = ["git", "-C", str(repository), "-c", "core.deltaBaseCacheLimit=512m", "cat-file", "--batch", "--buffer"]
    commands = {_OURS: Command([measure.llmsecrets(), *ours], accepted=(0, 1, 3))}
    for name in peers:
        arguments, accepted, _ = _PEERS[name]
        filled = [argument.format(repository=repository, report=report) for argument in arguments]
        commands[name] = Command([name, *filled], accepted)
    commands[_FLOOR] = Command(git, stdin=blobs)
    return commands


def _list_blobs(repository: Path, target: Path) -> tuple[int, int]:
    """Write the ids of all blobs in the order of the packs; (how many, their bytes)."""
    listing = ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--unordered",
               "--batch-check=%(objecttype) %(objectname) %(objectsize)"]  # fmt: skip
    count = size = 0
    with subprocess.Popen(listing, stdout=subprocess.PIPE, text=True) as git, target.open("w") as out:
        assert git.stdout is not None
        for line in git.stdout:
            kind, blob_id, length = line.split()
            if kind == "blob":
                out.write(f"{blob_id}\n")
                count, size = count + 1, size + int(length)
    if git.returncode:
        raise SystemExit(f"{repository}: git cannot list its objects")
    return count, size


if __name__ == "__main__":
    main()
