"""Keys in notebooks are found in the text a reader sees, and reported by cell and by line of the file."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmsecrets.inside.spans import offset_in, spans
from llmsecrets.sources import WINDOW

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


def test_text_embedded_like_a_picture_is_looked_at_and_what_stands_behind_one(found_in, key) -> None:
    encoded = base64.b64encode(f"{'x' * 60}: {key('github')}".encode()).decode()
    embedded = f'<a href="data:text/plain;base64,{encoded}">'
    picture = f"![](data:image/png;base64,{'A' * 76}\n{'A' * 76}\n{key('aws')})"
    found = found_in(notebook({"outputs": [display(text_html=embedded)]}, {"source": [picture]}))
    assert [inside for _, inside, _ in found] == [["cell 1", "output 1", "encoded base64"], ["cell 2", "source"]]


def test_html_json_and_metadata_are_text(found_in, key) -> None:
    shown = display(text_html=[f"<b>{key('github')}</b>"], application_json={"deep": [{"api": key("npm")}]})
    cells = {"outputs": [shown]}, {"metadata": {"tags": [key("gitlab")]}}
    found = {text: (inside, told.get("kind")) for text, inside, told in found_in(notebook(*cells))}
    assert found == {
        key("github"): (["cell 1", "output 1"], "text/html"),
        key("npm"): (["cell 1", "output 1"], "application/json"),
        key("gitlab"): (["cell 2", "metadata"], None),
    }


def test_an_output_in_two_forms_is_one_finding(found_in, key) -> None:
    shown = display(text_plain=[key("github")], text_html=[f"<i>{key('github')}</i>"])
    ((_, _, told),) = found_in(notebook({"outputs": [shown]}))
    assert told["kind"] == "text/plain"


def test_nbformat_3(found_in, key) -> None:
    output = {"output_type": "pyout", "prompt_number": 7, "text": [key("npm")], "png": "iVBOR"}
    cell = {"cell_type": "code", "input": ["a = 1\n", key("github")], "prompt_number": 7, "outputs": [output]}
    old = {
        "worksheets": [{"cells": [cell], "metadata": {}}],
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
    }
    found = {text: (inside, told["execution count"], told["line"]) for text, inside, told in found_in(old)}
    assert found == {
        key("github"): (["cell 1", "source"], "7", "2"),
        key("npm"): (["cell 1", "output 1"], "7", "1"),
    }


@pytest.mark.parametrize(
    "content",
    [
        '{"cells": [{"cell_type": ',
        '{"nbformat": 4, "a": ' + "[" * 100_000,
        '{"nbformat": 4}',
        '{"nbformat": 4, "cells": [], "a": ' + "[" * 60 + "]" * 60 + "}",
        '{"nbformat": 4, "cells": [' + '"", ' * 250_000 + '""]}',
    ],
    ids=["cut off", "without end", "without cells", "deep", "so many texts"],
)
def test_a_broken_notebook_is_read_as_plain_text(content, tmp_path, scan, key) -> None:
    (tmp_path / "nb.ipynb").write_text(f"{content}\n{key('github')}")
    found = scan()
    assert len(found.json["findings"]) == 1
    ((skip),) = found.json["skips"]
    assert (skip["reason"], skip["expected"]) == ("notebook read as plain text", True)


@pytest.mark.parametrize("kind", ["cell", "output", "outputs", "data", "traceback", "bundle", "sheet"])
def test_strings_are_read_where_the_format_has_none(found_in, key, kind) -> None:
    secret = key("github")
    odd: dict[str, Any] = {
        "cell": {"cells": [[secret]]},
        "output": notebook({"outputs": [secret]}),
        "outputs": notebook({"outputs": {"text": secret}}),
        "data": notebook({"outputs": [{"output_type": "display_data", "data": [secret]}]}),
        "traceback": notebook({"outputs": [{"output_type": "error", "traceback": secret}]}),
        "bundle": notebook({"attachments": {"a.txt": [secret]}}),
        "sheet": {"worksheets": [[secret]]},
    }
    ((text, _, _),) = found_in({**odd[kind], "nbformat": 4})
    assert text == secret


def test_values_of_one_name_are_all_read(tmp_path, scan, key) -> None:
    cells = '{{"cells": [{{"source": "{}"}}], "cells": [], "nbformat": 4}}'
    (tmp_path / "nb.ipynb").write_text(cells.format(key("github")))
    assert [one["rule_id"] for one in scan().json["findings"]] == ["github-pat"]


def test_what_is_not_utf_8_is_no_notebook(tmp_path, scan, key) -> None:
    strings = b' "cell_type"'.decode("utf-16-le"), key("github")
    (tmp_path / "nb.ipynb").write_bytes('{{"{}":"","cells":[{{"source":"{}"}}]}}'.format(*strings).encode("utf-16-le"))
    found = scan().json
    assert ([one["rule_id"] for one in found["findings"]], len(found["skips"])) == (["github-pat"], 1)


def test_a_large_notebook_with_a_mark_of_utf_16_is_read_as_plain_text(tmp_path, scan, key) -> None:
    long = notebook({"source": [key("github")]}, large="ü" * WINDOW)
    (tmp_path / "nb.ipynb").write_bytes(json.dumps(long, ensure_ascii=False).encode("utf-16"))
    found = scan().json
    assert ([one["rule_id"] for one in found["findings"]], len(found["skips"])) == (["github-pat"], 1)


def test_what_stands_encoded_in_a_notebook_too_large_to_be_held_is_found(scan, key) -> None:
    encoded = base64.b64encode(f"token: {key('github')}".encode()).decode()
    found = scan("-", stdin=json.dumps(notebook({"source": [encoded]}, large="x" * WINDOW)).encode()).json
    assert ([one["rule_id"] for one in found["findings"]], len(found["skips"])) == (["github-pat"], 1)


def test_moving_cells_changes_no_fingerprint(tmp_path, scan, key) -> None:
    cells = [{"source": [key("github")]}, {"source": ["a\n"]}, {"source": ["b\n"]}]
    prints = set()
    for order in (cells, cells[::-1]):
        (tmp_path / "nb.ipynb").write_text(json.dumps(notebook(*order), indent=1))
        prints.add(scan().json["findings"][0]["fingerprint"])
    assert len(prints) == 1


def test_an_inline_ignore_in_a_cell(tmp_path, scan, key) -> None:
    cell = {"source": [f"a = '{key('github')}'  # llmsecrets:ignore\n", f"b = '{key('npm')}'"]}
    (tmp_path / "nb.ipynb").write_text(json.dumps(notebook(cell)))
    found = scan().json
    assert (len(found["findings"]), found["suppressed"][0]["reason"]) == (1, "inline ignore")


def test_a_comment_for_the_next_line_ends_with_its_cell(tmp_path, scan, key) -> None:
    cells = [{"source": "# llmsecrets:ignore-next-line"}, {"source": f"a = '{key('github')}'"}]
    (tmp_path / "nb.ipynb").write_text(json.dumps(notebook(*cells)))
    assert [finding["rule_id"] for finding in scan().json["findings"]] == ["github-pat"]


def test_only_what_a_change_adds_to_a_notebook_is_reported(repository, scan, key) -> None:
    old = {"source": [key("github")]}
    repository.commit({"nb.ipynb": json.dumps(notebook(old), indent=1)})
    printed = {"outputs": [stream("x\n", key("npm"))]}
    repository.add("nb.ipynb", json.dumps(notebook(printed, old), indent=1))
    (entry,) = scan("--staged", cwd=repository.root).json["findings"]
    assert [one["name"] for one in entry["provenance"]["containers"]] == ["1", "1"]


def test_a_history_names_the_cell(repository, scan, key) -> None:
    whole = key("github")
    cells = {"source": ["\n", "x\n"]}, {"outputs": [stream("a\n", f"\x1b[1m{whole}\x1b[0m")]}
    for number in range(3):  # versions of one file, which packs keep as deltas
        repository.commit({"nb.ipynb": json.dumps(notebook(*cells, {"source": [f"{number}"] * 300}), indent=1)})
    for packed in (False, True):
        if packed:
            repository.git("gc", "-q")
        (entry,) = scan("--history", "--no-cache", cwd=repository.root).json["findings"]
        assert [(one["kind"], one["name"]) for one in entry["provenance"]["containers"]] == [
            ("cell", "2"),
            ("output", "1"),
        ]
        assert entry["provenance"]["containers"][1]["facts"]["line"] == "2"


@given(st.lists(st.text(max_size=9), max_size=5), st.booleans())
def test_every_string_is_found_where_it_stands(texts, ascii_only) -> None:
    value = {"a": texts, "b": {text: text for text in texts}, "c": [[], {}, texts]}
    raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    places = spans(raw, {("a",), ("b",), ("c", 2)})
    assert len(places) == 3 + 2 * len(texts) + len(set(texts))
    for path, (start, end) in places.items():
        found = value
        for step in path:
            found = found[step]
        assert json.loads(raw[start:end].decode("utf-8", "surrogatepass")) == found


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text("\ud83da\\"), st.booleans())
def test_a_character_of_a_string_is_found_behind_its_escapes(text, ascii_only) -> None:
    raw = json.dumps(text, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    for at in range(len(text) + 1):
        assert json.loads(raw[: offset_in(raw, at)] + b'"') == text[:at]
