"""Where the values of a JSON text stand in it: json.loads tells what they are, not where."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Container
from functools import lru_cache

# Strings first: what looks like punctuation within one is not. Numbers and words need no more than an end.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)

Path = tuple[str | int, ...]


def spans(text: bytes, wanted: Container[Path]) -> dict[Path, tuple[int, int]]:
    """Path → span in a JSON text that json.loads has accepted, of the values wanted and of those right within them.

    Of equal keys the last counts. All values would be too many: a plot has millions of numbers.
    """
    found: dict[Path, tuple[int, int]] = {}
    opened: list[tuple[Path, int]] = []  # containers around the current place: path, where they start
    path: Path = ()
    key = False
    for token in _TOKEN.finditer(text):
        start, end = token.span()
        mark = text[start]
        if mark in b"{[":
            opened.append((path, start))
            key, path = mark == 123, (*path, "" if mark == 123 else 0)
        elif mark in b"}]":
            path, begun = opened.pop()
            key = False
            if path in wanted or path[:-1] in wanted:
                found[path] = begun, end
        elif mark == 44:  # a comma: the next key, or the next item
            last = path[-1]
            key = isinstance(last, str)
            path = (*path[:-1], last + 1) if isinstance(last, int) else path
        elif mark == 58:
            key = False
        elif key:
            path = (*path[:-1], _string(text[start:end]))
        elif path in wanted or path[:-1] in wanted:
            found[path] = start, end
    return found


def _string(quoted: bytes) -> str:
    import json

    return str(json.loads(quoted))


def offset_in(quoted: bytes, characters: int) -> int:
    """How many bytes into a JSON string, its quotes included, the character stands that is this far into its value."""
    text = quoted.decode("utf-8", "surrogatepass")
    values, ends = _escapes(text)
    before = bisect_right(values, characters) - 1
    place = ends[before] + characters - values[before]
    return len(text[: min(place, len(text) - 1)].encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=1)  # a string may hold many secrets, and each is asked for by its start and its end
def _escapes(quoted: str) -> tuple[array[int], array[int]]:
    """How many characters of a string's value there are up to the end of each escape, and where that is."""
    values, ends = array("L", [0]), array("L", [1])
    for escape in _ESCAPE.finditer(quoted, 1):
        values.append(values[-1] + escape.start() - ends[-1] + 1)
        ends.append(escape.end())
    return values, ends
