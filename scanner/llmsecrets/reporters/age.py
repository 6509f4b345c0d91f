"""How long a secret has been in the history, and how long the policy lets one be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from llmsecrets.model import Finding
from llmsecrets.reporters import Options
from llmsecrets.rules import Rule

ANY = "default"  # the policy's name for every category it does not name
_DAY = 24 * 60 * 60


class Age(NamedTuple):
    """Whole days since the first commit that holds a secret; the days allowed, 0 for no limit."""

    days: int
    allowed: int

    @property
    def over(self) -> int:
        """By how many days the secret is too old."""
        return max(self.days - self.allowed, 0) if self.allowed else 0


def age_of(group: Sequence[Finding], rule: Rule | None, options: Options) -> Age | None:
    """The age of the secret whose findings these are; None where no commit is known."""
    dates = list(_dates(group))
    if not dates:
        return None
    return Age(max(int(options.time() - min(dates)) // _DAY, 0), _allowed(rule, options.max_age_days))


def _dates(group: Sequence[Finding]) -> Iterator[float]:
    """When the commits were made, in seconds since 1970; a date that is none does not count."""
    from datetime import datetime

    for finding in group:
        commit = finding.provenance.commit
        try:
            yield datetime.fromisoformat(commit.date if commit else "").timestamp()
        except (ValueError, OverflowError, OSError):
            continue


def _allowed(rule: Rule | None, policy: Mapping[str, int]) -> int:
    """The days of the first of the rule's tags that the policy names."""
    names = (*(rule.tags if rule else ()), ANY)
    return next((policy[name] for name in names if name in policy), 0)
