"""How fast stage one is, on one thread, with all built-in rules, and how much work it leaves to stage two.

    python bench/stage_one.py [--size 300] [--rounds 5] [FOLDER | REPOSITORY]

The corpus is read into memory first: the files of a folder (default: the standard library), or the blobs of a git
repository where the folder is a bare one or holds `.git`. Needs llmsecrets installed for this Python.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import measure

from llmsecrets import matching, rules
from llmsecrets.engine import Engine
from llmsecrets.matching import Matcher
from llmsecrets.model import Chunk, Provenance

_SHARE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=Path(sysconfig.get_paths()["stdlib"]))
    parser.add_argument("--size", type=int, default=300, help="megabytes of the corpus to use")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    contents = list(_up_to(options.size * 10**6, _contents(options.corpus)))
    loaded = rules.load_rules()
    names = ("hyperscan", "regex") if find_spec("hyperscan") else ("regex",)
    head = ("engine", "corpus", "stage one", "both stages", "regions per MB", "confirmed per MB")
    few = list(_up_to(options.size * 10**6 // _SHARE, iter(contents)))  # the fallback is that much slower
    rows = [_row(name, loaded, few if name == "regex" else contents, options.rounds) for name in names]
    print(f"{options.corpus.name}: {len(contents):,} texts, {_size(contents):.1f} MB; {len(loaded)} rules\n")
    print(measure.table(head, rows))
    print(f"\nOne thread; medians of {options.rounds}; {measure.machine()}")


def _row(name: str, loaded: rules.RuleSet, contents: Sequence[bytes], rounds: int) -> Sequence[str]:
    measure.say(f"engine {name}")
    matcher = matching.compile_rules(loaded, name)
    engine = Engine(loaded, matcher)
    size = _size(contents)
    first = statistics.median(measure.timed(lambda: _regions(matcher, contents)) for _ in range(rounds))
    confirmed = _confirmed(engine, contents)  # also compiles the patterns it needs
    both = statistics.median(measure.timed(lambda: _confirmed(engine, contents)) for _ in range(rounds))
    return (
        name,
        f"{size:,.1f} MB",
        f"{size / first:,.0f} MB/s",
        f"{size / both:,.0f} MB/s",
        f"{_regions(matcher, contents) / size:,.1f}",
        f"{confirmed / size:,.2f}",
    )


def _regions(matcher: Matcher, contents: Sequence[bytes]) -> int:
    """Regions of all texts: how often stage two is called."""
    return sum(len(spans) for content in contents for spans in matcher.regions(content).values())


def _confirmed(engine: Engine, contents: Sequence[bytes]) -> int:
    return sum(len(engine.find(Chunk(content, Provenance("")))[0]) for content in contents)


def _size(contents: Sequence[bytes]) -> float:
    return sum(map(len, contents)) / 1e6


def _up_to(limit: int, contents: Iterator[bytes]) -> Iterator[bytes]:
    total = 0
    for content in contents:
        if content:
            yield content
        total += len(content)
        if total >= limit:
            return


def _contents(corpus: Path) -> Iterator[bytes]:
    if (corpus / ".git").exists() or (corpus / "objects").is_dir():
        return _blobs(corpus)
    return (file.read_bytes() for file in sorted(corpus.rglob("*")) if file.is_file())


def _blobs(repository: Path) -> Iterator[bytes]:
    """Blobs in the order of the packs."""
    every = ("cat-file", "--batch-all-objects", "--unordered", "--batch", "--buffer")
    command = ["git", "-C", str(repository), *every]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as git:
        assert git.stdout is not None
        while line := git.stdout.readline():
            _, kind, size = line.split()
            content = git.stdout.read(int(size) + 1)[:-1]
            if kind == b"blob":
                yield content
        git.kill()


if __name__ == "__main__":
    main()
