"""The cache of history scans: what a repository held when last scanned, so that a later scan reads only what is new.

One SQLite file in the user's cache folder, or where the user says. It holds ids of objects, places and keyed digests,
never a secret. A row that is not intact, or was written under other rules or settings, is as good as none; a file that
is locked or cannot be written costs time, never a result.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

_SCHEMA = "CREATE TABLE IF NOT EXISTS states (key TEXT PRIMARY KEY, digest BLOB, payload BLOB, used INTEGER)"
_PATIENCE = 1.0  # seconds to wait for another scan that is writing
_KEPT = 200  # repositories remembered


class State(NamedTuple):
    """A repository as it was scanned.

    `tips`: everything refs and reflogs named. `boundary`: where history was cut off (shallow clones). `newest`: the
    latest commit date among the tips. `pending`: objects that could not be scanned, to be asked for again. `salt` keys
    the secrets' digests. `sightings` and `provenances`: what each blob with matches held. `places`: the commit and path
    that first brought it in. `globs`: which of those that rules are limited to ever matched a path.
    """

    tips: list[str]
    boundary: str
    newest: int
    pending: list[str]
    salt: str
    sightings: dict[str, list[Any]]
    provenances: dict[str, list[Any]]
    places: dict[str, list[str]]
    globs: list[str]


class ResultCache:
    """The states of repositories under one key each: rules, version, settings and the repository's place."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key

    def load(self) -> State | None:
        """The state stored under the key, or None where there is none to trust."""
        if not self._path.exists():
            return None
        try:
            with closing(self._connect()) as database:
                row = database.execute("SELECT digest, payload FROM states WHERE key = ?", (self._key,)).fetchone()
            if row is None or row[0] != _digest(row[1]):
                return None
            return State(**json.loads(row[1]))
        except (sqlite3.Error, ValueError, TypeError):
            return None

    def store(self, state: State) -> bool:
        """Remember a state; False where the file cannot be written."""
        payload = json.dumps(state._asdict(), separators=(",", ":")).encode()
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(payload)
        except sqlite3.OperationalError:  # locked, read-only or full: whoever has it may go on with it
            return False
        except sqlite3.DatabaseError:  # not a database: it is ours to replace
            return self._replace(payload)
        except OSError:
            return False
        return True

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_PATIENCE)

    def _write(self, payload: bytes) -> None:
        self._path.touch(mode=0o600, exist_ok=True)
        with closing(self._connect()) as database, database:
            database.execute(_SCHEMA)
            database.execute(
                "INSERT OR REPLACE INTO states VALUES (?, ?, ?, (SELECT COALESCE(MAX(used), 0) + 1 FROM states))",
                (self._key, _digest(payload), payload),
            )
            database.execute(
                "DELETE FROM states WHERE key NOT IN (SELECT key FROM states ORDER BY used DESC LIMIT ?)", (_KEPT,)
            )

    def _replace(self, payload: bytes) -> bool:
        try:
            self._path.unlink(missing_ok=True)
            self._write(payload)
        except (sqlite3.Error, OSError):
            return False
        return True


def _digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=32).digest()
