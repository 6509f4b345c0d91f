"""The files as they are checked out: where a secret stands in them now, and GitHub's hash of that line.

A history names the place where a secret came in; who opens an alert wants to see the line as it is today.
"""

from __future__ import annotations

import re
from array import array
from codecs import BOM_UTF8
from pathlib import Path
from typing import NamedTuple

from llmsecrets.model import Finding, Location

_LARGEST = 8 << 20  # bytes of a file that is read again for a report

# How github/codeql-action, src/fingerprints.ts, hashes lines.
_WINDOW = 100  # characters that go into a line's hash
_FACTOR = 37
_END = "\uffff"  # stands behind a file's last character
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class Anchor(NamedTuple):
    """Where a secret stands today, and the hash of its line; None for a line that GitHub counts differently."""

    location: Location
    line_hash: str | None


class _File(NamedTuple):
    content: bytes
    hashes: LineHashes


def below(path: str, base: str | None) -> str:
    """The path, relative to the base where it is below it."""
    return str(Path(path).relative_to(base)) if base and Path(path).is_relative_to(base) else path


class Checkout:
    """The files below a folder. Remembers the last one read: findings come by path."""

    def __init__(self, root: str | None, *, of_history: bool = False) -> None:
        """`of_history`: findings stand for all places of a secret in a file, each where it came in at the time."""
        self._root = Path(root).resolve() if root else None
        self._of_history = of_history
        self._last: tuple[str, _File | None] = ("", None)

    def anchor(self, finding: Finding) -> Anchor | None:
        """Where the secret of a plain file stands today; None if it no longer does."""
        provenance = finding.provenance
        if provenance.containers or provenance.kind != "file":
            return None
        file = self._file(provenance.path)
        location = file and self._found(file.content, finding)
        return Anchor(location, file.hashes.of(location.start_line)) if file and location else None

    def place(self, finding: Finding) -> Location | None:
        """Where a reader of the checked-out file sees the finding; None for one of the history that is gone."""
        anchor = self.anchor(finding)
        if anchor:
            return anchor.location
        return None if finding.provenance.commit else finding.location

    def _file(self, path: str) -> _File | None:
        if path != self._last[0]:
            content = self._read(path)
            self._last = (path, None if content is None else _File(content, LineHashes(content)))
        return self._last[1]

    def _found(self, content: bytes, finding: Finding) -> Location | None:
        """Where the content holds the finding's secret: at the place reported, else at the first.

        In a history always at the first: which of several an old place hits changes when lines are inserted above.
        """
        secret, reported = finding.secret.reveal(), finding.location
        if not self._of_history and content[reported.start : reported.end] == secret:
            return reported
        start = content.find(secret)
        return _location(content, start, start + len(secret)) if secret and start >= 0 else None

    def _read(self, path: str) -> bytes | None:
        """A regular file of moderate size that no link leads out of the folder to."""
        if self._root is None:
            return None
        try:
            file = (self._root / path).resolve()
            readable = file.is_relative_to(self._root) and file.is_file() and file.stat().st_size <= _LARGEST
            return file.read_bytes() if readable else None
        except (OSError, ValueError, RuntimeError):  # gone, forbidden, no possible name here, a loop of links
            return None


def _location(content: bytes, start: int, end: int) -> Location:
    return Location(*_position(content, start), *_position(content, end), start, end)


def _position(content: bytes, offset: int) -> tuple[int, int]:
    line_start = content.rfind(b"\n", 0, offset) + 1
    before = content[line_start:offset] if line_start else content[:offset].removeprefix(BOM_UTF8)
    column = len(before.decode("utf-8", "replace")) + 1
    return content.count(b"\n", 0, offset) + 1, column


class LineHashes:
    """The `primaryLocationLineHash` that GitHub's upload action gives to the lines of a file.

    A polynomial in 64 bits over the hundred characters from the line's start, in UTF-16, blanks left out and line
    endings made one; then how many lines have had the same so far.
    """

    def __init__(self, content: bytes) -> None:
        text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        units = _ASTRAL.sub(_surrogates, text.replace(" ", "").replace("\t", ""))
        self._units = "\n" + units + _END + "\0" * _WINDOW
        self._starts = array("L", (found.end() for found in re.finditer("\n", self._units)))
        self._seen: dict[str, tuple[int, int]] = {}

    def of(self, line: int) -> str | None:
        """The hash of a line, counted from 1; None where the action sees no such line. Quick for lines in order."""
        if not 1 <= line <= len(self._starts):
            return None
        start = self._starts[line - 1]
        window = self._units[start : start + _WINDOW]
        value = 0
        for unit in window:
            value = (value * _FACTOR + ord(unit)) % (1 << 64)
        return f"{value:x}:{self._count(window, start)}"

    def _count(self, window: str, start: int) -> int:
        """How many lines up to this one begin with the window, continuing where the last such question ended."""
        position, count = self._seen.get(window, (0, 0))
        if position > start:
            position, count = 0, 0
        while found := self._units.find("\n" + window, position, start + _WINDOW) + 1:
            position, count = found, count + 1
        self._seen[window] = (position, count)
        return count


def _surrogates(found: re.Match[str]) -> str:
    offset = ord(found[0]) - 0x10000
    return chr(0xD800 + (offset >> 10)) + chr(0xDC00 + (offset & 0x3FF))
