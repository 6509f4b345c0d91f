"""Jupyter notebooks (nbformat 3 and later): their text as a reader sees it, and where each piece of it stands.

Strings are decoded, lines joined, colour codes and embedded pictures taken out. Every string of the file is in the text
but for those of pictures, sounds and the like: what the format does not know counts as metadata. The format:
https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import islice
from typing import Any, NamedTuple

from llmsecrets.inside.spans import Path, offset_in, spans
from llmsecrets.model import Chunk, Container, Origin, Spot

_BINARY_TYPES = (
    r"(?:image/(?!svg)|audio/|video/|font/|model/|application/(?:pdf|zip|octet-stream|vnd\.ms|x-hdf|(?:x-)?font))"
)
_BINARY = re.compile(_BINARY_TYPES)
# Colour codes and other terminal sequences (ECMA-48), and pictures embedded in HTML or Markdown, in one line or more.
_UNSEEN = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])"
    rf"|data:{_BINARY_TYPES}[^,\s\"'<>]{{0,99}};base64,[A-Za-z0-9+/=]{{60,}}(?:\s+[A-Za-z0-9+/=]{{60,}})*"
)
# What nbformat 3 called the outputs' types.
_OLD_NAMES = {"text": "text/plain", "html": "text/html", "svg": "image/svg+xml", "latex": "text/latex",
              "json": "application/json", "javascript": "application/javascript", "png": "image/png",
              "jpeg": "image/jpeg", "pdf": "application/pdf"}  # fmt: skip
_DEEPEST, _MOST = 50, 250_000  # values within each other; texts, which cost a kilobyte each
_ERROR = ("ename", "evalue", "traceback")


class BrokenError(Exception):
    """Not a notebook that can be read; the text says why."""


class Piece(NamedTuple):
    """A text of the notebook. `path` leads to it in the JSON: to one string, or to a list of them.

    `key` is what the string is called, where that is shown with it.
    """

    path: Path
    containers: tuple[Container, ...]
    strings: Sequence[str]
    separator: str = ""
    key: str = ""

    @property
    def text(self) -> str:
        """What is scanned of it before anything unseen is taken out."""
        joined = self.separator.join(self.strings)
        return f'"{self.key}": "{joined}"' if self.key else joined

    @property
    def indent(self) -> int:
        """How many characters of the text stand before the first string."""
        return len(self.key) + 5 if self.key else 0


def load(text: bytes) -> dict[str, Any]:
    """The notebook as JSON, of UTF-8 only: json.loads would guess UTF-16 where `spans` sees other strings.

    Raises BrokenError.
    """
    try:
        notebook = json.loads(text.decode("utf-8-sig", "surrogatepass"), object_pairs_hook=_mapping)
    except (ValueError, RecursionError) as failure:
        raise BrokenError("nested too deeply" if isinstance(failure, RecursionError) else "not valid JSON") from failure
    if not isinstance(notebook, dict) or not any(
        isinstance(notebook.get(key), list) for key in ("cells", "worksheets")
    ):
        raise BrokenError("it has no cells")
    if _is_deep(notebook):
        raise BrokenError("nested too deeply")
    return notebook


def _is_deep(value: object) -> bool:
    """Whether it has values within more than so many others: each text would be told by a path as long."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for values in inner for one in values if isinstance(one, dict | list)]
    return bool(level)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Of equal keys Jupyter sees the last value only, but the file holds them all."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise BrokenError("an object has two values of one name")
    return mapping


def text_of(chunk: Chunk) -> Chunk:
    """The text of a notebook that a chunk holds whole. Raises BrokenError."""
    raw = bytes(chunk.data)
    found = list(islice(pieces(load(raw)), _MOST + 1))
    if len(found) > _MOST:
        raise BrokenError(f"more than {_MOST:,} texts")
    shown = [_shown(piece) for piece in found]
    starts, position = [], 0
    for text in shown:
        starts.append(position)
        position += len(text)

    @cache
    def places() -> dict[Path, tuple[int, int]]:
        return spans(raw, {piece.path for piece in found})

    def locate(start: int, end: int) -> Spot:
        index = bisect_right(starts, start) - 1
        piece, begun = found[index], starts[index]
        first = _place(piece, shown[index][: start - begun], raw, places())
        last = _place(piece, shown[index][: end - begun], raw, places(), ending=True)
        line = ("line", str(shown[index].count(b"\n", 0, start - begun) + 1))
        innermost = piece.containers[-1]
        told = innermost._replace(facts=(*innermost.facts, line))
        return Spot(first, max(last, first), (*piece.containers[:-1], told))

    return chunk._replace(data=b"".join(shown), origin=Origin(chunk, locate), reopen=None)


def _shown(piece: Piece) -> bytes:
    """A text with an empty line behind it: a comment that silences the next line silences none of the next cell."""
    text = piece.text
    if "\x1b" in text or ";base64," in text:
        text = _UNSEEN.sub("", text)
    return (text + "\n" * (1 if text.endswith("\n") else 2)).encode("utf-8", "replace")


def _place(
    piece: Piece, before: bytes, raw: bytes, places: Mapping[Path, tuple[int, int]], *, ending: bool = False
) -> int:
    """Where in the raw notebook the character starts that has this much of the piece's text before it.

    With `ending`, where the one before it ends: between the two there may be a colour code, or the end of a string.
    """
    characters = _unshown(piece.text, len(before.decode("utf-8", "replace")), ending=ending)
    left = max(0, characters - piece.indent)
    single = raw[places[piece.path][0]] == ord('"')
    for number, string in enumerate(piece.strings):
        if left < len(string) + ending or number == len(piece.strings) - 1:
            start, end = places[piece.path if single else (*piece.path, number)]
            return start + offset_in(raw[start:end], left)
        left -= len(string) + len(piece.separator)
    return 0


def _unshown(text: str, characters: int, *, ending: bool) -> int:
    """How far into a text the character stands that is this far into what is shown of it."""
    places, sizes = _unseen(text)
    return characters + sizes[bisect_left(places, characters + (not ending))]


@lru_cache(maxsize=1)  # as of `spans._escapes`
def _unseen(text: str) -> tuple[array[int], array[int]]:
    """How far into what is shown each stretch was that is not, and how many characters are not shown before each."""
    places, sizes = array("L"), array("L", [0])
    for unseen in _UNSEEN.finditer(text):
        places.append(unseen.start() - sizes[-1])
        sizes.append(sizes[-1] + unseen.end() - unseen.start())
    return places, sizes


# ---- the pieces ------------------------------------------------------------------------------------------------------


def pieces(notebook: dict[str, Any]) -> Iterator[Piece]:
    """Every text of a notebook, in the order in which a reader meets them."""
    for number, (path, cell) in enumerate(cells(notebook), 1):
        yield from _cell(path, cell, number)
    yield from _leaves((), _rest(notebook, {"cells": list, "worksheets": list}), (Container("metadata", ""),))
    for index, sheet in enumerate(_list(notebook.get("worksheets"))):
        yield from _leaves(("worksheets", index), _rest(sheet, {"cells": list}), (Container("metadata", ""),))


def cells(notebook: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """(path, cell) of all cells; those of nbformat 3 lie in worksheets."""
    for index, cell in enumerate(_list(notebook.get("cells"))):
        yield ("cells", index), cell
    for number, sheet in enumerate(_list(notebook.get("worksheets"))):
        for index, cell in enumerate(_list(sheet.get("cells") if isinstance(sheet, dict) else None)):
            yield ("worksheets", number, "cells", index), cell


def _cell(path: Path, value: object, number: int) -> Iterator[Piece]:
    cell = _dict(value)
    count = cell.get("execution_count", cell.get("prompt_number"))
    facts = (("id", cell.get("id")), ("execution count", count))
    container = Container(
        "cell", str(number), tuple((label, str(value)) for label, value in facts if value is not None)
    )
    for key in ("source", "input"):
        yield from _text((*path, key), cell.get(key), (container, Container("source", "")))
    for index, output in enumerate(_list(cell.get("outputs"))):
        yield from _output((*path, "outputs", index), output, container, str(index + 1))
    for name, bundle in _dict(cell.get("attachments")).items():
        yield from _bundle((*path, "attachments", name), bundle, (container, Container("attachment", name)))
    known = {"source": object, "input": object, "outputs": list, "attachments": dict, "id": str, "cell_type": str}
    yield from _leaves(path, _rest(value, known), (container, Container("metadata", "")))


def _output(path: Path, value: object, cell: Container, number: str) -> Iterator[Piece]:
    output = _dict(value)

    def inside(kind: str) -> tuple[Container, ...]:
        return cell, Container("output", number, (("kind", kind),))

    yield from _text((*path, "text"), output.get("text"), inside(_stream_name(output)))
    if any(key in output for key in _ERROR):
        yield from _error(path, output, inside("traceback"))
    for mime, shown in _dict(output.get("data")).items():
        yield from _rich((*path, "data", mime), mime, shown, inside(mime))
    old = {name: mime for name, mime in _OLD_NAMES.items() if name in output and name != "text"}
    for name, mime in old.items():
        yield from _rich((*path, name), mime, output[name], inside(mime))
    known = {"text": object, "data": dict, "output_type": str, "name": str, **dict.fromkeys((*_ERROR, *old), object)}
    yield from _leaves(path, _rest(value, known), inside("metadata"))


def _stream_name(output: dict[str, Any]) -> str:
    name = output.get("name", output.get("stream"))
    return str(name) if name else "text/plain"


def _error(path: Path, output: dict[str, Any], inside: tuple[Container, ...]) -> Iterator[Piece]:
    """The traceback; name and message of the error only where it does not end with them."""
    found = list(_text((*path, "traceback"), output.get("traceback"), inside, "\n"))
    shown = _UNSEEN.sub("", "".join(piece.text for piece in found))
    for key in ("ename", "evalue"):
        if not (isinstance(output.get(key), str) and output[key] in shown):
            yield from _text((*path, key), output.get(key), inside)
    yield from found


def _bundle(path: Path, bundle: object, inside: tuple[Container, ...]) -> Iterator[Piece]:
    for mime, value in _dict(bundle).items():
        yield from _rich((*path, mime), mime, value, inside)
    if not isinstance(bundle, dict):
        yield from _leaves(path, bundle, inside)


def _rich(path: Path, mime: str, value: object, inside: tuple[Container, ...]) -> Iterator[Piece]:
    if _BINARY.match(mime):
        return
    if isinstance(value, str | list) and "json" not in mime:
        yield from _text(path, value, inside)
    else:
        yield from _leaves(path, value, inside)


def _text(path: Path, value: object, inside: tuple[Container, ...], separator: str = "") -> Iterator[Piece]:
    """A text of several lines: one string, or one a line."""
    if isinstance(value, str):
        yield Piece(path, inside, (value,))
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        yield Piece(path, inside, value, separator)
    elif value is not None:
        yield from _leaves(path, value, inside)


def _leaves(path: Path, value: object, inside: tuple[Container, ...]) -> Iterator[Piece]:
    """Every string somewhere in a value, each as a line with its key, as rules look for names."""
    if isinstance(value, dict):
        for key, one in value.items():
            if not _BINARY.match(key):
                yield from _leaves((*path, key), one, inside)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _leaves((*path, number), one, inside)
    elif isinstance(value, str):
        yield Piece(path, inside, (value,), key=next((step for step in path[::-1] if isinstance(step, str)), ""))


def _rest(value: object, known: Mapping[str, type]) -> object:
    """A value without what is read as something of its own; all of it where it is not what the format says."""
    if not isinstance(value, dict):
        return value
    return {key: one for key, one in value.items() if not isinstance(one, known.get(key, ()))}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
