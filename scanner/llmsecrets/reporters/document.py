"""The JSON document, version 1: one finding, suppressed finding or skip as JSON writes it.

The names here are frozen, apart from those of the records they copy; docs/schemas/report.schema.json is their
contract. A later release may add keys; one that changes or drops a key raises SCHEMA_VERSION.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llmsecrets.model import Commit, Component, Finding, Location, Provenance, ScanReport, Skip, Standing, Suppressed
from llmsecrets.reporters import Options, tool
from llmsecrets.reporters.age import Age, age_of
from llmsecrets.reporters.view import View, groups, printable, rule_of
from llmsecrets.rules import RuleSet

SCHEMA_VERSION = 1

Object = dict[str, Any]


class Document:
    """The parts of one report as JSON objects."""

    def __init__(self, report: ScanReport, rules: RuleSet, options: Options) -> None:
        self._report, self._rules, self._options, self._key = report, rules, options, options.key
        self._view = View(report, show_secrets=options.show_secrets)

    def findings(self) -> Iterator[Object]:
        """One object a finding; in a grouped report, one a secret."""
        for group in groups(self._report.findings, self._key, together=self._report.grouped):
            yield self._finding(group)

    def suppressed(self) -> Iterator[Object]:
        return (self._suppressed(suppressed) for suppressed in self._report.suppressed)

    def skips(self) -> Iterator[Object]:
        return (self._skip(skip) for skip in self._report.skips)

    def notes(self) -> list[str]:
        return [self._view.text(note) for note in self._report.notes]

    def targets(self) -> list[str]:
        return [printable(target) for target in self._report.targets]

    def stats(self) -> Object:
        stats = self._report.stats
        return {
            "blobs": stats.blobs,
            "bytes": stats.size,
            "commits": stats.commits,
            "seconds": round(stats.seconds, 3),
        }

    def _finding(self, group: Sequence[Finding]) -> Object:
        finding = group[0]
        rule = rule_of(self._rules, finding.rule_id)
        before, after = self._view.excerpt(finding)
        return {
            "rule_id": finding.rule_id,
            "name": rule.name if rule else finding.rule_id,
            "secret": self._view.secret(finding.secret),
            "secret_id": finding.secret_id(self._key),
            **self._place(finding),
            "severity": finding.severity,
            "confidence": finding.confidence,
            "score": round(finding.score, 3),
            "verification": finding.verification,
            "excerpt": {"before": before, "after": after},
            "facts": self._view.facts(finding.facts),
            "components": [self._component(part, finding.provenance.path) for part in finding.components],
            "standing": self._standing(finding.standing),
            "age": _age(age_of(group, rule, self._options)),
            "remediation": rule.remediation if rule else "",
            "revoke_url": rule.revoke_url if rule else "",
            "occurrences": [self._place(other) for other in group[1:]],
        }

    def _place(self, finding: Finding) -> Object:
        return {
            "fingerprint": finding.fingerprint(self._key),
            "location": _location(finding.provenance.path, finding.location),
            "provenance": self._provenance(finding.provenance),
        }

    def _provenance(self, provenance: Provenance) -> Object:
        return {
            "kind": provenance.kind,
            "containers": self._containers(provenance),
            "blob_id": provenance.blob_id,
            "commit": self._commit(provenance.commit),
        }

    def _containers(self, provenance: Provenance) -> list[Object]:
        return [
            {"kind": container.kind, "name": self._view.name(container), "facts": self._view.facts(container.facts)}
            for container in provenance.containers
        ]

    def _commit(self, commit: Commit | None) -> Object | None:
        return commit and {
            "sha": commit.sha,
            "author": self._view.text(commit.author),
            "email": self._view.text(commit.email),
            "date": printable(commit.date),
            "subject": self._view.text(commit.subject),
        }

    def _component(self, component: Component, path: str) -> Object:
        return {
            "name": component.name,
            "secret": self._view.secret(component.secret),
            "location": _location(path, component.location),
        }

    def _standing(self, standing: Standing | None) -> Object | None:
        return standing and {
            "at_head": standing.at_head,
            "refs": [self._view.text(ref) for ref in standing.refs],
            "versions": standing.versions,
        }

    def _suppressed(self, suppressed: Suppressed) -> Object:
        reasons = {"reason": suppressed.reason, "detail": self._view.text(suppressed.detail)}
        return {**self._finding([suppressed.finding]), **reasons}

    def _skip(self, skip: Skip) -> Object:
        return {
            "path": printable(skip.provenance.path),
            "blob_id": skip.provenance.blob_id,
            "containers": self._containers(skip.provenance),
            "reason": skip.reason,
            "detail": self._view.text(skip.detail),
            "expected": skip.expected,
        }


def tool_object() -> Object:
    return {"name": tool.NAME, "version": tool.version()}


def _age(age: Age | None) -> Object | None:
    return age and {"days": age.days, "allowed_days": age.allowed, "too_old": age.over > 0}


def _location(path: str, location: Location) -> Object:
    return {
        "path": printable(path),
        "start_line": location.start_line,
        "start_column": location.start_column,
        "end_line": location.end_line,
        "end_column": location.end_column,
        "start": location.start,
        "end": location.end,
    }
