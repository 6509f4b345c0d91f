"""The audit: what is yet to be decided about a baseline's entries, where their secrets stand, and what came of it.

A baseline holds neither secrets nor lines, so a scan finds the places again. Every verdict is written at once, to the
file as it is then: whatever happens afterwards, it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from llmsecrets.baseline import Baseline, Entry, Index, alone, load
from llmsecrets.known import Holds, look_up
from llmsecrets.model import CONFIDENCES, SEVERITIES, Finding

Write = Callable[[Path, Baseline], None]
_GENUINE, _FALSE = ("real", "accepted"), ("false-positive", "test-data")


class Item(NamedTuple):
    """An entry to decide about: where it stands, and the entries and findings of the same secret elsewhere."""

    entry: Entry
    findings: tuple[Finding, ...]
    elsewhere: tuple[tuple[Entry | None, Finding], ...] = ()


class Precision(NamedTuple):
    """The verdicts on a rule's findings so far. `precision` is the genuine share of those decided, None if none is."""

    rule: str
    genuine: int
    false: int
    unreviewed: int

    @property
    def precision(self) -> float | None:
        decided = self.genuine + self.false
        return self.genuine / decided if decided else None


def items(index: Index, findings: Sequence[Finding], holds: Holds, states: Sequence[str]) -> list[Item]:
    """The entries of some states that a scan has found again, the gravest first. `findings` come oldest first."""
    entry_of = look_up(index, findings, holds, today="").standing
    by_entry: dict[Entry, list[Finding]] = {}
    by_secret: dict[tuple[str, object], list[int]] = {}
    for number, finding in enumerate(findings):
        by_secret.setdefault((finding.family, finding.secret), []).append(number)
        if number in entry_of:
            by_entry.setdefault(entry_of[number], []).append(finding)
    chosen = []
    for entry, here in by_entry.items():
        if entry.state in states:
            alike = by_secret[here[0].family, here[0].secret]
            others = [(entry_of.get(number), findings[number]) for number in alike if findings[number] not in here]
            chosen.append(Item(entry, tuple(here), tuple(others)))
    return sorted(chosen, key=_gravity)


def _gravity(item: Item) -> tuple[object, ...]:
    finding = item.findings[0]
    grave = (SEVERITIES.index(finding.severity), CONFIDENCES.index(finding.confidence), -finding.score)
    return (*grave, *item.entry.identity)


def precision(entries: Iterable[Entry]) -> list[Precision]:
    """The verdicts by rule, the rules with most entries first."""
    rules: dict[str, list[str]] = {}
    for entry in entries:
        rules.setdefault(entry.rule or entry.family, []).append(entry.state)
    counted = [
        Precision(rule, *(sum(state in group for state in states) for group in (_GENUINE, _FALSE, ("unreviewed",))))
        for rule, states in rules.items()
    ]
    return sorted(counted, key=lambda one: (-one.genuine - one.false - one.unreviewed, one.rule))


class Ledger:
    """A baseline's file that verdicts are entered in, one at a time, and taken back."""

    def __init__(self, path: Path, write: Write, author: str) -> None:
        self._path, self._write, self._author = path, write, author
        self._past: list[tuple[Entry, ...]] = []

    def decide(self, entries: Iterable[Entry], **fields: Any) -> tuple[Entry, ...]:
        """Change fields of entries, and say who did; returns those that are still there, as they are now."""
        wanted = {entry.identity for entry in entries}
        before = self._replace(
            lambda one: one._replace(author=self._author, **fields) if one.identity in wanted else one
        )
        self._past.append(before)
        return tuple(one for one in load(self._path).entries if one.identity in wanted)

    def undo(self) -> tuple[Entry, ...]:
        """Take the latest change back; returns the entries it was made to."""
        if not self._past:
            return ()
        former = {entry.identity: entry for entry in self._past.pop()}
        self._replace(lambda one: former.get(one.identity, one))
        return tuple(former.values())

    def _replace(self, change: Callable[[Entry], Entry]) -> tuple[Entry, ...]:
        """Write the file with entries changed; returns the changed ones as they were."""
        with alone(self._path):
            held = load(self._path)
            changed = [(one, change(one)) for one in held.entries]
            self._write(self._path, held._replace(entries=tuple(new for _, new in changed)))
        return tuple(old for old, new in changed if old != new)
