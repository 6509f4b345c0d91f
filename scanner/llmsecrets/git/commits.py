"""Commit objects."""

from __future__ import annotations

import re
from typing import NamedTuple

from llmsecrets.model import Commit

_LINKS = re.compile(rb"tree ([0-9a-f]{40,64})\n((?:parent [0-9a-f]{40,64}\n)*)")
_COMMITTED = re.compile(rb"^committer .*> (\d{1,15}) ", re.MULTILINE)
_TARGET = re.compile(rb"object ([0-9a-f]{40,64})\ntype ([a-z]+)\n")


class Links(NamedTuple):
    """What a commit stands on: the ids of its tree and parents, and when it was made, in seconds since 1970."""

    tree: str
    parents: list[str]
    date: int


def parse_links(content: bytes) -> Links | None:
    """Those of a commit object; None where it is none. A damaged date is 0."""
    links = _LINKS.match(content)
    date = _COMMITTED.search(content.partition(b"\n\n")[0])
    return links and Links(links[1].decode(), links[2].decode().split()[1::2], int(date[1]) if date else 0)


def parse_target(content: bytes) -> tuple[str, str] | None:
    """(id, type) of what a tag object names; None where it is none."""
    target = _TARGET.match(content)
    return target and (target[1].decode(), target[2].decode())


def parse_commit(commit_id: str, content: bytes) -> Commit:
    """A commit object's author, date and subject. Damaged fields come out empty."""
    head, _, message = content.partition(b"\n\n")
    headers = {name: value for name, _, value in (line.partition(b" ") for line in head.split(b"\n")) if name}
    encoding = headers.get(b"encoding", b"utf-8").decode("ascii", "replace")
    name, email, date = _actor(headers.get(b"author", b""))
    subject = message.strip(b"\n").split(b"\n", 1)[0]
    return Commit(commit_id, _decode(name, encoding), _decode(email, encoding), date, _decode(subject, encoding))


def _actor(line: bytes) -> tuple[bytes, bytes, str]:
    """(name, e-mail, ISO 8601 date) of an author line: `Name <mail> 1700000000 +0100`."""
    from datetime import datetime, timedelta, timezone

    who, _, when = line.rpartition(b"> ")
    name, _, email = who.partition(b" <")
    try:
        seconds, offset = when.split(b" ")
        minutes = int(offset[-4:-2]) * 60 + int(offset[-2:])
        zone = timezone(timedelta(minutes=-minutes if offset.startswith(b"-") else minutes))
        date = datetime.fromtimestamp(int(seconds), zone).isoformat()
    except (ValueError, OverflowError, OSError):
        date = ""
    return name, email, date


def _decode(text: bytes, encoding: str) -> str:
    try:
        return text.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return text.decode("utf-8", "replace")
