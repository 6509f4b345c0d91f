"""Keys in notebooks are found in the text a reader sees, and reported by cell and by line of the file."""

from __future__ import annotations

import json
from typing import Any

import pytest

CELL = {"cell_type": "code", "execution_count": 3, "id": "ab12", "metadata": {}, "outputs": [], "source": []}


def notebook(*cells: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"cells": [{**CELL, **cell} for cell in cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}


def stream(*lines: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": list(lines)}


def display(**data: object) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {name.replace("_", "/", 1): value for name, value in data.items()},
            "metadata": {}}  # fmt: skip


@pytest.fixture(params=[1, None], ids=["indented", "on one line"])
def found_in(request, tmp_path, scan):
    """Scan a notebook and give its findings as (text at the place reported in the raw file, containers)."""

    def run(content: dict[str, Any]) -> list[tuple[str, list[str], dict[str, str]]]:
        raw = json.dumps(content, indent=request.param)
        (tmp_path / "nb.ipynb").write_text(raw)
        return [_place(entry, raw) for entry in scan("nb.ipynb").json["findings"]]

    return run


def _place(entry: dict[str, Any], raw: str) -> tuple[str, list[str], dict[str, str]]:
    place, containers = entry["location"], entry["provenance"]["containers"]
    lines = raw.split("\n")
    assert place["start_line"] == place["end_line"]
    told = {label: value for one in containers for label, value in one["facts"].items()}
    text = lines[place["start_line"] - 1][place["start_column"] - 1 : place["end_column"] - 1]
    assert text == raw.encode()[place["start"] : place["end"]].decode()
    return text, [f"{one['kind']} {one['name']}".strip() for one in containers], told


def test_a_key_in_a_source(found_in, key) -> None:
    cells = {"source": ["import os\n"]}, {"source": ["# ü\n", f'print("\\"{key("github")}\\"")\n']}
    ((text, inside, told),) = found_in(notebook(*cells))
    assert (text, inside) == (key("github"), ["cell 2", "source"])
    assert told == {"id": "ab12", "execution count": "3", "line": "2"}


def test_a_key_between_colour_codes(found_in, key) -> None:
    whole = key("github")
    coloured = f"\x1b[31m{whole[:9]}\x1b[0m{whole[9:]}\x1b[1m"
    ((text, inside, told),) = found_in(notebook({"outputs": [stream("a\n", "b\n"), stream("c\n", coloured)]}))
    assert text == f"{whole[:9]}\\u001b[0m{whole[9:]}"
    assert (inside, told["kind"], told["line"]) == (["cell 1", "output 2"], "stdout", "2")


def test_a_picture_is_not_looked_at(found_in, key) -> None:
    embedded = f'<img src="data:image/png;base64,{"A" * 99}+{key("github")}">'
    pictures = display(image_png=key("github"), text_html=embedded)
    assert found_in(notebook({"outputs": [pictures]})) == []
