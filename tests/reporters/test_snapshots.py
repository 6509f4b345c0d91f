"""What each format writes, word for word. UPDATE_SNAPSHOTS=1 rewrites the files: read the diff."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SNAPSHOTS = Path(__file__).parent / "snapshots"

CASES = {
    "files.txt": ("text", False, {}),
    "history.txt": ("text", True, {"show_suppressed": True}),
    "color.txt": ("text", True, {"color": True, "width": 80, "show_suppressed": True}),
    "files.json": ("json", False, {}),
    "history.json": ("json", True, {}),
    "history.jsonl": ("jsonl", True, {}),
    "files.sarif": ("sarif", False, {"show_suppressed": True}),
    "history.sarif": ("sarif", True, {}),
    "github.txt": ("github", False, {}),
    "summary.md": ("markdown", True, {}),
    "gitlab.json": ("gitlab", True, {}),
    "codequality.json": ("codequality", False, {}),
    "junit.xml": ("junit", False, {}),
    "table.csv": ("csv", True, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_format_reads_as_agreed(name, make, render):
    format, grouped, options = CASES[name]
    written = render(format, make.everything(grouped=grouped), **options)
    path = SNAPSHOTS / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(written, encoding="utf-8", newline="\n")
    assert written == path.read_text(encoding="utf-8")
