"""The Dockerfile: what it copies is there, and what it needs is not kept from it. Building it takes a registry."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]


def copied() -> list[str]:
    """What is copied from the repository, not from an earlier stage."""
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    return [name for line in lines for name in line.split()]


def test_what_is_copied_is_there_and_let_in() -> None:
    let_in = re.findall("^!(.*)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert copied()
    assert [name for name in copied() if not (ROOT / name).exists()] == []
    assert [name for name in copied() if not any(fnmatch(name, glob) for glob in let_in)] == []


def test_what_the_wheel_is_built_from_is_copied() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    named = re.findall(r'^"(rules|docs/[^"]+)" = "', project, re.MULTILINE)
    named += re.findall(r'^(?:readme|license-files) = \[?"([^"]+)"', project, re.MULTILINE)
    named.append("hatch_build.py")
    assert len(named) >= 4
    assert [name for name in named if name not in copied()] == []


def test_it_runs_without_rights() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
