"""Notebooks that the real Jupyter has run: what a kernel prints, raises and displays ends up in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

for module in ("nbformat", "nbclient", "ipykernel", "matplotlib"):
    pytest.importorskip(module)

CELLS = {
    "prints": "print('the key is', KEY)",
    "raises": "def call(key):\n    raise ValueError(f'bad key {key}')\n\ncall(KEY)",
    "displays": "from IPython.display import HTML\nHTML(f'<table><tr><td>{KEY}</td></tr></table>')",
    "logs": "import sys\nprint(f'\\x1b[31m{KEY[:9]}\\x1b[0m{KEY[9:]}', file=sys.stderr)",
    "returns": "{'headers': {'Authorization': f'Bearer {KEY}'}}",
    "draws": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 4, 2]);",
}
KINDS = {"prints": "stdout", "raises": "traceback", "displays": "text/html", "logs": "stderr", "returns": "text/plain"}


RUN = """
import nbclient, nbformat, sys
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=60, allow_errors=True, kernel_name="python3").execute()
nbformat.validate(notebook)
nbformat.write(notebook, sys.argv[1])
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory, key) -> Path:
    """A notebook in which each cell was run in turn, the key taken from the environment as one should."""
    file = tmp_path_factory.mktemp("jupyter") / "nb.ipynb"
    sources = ["import os\nKEY = os.environ['OPENAI_API_KEY']", *CELLS.values()]
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"id{number}",
            "metadata": {},
            "outputs": [],
            "source": one,
        }
        for number, one in enumerate(sources)
    ]
    file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    _python(RUN, file, OPENAI_API_KEY=key("openai"))
    return file


def _python(script: str, *arguments: Path, **environment: str) -> None:
    subprocess.run(
        [sys.executable, "-c", script, *arguments], check=True, timeout=120, env={**os.environ, **environment}
    )


def test_every_output_that_shows_the_key_is_told(executed, scan) -> None:
    found = scan(executed).json["findings"]
    names = list(CELLS)
    told = {}
    for entry in found:
        cell, output = entry["provenance"]["containers"]
        told[names[int(cell["name"]) - 2]] = output["facts"]["kind"]
        assert cell["facts"]["execution count"] == cell["name"]
        line = executed.read_text().splitlines()[entry["location"]["start_line"] - 1]
        assert "sk-proj" in line
    assert told == KINDS
    assert len(found) == len(KINDS)


def test_a_stripped_notebook_still_is_one(executed, llmsecrets, scan, tmp_path) -> None:
    copy = tmp_path / "copy.ipynb"
    copy.write_bytes(executed.read_bytes())
    assert llmsecrets("notebook", "strip", copy).code == 0
    _python("import nbformat, sys; nbformat.validate(nbformat.read(sys.argv[1], as_version=4))", copy)
    assert scan(copy).json["findings"] == []
    assert "image/png" in json.dumps(json.loads(copy.read_text())["cells"][-1]["outputs"])
