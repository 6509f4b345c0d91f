"""Moving in from other scanners: what their files say, as our configuration and baseline.

A module a tool reads that tool's files into one `Taken`; `resolve` looks up in the repository what they know by place
or by digest; `plan` makes the two files of it. What cannot be carried over is a `Left` with the reason, never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from llmsecrets.errors import ConfigError

SIZE_LIMIT = 64 << 20


class Known(NamedTuple):
    """A finding another tool knew, and what was decided about it.

    It stood on lines of a path (in a commit, or in the files), or `accepts` tells its bytes, whichever the tool wrote
    down; with neither path nor line it can be anywhere. `columns` are of the match, where the line holds several.
    """

    origin: str
    path: str = ""
    line: int = 0
    last_line: int = 0
    columns: tuple[int, int] = (0, 0)
    commit: str = ""
    rule_id: str = ""
    accepts: Callable[[bytes], bool] | None = None
    state: str = "accepted"
    reason: str = ""


class Left(NamedTuple):
    """What was not carried over: file and line or key, and why."""

    origin: str
    why: str


class Taken(NamedTuple):
    """What a tool's files say: settings of a configuration, entries of its allowlist, findings known."""

    exclude: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    allow: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = {}
    known: tuple[Known, ...] = ()
    left: tuple[Left, ...] = ()

    def plus(self, other: Taken) -> Taken:
        """Both together."""
        return Taken(
            tuple(dict.fromkeys((*self.exclude, *other.exclude))),
            tuple(dict.fromkeys((*self.disable, *other.disable))),
            (*self.allow, *other.allow),
            {**self.settings, **other.settings},
            (*self.known, *other.known),
            (*self.left, *other.left),
        )


# One line a tool: the module here that reads its files.
_TOOLS = {
    "gitleaks": "gitleaks",
    "detect-secrets": "detect_secrets",
    "ggshield": "ggshield",
    "trufflehog": "trufflehog",
    "kingfisher": "kingfisher",
    "secretlint": "secretlint",
}
TOOLS = tuple(_TOOLS)


def files_of(tool: str, folder: Path) -> list[Path]:
    """The files of a tool that stand in a folder under their usual names. Raises ConfigError where there is none."""
    names = import_module(f"llmsecrets.migration.{_TOOLS[tool]}").NAMES
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        looked_for = f"Looked for {', '.join(names)}. Name the files: llmsecrets migrate {tool} FILE…"
        raise ConfigError(f"{folder}: no file of {tool}", looked_for)
    return found


def take(tool: str, files: Iterable[Path]) -> Taken:
    """What the files say. Raises ConfigError for one that is not what it should be."""
    read = import_module(f"llmsecrets.migration.{_TOOLS[tool]}").read
    taken = Taken()
    for file in files:
        taken = taken.plus(read(file))
    return taken


# ---- what the readers share ------------------------------------------------------------------------------------


def text_of(path: Path) -> str:
    """A file's text. Raises ConfigError where it cannot be had."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise ConfigError(f"{path}: larger than {SIZE_LIMIT >> 20} MiB")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as failure:
        raise ConfigError(f"{path}: cannot be read: {failure.strerror}", "Check the path.") from failure
    except UnicodeDecodeError as failure:
        raise ConfigError(f"{path}: not UTF-8 text") from failure


def json_of(path: Path) -> Any:
    """A file's JSON. Raises ConfigError with the line where it is none."""
    import json

    try:
        return json.loads(text_of(path))
    except json.JSONDecodeError as failure:
        raise ConfigError(f"{path}:{failure.lineno}: not valid JSON: {failure.msg}") from failure
    except (RecursionError, ValueError) as failure:
        raise ConfigError(f"{path}: not valid JSON: nested too deep, or too long a number") from failure


def lines_of(path: Path) -> list[tuple[str, str]]:
    """(place, line) of a file's lines that are neither empty nor comments."""
    numbered = enumerate(text_of(path).splitlines(), 1)
    return [(f"{path}:{number}", line.strip()) for number, line in numbered if line.strip()[:1] not in ("", "#")]


def is_list_of(kind: type, value: Any, where: str) -> Any:
    """A list, checked, in which everything is of a type; an empty one for nothing. Raises ConfigError."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
        raise ConfigError(f"{where} must be a list of {'texts' if kind is str else 'mappings'}")
    return value


def is_mapping(value: Any, where: str) -> Any:
    """A mapping, checked. Raises ConfigError."""
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be a mapping")
    return value


_WILD = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]")
_IN_PATHS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def glob_of(pattern: str, *, anywhere: bool, below: bool) -> str:
    """A glob in which `*` stays within a folder, as one of ours, in which it does not: an expression, where it has any.

    It starts at any folder or at the root; with `below` it also means all that is in a folder it names.
    """
    name = pattern.strip("/")
    if not _WILD.search(name):
        return f"**/{name}" if anywhere else name
    place, parts = 0, []
    for found in _WILD.finditer(name):
        parts += [re.escape(name[place : found.start()]), _IN_PATHS.get(found[0], found[0].replace("[!", "[^"))]
        place = found.end()
    written = "".join((*parts, re.escape(name[place:])))
    end = "/" if pattern.endswith("/") else "(/|$)" if below else "$"
    return f"re:{'(^|/)' if anywhere else '^'}{written}{end}"


def usable(pattern: str, flags: str = "") -> str:
    """An expression in Python's syntax, or one as near, as an allowlist takes it; empty where it cannot be."""
    import regex

    try:
        regex.compile(f"(?{flags}:{pattern})".encode() if flags else pattern.encode())
    except (regex.error, UnicodeEncodeError):  # the latter for half a character, as JSON can hold
        return ""
    return f"(?{flags}:{pattern})" if flags else pattern
