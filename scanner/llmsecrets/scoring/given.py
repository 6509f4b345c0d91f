"""What is given to a name, how, and whether that is text at all: read from the bytes around a match."""

from __future__ import annotations

import re
from typing import NamedTuple


class Given(NamedTuple):
    """A name and what it is given: spans of the whole name and of the value without its quotes.

    `manner` is how: "assigned", "compared", "keyed" (a colon), "argument", "element", "option", "query" or "said".
    """

    name: tuple[int, int]
    value: tuple[int, int]
    quoted: bool
    manner: str


_BARE = rb"[^\s\"'`<>(){}\[\],;\\]"
# A bracket that follows tells code or a template.
_UNQUOTED = re.compile(_BARE + rb"{1,512}(?![{(]|" + _BARE + rb"|<(?!/))")
_OPENING = re.compile(rb"[bfruL@]{0,2}(?:[\"'`](?=\\)|\"(?=')|'(?=\"))?(\\{0,3})([\"'`])")
_QUOTED = {quote: re.compile(rb"((?:[^\\\n" + quote + rb"]|\\[^\n]){0,512})" + quote) for quote in (b'"', b"'", b"`")}
# Said in prose: `the token is X`. Not behind a bracket, and "pass" is a verb, too.
_SAID = re.compile(rb"[ _\n,/.\-\"'(]?(?!(?i:pass)[ \t])[\w.\-\x80-\xff]+[\"'`]?\s+(?:is\s+|-\s+)?")
_GIVEN_TO = re.compile(rb"([\w.\-]+)[\"'\]\\]{0,4}[ \t]{0,3}(?:=>|:?={1,3}|:)(?:[\s\"'`\\]|\\[nrt]){0,8}\Z")
_OF_NAMES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-$")
# What a resource of AWS is called, or its type: `arn:aws:secretsmanager:us-west-2:123456789012:secret:name`,
# `"AWS::CodeBuild::SourceCredential"`.
_ARN = re.compile(rb"(?:arn:[\w\-:*]+:|[\"'](?:[A-Z]\w+::){2})\Z")
_NAME_REACH = 64  # bytes looked back over for the beginning of a name


def given_at(data: bytes, start: int, name_end: int, end: int) -> Given | None:
    """What a matched name is given: the match goes from `start` to what assigns, up to `end`. None for no value."""
    begin = _begin_of_name(data, start)
    if data[begin - 1 : begin] == b":" and _ARN.search(data, max(0, begin - _NAME_REACH), begin):
        return None
    manner = _manner(data, begin, name_end, end)
    if manner == "element" and data[begin:name_end].lower() == b"key":  # of a property list, and a name itself
        return None
    if manner == "said" and not _SAID.fullmatch(data, begin, end):
        return None
    opening = _OPENING.match(data, end)
    if opening:
        escapes, quote = opening.groups()
        if escapes:  # JSON within JSON: the value ends at the next escaped quote
            last = data.find(escapes + quote, opening.end(), opening.end() + 600)
            return Given((begin, name_end), (opening.end(), last), True, manner) if last > 0 else None
        found = _QUOTED[quote].match(data, opening.end())
        return Given((begin, name_end), found.span(1), True, manner) if found else None
    found = _UNQUOTED.match(data, end)
    if not found:
        return None
    last = found.end()
    if manner == "query":
        last = min(
            (place for place in (data.find(b"&", end, last), data.find(b"#", end, last)) if place >= 0), default=last
        )
    return Given((begin, name_end), (end, last), False, manner)


def name_of(data: bytes, start: int, value: int) -> bytes:
    """The identifier right before the value that begins at `value`, looked for from `start` on; empty for none."""
    found = _GIVEN_TO.search(data, start, value)
    return found[1] if found else b""


def _begin_of_name(data: bytes, start: int) -> int:
    """Where the identifier begins that a matched word is part of: the pattern need not look for it."""
    floor, begin = max(0, start - _NAME_REACH), start
    while begin > floor and data[begin - 1] in _OF_NAMES:
        begin -= 1
    escaped = begin < start and data[begin - 1 : begin] == b"\\" and data[begin] in b"nrt"  # a line end written out
    return begin + escaped


def _manner(data: bytes, begin: int, name_end: int, end: int) -> str:
    between = data[name_end:end]
    if b"=" in between:
        if data[begin - 1 : begin] in (b"?", b"&"):
            return "query"
        return "compared" if b"==" in between or b"!=" in between else "assigned"
    if b">" in between:
        return "element"
    if b":" in between:
        return "keyed"
    if b"," in between or b"(" in between:
        return "argument"
    return "option" if data.startswith(b"-", begin) else "said"


# Bytes that text does not hold; NUL and ESC stand in process environments and terminal logs.
_BINARY = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_AROUND = 24  # bytes on either side of a name and its value that must be text
_STRAY = 8  # of those, bytes that are no UTF-8: letters cut in two at the ends, or a few of an older encoding


def is_text(data: bytes, start: int, end: int) -> bool:
    """Whether what stands around a span is text, not bytes that happen to look like an assignment."""
    around = data[max(0, start - _AROUND) : end + _AROUND]
    if _BINARY.search(around):
        return False
    return around.isascii() or len(around) - len(around.decode("utf-8", "ignore").encode()) <= _STRAY
