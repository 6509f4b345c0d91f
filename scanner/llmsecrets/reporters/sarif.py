"""The SARIF 2.1.0 report, within what GitHub code scanning accepts.

It never holds a secret's value, whatever the options say: it is made to be uploaded, and GitHub shows it to everyone
who can read the repository. Suppressed findings are in it only when asked for, because GitHub does not read
`suppressions` and would open an alert for each (github/codeql-action#1230).

A member of an archive has the archive's URI; its own place is a logical location and part of the message.

GitHub knows an alert again by rule, path and `primaryLocationLineHash`. A secret that stands in a checked-out file is
shown at its line there, with the hash that the upload action would give it. One that is gone from its file has no
such line: it stays at the place where the history brought it in, which never changes, and its fingerprint is ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple, TextIO
from urllib.parse import quote

from llmsecrets.model import Finding, Location, Provenance, ScanReport, Skip, Suppressed
from llmsecrets.reporters import Options, tool, words
from llmsecrets.reporters.checkout import Anchor, Checkout, below
from llmsecrets.reporters.stream import encode, write_members
from llmsecrets.reporters.view import View, groups, name_of, printable, rule_of, severity_rank
from llmsecrets.rules import Rule, RuleSet

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

# What GitHub accepts:
# https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
_RESULTS = 25_000  # a run
_GZIPPED = 9_000_000  # bytes of results: 10 MB a file, less what describes rules and run
_RELATED = 100  # shown; accepted are 1,000
_TAGS = 20
_NAME, _DESCRIPTION = 255, 1024  # characters
_NOTIFICATIONS = 1000
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
_SECURITY_SEVERITIES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "1.0"}
_PRECISIONS = {"high": "high", "medium": "medium", "low": "low"}
_IN_SOURCE = "inline ignore"  # the filter whose decision stands in the scanned file itself
_KNOWN = "baseline"  # the filter that suppresses what an earlier scan found
_BASES = {
    "SRCROOT": {"description": {"text": "The folder that was scanned; for a repository, its top folder."}},
    "FSROOT": {"description": {"text": "The root of the file system, or where the drives are."}},
}

Object = dict[str, Any]


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> Sequence[str]:
    run = _Run(report, rules, options)
    results, notes = run.results()
    members = (
        ("tool", {"driver": run.driver()}),
        ("automationDetails", {"id": f"{tool.NAME}/"}),
        ("columnKind", "unicodeCodePoints"),
        ("originalUriBaseIds", _BASES),
        ("invocations", [run.invocation(notes)]),
        ("results", iter(results)),
    )
    out.write(f'{{"$schema": {encode(SCHEMA)}, "version": "2.1.0", "runs": [{{')
    write_members(out, members)
    out.write("\n}]}\n")
    return notes


class _Entry(NamedTuple):
    """What becomes a result: the findings of one secret, or one that is suppressed."""

    group: Sequence[Finding]
    suppressed: Suppressed | None = None

    @property
    def urgency(self) -> tuple[bool, int]:
        """Smallest for what is to be left out last."""
        return self.suppressed is not None, severity_rank(self.group[0].severity)


def _fitting(results: Sequence[Object], numbers: Sequence[int]) -> Iterator[int]:
    """The first of the numbered results that together stay below the size GitHub accepts."""
    import zlib

    if sum(len(encode(result)) for result in results) <= _GZIPPED:
        yield from numbers
        return
    gzip, size = zlib.compressobj(), 0
    for number in numbers:
        size += len(gzip.compress(encode(results[number]).encode())) + len(gzip.flush(zlib.Z_SYNC_FLUSH))
        if size > _GZIPPED:
            return
        yield number


class _Run:
    """One report as a SARIF run. Holds which rules it describes, in order, and how it shows things."""

    def __init__(self, report: ScanReport, rules: RuleSet, options: Options) -> None:
        self._report, self._rules, self._options = report, rules, options
        self._view = View(report)
        self._checkout = Checkout(options.base, of_history=report.grouped)
        self._suppressed = report.suppressed if options.show_suppressed else ()
        found = chain(report.findings, (suppressed.finding for suppressed in self._suppressed))
        self._ids = sorted({finding.rule_id for finding in found})
        self._index = {rule_id: index for index, rule_id in enumerate(self._ids)}

    def driver(self) -> Object:
        return {
            "name": tool.NAME,
            "semanticVersion": tool.version(),
            "informationUri": tool.URI,
            "rules": [_descriptor(rule_of(self._rules, rule_id), rule_id) for rule_id in self._ids],
        }

    # ---- results

    def results(self) -> tuple[list[Object], list[str]]:
        """As many as one upload may hold, by place, whatever the order of the scan; and what that leaves out."""
        entries = sorted(self._entries(), key=lambda entry: entry.urgency)
        chosen = sorted(entries[:_RESULTS], key=self._order)
        results = [self._result(entry) for entry in chosen]
        most_urgent_first = sorted(range(len(chosen)), key=lambda number: chosen[number].urgency)
        kept = sorted(_fitting(results, most_urgent_first))
        if len(kept) == len(entries):
            return results, []
        note = f"SARIF holds the {len(kept):,} most severe of {len(entries):,} results, the most that GitHub accepts"
        return [results[number] for number in kept], [f"{note}; the JSON report has them all."]

    def _entries(self) -> Iterator[_Entry]:
        yield from map(_Entry, groups(self._report.findings, self._options.key, together=self._report.grouped))
        yield from (_Entry([suppressed.finding], suppressed) for suppressed in self._suppressed)

    def _order(self, entry: _Entry) -> tuple[object, ...]:
        finding = entry.group[0]
        location, fingerprint = finding.location, finding.fingerprint(self._options.key)
        place = (self._uri(finding.provenance), location.start, location.end, finding.rule_id, fingerprint)
        return (entry.suppressed is not None, *place)

    def _result(self, entry: _Entry) -> Object:
        group, suppressed = entry
        finding = group[0]
        anchor = self._checkout.anchor(finding)
        known = suppressed is not None and suppressed.reason == _KNOWN
        result: Object = {
            "ruleId": finding.rule_id,
            "ruleIndex": self._index[finding.rule_id],
            "level": _LEVELS.get(finding.severity, "warning"),
            "message": {"text": self._message(group)},
            "locations": [self._location(finding, anchor)],
            "partialFingerprints": self._fingerprints(finding, anchor),
            "properties": self._properties(finding),
            **({"baselineState": "unchanged" if known else "new"} if self._options.baseline else {}),
            **({"suppressions": [self._suppression(suppressed)]} if suppressed else {}),
        }
        related = [self._related(number, other) for number, other in enumerate(group[1 : _RELATED + 1], 1)]
        return {**result, "relatedLocations": related} if related else result

    def _fingerprints(self, finding: Finding, anchor: Anchor | None) -> Object:
        own = finding.fingerprint(self._options.key)
        line_hash = anchor and anchor.line_hash
        return {"primaryLocationLineHash": line_hash or f"{own[:16]}:1", "llmsecretsFingerprint/v1": own}

    def _message(self, group: Sequence[Finding]) -> str:
        finding = group[0]
        rule = rule_of(self._rules, finding.rule_id)
        what = f"{name_of(self._rules, finding)} {finding.secret.redacted()} in {self._where(finding)}"
        others = f" and {words.count(len(group) - 1, 'other place')}" if len(group) > 1 else ""
        advice = f" {rule.remediation.strip()}" if rule else ""
        return _plain(f"{what}{others}.{advice}")

    def _where(self, finding: Finding) -> str:
        commit = finding.provenance.commit
        place = words.place(self._view, finding)
        return f"{place}, commit {words.sha(commit)} of {words.day(commit)}" if commit else place

    def _properties(self, finding: Finding) -> Object:
        commit = finding.provenance.commit
        properties: Object = {
            "secret_id": finding.secret_id(self._options.key),
            "confidence": finding.confidence,
            "verification": finding.verification,
            "facts": self._view.facts(finding.facts),
        }
        if not commit:
            return properties
        author, subject = self._view.text(commit.author), self._view.text(commit.subject)
        described = {"sha": commit.sha, "author": author, "date": printable(commit.date), "subject": subject}
        return {**properties, "commit": described}

    def _suppression(self, suppressed: Suppressed) -> Object:
        kind = "inSource" if suppressed.reason == _IN_SOURCE else "external"
        return {"kind": kind, "justification": f"{suppressed.reason}: {self._view.text(suppressed.detail)}"}

    # ---- locations

    def _location(self, finding: Finding, anchor: Anchor | None = None) -> Object:
        region = _region(anchor.location if anchor else finding.location)
        physical = {"artifactLocation": self._artifact(finding.provenance), "region": region}
        location: Object = {"physicalLocation": physical}
        if finding.provenance.containers:
            location["logicalLocations"] = [self._logical(finding.provenance)]
        return location

    def _related(self, number: int, finding: Finding) -> Object:
        return {"id": number, **self._location(finding), "message": {"text": _plain(self._where(finding))}}

    def _logical(self, provenance: Provenance) -> Object:
        innermost = provenance.containers[-1]
        return {
            "name": self._view.name(innermost),
            "kind": innermost.kind,
            "fullyQualifiedName": f"{words.subject(provenance)}, {words.inside(self._view, provenance)}",
        }

    def _artifact(self, provenance: Provenance) -> Object:
        base, uri = relative_uri(provenance.path or provenance.kind, self._options.base)
        return {"uri": uri, "uriBaseId": base}

    def _uri(self, provenance: Provenance) -> tuple[str, str]:
        return relative_uri(provenance.path or provenance.kind, self._options.base)

    # ---- what the run was like

    def invocation(self, cut: Sequence[str]) -> Object:
        """Whether everything was scanned; if not, what was not, as notifications; and what this report leaves out."""
        unexpected = [skip for skip in self._report.skips if not skip.expected]
        notes = [self._notification(skip) for skip in islice(unexpected, _NOTIFICATIONS)]
        if len(unexpected) > _NOTIFICATIONS:
            rest = f"{len(unexpected) - _NOTIFICATIONS:,} more were not scanned; the JSON report names them all."
            notes.append({"level": "warning", "message": {"text": rest}})
        notes += [{"level": "warning", "message": {"text": text}} for text in cut]
        notes += [{"level": "note", "message": {"text": _plain(self._view.text(note))}} for note in self._report.notes]
        return {"executionSuccessful": self._report.complete, "toolExecutionNotifications": notes}

    def _notification(self, skip: Skip) -> Object:
        inside = words.inside(self._view, skip.provenance)
        place = words.subject(skip.provenance) + (f" ({inside})" if inside else "")
        detail = f": {self._view.text(skip.detail)}" if skip.detail else ""
        return {
            "level": "warning",
            "descriptor": {"id": skip.reason},
            "message": {"text": _plain(f"Not scanned, {skip.reason}: {place}{detail}")},
            "locations": [{"physicalLocation": {"artifactLocation": self._artifact(skip.provenance)}}],
        }


# ---- rules -----------------------------------------------------------------------------------------------------


def _descriptor(rule: Rule | None, rule_id: str) -> Object:
    if rule is None:  # the finding stands, though what explains it is not here
        return {"id": rule_id, "shortDescription": {"text": rule_id}, "properties": {"tags": ["security"]}}
    link = _link(rule)
    return {
        "id": rule.id,
        "name": _cut(rule.name, _NAME),
        "shortDescription": {"text": _cut(rule.name, _DESCRIPTION)},
        "fullDescription": {"text": _cut(rule.description, _DESCRIPTION)},
        "help": {"text": _help_text(rule, link), "markdown": _help_markdown(rule, link)},
        **({"helpUri": link} if link else {}),
        "defaultConfiguration": {"level": _LEVELS.get(rule.severity, "warning")},
        "properties": {
            "tags": list(dict.fromkeys(("security", "external/cwe/cwe-798", *rule.tags)))[:_TAGS],
            "precision": _PRECISIONS.get(rule.confidence, "medium"),
            "security-severity": _SECURITY_SEVERITIES.get(rule.severity, "5.5"),
        },
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _link(rule: Rule) -> str:
    """The provider's page for revoking, else the first reference: only what is a web address."""
    links = (link for link in (rule.revoke_url, *rule.references) if link.startswith(("https://", "http://")))
    return next((quote(link, safe="/:?#[]@!$&'()*+,;=%~") for link in links), "")


def _help_text(rule: Rule, link: str) -> str:
    return "\n\n".join(part for part in (rule.description, f"What to do: {rule.remediation}", link) if part)


def _help_markdown(rule: Rule, link: str) -> str:
    revoke = f"[{'Revoke it here' if link == rule.revoke_url else 'Read more'}]({link})" if link else ""
    parts = (f"# {rule.name}", rule.description, "## How to revoke and rotate", rule.remediation, revoke)
    return "\n\n".join(part for part in parts if part)


# ---- text, regions, addresses ----------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Text for a message: SARIF reads `[text](target)` in one as a link, and a file can be named so."""
    return text.replace("[", "\\[").replace("]", "\\]") if "](" in text else text


def _region(location: Location) -> Object:
    return {
        "startLine": location.start_line,
        "startColumn": location.start_column,
        "endLine": location.end_line,
        "endColumn": location.end_column,
    }


def relative_uri(path: str, base: str | None = None, separator: str = os.sep) -> tuple[str, str]:
    """What a path is relative to, and a URI relative to that, its bytes percent-encoded.

    An absolute path outside `base` is relative to the file system's root: GitHub refuses an upload with a `file:` URI
    of a place that is not in the repository.
    """
    shown = below(path, base).replace(separator, "/")
    while shown.startswith("./"):
        shown = shown[2:]
    absolute = shown.startswith("/") or (separator == "\\" and shown[1:3] == ":/")
    uri = quote(_octets(shown.lstrip("/")), safe="/")
    return ("FSROOT" if absolute else "SRCROOT"), uri or "."


def _octets(path: str) -> bytes:
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte
        return path.encode("utf-8", "backslashreplace")
