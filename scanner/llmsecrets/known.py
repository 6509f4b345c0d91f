"""What a baseline says of a scan's findings: they are known where it has them, or moved from there, or new.

A secret at a path the baseline does not have has moved if it stands at one of its recorded paths no longer; else it is
a copy, and new. A recorded place is given up for one new path only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from llmsecrets.baseline import Baseline, Entry, Index, entries_of, settled
from llmsecrets.model import Finding, Secret

Holds = Callable[
    [Finding, str], bool
]  # whether a path (still) holds a finding's secret, as the finding's commit has it


class Knowledge(NamedTuple):
    """The entries for findings, by the findings' numbers: those that count, and those that have expired."""

    standing: dict[int, Entry]
    expired: dict[int, Entry]


def look_up(index: Index, findings: Sequence[Finding], holds: Holds, today: str) -> Knowledge:
    """What is known of findings, given oldest first. `today` is an ISO date."""
    known = Knowledge({}, {})
    strangers: dict[tuple[str, Secret], list[int]] = {}
    for number, finding in enumerate(findings):
        here = next((entry for entry in index.of(finding) if entry.path == finding.provenance.whole_path), None)
        if here:
            (known.expired if here.expired(today) else known.standing)[number] = here
        else:
            strangers.setdefault((finding.family, finding.secret), []).append(number)
    for numbers in strangers.values():
        places = {entry.path: entry for entry in index.of(findings[numbers[0]]) if not entry.expired(today)}
        known.standing.update(_moved(places, [(number, findings[number]) for number in numbers], holds))
    return known


def _moved(places: dict[str, Entry], strangers: Iterable[tuple[int, Finding]], holds: Holds) -> dict[int, Entry]:
    """The entries of findings of one secret that have moved. What moved takes the place it left with it, for those
    that moved on from there in a later commit."""
    moved: dict[int, Entry] = {}
    origins: dict[str, Entry] = {}
    for number, finding in strangers:
        path = finding.provenance.whole_path
        if path not in origins:
            left = next((place for place in sorted(places, key=_likeness(path)) if not holds(finding, place)), None)
            if left is None:
                continue
            origins[path] = places[path] = places.pop(left)
        moved[number] = origins[path]
    return moved


def _likeness(path: str) -> Callable[[str], tuple[bool, str]]:
    """Files of the same name first: they are the likelier origins."""
    name = path.rpartition("/")[2]
    return lambda other: (other.rpartition("/")[2] != name, other)


# ---- bringing a baseline up to date ----------------------------------------------------------------------------------


class Renewal(NamedTuple):
    """A baseline as a scan finds it to be. `moved` are (entry as it was, its new path)."""

    entries: tuple[Entry, ...]
    added: tuple[Entry, ...]
    dropped: tuple[Entry, ...]
    moved: tuple[tuple[Entry, str], ...]


def renew(
    baseline: Baseline, index: Index, findings: Sequence[Finding], holds: Holds, looked_at: Callable[[Entry], bool]
) -> Renewal:
    """What a scan's findings, oldest first, make of a baseline and its index. Verdicts stay with what they are on.

    Entries that were not `looked_at` stay as they are.
    """
    entry_of = look_up(index, findings, holds, today="").standing
    counts = Counter((entry, findings[number].provenance.whole_path) for number, entry in entry_of.items())
    unknown = [finding for number, finding in enumerate(findings) if number not in entry_of]
    found = {entry.identity for entry in entry_of.values()}
    gone = [entry for entry in baseline.entries if entry.identity not in found]
    added = entries_of(unknown, baseline.salts[0])
    kept = [entry._replace(path=path, occurrences=count) for (entry, path), count in counts.items()]
    kept += [entry for entry in gone if not looked_at(entry)]
    return Renewal(
        entries=settled([*added, *kept]),
        added=settled(added),
        dropped=settled(entry for entry in gone if looked_at(entry)),
        moved=tuple(sorted((entry, path) for entry, path in counts if entry.path != path)),
    )
