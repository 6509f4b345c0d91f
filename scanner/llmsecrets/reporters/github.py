"""Annotations for a GitHub Actions log: workflow commands, which GitHub shows at the lines of a pull request.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
A secret's value is never shown: a log is for everyone who can read the repository.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TextIO

from llmsecrets.model import Finding, Location, ScanReport
from llmsecrets.reporters import Options, tool, words
from llmsecrets.reporters.checkout import Checkout, below
from llmsecrets.reporters.view import View, by_severity, name_of, printable, rule_of
from llmsecrets.rules import RuleSet

_SHOWN = 10  # annotations of a level that GitHub shows for a step
_COMMANDS = {"critical": "error", "high": "error", "medium": "warning", "low": "notice", "info": "notice"}


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> Sequence[str]:
    view, checkout = View(report), Checkout(options.base, of_history=report.grouped)
    counts: Counter[str] = Counter()
    for group in by_severity(report, options.key):
        for finding in group:
            command = _COMMANDS.get(finding.severity, "warning")
            properties = _properties(finding, rules, checkout.place(finding), options.base)
            out.write(_line(command, properties, _message(view, rules, finding)))
            counts[command] += 1
    for skip in report.skips:
        if not skip.expected:
            detail = f": {view.text(skip.detail)}" if skip.detail else ""
            title = {"title": f"{tool.NAME}: not scanned"}
            out.write(_line("warning", title, f"{words.subject(skip.provenance)}: {skip.reason}{detail}"))
            counts["warning"] += 1
    return [
        f"GitHub shows {_SHOWN} of {number:,} annotations of the level {command}; the log holds them all."
        for command, number in counts.items()
        if number > _SHOWN
    ]


def _properties(
    finding: Finding, rules: RuleSet, location: Location | None, base: str | None
) -> Mapping[str, str | int]:
    title = {"title": f"{tool.NAME}: {name_of(rules, finding)}"}
    if location is None or not finding.provenance.path:
        return title
    place: dict[str, str | int] = {
        "file": printable(below(finding.provenance.path, base)),
        "line": location.start_line,
        "endLine": location.end_line,
    }
    if location.start_line == location.end_line:  # columns mean nothing across lines
        place |= {"col": location.start_column, "endColumn": location.end_column}
    return place | title


def _message(view: View, rules: RuleSet, finding: Finding) -> str:
    rule = rule_of(rules, finding.rule_id)
    commit = finding.provenance.commit
    since = f", commit {words.sha(commit)} of {words.day(commit)}" if commit else ""
    advice = f" {' '.join(rule.remediation.split())}" if rule else ""
    return f"{finding.secret.redacted()} in {words.place(view, finding)}{since}.{advice}"


def _line(command: str, properties: Mapping[str, str | int], message: str) -> str:
    listed = ",".join(f"{name}={_escape(str(value), ':,')}" for name, value in properties.items())
    return f"::{command} {listed}::{_escape(message)}\n"


def _escape(text: str, separators: str = "") -> str:
    """As @actions/core does: the percent sign, line ends, and in properties what separates them."""
    for char in f"%\r\n{separators}":
        text = text.replace(char, f"%{ord(char):02X}")
    return text
