"""How facts read in a report: times in ISO 8601, text cut short and printable."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone

Fact = tuple[str, str]

_LONGEST_TEXT = 120
_LAST_SECOND = 253402300799  # of the year 9999, the last that datetime can hold


def json_object(text: bytes) -> dict[str, object] | None:
    """The JSON object a text is, or None. Deeply nested text is not an object anybody issued."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def json_string(text: bytes) -> bytes:
    """What text stands for inside the quotes of a JSON string; nothing where it cannot stand there."""
    try:
        value = json.loads(b'"' + text.strip(b'"') + b'"')
    except (ValueError, RecursionError):
        return b""
    return value.encode("utf-8", "replace") if isinstance(value, str) else b""


def text_facts(source: dict[str, object], wanted: dict[str, str]) -> tuple[Fact, ...]:
    """The members of a JSON object that a report shows: `wanted` maps member to fact name. Only strings and numbers."""
    return tuple((name, shown(source[key])) for key, name in wanted.items() if _is_plain(source.get(key)))


def shown(value: object) -> str:
    """A value as a report shows it: printable and short."""
    return "".join(char if char.isprintable() else "?" for char in str(value)[:_LONGEST_TEXT])


def moment(value: object) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(value, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def issued(value: object) -> tuple[Fact, ...]:
    """When a token was made, from seconds since 1970."""
    when = moment(value)
    return (("issued", when),) if when else ()


def expiry(value: object) -> tuple[Fact, ...]:
    """When a token ends, from seconds since 1970, and whether that is past."""
    when = moment(value)
    if when is None or not isinstance(value, (int, float)):
        return ()
    return (("expires", when), ("expired", yes_no(value < time.time())))


def yes_no(value: bool) -> str:
    return "yes" if value else "no"


def seconds_of(text: str, form: str) -> float | None:
    """The moment a text in `strptime` form names, as UTC."""
    try:
        return datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp()
    except (ValueError, OverflowError):
        return None


def plausible(seconds: float, since: int = 2010) -> bool:
    """True for a time after the start of that year and not after tomorrow: when a token can have been issued."""
    return (since - 1970) * 31556952 <= seconds <= time.time() + 86400


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
