"""GitLab's secret detection report, for `artifacts: reports: secret_detection`.

Follows `secret-detection-report-format.json` of gitlab-org/security-products/security-report-schemas, version 15.
`raw_source_code_extract` stays out: it would be the secret.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, TextIO

from llmsecrets.model import Commit, Finding, ScanReport
from llmsecrets.reporters import Options, tool, words
from llmsecrets.reporters.checkout import below
from llmsecrets.reporters.markdown import escaped
from llmsecrets.reporters.stream import write_members
from llmsecrets.reporters.view import View, name_of, numbered, printable, rule_of
from llmsecrets.rules import RuleSet

_SCHEMA = "15.0.6"  # the oldest that has all of this: every GitLab of today accepts it
_SEVERITIES = {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low", "info": "Info"}
_NAME, _SOLUTION = 255, 7000  # characters
_NO_COMMIT = "0000000"  # GitLab's own way to say so: it demands a commit
_MESSAGES = 100

Object = dict[str, Any]


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> None:
    view = View(report)
    members = (
        ("version", _SCHEMA),
        ("scan", _scan(view, report, options)),
        ("vulnerabilities", _vulnerabilities(view, report, rules, options)),
    )
    out.write("{")
    write_members(out, members)
    out.write("\n}\n")


def _scan(view: View, report: ScanReport, options: Options) -> Object:
    program: Object = {"id": tool.NAME, "name": tool.NAME, "url": tool.URI, "version": tool.version(),
               "vendor": {"name": tool.NAME}}  # fmt: skip
    skipped = [skip for skip in report.skips if not skip.expected]
    messages = [
        {"level": "warn", "value": f"Not scanned, {skip.reason}: {words.subject(skip.provenance)}"}
        for skip in skipped[:_MESSAGES]
    ]
    if len(skipped) > _MESSAGES:
        messages.append({"level": "warn", "value": f"{len(skipped) - _MESSAGES:,} more were not scanned"})
    messages += [{"level": "info", "value": view.text(note)} for note in report.notes if note]
    return {
        "type": "secret_detection",
        "status": "success" if report.complete else "failure",
        "start_time": _utc(options.time() - report.stats.seconds),
        "end_time": _utc(options.time()),
        "analyzer": program,
        "scanner": program,
        "messages": messages,
    }


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _vulnerabilities(view: View, report: ScanReport, rules: RuleSet, options: Options) -> Iterator[Object]:
    for fingerprint, finding in numbered(report.findings, options.key):
        rule = rule_of(rules, finding.rule_id)
        name = name_of(rules, finding)[:_NAME]
        link = rule.revoke_url if rule and rule.revoke_url.startswith(("https://", "http://")) else ""
        yield {
            "id": fingerprint,
            "name": name,
            "description": _description(view, rule.description if rule else name, finding),
            "severity": _SEVERITIES.get(finding.severity, "Unknown"),
            **({"solution": rule.remediation[:_SOLUTION]} if rule else {}),
            "identifiers": [{"type": f"{tool.NAME}_rule", "name": f"{tool.NAME} {name}", "value": finding.rule_id}],
            **({"links": [{"name": "Where to revoke it", "url": link}]} if link else {}),
            "location": _location(view, finding, options),
        }


def _description(view: View, what: str, finding: Finding) -> str:
    """In GitLab's Markdown."""
    return f"{escaped(what)} Found: {escaped(finding.secret.redacted())} in {escaped(words.place(view, finding))}."


def _location(view: View, finding: Finding, options: Options) -> Object:
    provenance = finding.provenance
    return {
        "file": printable(below(provenance.path, options.base)) or provenance.kind,
        "start_line": finding.location.start_line,
        "end_line": finding.location.end_line,
        "commit": _commit(view, provenance.commit),
    }


def _commit(view: View, commit: Commit | None) -> Object:
    if commit is None:
        return {"sha": _NO_COMMIT}
    author, subject = view.text(commit.author), view.text(commit.subject)
    return {"sha": commit.sha, "author": author, "date": printable(commit.date), "message": subject}
