"""The cache of scans: what a repository held when last scanned, and which layers of images have been gone through, so
that a later scan reads only what is new.

One SQLite file in the user's cache folder, or where the user says. It holds ids of objects, places and keyed digests,
never a secret. A row that is not intact, or was written under other rules or settings, is as good as none; a file that
is locked or cannot be written costs time, never a result.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

_SCHEMA = "CREATE TABLE IF NOT EXISTS {} (key TEXT PRIMARY KEY, digest BLOB, payload BLOB, used INTEGER)"
_BEGINNING = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html
_PATIENCE = 1.0  # seconds to wait for another scan that is writing
_KEPT = {"states": 200, "answers": 200, "layers": 2000}  # tables: repositories (twice) and layers remembered


class State(NamedTuple):
    """A repository as it was scanned.

    `tips`: everything refs and reflogs named; `apart` those refs that lead to no commit. `boundary`: where history
    was cut off (shallow clones). `sequence`: stands for all commits in the order of the walk. `pending`: objects that
    could not be scanned, to be asked for again. `told`: the skips of what was left out of blobs by intent. `salt` keys
    the secrets' digests. `sightings` and `provenances`: what each blob with matches held. `places`: the commit that
    first brought it in, and where to; `further`: every one that did, of blobs for which the first did not decide.
    `globs`: those that rules are limited to, with the paths they ever matched.
    """

    tips: list[str]
    apart: list[str]
    boundary: str
    sequence: str
    pending: list[str]
    told: list[list[Any]]
    salt: str
    sightings: dict[str, list[Any]]
    provenances: dict[str, list[Any]]
    places: dict[str, list[str]]
    further: dict[str, list[list[str]]]
    globs: dict[str, list[str]]


# The last four fields of an Answer: what attribution tells.
Found = tuple[list[tuple[str, str, bool]], list[list[Any]], Mapping[str, Sequence[Any]], dict[str, list[Any]]]


class Answer(NamedTuple):
    """What a scan came to, for a repository that has not changed since: it need not be looked through at all.

    `situation` stands for the refs, `excluded` (path → verdict) and `misplaced` (rule id, path, verdict) are what was
    asked of the settings: where any of it is another now, so may be the answer. `skips` are all there were: such as
    hold without another look, and missing objects. `salt` is the State's. `firsts` and `standings` are where each
    secret was first, and how it stands, `sightings` all that is in those blobs, in plain lists.
    """

    situation: str
    excluded: dict[str, bool]
    skips: list[list[Any]]
    salt: str
    misplaced: list[tuple[str, str, bool]]
    firsts: list[list[Any]]
    standings: Mapping[str, Sequence[Any]]
    sightings: dict[str, list[Any]]


_Record = TypeVar("_Record", bound="State | Answer")


class LayerState(NamedTuple):
    """A layer as it was gone through: its listing, as `Listing.dump` gives it, and hashes of the paths that a scan has
    something to say of, 8 bytes each."""

    listing: dict[str, bytes]
    told: bytes


def may_keep(path: Path) -> bool:
    """Whether a file that a user names can be the cache: one that is not there yet, is empty, or is of SQLite."""
    if not path.exists():
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(_BEGINNING)) in (b"", _BEGINNING)
    except OSError:  # a folder, for one
        return False


class ResultCache:
    """A repository's state and answer, under one key: rules, version, settings and the repository's place."""

    def __init__(self, path: Path, key: str) -> None:
        self.state = _Row(_Table(path, "states"), key, State)
        self.answer = _Row(_Table(path, "answers"), key, Answer)


class LayerCache:
    """The layers gone through, by their digests, under the rules and settings that `key` stands for."""

    def __init__(self, path: Path, key: str) -> None:
        self._table, self._key = _Table(path, "layers"), key

    def load(self, digest: str) -> LayerState | None:
        """The layer, or None where it is not known or not to be trusted."""
        payload = self._table.get(f"{self._key} {digest}")
        try:
            parts = None if payload is None else json.loads(zlib.decompress(payload))
            return parts and LayerState(*({k: b64decode(v) for k, v in parts[0].items()}, b64decode(parts[1])))
        except (ValueError, TypeError, LookupError, AttributeError, zlib.error):
            return None

    def store(self, digest: str, state: LayerState) -> bool:
        """Remember a layer; False where the file cannot be written."""
        listing = {kind: b64encode(paths).decode() for kind, paths in state.listing.items()}
        payload = zlib.compress(json.dumps([listing, b64encode(state.told).decode()]).encode(), 1)
        return self._table.put(f"{self._key} {digest}", payload)


class _Row(Generic[_Record]):
    """The record that is stored under a key of a table."""

    def __init__(self, table: _Table, key: str, make: Callable[..., _Record]) -> None:
        self._table, self._key = table, key
        self._make = make

    def load(self) -> _Record | None:
        """The record, or None where there is none to trust."""
        payload = self._table.get(self._key)
        try:
            return None if payload is None else self._make(**json.loads(payload))
        except (ValueError, TypeError):
            return None

    def store(self, record: _Record) -> bool:
        """Remember a record; False where the file cannot be written."""
        return self._table.put(self._key, json.dumps(record._asdict(), separators=(",", ":")).encode())


class _Table:
    """One table of the file: payloads by key, the ones least lately written dropped."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name

    def get(self, key: str) -> bytes | None:
        """The payload, if it is intact."""
        if not self._path.exists():
            return None
        try:
            with closing(self._connect()) as database:
                query = f"SELECT digest, payload FROM {self._name} WHERE key = ?"  # noqa: S608 - a name of ours
                row = database.execute(query, (key,)).fetchone()
            return row[1] if row and row[0] == _digest(row[1]) else None
        except (sqlite3.Error, TypeError):
            return None

    def put(self, key: str, payload: bytes) -> bool:
        """Store a payload; False where the file cannot be written."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(key, payload)
        except sqlite3.OperationalError:  # locked, read-only or full: whoever has it may go on with it
            return False
        except sqlite3.DatabaseError:  # not a database: it is ours to replace
            return self._replace(key, payload)
        except OSError:
            return False
        return True

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_PATIENCE)

    def _write(self, key: str, payload: bytes) -> None:
        self._path.touch(mode=0o600, exist_ok=True)
        name = self._name
        with closing(self._connect()) as database, database:
            database.execute(_SCHEMA.format(name))
            database.execute(
                f"INSERT OR REPLACE INTO {name} VALUES (?, ?, ?, (SELECT COALESCE(MAX(used), 0) + 1 FROM {name}))",  # noqa: S608
                (key, _digest(payload), payload),
            )
            database.execute(
                f"DELETE FROM {name} WHERE key NOT IN (SELECT key FROM {name} ORDER BY used DESC LIMIT ?)",  # noqa: S608
                (_KEPT[name],),
            )

    def _replace(self, key: str, payload: bytes) -> bool:
        try:
            self._path.unlink(missing_ok=True)
            self._write(key, payload)
        except (sqlite3.Error, OSError):
            return False
        return True


def _digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=32).digest()
