"""The baseline: findings known and accepted for now, in a file that is reviewed and merged like code.

JSON Lines: a first line with the format's version and the file's own random salt, then a line a finding, sorted. A
finding is identified by a digest of the secret keyed with the salt, its rule family and its path: no line number, no
date and no commit, so nothing changes when lines move.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from llmsecrets.errors import ConfigError
from llmsecrets.model import Finding

_VERSION = 1


class Entry(NamedTuple):
    """One known finding."""

    path: str
    family: str
    digest: str  # of the secret, but not called so: a scanner that reads this file must not take it for one
    occurrences: int = 1
    state: str = "unreviewed"


class Baseline(NamedTuple):
    """What is known, and the salt its digests are keyed with."""

    salt: bytes
    entries: frozenset[tuple[str, str, str]]

    def knows(self, finding: Finding) -> bool:
        """Whether the finding's secret is known in this file."""
        return _identity(finding, self.salt) in self.entries


def load(path: Path) -> Baseline:
    """Read a baseline. Raises ConfigError naming the line that is wrong."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as failure:
        advice = f"Make one: llmsecrets baseline create -o {path}"
        raise ConfigError(f"{path}: the baseline cannot be read: {failure.strerror}", advice) from failure
    except UnicodeDecodeError as failure:
        raise ConfigError(f"{path}: not a baseline: not UTF-8 text") from failure
    salt = _salt(path, lines[0] if lines else "")
    return Baseline(salt, frozenset(_entry(path, number, line) for number, line in enumerate(lines[1:], 2) if line))


def dump(findings: Iterable[Finding], salt: bytes | None = None) -> str:
    """The text of a baseline that knows these findings."""
    salt = salt or secrets.token_bytes(16)
    counts = Counter(_identity(finding, salt) for finding in findings)
    head = json.dumps({"llmsecrets_baseline": _VERSION, "salt": salt.hex()})
    entries = [Entry(*identity, count)._asdict() for identity, count in sorted(counts.items())]
    return "\n".join([head, *(json.dumps(entry, ensure_ascii=True) for entry in entries)]) + "\n"


def _identity(finding: Finding, salt: bytes) -> tuple[str, str, str]:
    digest = finding.secret.digest(salt, b"baseline", finding.family.encode())
    return (
        finding.provenance.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
        finding.family,
        digest,
    )


def _salt(path: Path, line: str) -> bytes:
    try:
        head = json.loads(line)
        version, salt = head["llmsecrets_baseline"], bytes.fromhex(head["salt"])
    except (ValueError, KeyError, TypeError, RecursionError) as failure:
        raise ConfigError(
            f"{path}:1: not a baseline of llmsecrets", "Its first line holds version and salt."
        ) from failure
    if version != _VERSION:
        raise ConfigError(
            f"{path}:1: baseline version {version} is not known to this llmsecrets", "Upgrade llmsecrets."
        )
    if not 16 <= len(salt) <= 64:
        raise ConfigError(f"{path}:1: the salt must be 16 to 64 bytes")
    return salt


def _entry(path: Path, number: int, line: str) -> tuple[str, str, str]:
    try:
        entry = json.loads(line)
        return str(entry["path"]), str(entry["family"]), str(entry["digest"])
    except (ValueError, KeyError, TypeError, RecursionError) as failure:
        raise ConfigError(
            f"{path}:{number}: not a baseline entry", "Remove the line, or restore it from git."
        ) from failure
