"""The report formats: which there are, what a caller may choose, and how one is written.

A format is a module with `write(report, rules, out, options)`; a new one is a file here and a line in the table.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, TextIO

from llmsecrets.model import REPORT_KEY, ScanReport
from llmsecrets.rules import RuleSet

# Modules by name: they are imported when used, since a hook that prints text should not pay for the rest.
REPORTERS = {
    "text": "llmsecrets.reporters.text",
    "json": "llmsecrets.reporters.json",
    "jsonl": "llmsecrets.reporters.jsonl",
    "sarif": "llmsecrets.reporters.sarif",
}
FORMATS = tuple(REPORTERS)


class Options(NamedTuple):
    """What a caller chooses. `None` leaves the choice to the format.

    `show_secrets` prints values; SARIF never does, because it is made to be uploaded. `show_suppressed` lists the
    suppressed findings in text and SARIF; JSON always does. `color` and `width` are for text.
    `key` separates this report's digests from others'. `base` is the folder that SARIF's paths are relative to:
    absolute paths below it are shortened.
    """

    show_secrets: bool = False
    show_suppressed: bool = False
    color: bool | None = None
    key: bytes = REPORT_KEY
    width: int | None = None
    base: str | None = None


def write(format: str, report: ScanReport, rules: RuleSet, out: TextIO, options: Options | None = None) -> None:
    """Write the report in one of FORMATS. `rules` names and explains what was found; unknown rule ids are no error."""
    import_module(REPORTERS[format]).write(report, rules, out, options or Options())
