"""gitleaks (and betterleaks 1.x): `.gitleaks.toml`, `.gitleaksignore`, JSON reports used as baselines.

Rules of the user's own stay in the `.gitleaks.toml`, which a configuration of ours can name; a file without rules is
taken over whole. Formats: the README of gitleaks 8, sections Configuration and `.gitleaksignore`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmsecrets import gitleaks
from llmsecrets.migration import Known, Left, Taken, is_list_of, json_of, lines_of
from llmsecrets.rules import load_rules

NAMES = (".gitleaks.toml", ".betterleaks.toml", ".gitleaksignore", ".betterleaksignore", "gitleaks-baseline.json")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FINGERPRINT = re.compile(r"(?:([0-9a-f]{40}|[0-9a-f]{64}):)?(.+):([^:]+):([0-9]{1,9})")
_SHORTEST = 6  # bytes two texts must share for one to count as a part of the other


def read(path: Path) -> Taken:
    """The kind of file is told by its name."""
    if path.suffix == ".toml":
        return _config(path)
    return _report(path) if path.suffix == ".json" else _ignored(path)


def _config(path: Path) -> Taken:
    reading = gitleaks.read(path)
    left = tuple(Left(*_split(note)) for note in reading.notes)
    if reading.rules or not reading.builtin:
        return Taken(settings={"gitleaks_config": str(path)}, left=left)
    known = load_rules()
    disable = [(rule_id, gitleaks.ours(rule_id, known)) for rule_id in reading.disabled]
    unknown = tuple(
        Left(f"{path}: disabledRules: {rule_id}", "which of our rules do the same is not known")
        for rule_id, globs in disable
        if not globs
    )
    globs = tuple(glob for _, globs in disable for glob in globs)
    return Taken(disable=globs, allow=reading.allow, left=left + unknown)


def _split(note: str) -> tuple[str, str]:
    origin, _, why = note.partition(": ")
    return origin, why


def _ignored(path: Path) -> Taken:
    known: list[Known] = []
    left: list[Left] = []
    for origin, line in lines_of(path):
        found = _FINGERPRINT.fullmatch(line.partition(" #")[0].rstrip())
        if found is None:
            left.append(Left(origin, "no fingerprint: commit:path:rule:line or path:rule:line"))
            continue
        commit, file, rule_id, number = found.groups()
        reason = f"ignored in {path.name}"
        known.append(
            Known(origin, file, int(number), int(number), (0, 0), commit or "", rule_id, None, "accepted", reason)
        )
    return Taken(known=tuple(known), left=tuple(left))


def _report(path: Path) -> Taken:
    entries = is_list_of(dict, json_of(path), f"{path}: a report of gitleaks")
    return Taken(known=tuple(_reported(entry, f"{path}[{number}]") for number, entry in enumerate(entries)))


def _reported(entry: Mapping[str, Any], origin: str) -> Known:
    """A finding of a report: known by its secret where that is there, else by its place."""
    secret = _text(entry, "Secret")
    redacted = secret in ("", "REDACTED") or secret.endswith("...")
    return Known(
        origin,
        _text(entry, "File"),
        _number(entry, "StartLine"),
        _number(entry, "EndLine"),
        (_number(entry, "StartColumn"), _number(entry, "EndColumn")),
        _text(entry, "Commit"),
        _text(entry, "RuleID"),
        None if redacted else _shares(secret.encode("utf-8", "surrogatepass")),
        "unreviewed",
    )


def _shares(theirs: bytes) -> Any:
    """Whether our secret is theirs, or one of them a part of the other: tools differ in where a secret ends."""

    def accepts(secret: bytes) -> bool:
        shorter, longer = sorted((secret, theirs), key=len)
        return secret == theirs or (len(shorter) >= _SHORTEST and shorter in longer)

    return accepts


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key, "")
    return value if isinstance(value, str) else ""


def _number(entry: Mapping[str, Any], key: str) -> int:
    value = entry.get(key, 0)
    return value if isinstance(value, int) and 0 <= value < 1 << 31 else 0
