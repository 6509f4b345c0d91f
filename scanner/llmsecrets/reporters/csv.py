"""A table for spreadsheets: a line a place. Cells that a spreadsheet would take for a formula are made text.

https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import TextIO

from llmsecrets.model import Commit, Finding, ScanReport
from llmsecrets.reporters import Options, words
from llmsecrets.reporters.age import age_of
from llmsecrets.reporters.view import View, groups, name_of, printable, rule_of
from llmsecrets.rules import RuleSet

_COLUMNS = (
    "severity", "rule_id", "name", "secret", "path", "inside", "line", "column", "confidence", "verification",
    "commit", "author", "email", "date", "subject", "at_head", "age_days", "secret_id", "fingerprint", "revoke_url",
)  # fmt: skip
# Where a cell begins, also for a spreadsheet that separates by semicolons or bars, before what begins a formula.
_FORMULA = re.compile(r'(^|[;|])(?=[\s"]*[=+\-@＝＋－＠])')
_NOBODY = Commit("", "", "", "", "")


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> None:
    view, writer = View(report), csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for group in groups(report.findings, options.key, together=True):
        age = age_of(group, rule_of(rules, group[0].rule_id), options)
        for finding in group:
            cells = _row(view, rules, finding, options.key, "" if age is None else age.days)
            writer.writerow([_FORMULA.sub(r"\1'", str(cell)) for cell in cells])


def _row(view: View, rules: RuleSet, finding: Finding, key: bytes, age: object) -> Sequence[object]:
    rule, standing = rule_of(rules, finding.rule_id), finding.standing
    commit = finding.provenance.commit or _NOBODY
    return (
        finding.severity,
        finding.rule_id,
        name_of(rules, finding),
        finding.secret.redacted(),
        words.subject(finding.provenance),
        words.inside(view, finding.provenance),
        finding.location.start_line,
        finding.location.start_column,
        finding.confidence,
        finding.verification,
        commit.sha,
        view.text(commit.author),
        view.text(commit.email),
        printable(commit.date),
        view.text(commit.subject),
        "" if standing is None else "yes" if standing.at_head else "no",
        age,
        finding.secret_id(key),
        finding.fingerprint(key),
        rule.revoke_url if rule else "",
    )
