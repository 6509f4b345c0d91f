"""Taking outputs out of a notebook, everything else left as it is, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from llmsecrets.inside.notebook import BrokenError, cells, load
from llmsecrets.inside.spans import Path, spans

Unwanted = Callable[[int, int], bool]  # cell and output, both counted from 1
Places = Mapping[Path, tuple[int, int]]


def without_outputs(text: bytes, unwanted: Unwanted) -> tuple[bytes, int]:
    """The notebook without its unwanted outputs, and how many those are. Raises BrokenError."""
    cut = list(_unwanted(load(text), unwanted))
    places = spans(text, {path for path, _, _ in cut})
    pieces: list[bytes] = []
    position = count = 0
    for path, outputs, gone in cut:
        count += len(gone)
        for start, end, instead in _cuts(places, path, outputs, gone):
            pieces += (text[position:start], instead)
            position = end
    stripped = b"".join((*pieces, text[position:]))
    if not _is_without(stripped, text, unwanted):
        raise BrokenError("its outputs cannot be told from the rest")
    return stripped, count


def _unwanted(notebook: dict[str, object], unwanted: Unwanted) -> Iterator[tuple[Path, int, list[int]]]:
    """(path of the outputs, how many they are, indices of the unwanted) of each cell that has some."""
    for number, (path, cell) in enumerate(cells(notebook), 1):
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        if isinstance(outputs, list):
            gone = [index for index in range(len(outputs)) if unwanted(number, index + 1)]
            if gone:
                yield (*path, "outputs"), len(outputs), gone


def _cuts(places: Places, path: Path, outputs: int, gone: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
    """(start, end, what comes instead) of the bytes to cut, in order: an output goes with the comma before it."""
    if len(gone) == outputs:
        yield *places[path], b"[]"
        return
    first_kept = next(index for index in range(outputs) if index not in gone)
    at = [places[(*path, index)] for index in range(outputs)]
    if first_kept:
        yield at[0][0], at[first_kept][0], b""
    for index in gone:
        if index > first_kept:
            yield at[index - 1][1], at[index][1], b""


def _is_without(stripped: bytes, text: bytes, unwanted: Unwanted) -> bool:
    """Whether the result is the notebook it should be: nothing is written on the strength of offsets alone."""
    wanted = load(text)
    for number, (_, cell) in enumerate(cells(wanted), 1):
        if isinstance(cell, dict) and isinstance(cell.get("outputs"), list):
            cell["outputs"] = [one for index, one in enumerate(cell["outputs"], 1) if not unwanted(number, index)]
    try:
        return bool(json.loads(stripped) == wanted)
    except ValueError:
        return False
