"""GitLab's Code Quality report: what a merge request shows beside the changed lines, in every tier of GitLab.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from llmsecrets.model import Finding, ScanReport
from llmsecrets.reporters import Options, words
from llmsecrets.reporters.checkout import Checkout, below
from llmsecrets.reporters.stream import write_array
from llmsecrets.reporters.view import View, name_of, numbered, printable
from llmsecrets.rules import RuleSet

_SEVERITIES = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor", "info": "info"}


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> None:
    write_array(out, _entries(report, rules, options))
    out.write("\n")


def _entries(report: ScanReport, rules: RuleSet, options: Options) -> Iterator[dict[str, Any]]:
    view, checkout = View(report), Checkout(options.base, of_history=report.grouped)
    for fingerprint, finding in numbered(report.findings, options.key):
        location = checkout.place(finding) or finding.location
        yield {
            "description": _description(view, rules, finding),
            "check_name": finding.rule_id,
            "fingerprint": fingerprint,
            "severity": _SEVERITIES.get(finding.severity, "major"),
            "location": {
                "path": printable(below(finding.provenance.path, options.base)) or finding.provenance.kind,
                "lines": {"begin": location.start_line, "end": location.end_line},
            },
        }


def _description(view: View, rules: RuleSet, finding: Finding) -> str:
    commit = finding.provenance.commit
    since = f", since commit {words.sha(commit)} of {words.day(commit)}" if commit else ""
    inside = words.inside(view, finding.provenance)
    return f"{name_of(rules, finding)} {finding.secret.redacted()}{f' in {inside}' if inside else ''}{since}"
