"""The report formats: which there are, what a caller may choose, and how one is written.

A format is a module with `write(report, rules, out, options)`, which may return notes on what the format could not
hold. A new one is a file here and a line in the table.
"""

import time
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TextIO

from llmsecrets.model import REPORT_KEY, ScanReport
from llmsecrets.rules import RuleSet

if TYPE_CHECKING:
    from llmsecrets.reporters.forge import Forge

# Modules by name: they are imported when used, since a hook that prints text should not pay for the rest.
REPORTERS = {
    "text": "llmsecrets.reporters.text",
    "json": "llmsecrets.reporters.json",
    "jsonl": "llmsecrets.reporters.jsonl",
    "sarif": "llmsecrets.reporters.sarif",
    "github": "llmsecrets.reporters.github",
    "markdown": "llmsecrets.reporters.markdown",
    "gitlab": "llmsecrets.reporters.gitlab",
    "codequality": "llmsecrets.reporters.codequality",
    "junit": "llmsecrets.reporters.junit",
    "csv": "llmsecrets.reporters.csv",
    "html": "llmsecrets.reporters.html",
}
FORMATS = tuple(REPORTERS)


class Options(NamedTuple):
    """What a caller chooses. `None` leaves the choice to the format.

    `show_secrets` prints values in text, JSON and JSON Lines; the others never do, because they are made to be uploaded
    or passed on. `show_suppressed` lists the suppressed findings in text, SARIF and HTML; JSON always does.
    `color` and `width` are for text.
    `key` separates this report's digests from others'. `base` is the folder that paths are relative to: absolute ones
    below it are shortened, and SARIF reads there what a file holds today. `baseline`: the scan was compared with one.
    `max_age_days` is the policy for secrets of a history: days by the rule's tag, 0 for no limit.
    `now` is the time of the report in seconds since 1970; None takes the clock's.
    `forge` is where lines of the repository can be looked at in a browser.
    """

    show_secrets: bool = False
    show_suppressed: bool = False
    color: bool | None = None
    key: bytes = REPORT_KEY
    width: int | None = None
    base: str | None = None
    baseline: bool = False
    max_age_days: Mapping[str, int] = {}
    now: float | None = None
    forge: "Forge | None" = None

    def time(self) -> float:
        """When the report is written, in seconds since 1970."""
        return time.time() if self.now is None else self.now


def write(
    format: str, report: ScanReport, rules: RuleSet, out: TextIO, options: Options | None = None
) -> tuple[str, ...]:
    """Write the report in one of FORMATS. `rules` names and explains what was found; unknown rule ids are no error.

    Returns notes for the user: what this format could not hold.
    """
    return tuple(import_module(REPORTERS[format]).write(report, rules, out, options or Options()) or ())
