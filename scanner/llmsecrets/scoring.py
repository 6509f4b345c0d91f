"""The generic detector's judgement: how likely is it that this value, given to this name, in this place, is a secret?

For secrets without a shape of their own: passwords, home-made tokens, hex keys. Each feature adds to a sum of log odds;
the logistic of the sum is the score. `features` names every part, so that a verdict can be explained.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from llmsecrets.rules import path_matches

MEDIUM, LOW = 0.75, 0.35  # score from which a finding falls in a tier; below LOW there is none


class Feature(NamedTuple):
    """One reason for or against, in log odds."""

    name: str
    weight: float


class Value(NamedTuple):
    """Where the value given to a name stands, and whether it is a quoted literal."""

    start: int
    end: int
    quoted: bool


def entropy(data: bytes) -> float:
    """Shannon entropy in bits a byte."""
    if not data:
        return 0.0
    total = len(data)
    counts = (data.count(byte) for byte in set(data))
    return -sum(count / total * math.log2(count / total) for count in counts)


def probability(features: Sequence[Feature]) -> float:
    """The logistic of the summed log odds."""
    return 1 / (1 + math.exp(-sum(feature.weight for feature in features)))


# ---- the value ---------------------------------------------------------------------------------------------------

_UNQUOTED = re.compile(rb"[^\s\"'`<>(){}\[\],;]{1,256}(?!\{\{|\$\{|%\(|<|[^\s\"'`<>(){}\[\],;])")  # else a template
_QUOTED = {quote: re.compile(rb"((?:[^\\\n" + quote + rb"]|\\[^\n]){0,256})" + quote) for quote in (b'"', b"'", b"`")}


def value_at(data: bytes, position: int) -> Value | None:
    """The value that starts at a position, its quotes or escaped quotes left off. None where there is none."""
    escapes = 0
    while data[position : position + 1] == b"\\":
        position, escapes = position + 1, escapes + 1
    quote = data[position : position + 1]
    if quote in _QUOTED:
        if escapes:  # JSON within JSON: the value ends at the next escaped quote
            end = data.find(b"\\" * escapes + quote, position + 1, position + 300)
            return Value(position + 1, end, True) if end > 0 else None
        found = _QUOTED[quote].match(data, position + 1)
        return Value(*found.span(1), True) if found else None
    found = _UNQUOTED.match(data, position)
    return Value(*found.span(), False) if found else None


# Bytes that text does not hold; NUL and ESC stand in process environments and terminal logs.
_BINARY = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]|[\x80-\xff]{9}")
_AROUND = 24  # bytes on either side of a name and its value that must be text


def is_text(data: bytes, start: int, end: int) -> bool:
    """Whether what stands around a span is text, not bytes that happen to look like an assignment."""
    return not _BINARY.search(data, max(0, start - _AROUND), end + _AROUND)


# ---- features ----------------------------------------------------------------------------------------------------

_STRONG_NAME = re.compile(
    rb"(?i)passw|passphrase|pwd|secret|api[_\-.]?key|access[_\-.]?key|auth[_\-.]?(?:token|key)|private[_\-.]?key|"
    rb"encryption[_\-.]?key|signing[_\-.]?key|credential|bearer|client[_\-.]?secret"
)
_WEAK_ENDING = re.compile(
    rb"(?i)(?:_|-|\.|(?<=[a-z])(?=[A-Z]))?(?:id|ids|name|names|url|uri|host|port|region|model|path|file|dir|type|length|len|"
    rb"size|count|limit|max|min|format|policy|field|prefix|suffix|label|hint|placeholder|title|text|message|expires?|ttl|"
    rb"timeout|enabled|required|public_?key|hash|digest|version|algorithm|alg|header|param|endpoint|class|input|regex|"
    rb"pattern|error|reset|strength|budget|usage|counts?|tokens|tokenizer|arn|ref|status|provider|manager)$"
)
_IDENTIFIER = re.compile(rb"^[A-Za-z_$][A-Za-z_$]*(?:[.\->:]+[A-Za-z_$]+)*(?:\(\)?)?$")
_SNAKE_OR_KEBAB = re.compile(rb"^[a-z]+(?:[_\-. /:][a-z]+)+$", re.IGNORECASE)
_PATH_OR_URL = re.compile(rb"^(?:\.{0,2}/|~/|[A-Za-z]:\\|[a-z][a-z0-9+.\-]{1,20}://)|/[\w.\-]+/")
_VERSION_OR_DATE = re.compile(rb"^v?\d+(?:[.\-:/ T]\d+)+[\w.\-+]*$")
_UUID = re.compile(rb"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")
_HEX = re.compile(rb"^[0-9a-fA-F]+$")
_CODE = re.compile(rb"[(){}\[\]$<>]|::|->|\\[nrt]|%[sd]|\s")
_COMMON = frozenset(
    b"password passwd secret token admin root test testing none null true false undefined string required optional "
    b"default user username pass pwd value key apikey api_key changeme hunter2 letmein hello world basic bearer public "
    b"private postgres mysql guest demo secret123 password1 password123 pass123 test123 admin123 12345678".split()
)
_GENERATED = ("**/*.lock", "**/*lock.json", "**/*lock.yaml", "**/go.sum", "**/*.min.js", "**/*.map", "**/*.svg",
              "**/*.ipynb", "**/tokenizer.json", "**/vocab.json", "**/*.po", "**/*.pot", "**/*.cast",
              "**/*.snap")  # fmt: skip
_TEST = ("*test*", "*Test*", "*spec*", "*fixture*", "*mock*", "*example*", "*sample*", "*demo*")
_PROSE = ("**/*.md", "**/*.rst", "**/*.txt", "**/*.adoc", "**/*.html", "**/docs/*", "docs/*")
_SETTINGS = ("**/.env", "**/.env.*", "**/*.env", "**/*.ini", "**/*.cfg", "**/*.conf", "**/*.toml", "**/*.properties",
             "**/*.tfvars", "**/*secrets*", "**/*credentials*")  # fmt: skip


def features(name: bytes, value: bytes, *, quoted: bool) -> list[Feature]:
    """What name and value say, wherever they stand."""
    return [*_name_features(name), *_value_features(value, quoted)]


BEST_PLACE = (Feature("settings file", 1.0),)


def place_features(path: str) -> list[Feature]:
    """What the file's path says. An unknown path says nothing."""
    found = []
    if path_matches(path, _GENERATED):
        found.append(Feature("generated file", -4.0))
    if path_matches(path, _TEST):
        found.append(Feature("test or example", -1.0))
    if path_matches(path, _PROSE):
        found.append(Feature("documentation", -1.0))
    if path_matches(path, _SETTINGS):
        found.append(Feature("settings file", 1.0))
    return found


def _name_features(name: bytes) -> list[Feature]:
    found = [Feature("name means a secret", 0.5) if _STRONG_NAME.search(name) else Feature("name may mean one", -0.5)]
    if _WEAK_ENDING.search(name):
        found.append(Feature("name ends in another meaning", -4.0))
    return found


def _value_features(value: bytes, quoted: bool) -> list[Feature]:
    size, bits = len(value), entropy(value)
    found = [Feature("quoted literal", 0.5) if quoted else Feature("no quotes", -1.0)]
    found.append(Feature("entropy", 1.6 * (bits - min(3.4, 0.75 * math.log2(max(size, 2))))))
    found.append(Feature("character kinds", _kinds(value)))
    if size < 8:
        found.append(Feature("short", -2.0))
    elif size >= 20:
        found.append(Feature("long", 1.0))
    for label, shape, weight in _SHAPES:
        if shape.search(value):
            found.append(Feature(label, weight))
    if value.lower().strip(b"!@#$%^&*_-.0123456789") in _COMMON or value.lower() in _COMMON:
        found.append(Feature("common word", -4.0))
    return found


_SHAPES = (
    ("identifier", _IDENTIFIER, -3.5),
    ("words joined", _SNAKE_OR_KEBAB, -2.5),
    ("path or address", _PATH_OR_URL, -3.0),
    ("version or date", _VERSION_OR_DATE, -4.0),
    ("UUID", _UUID, -1.0),
    ("code", _CODE, -2.5),
    ("hex", _HEX, 0.8),
)


def _kinds(value: bytes) -> float:
    """Digits among letters, cases mixed within the value: random strings show them, words rarely do."""
    digits = sum(48 <= byte <= 57 for byte in value)
    upper = sum(65 <= byte <= 90 for byte in value)
    lower = sum(97 <= byte <= 122 for byte in value)
    weight = 0.0
    if digits and upper + lower:
        weight += 1.0 + min(1.0, 6 * digits / len(value) / 2)
    if upper > 1 and lower > 1:
        weight += 0.7
    if not digits and not (upper > 1 and lower > 1):
        weight -= 1.5
    return weight


def shifted(score: float, more: Sequence[Feature]) -> float:
    """A score with further features added."""
    odds = math.log(max(score, 1e-9) / max(1 - score, 1e-9))
    return 1 / (1 + math.exp(-odds - sum(feature.weight for feature in more)))
