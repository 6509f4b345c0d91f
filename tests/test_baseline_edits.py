"""Whatever is edited, a known secret stays known and a new one is reported: files, staged changes, commits, rebases."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ENGINES, Repo, make_key

from llmsecrets import baseline
from llmsecrets.baseline import Baseline, Index
from llmsecrets.engine import Engine
from llmsecrets.git import Repository
from llmsecrets.scan import Scanner, Settings
from llmsecrets.sources import Source
from llmsecrets.sources.changes import RangeSource, StagedSource
from llmsecrets.sources.history import HistorySource
from llmsecrets.sources.paths import PathSource

Files = dict[str, list[str]]
SALT = bytes(16)
KINDS = ("github", "npm", "gitlab", "stripe")
LIMITS: Any = {"excluded": lambda path: "", "max_size": 1 << 20}

# ---- edits: each takes files and a number to choose with, and gives back files ---------------------------------------


def _chosen(files: Files, number: int) -> tuple[str, list[str]]:
    path = sorted(files)[number % len(files)]
    return path, files[path]


def insert_lines(files: Files, number: int) -> Files:
    path, lines = _chosen(files, number)
    at = number // 3 % (len(lines) + 1)
    return {**files, path: [*lines[:at], f"# line {number}", "", *lines[at:]]}


def move_line(files: Files, number: int) -> Files:
    path, lines = _chosen(files, number)
    if not lines:
        return files
    taken, at = number // 3 % len(lines), number // 7 % len(lines)
    rest = lines[:taken] + lines[taken + 1 :]
    return {**files, path: [*rest[:at], lines[taken], *rest[at:]]}


def reformat(files: Files, number: int) -> Files:
    path, lines = _chosen(files, number)
    indent = " " * (number % 9)
    return {**files, path: [f"{indent}{line.strip().replace(chr(39), chr(34))}  # {number}" for line in lines]}


def rename(files: Files, number: int) -> Files:
    path, lines = _chosen(files, number)
    rest = {other: content for other, content in files.items() if other != path}
    return {**rest, f"moved/{number}/{path.rpartition('/')[2] if number % 2 else f'{number}.txt'}": lines}


def join_files(files: Files, number: int) -> Files:
    path, lines = _chosen(files, number)
    other, more = _chosen(files, number + 1)
    if path == other:
        return files
    rest = {name: content for name, content in files.items() if name not in (path, other)}
    return {**rest, path: [*lines, *more]}


def split_file(files: Files, number: int) -> Files:
    """The second half goes to a new file, with what it holds."""
    path, lines = _chosen(files, number)
    half = len(lines) // 2
    return {**files, path: lines[:half], f"split/{number}.py": lines[half:]}


EDITS = (insert_lines, move_line, reformat, rename, join_files, split_file)
edits = st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 999)), max_size=8)
plants = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 999), st.booleans()), max_size=3)


def start() -> Files:
    """Three files with a secret of each kind, one of them in two files."""
    lines = [f"{kind}_value = '{make_key(kind, 1)}'" for kind in KINDS]
    return {
        "app/a.py": ["import os", *lines[:2], "pass"],
        "b.env": [lines[2], lines[0]],
        "c/deep/c.txt": ["text", lines[3], "more text"],
    }


def planted(files: Files, more: list[tuple[str, int, bool]]) -> tuple[Files, set[str]]:
    """New secrets in the files, on lines of their own or behind what stands there; and which they are."""
    values = set()
    for kind, number, same_line in more:
        value = make_key(kind, number + 1000)
        path, lines = _chosen(files, number)
        at = number // 3 % len(lines) if lines else 0
        changed = (
            [*lines[:at], f"{lines[at]} ; '{value}'", *lines[at + 1 :]]
            if same_line and lines
            else [*lines[:at], f"x = '{value}'", *lines[at:]]
        )
        files = {**files, path: changed}
        values.add(value)
    return files, values


# ---- scans ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reported(builtin_engines: Mapping[str, Engine]) -> Callable[..., set[str]]:
    """The secrets that a source holds and a baseline does not know."""

    def scan(source: Source, known: Baseline | None) -> set[str]:
        index = Index(baseline.dump(known).encode(), "known") if known else None
        report = Scanner(builtin_engines[ENGINES[0]], Settings(baseline=index)).scan(source, ["."])
        return {finding.secret.reveal().decode() for finding in report.findings}

    return scan


@pytest.fixture(scope="module")
def recorded(builtin_engines: Mapping[str, Engine]) -> Callable[[Source], Baseline]:
    def record(source: Source) -> Baseline:
        report = Scanner(builtin_engines[ENGINES[0]], Settings()).scan(source, ["."])
        assert len({finding.secret for finding in report.findings}) == len(KINDS)
        return Baseline((SALT,), baseline.settled(baseline.entries_of(report.findings, SALT)))

    return record


def write(files: Files, root: Path) -> None:
    """These files and no others."""
    for entry in root.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for path, lines in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("".join(f"{line}\n" for line in lines))


@contextmanager
def folder() -> Iterator[Path]:
    """A folder to work in, gone afterwards."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def _edited(files: Files, steps: list[tuple[Callable[[Files, int], Files], int]]) -> Files:
    for edit, number in steps:
        files = edit(files, number)
    return files


@settings(max_examples=60, deadline=None)
@given(steps=edits, more=plants)
def test_files(reported, recorded, steps, more) -> None:
    """All at once, and as a hook is given them: one after the other."""
    files, new = planted(_edited(start(), steps), more)
    with folder() as place:
        write(start(), place)
        known = recorded(PathSource([Path()], **LIMITS))
        write(files, place)
        assert reported(PathSource([Path()], **LIMITS), known) == new
        assert set().union(*(reported(PathSource([Path(path)], **LIMITS), known) for path in files)) == new


@settings(max_examples=6, deadline=None)
@given(first=edits, second=edits, more=plants)
def test_staged_committed_and_rebased(reported, recorded, first, second, more) -> None:
    once = _edited(start(), first)
    files, new = planted(_edited(once, second), more)
    with folder() as place:
        git = Repo(place)
        write(start(), place)
        git.git("add", "-A")
        git.commit(message="start")
        repository = Repository(place)
        known = recorded(HistorySource(repository, **LIMITS))
        git.branch("topic")
        for content, expected in ((once, set()), (files, new)):
            write(content, place)
            git.git("add", "-A")
            assert reported(StagedSource(repository, **LIMITS), known) == expected
            git.commit(message="edited")
        git.switch("main")
        git.commit({"unrelated.txt": "text\n"})
        git.git("rebase", "-q", "main", "topic")
        assert reported(RangeSource(repository, ["main..topic"], **LIMITS), known) == new
        assert reported(HistorySource(repository, **LIMITS), known) == new
