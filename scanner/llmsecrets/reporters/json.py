"""The JSON report: one versioned document, described by docs/schemas/report.schema.json."""

from __future__ import annotations

from typing import TextIO

from llmsecrets.model import ScanReport
from llmsecrets.reporters import Options
from llmsecrets.reporters.document import SCHEMA_VERSION, Document, tool_object
from llmsecrets.reporters.stream import write_members
from llmsecrets.rules import RuleSet


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> None:
    document = Document(report, rules, options)
    members = (
        ("schema_version", SCHEMA_VERSION),
        ("tool", tool_object()),
        ("findings", document.findings()),
        ("suppressed", document.suppressed()),
        ("skips", document.skips()),
        ("stats", document.stats()),
        ("complete", report.complete),
        ("targets", document.targets()),
        ("notes", document.notes()),
    )
    out.write("{")
    write_members(out, members)
    out.write("\n}\n")
