"""Commit objects."""

from __future__ import annotations

from llmsecrets.model import Commit


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
