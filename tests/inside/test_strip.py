"""`llmsecrets notebook strip` takes outputs out, and not a byte more."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmsecrets.inside.strip import without_outputs

PARTS = [f'{{"output_type": "stream", "name": "stdout", "text": "{text}"}}' for text in ("one", "tw]o", '\\"three')]


def written(outputs: list[str], space: str) -> str:
    cell = f'{{"cell_type": "code",{space}"outputs": [{space}{("," + space).join(outputs)}{space}], "source": "é"}}'
    return f' {{"cells":{space}[{cell}, {cell}], "nbformat": 4, "a": 1.50}}\n'


@given(st.lists(st.sampled_from(PARTS), max_size=5), st.sampled_from(["", " ", "\n   "]), st.sets(st.integers(1, 5)))
def test_what_stays_is_as_it_was(outputs, space, gone) -> None:
    text = written(outputs, space)
    kept = [one for number, one in enumerate(outputs, 1) if number not in gone]
    stripped, count = without_outputs(text.encode(), lambda cell, output: output in gone)
    assert count == 2 * (len(outputs) - len(kept))
    assert json.loads(stripped) == json.loads(written(kept, space))
    if kept:
        assert stripped.decode() == written(kept, space)


@pytest.fixture
def nb(tmp_path, key):
    """A notebook whose second cell printed a key."""
    outputs = {2: [_stream("hello"), _stream(f"token {key('github')}")], 3: [_stream("bye")]}
    cells = [
        {"cell_type": "code", "metadata": {}, "source": [], "outputs": outputs.get(number, [])} for number in (1, 2, 3)
    ]
    file = tmp_path / "nb.ipynb"
    file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1))
    return file


def _stream(text: str) -> dict[str, str]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def outputs_of(file) -> list[list[str]]:
    return [[output["text"] for output in cell["outputs"]] for cell in json.loads(file.read_text())["cells"]]


def test_the_outputs_with_findings_go(nb, llmsecrets, scan) -> None:
    nb.chmod(0o640)
    done = llmsecrets("notebook", "strip", "nb.ipynb")
    assert (done.code, done.stdout) == (0, "nb.ipynb: 1 output taken out\n")
    assert (outputs_of(nb), nb.stat().st_mode & 0o777) == ([[], ["hello"], ["bye"]], 0o640)
    assert scan().json["findings"] == []
    assert llmsecrets("notebook", "strip", "nb.ipynb").stdout == ""
    assert [path.name for path in nb.parent.iterdir()] == ["nb.ipynb"]


def test_a_dry_run_changes_nothing(nb, llmsecrets) -> None:
    before = nb.read_bytes()
    done = llmsecrets("notebook", "strip", "--dry-run", "nb.ipynb")
    assert (done.code, done.stdout) == (1, "nb.ipynb: 1 output would be taken out\n")
    assert nb.read_bytes() == before


def test_all_outputs_of_some_cells(nb, llmsecrets) -> None:
    llmsecrets("notebook", "strip", "--all", "--cells", "1,3-9", "nb.ipynb")
    assert [len(outputs) for outputs in outputs_of(nb)] == [0, 2, 0]


def test_what_is_no_notebook_is_said_and_left(tmp_path, llmsecrets) -> None:
    (tmp_path / "nb.ipynb").write_text('{"cells": [')
    done = llmsecrets("notebook", "strip", "nb.ipynb")
    assert (done.code, "not a notebook that can be read: not valid JSON" in done.stderr) == (3, True)
    assert llmsecrets("notebook", "strip", "--cells", "x", "nb.ipynb").code == 2
