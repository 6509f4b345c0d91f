"""Writing large JSON: an object whose arrays are written as they are made, one element a line.

Elements are encoded whole by the C encoder, which indenting would switch off, and a line each is kind to `grep` and
`diff`. Everything is ASCII: it fits any terminal's encoding and no control character gets through.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from llmsecrets.reporters.view import inert_json

_encoded = json.JSONEncoder(check_circular=False).encode


def encode(value: Any) -> str:
    """A value as JSON; what a CI service would take for a command in its log stands in escapes."""
    return inert_json(_encoded(value))


def write_members(out: TextIO, members: Iterable[tuple[str, Any]]) -> None:
    """The members of an object, without its braces. An iterator becomes an array."""
    separator = "\n"
    for name, value in members:
        out.write(f"{separator}{encode(name)}: ")
        separator = ",\n"
        if isinstance(value, Iterator):
            write_array(out, value)
        else:
            out.write(encode(value))


def write_array(out: TextIO, elements: Iterator[Any]) -> None:
    """An array, its elements written as they come."""
    separator, end = "[\n", "[]"
    for element in elements:
        out.write(separator + encode(element))
        separator, end = ",\n", "\n]"
    out.write(end)
