"""The JSON Lines report: a finding a line, as in the JSON report, then a line that sums up."""

from __future__ import annotations

from typing import TextIO

from llmsecrets.model import ScanReport
from llmsecrets.reporters import Options
from llmsecrets.reporters.document import SCHEMA_VERSION, Document, tool_object
from llmsecrets.reporters.stream import encode
from llmsecrets.rules import RuleSet


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> None:
    document = Document(report, rules, options)
    count = 0
    for finding in document.findings():
        out.write(encode(finding) + "\n")
        count += 1
    summary = {
        "schema_version": SCHEMA_VERSION,
        "tool": tool_object(),
        "findings": count,
        "suppressed": len(report.suppressed),
        "skips": list(document.skips()),
        "stats": document.stats(),
        "complete": report.complete,
        "targets": document.targets(),
        "notes": document.notes(),
    }
    out.write(encode({"summary": summary}) + "\n")
