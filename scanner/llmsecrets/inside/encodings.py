"""Encoded text: base64, hexadecimal digits, percent, \\u and HTML escapes, UTF-16 and UTF-32 without a mark.

Only stretches that decode to text are looked at, and they are known by their characters. ASCII has no byte above 127
and few below 32, so of the 64 characters of base64 less than half can come first in a group of four, half second and
half third: six such groups in a row are met once in a million characters of a picture, hardly ever in a program.
"""

from __future__ import annotations

import binascii
import re
import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

from llmsecrets import magic
from llmsecrets.matching import RUN, SIGNS
from llmsecrets.matching.finder import Finder
from llmsecrets.model import Chunk, Container, Origin, Spot
from llmsecrets.sources import OVERLAP

# Groups that three bytes of printable ASCII give: RFC 4648, section 4; `-` and `_` for section 5.
_GROUP = r"[CDI-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
_BYTE = r"(?:[2-7][0-9a-fA-F]|0[9aAdD])"
_GROUPS, _BYTES = 6, 16  # how many in a row are worth a look: 18 and 16 bytes of text
_FEW_GROUPS = 4  # where short values are to be expected
_PERCENT, _UNICODE, _HTML = r"%[2-7][0-9A-Fa-f]", r"\\u00[2-7][0-9A-Fa-f]", r"&#[x0-9]"
# One pass over everything, which few texts do not leave with nothing, by expressions that Hyperscan is quickest with…
_GATE = (SIGNS[0], _PERCENT, r"\\u00", "&#")
_ZERO = r"\x00"  # wide characters have them
_SIGNS = (*SIGNS, _ZERO)
_LONGEST_SIGN = 4  # bytes that an escape in the gate spans
# …unless it is a Kubernetes manifest, whose Secrets hold shorter values.
_ESCAPES, _ESCAPE_NAMES = (_PERCENT, _UNICODE, _HTML), ("percent", "JSON", "HTML")
_BEFORE_STRING = r"""["'`=:>,;(\s]"""
_LEAP = 4096  # bytes from a run on that are searched before the next run is looked for

# A whole stretch: lines as MIME and PEM have them, also within a string of JSON, then what is left of the last group.
_REST = r"[CDI-Za-f][A-HQ-Xg-nw-z0-3][A-Za-z0-9]?"
_LINE_END = r"(?:\r?\n[ \t]*|(?:\\r)?\\n)"
_BASE64 = rf"(?:(?:{_GROUP}){{14,}}{_LINE_END})*(?:(?:{_GROUP})+(?:{_REST})?=?=?|{_REST}={{1,2}})?"
_HEX = f"{_BYTE}+"
_ONE_ESCAPE = (
    "%([0-9A-Fa-f]{2})",
    r"\\u([0-9A-Fa-f]{4})",
    "&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);",
)
_NAMED = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}
_WORD = r"""[^\s"'<>`]*"""  # what escapes are part of
_REACH, _SHORT_REACH, _SHORTEST_WORD = 2048, 64, 16
_STRETCH, _LONGEST_ESCAPE = 1 << 18, 6  # bytes searched for escapes at once; bytes of one that the search needs
_CUT = 4  # bytes by which an encoded stretch may end before the window that cuts it: most of a group, or a character
_BEFORE, _AFTER = 96, 48  # bytes of the line around an encoded stretch that rules may look at
_WIDE = 20  # wide characters in a row
# Of these, every byte of text as an `a`, so that a run of them is a fixed text that can be searched for: in programs
# and pictures this is several times faster than an expression for them.
_SHAPES = bytes(97 if 32 <= byte < 127 or byte in b"\t\n\r" else min(byte, 1) for byte in range(256))
_WIDTHS = {2: "UTF-16", 4: "UTF-32"}
_STANDARD = bytes.maketrans(b"-_", b"+/")
_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-=")


@cache
def _compiled(expression: str) -> re.Pattern[bytes]:
    """Compiled when first needed: most runs of a hook decode nothing."""
    return re.compile(expression.encode())


class Span(NamedTuple):
    """An encoded stretch of a text and what it decodes to.

    `at(offset)` is where in the stretch, counted from its start, the byte stands that is this far into the decoded
    text; None where only the stretch as a whole can be told.
    """

    start: int
    end: int
    name: str
    text: bytes
    at: Callable[[int], int] | None = None


Look = Callable[[bytes], list[Span]]


def decoded(chunk: Chunk, look: Look | None = None) -> Chunk | None:
    """The encoded stretches of a chunk as one text, a line each between what stands around them; None without any.

    `look` finds them, if not `spans` as it is.
    """
    data = bytes(chunk.data)
    found = [span for span in (look or spans)(data) if _belongs(span, chunk)]
    if not found:
        return None
    pieces: list[bytes] = []
    starts: list[int] = []  # of the decoded texts
    position = 0
    for span in found:
        before, after = _around(data, span)
        pieces += (before, span.text, after, b"\n")
        starts.append(position + len(before))
        position += len(before) + len(span.text) + len(after) + 1
    parts = [(start, start + len(span.text)) for start, span in zip(starts, found, strict=True)]

    def locate(start: int, end: int) -> Spot:
        index = max(0, bisect_right(starts, end - 1) - 1)
        span, begun = found[index], starts[index]
        inside = (Container("encoded", span.name),)
        if span.at is None:
            return Spot(span.start, span.end, inside)
        first, last = (span.at(min(max(0, offset - begun), len(span.text))) for offset in (start, end))
        return Spot(span.start + first, span.start + last, inside)

    return Chunk(b"".join(pieces), chunk.provenance, origin=Origin(chunk, locate, parts))


def spans(data: bytes, *, manifest: bool | None = None, thorough: int | None = None) -> list[Span]:
    """The encoded stretches of a text in order, none within another.

    Behind the first `thorough` bytes, of base64 and digits only those strings that begin with text: they are found in a
    fraction of the time. `manifest`: the text is of Kubernetes manifests, if it cannot be seen from it.
    """
    gates = dict(_FINDERS.gate.find(data))
    run = gates.pop(0, None)
    thorough = len(data) if thorough is None else thorough
    found: list[Span] = []
    if magic.is_manifest(data) if manifest is None else manifest:
        found += _base64_and_hex(data[:thorough], 0, thorough, _FINDERS.short)
    elif run is not None:
        found += _base64_and_hex(data[:thorough], max(0, run - RUN - _BEFORE), _LEAP, _FINDERS.stretches)
    if run is not None and len(data) > thorough:
        found += _at_beginnings(data, max(run - RUN - 1, thorough - RUN - 1))
    if gates:
        found += _escaped(data, max(0, min(gates.values()) - _LONGEST_SIGN))
    if 0 in data:
        found += _wide(data)
    return list(_outermost(found)) if len(found) > 1 else found


def may_hold(data: bytes | memoryview) -> bool:
    """Whether a text holds a sign of something encoded: one quick look at it."""
    found = {_SIGNS[number] for number, _ in _FINDERS.signs.find(data)}
    return bool(found - {_ZERO}) or (_ZERO in found and any(True for _ in _wide(bytes(data))))


def _outermost(found: Iterable[Span]) -> Iterator[Span]:
    end = 0
    for span in sorted(found, key=lambda one: (one.start, -one.end)):
        if span.end > end:
            yield span
            end = span.end


def _belongs(span: Span, chunk: Chunk) -> bool:
    """Whether a stretch is this chunk's to decode: not what stands around a decoded text, nor another window's."""
    if chunk.origin:
        return chunk.origin.owns(span.start, span.end)
    size = len(chunk.data)
    ahead = not chunk.last and span.end > size - _CUT and span.start >= size - OVERLAP
    return span.end > chunk.seen - _CUT and not ahead


def _around(data: bytes, span: Span) -> tuple[bytes, bytes]:
    """What of the line stands before and behind a stretch; a line break where more of its alphabet does."""
    reach = max(0, span.start - _BEFORE)
    first = max(data.rfind(b"\n", reach, span.start) + 1, reach)
    last = data.find(b"\n", span.end, span.end + _AFTER)
    before, after = data[first : span.start], data[span.end : last if last >= 0 else span.end + _AFTER]
    return (
        before + b"\n" if before and before[-1] in _ALPHABET - {61} else before,
        b"\n" + after if after and after[0] in _ALPHABET else after,
    )


class _Stretches(NamedTuple):
    """What looks for base64 and hexadecimal digits, and how many characters of each it takes."""

    finder: Finder
    widths: tuple[int, ...]

    @classmethod
    def of(cls, groups: int, digits: int, before: str = "") -> _Stretches:
        """So many groups of base64 in a row, or so many pairs of digits.

        The first of each that is met; with what must stand `before`, all.
        """
        forms = [f"{before}(?:{_GROUP}){{{groups}}}", f"{before}{_BYTE}{{{digits}}}"]
        return cls(Finder(forms, first=not before), (groups * 4, digits * 2))

    def span(self, data: bytes, number: int, end: int) -> Span:
        """The whole stretch, of which the finder has told the number and where what it takes ends."""
        start = end - self.widths[number]
        return _hex(data, start) if number else _base64(data, start)


class _Finders(threading.local):
    """What looks for encoded text, one set for each thread."""

    def __init__(self) -> None:
        self.gate, self.runs = Finder(_GATE, first=True), Finder(_GATE[:1], first=True)
        self.signs = Finder(_SIGNS, first=True)
        self.stretches, self.short = _Stretches.of(_GROUPS, _BYTES), _Stretches.of(_FEW_GROUPS, _BYTES)
        self.beginnings = _Stretches.of(_GROUPS, _BYTES, _BEFORE_STRING)
        self.escapes = Finder(_ESCAPES)


_FINDERS = _Finders()


# ---- base64 and hexadecimal digits -----------------------------------------------------------------------------------


def _base64_and_hex(data: bytes, start: int, leap: int, stretches: _Stretches) -> Iterator[Span]:
    """Stretches in so many bytes from `start` on, and again wherever a run of letters and digits comes behind them."""
    view = memoryview(data)
    end = min(len(data), start + leap)
    while True:
        if found := stretches.finder.find(view[start:end]):
            number, at = found[0]
            span = stretches.span(data, number, start + at)
            yield span
            start = span.end
        else:
            behind = max(start, end - RUN)
            if end == len(data) or not (runs := _FINDERS.runs.find(view[behind:])):
                return
            start = max(behind, behind + runs[0][1] - RUN - _BEFORE)
        end = min(len(data), start + leap)


def _at_beginnings(data: bytes, start: int) -> Iterator[Span]:
    """Stretches from `start` on with which a string begins."""
    end = 0
    beginnings = _FINDERS.beginnings
    for number, at in beginnings.finder.find(memoryview(data)[start:]):
        if start + at - beginnings.widths[number] >= end:
            span = beginnings.span(data, number, start + at)
            yield span
            end = span.end


def _base64(data: bytes, start: int) -> Span:
    found = _compiled(_BASE64).match(data, start)
    assert found is not None
    lines = found.group().replace(b"\\r", b"").replace(b"\\n", b"")
    text = b"".join(lines.translate(_STANDARD).rstrip(b"=").split())
    text = text[: len(text) - (len(text) % 4 == 1)]
    return Span(start, found.end(), "base64", binascii.a2b_base64(text + b"=" * (-len(text) % 4)))


def _hex(data: bytes, start: int) -> Span:
    found = _compiled(_HEX).match(data, start)
    assert found is not None
    return Span(start, found.end(), "hex", bytes.fromhex(found.group().decode()), lambda offset: 2 * offset)


# ---- escapes ---------------------------------------------------------------------------------------------------------


def _escaped(data: bytes, first: int) -> Iterator[Span]:
    """Words with escapes in them; the first is not before this place."""
    for start, end, number in _words(data, first):
        if end - start >= _SHORTEST_WORD:
            yield _unescaped(data, start, end, number)


def _words(data: bytes, first: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, number of the first escape) of words with escapes; of long ones, what is within reach of these."""
    start = last = known = kind = -1
    for number, end in _escapes(data, first):
        if end > known:  # another word, or so far away that what is in reach of the two does not touch
            if start >= 0:
                yield start, min(known, last + _REACH), kind
            start, known, kind = _word_start(data, end), end, number
        if known < end + 2 * _REACH:
            word = _compiled(_WORD).match(data, known, end + 3 * _REACH)
            known = word.end() if word else known
        last = end
    if start >= 0:
        yield start, min(known, last + _REACH), kind


def _escapes(data: bytes, first: int) -> Iterator[tuple[int, int]]:
    """(number, where it ends) of each escape, looked for a stretch at a time: a text may hold nothing else."""
    view = memoryview(data)
    for start in range(first, len(data), _STRETCH):
        reach = max(first, start - _LONGEST_ESCAPE)
        for number, at in _FINDERS.escapes.find(view[reach : start + _STRETCH]):
            if reach + at > start:
                yield number, reach + at


def _word_start(data: bytes, end: int) -> int:
    """Where the word begins that reaches up to here. Most are short: C is full of `%2d`."""
    for reach in (_SHORT_REACH, _REACH):
        before = data[max(0, end - reach) : end][::-1]
        word = _compiled(_WORD).match(before)
        length = word.end() if word else 0
        if length < len(before):
            break
    return end - length


def _unescaped(data: bytes, start: int, end: int, number: int) -> Span:
    out, position = bytearray(), start
    inner, outer = array("L", [0]), array("L", [0])  # how far the two texts have come at the end of each escape
    for escape in _compiled(_ONE_ESCAPE[number]).finditer(data, start, end):
        out += data[position : escape.start()]
        out += _character(escape[1], number)
        position = escape.end()
        inner.append(len(out))
        outer.append(position - start)
    out += data[position:end]

    def at(offset: int) -> int:
        before = bisect_right(inner, offset) - 1
        return min(outer[before] + offset - inner[before], end - start)

    return Span(start, end, _ESCAPE_NAMES[number], bytes(out), at)


def _character(code: bytes, number: int) -> bytes:
    if number == 0:
        return bytes.fromhex(code.decode())
    if code in _NAMED:
        return _NAMED[code]
    digits = code.decode().lstrip("#").lower()
    value = int(digits.lstrip("x"), 16) if number == 1 or digits.startswith("x") else int(digits)
    return chr(value).encode("utf-8", "replace") if value < 0x110000 else b"?"


# ---- wide characters -------------------------------------------------------------------------------------------------


def _wide(data: bytes) -> Iterator[Span]:
    """Runs of wide characters of ASCII, of either byte order: the zeros come before or behind."""
    shapes = data.translate(_SHAPES)
    for width, name in _WIDTHS.items():
        zeros = bytes(width - 1)
        shortest = (b"a" + zeros) * (_WIDE - 1) + b"a"
        at = shapes.find(shortest)
        while at >= 0:
            run = _compiled(rf"(?:a\x00{{{width - 1}}})*a").match(shapes, at)
            assert run is not None
            big = shapes.endswith(zeros, 0, at)
            start = at - len(zeros) if big else at
            text = data[at : run.end() : width]
            end = min(start + len(text) * width, len(data))
            yield Span(start, end, name + ("BE" if big else "LE"), text, width.__mul__)
            at = shapes.find(shortest, run.end())
