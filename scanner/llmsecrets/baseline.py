"""The baseline: what is known and what was decided about it, in a file that is reviewed and merged like code.

JSON Lines in ASCII, sorted as bytes. The head holds the format's version and a random salt; every other line is an
Entry: a path, a rule family, and a digest of the secret keyed with the salt. No line number, date or commit goes in,
and no secret. Git's `merge=union` can leave two verdicts on a finding, or the heads of two files: reading settles that.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from llmsecrets.errors import ConfigError
from llmsecrets.model import Finding

DEFAULT = ".llmsecrets-baseline.jsonl"
# Of two verdicts on one finding the one further on holds: the more decided, and of those the more cautious.
STATES = ("unreviewed", "test-data", "false-positive", "accepted", "real")
ROTATIONS = ("open", "rotated", "revoked")  # what became of a real one
SCOPES = ("files", "history")  # what the findings are of
_VERSION = 1
_MARK = "llmsecrets_baseline"


class Entry(NamedTuple):
    """One known finding, a secret of a rule family in a file, and the verdict on it.

    `path` uses surrogate escapes, archive members follow their archive's path. `rule` is for people. `rotation` is
    given for real ones only, `expires` is the last day (ISO) on which the entry counts. Empty texts are not written.
    """

    path: str
    family: str
    digest: str  # of the secret, but not called so: a scanner that reads this file must not take it for one
    rule: str = ""
    occurrences: int = 1
    state: str = "unreviewed"
    rotation: str = ""
    author: str = ""
    reason: str = ""
    expires: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What two entries that speak of the same finding share."""
        return self.path, self.family, self.digest

    def expired(self, today: str) -> bool:
        """Whether its last day is over."""
        return bool(self.expires) and self.expires < today


class Baseline(NamedTuple):
    """A whole file: one entry an identity, in the order of the lines.

    New digests are keyed with the first of the sorted salts. There are more where baselines made apart were merged;
    which of them keys an entry's digest is not told.
    """

    salts: tuple[bytes, ...]
    entries: tuple[Entry, ...] = ()
    scope: str = "files"


def new(scope: str = "files") -> Baseline:
    """An empty baseline with a salt of its own."""
    return Baseline((secrets.token_bytes(16),), scope=scope)


# ---- what a finding is known by --------------------------------------------------------------------------------------


def digest_of(finding: Finding, salt: bytes) -> str:
    """The digest that identifies a secret of a rule family: keyed BLAKE2b-128, hex."""
    return finding.secret.digest(salt, b"baseline", finding.family.encode())


def entries_of(findings: Iterable[Finding], salt: bytes) -> tuple[Entry, ...]:
    """Unreviewed entries, one an identity with the number of its occurrences."""
    entries: dict[tuple[str, str, str], Entry] = {}
    for finding in findings:
        entry = Entry(finding.provenance.whole_path, finding.family, digest_of(finding, salt), finding.rule_id)
        known = entries.get(entry.identity)
        if known:
            entry = known._replace(occurrences=known.occurrences + 1, rule=min(known.rule, entry.rule))
        entries[entry.identity] = entry
    return tuple(entries.values())


# ---- reading ---------------------------------------------------------------------------------------------------------

# What a line with an entry holds as `dump` writes it. JSON escapes the quotes inside a text, so no path can pose as a
# digest, and what follows the digest is taken up to the line's end, so no line has two.
_DIGEST = re.compile(rb'", "digest": "([0-9a-f]{32})", "[^\n]*\}\r?\n')
_HEAD = re.compile(rb'(?:\{"llmsecrets_baseline"[^\n]*\}\r?\n)*')


def load(path: Path) -> Baseline:
    """Read all of a baseline. Raises ConfigError naming the line that is wrong."""
    return parse(_content(path), str(path))


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep others from changing a baseline between reading and writing it: they wait until this is left.

    The lock is on its folder, for the file is replaced, and goes with the process. Windows has none of this kind.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def parse(content: bytes, origin: str) -> Baseline:
    """As `load`, for content already read."""
    heads, entries = _lines(content, origin)
    return Baseline(_salts(heads), settled(entries.values()), _widest(head["scope"] for head in heads))


class Index:
    """A baseline to look findings up in. Entries are decoded when asked for: a large one costs a scan little."""

    def __init__(self, content: bytes, origin: str) -> None:
        """Raises ConfigError for what is no baseline, or holds a line that is no entry."""
        self.name = Path(origin).name
        self._origin, self._content = origin, content
        top = _HEAD.match(content)
        heads = top.group().splitlines() if top else []
        self._digests: list[bytes] = [b""] * len(heads) + _DIGEST.findall(content)  # of each line, empty for a head
        if heads and content.endswith(b"\n") and len(self._digests) == content.count(b"\n"):
            self.salts = _salts(_head(_fields(line), f"{origin}:{number}") for number, line in enumerate(heads, 1))
        else:  # not all as `dump` writes it: read it line by line
            others, entries = _lines(content, origin)
            self.salts = _salts(others)
            digests = {number: entry.digest.encode() for number, entry in entries.items()}
            self._digests = [digests.get(number, b"") for number in range(content.count(b"\n") + 1)]

    @classmethod
    def load(cls, path: Path) -> Index:
        """Raises ConfigError, as for a file that cannot be read."""
        return cls(_content(path), str(path))

    def of(self, finding: Finding) -> tuple[Entry, ...]:
        """The entries of a finding's secret, one a path: of those with several salts, the one whose verdict holds."""
        numbers = [number for salt in self.salts for number in self._numbers(digest_of(finding, salt).encode())]
        held: dict[str, Entry] = {}
        for entry in settled(_entry(_fields(self._split[one]), f"{self._origin}:{one + 1}") for one in numbers):
            held[entry.path] = _holding(held.get(entry.path, entry), entry)
        return tuple(held.values())

    def _numbers(self, digest: bytes) -> Iterator[int]:
        number, last = self._first.get(digest, 0), self._last.get(digest, -1)
        while number <= last:
            yield number
            number = self._digests.index(digest, number + 1) if number < last else last + 1

    # Where a digest stands first and last: two dictionaries made in C cost less than one of lists.

    @cached_property
    def _first(self) -> dict[bytes, int]:
        return dict(zip(reversed(self._digests), range(len(self._digests) - 1, -1, -1), strict=True))

    @cached_property
    def _last(self) -> dict[bytes, int]:
        return dict(zip(self._digests, range(len(self._digests)), strict=True))

    @cached_property
    def _split(self) -> list[bytes]:
        return self._content.split(b"\n")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failure:
        missing = isinstance(failure, FileNotFoundError)
        advice = f"Make one: llmsecrets baseline create -o {path}" if missing else "Check the path and its permissions."
        raise ConfigError(f"{path}: the baseline cannot be read: {failure.strerror}", advice) from failure


def _lines(content: bytes, origin: str) -> tuple[list[Mapping[str, Any]], dict[int, Entry]]:
    """(heads, entries by the number of their line, from 0)."""
    heads: list[Mapping[str, Any]] = []
    entries: dict[int, Entry] = {}
    for number, line in enumerate(content.split(b"\n")):
        if number and not line.strip():
            continue
        fields, where = _fields(line), f"{origin}:{number + 1}"
        if not heads or _MARK in fields:
            heads.append(_head(fields, where))
        else:
            entries[number] = _entry(fields, where)
    return heads, entries


def _fields(line: bytes) -> Mapping[str, Any]:
    """A line's JSON object; empty where it is none."""
    try:
        fields = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _head(fields: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    try:
        version, salt, scope = fields[_MARK], bytes.fromhex(fields["salt"]), fields.get("scope", "files")
    except (ValueError, KeyError, TypeError) as failure:
        raise ConfigError(
            f"{where}: not a baseline of llmsecrets", "Its first line holds version and salt."
        ) from failure
    if version != _VERSION or scope not in SCOPES:
        raise ConfigError(f"{where}: baseline version {version} is not known to this llmsecrets", "Upgrade llmsecrets.")
    if not 16 <= len(salt) <= 64:
        raise ConfigError(f"{where}: the salt must be 16 to 64 bytes")
    return {"salt": salt, "scope": scope}


def _entry(fields: Mapping[str, Any], where: str) -> Entry:
    try:
        entry = Entry(**fields)
    except TypeError as failure:
        raise ConfigError(f"{where}: not a baseline entry", "Remove the line, or restore it from git.") from failure
    wrong = next((name for name, holds in _CHECKS.items() if not holds(getattr(entry, name))), "")
    if not wrong and entry.rotation and entry.state != "real":
        wrong = "rotation"
    if wrong:
        raise ConfigError(f"{where}: the baseline entry has a bad {wrong}", "Correct it, or restore it from git.")
    return entry._replace(rotation="open") if entry.state == "real" and not entry.rotation else entry


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_day(value: Any) -> bool:
    try:
        return not value or bool(date.fromisoformat(value).isoformat() == value)
    except (ValueError, TypeError):
        return False


_CHECKS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("path", "family", "rule", "author", "reason"), _is_text),
    "digest": lambda value: _is_text(value) and bool(re.fullmatch("[0-9a-f]{32}", value)),
    "occurrences": lambda value: type(value) is int and value > 0,
    "state": lambda value: value in STATES,
    "rotation": lambda value: value in ("", *ROTATIONS),
    "expires": _is_day,
}


# ---- writing and merging ---------------------------------------------------------------------------------------------


def dump(baseline: Baseline) -> str:
    """The text of a file: the same for the same baseline."""
    heads = [{_MARK: _VERSION, "salt": salt.hex(), "scope": baseline.scope} for salt in baseline.salts]
    return "".join(f"{line}\n" for line in [*map(json.dumps, heads), *map(_line, settled(baseline.entries))])


def settled(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """One entry an identity, of several the one that holds, in the order of the lines."""
    known: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        other = known.get(entry.identity)
        known[entry.identity] = _holding(entry, other) if other else entry
    return tuple(sorted(known.values(), key=_line))


def merge(ours: Baseline, theirs: Baseline, base: Baseline | None = None) -> Baseline:
    """Both together. What only one of them has changed since `base`, or dropped, is as it is there."""
    salts = tuple(sorted({*ours.salts, *theirs.salts}))
    sides = [{one.identity: one for one in side.entries} for side in (ours, theirs, base or ours._replace(entries=()))]
    merged = (_merged(*(side.get(identity) for side in sides)) for identity in {**sides[0], **sides[1]})
    return Baseline(salts, settled(filter(None, merged)), _widest((ours.scope, theirs.scope)))


def _merged(ours: Entry | None, theirs: Entry | None, base: Entry | None) -> Entry | None:
    if base and ours == base:
        return theirs
    if base and theirs == base:
        return ours
    return _holding(ours, theirs) if ours and theirs else ours or theirs


def _holding(one: Entry, other: Entry) -> Entry:
    """Of two entries for one finding the one whose verdict holds; with equal ones, the one that ends sooner."""
    return max(one, other, key=_weight)._replace(occurrences=max(one.occurrences, other.occurrences))


def _weight(entry: Entry) -> tuple[object, ...]:
    rotation = ROTATIONS.index(entry.rotation) if entry.rotation else -1
    sooner = -date.fromisoformat(entry.expires or "9999-12-31").toordinal()
    return STATES.index(entry.state), rotation, sooner, entry.author, entry.reason, entry.rule


def _line(entry: Entry) -> str:
    always = ("path", "family", "digest")
    return json.dumps({name: value for name, value in entry._asdict().items() if name in always or value != ""})


def _salts(heads: Iterable[Mapping[str, Any]]) -> tuple[bytes, ...]:
    return tuple(sorted({head["salt"] for head in heads}))


def _widest(scopes: Iterable[str]) -> str:
    return max(scopes, key=SCOPES.index)
