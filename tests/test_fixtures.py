"""Every folder of `fixtures/` is a case: its input, expanded, gives exactly the findings it expects on both engines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import ENGINES

from llmsecrets.templates import expand

FIXTURES = Path(__file__).parents[1] / "fixtures"
CASES = sorted(path.parent.name for path in FIXTURES.glob("*/expected.json"))


def expanded(case: str, folder: Path) -> Path:
    """The input of a case in a folder, its templates replaced."""
    expected = json.loads((FIXTURES / case / "expected.json").read_text("utf-8"))
    for source in sorted((FIXTURES / case / "input").rglob("*")):
        if source.is_file():
            text = expand(source.read_text("utf-8"), 1)
            text = text.replace("\n", "\r\n") if expected.get("line_ends") == "crlf" else text
            target = folder / source.relative_to(FIXTURES / case / "input")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode(expected.get("encoding", "utf-8")))
    return folder


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_a_case_gives_what_it_expects(case, engine, scan, tmp_path) -> None:
    expected = json.loads((FIXTURES / case / "expected.json").read_text("utf-8"))
    found = scan("--engine", engine, cwd=expanded(case, tmp_path))
    assert found.code == (1 if expected["findings"] else 0)
    assert [list(place) for place in found.places] == expected["findings"]
    suppressed = [
        [one["reason"], one["location"]["path"], one["location"]["start_line"]] for one in found.json["suppressed"]
    ]
    assert suppressed == expected.get("suppressed", [])


def test_every_folder_is_a_case() -> None:
    folders = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
    assert folders == CASES
    assert len(CASES) >= 12


@pytest.mark.parametrize("folder", ["fixtures", "tests"])
def test_inputs_and_tests_are_clean_as_they_stand(folder, scan) -> None:
    """They hold templates, and keys are drawn when a test runs. What Python compiles of them is nobody's to commit."""
    assert scan(FIXTURES.parent / folder, "-c", "/dev/null", "--exclude", "**/__pycache__/**").places == []
