"""A JUnit report: a failed test case a finding, an error for what could not be scanned, so that any CI shows both.

The format has no standard; this keeps to what Jenkins, GitLab, Azure and CircleCI read:
https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TextIO

from llmsecrets.model import Finding, ScanReport, Skip
from llmsecrets.reporters import Options, tool, words
from llmsecrets.reporters.view import View, name_of, numbered, printable, rule_of
from llmsecrets.rules import RuleSet


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> None:
    view = View(report)
    unscanned = [skip for skip in report.skips if not skip.expected]
    counts = {
        "tests": len(report.findings) + len(unscanned) or 1,
        "failures": len(report.findings),
        "errors": len(unscanned),
        "time": f"{report.stats.seconds:.3f}",
    }
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(f"<testsuites{_attributes(name=tool.NAME, **counts)}>\n")
    out.write(f"<testsuite{_attributes(name=tool.NAME, **counts)}>\n")
    out.writelines(_failures(view, report, rules, options))
    out.writelines(_error(view, skip) for skip in unscanned)
    if not report.findings and not unscanned:  # a report without a case counts as no report
        out.write(f"<testcase{_attributes(classname=tool.NAME, name='no secrets')}/>\n")
    out.write("</testsuite>\n</testsuites>\n")


def _failures(view: View, report: ScanReport, rules: RuleSet, options: Options) -> Iterator[str]:
    for fingerprint, finding in numbered(report.findings, options.key):
        what = f"{name_of(rules, finding)} {finding.secret.redacted()}"
        # No line in the name: it is what a CI follows a case by.
        case = _attributes(classname=words.subject(finding.provenance), name=f"{what} [{fingerprint}]")
        failure = _attributes(type=finding.severity, message=f"{what} in {words.place(view, finding)}")
        yield f"<testcase{case}><failure{failure}>{_text(_details(view, rules, finding))}</failure></testcase>\n"


def _details(view: View, rules: RuleSet, finding: Finding) -> str:
    rule, commit = rule_of(rules, finding.rule_id), finding.provenance.commit
    before, after = view.excerpt(finding)
    lines = (
        f"{words.place(view, finding)}",
        f"{before}{finding.secret.redacted()}{after}",
        f"commit {words.commit(view, commit)}" if commit else "",
        f"What to do: {printable(rule.remediation.strip())}" if rule else "",
        printable(rule.revoke_url) if rule else "",
    )
    return "\n".join(line for line in lines if line)


def _error(view: View, skip: Skip) -> str:
    subject = words.subject(skip.provenance)
    case = _attributes(classname=subject, name=f"not scanned: {subject}")
    error = _attributes(type=skip.reason, message=f"{skip.reason}: {view.text(skip.detail)}")
    return f"<testcase{case}><error{error}/></testcase>\n"


def _attributes(**values: object) -> str:
    return "".join(f' {name}="{_text(str(value))}"' for name, value in values.items())


def _text(text: str) -> str:
    """Text for XML; `printable` has taken out what XML cannot hold."""
    return escape(text)
