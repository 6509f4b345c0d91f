"""How places, commits, standings and outcomes read, in the formats that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from llmsecrets.model import Commit, Container, Finding, Provenance, ScanReport, Standing
from llmsecrets.reporters.age import Age
from llmsecrets.reporters.view import View, printable, severity_rank

_SHORT_SHA = 10
_BYTE_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_AROUND = ("image", "layer", "instruction", "key")  # of an image: a file stands in them, and much is known of them


def place(view: View, finding: Finding, *, brief: bool = False) -> str:
    """Where a finding is: `path:line:column`, and what inside that path; in brief without what `particulars` gives."""
    where = f"{subject(finding.provenance)}:{finding.location.start_line}:{finding.location.start_column}"
    chain = inside(view, finding.provenance, brief=brief)
    return f"{where} ({chain})" if chain else where


def subject(provenance: Provenance) -> str:
    """The file, or what it was instead of a file; an object whose path nobody looked up goes by its id."""
    path = printable(provenance.path) or (f"blob {provenance.blob_id}" if provenance.blob_id else "")
    if provenance.kind == "file" or path.startswith(provenance.kind):
        return path or provenance.kind
    return f"{provenance.kind} {path}".rstrip()


def inside(view: View, provenance: Provenance, *, brief: bool = False) -> str:
    """The containers, outermost first; nothing for the text of a plain file."""
    shown = ((one, _facts(view, one) if not (brief and one.kind in _AROUND) else "") for one in provenance.containers)
    return ", ".join(f"{_name(view, one)} [{facts}]" if facts else _name(view, one) for one, facts in shown)


def particulars(view: View, provenance: Provenance) -> list[str]:
    """What is known of the containers that a file stands in, in a line each."""
    around = (one for one in provenance.containers if one.kind in _AROUND and one.facts)
    return [f"{_name(view, one)}: {_facts(view, one)}" for one in around]


def _name(view: View, container: Container) -> str:
    return f"{container.kind} {view.name(container)}".rstrip()


def _facts(view: View, container: Container) -> str:
    return "; ".join(f"{label}: {_brief(value)}" for label, value in view.facts(container.facts).items())


def _brief(value: str) -> str:
    """A digest cut to what tells it from others; anything else as it is."""
    return f"{value[:19]}…" if value.startswith("sha256:") and len(value) == len("sha256:") + 64 else value


def sha(commit: Commit) -> str:
    return commit.sha[:_SHORT_SHA]


def day(commit: Commit) -> str:
    return printable(commit.date)[: len("2026-01-02")]


def commit(view: View, commit: Commit) -> str:
    author = f"{view.text(commit.author)} <{view.text(commit.email)}>" if commit.email else view.text(commit.author)
    return f"{sha(commit)}  {day(commit)}  {author}  {view.text(commit.subject)}".rstrip()


def standing(view: View, standing: Standing) -> str:
    """How the secret stands today."""
    now = "still at HEAD" if standing.at_head else "gone from HEAD, still in history"
    refs = ", ".join(view.text(ref) for ref in standing.refs)
    versions = f"in {count(standing.versions, 'version')} of files" if standing.versions > 1 else ""
    return "; ".join(part for part in (now, refs and f"on refs {refs}", versions) if part)


def age(age: Age) -> str:
    """How long a secret has been in the history."""
    over = f", {age.over:,} more than the {age.allowed:,} allowed" if age.over else ""
    return f"in history for {count(age.days, 'day')}{over}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# ---- what came of it -------------------------------------------------------------------------------------------


def outcome(report: ScanReport, found: Sequence[Sequence[Finding]]) -> str:
    """What a report comes to; `found` are its findings grouped by secret."""
    if found:
        severities = Counter(group[0].severity for group in found)
        ranked = sorted(severities.items(), key=lambda item: severity_rank(item[0]))
        split = ", ".join(f"{number:,} {severity}" for severity, number in ranked)
        return f"{count(len(found), 'secret')} in {count(len(report.findings), 'place')} ({split})"
    if not report.looked:
        targets = ", ".join(printable(target) for target in report.targets)
        return "Nothing was scanned" + (f": no content in {targets}" if targets else "")
    return "No secrets found" if report.complete else "No secrets found in what could be scanned"


def extent(report: ScanReport) -> str:
    """How much was looked at, and how long it took; nothing for nothing."""
    stats = report.stats
    if not report.looked:
        return ""
    if not (stats.blobs or stats.commits):
        return f"nothing new since the last scan, in {stats.seconds:.1f} s"
    commits = f", {count(stats.commits, 'commit')}" if stats.commits else ""
    return f"{count(stats.blobs, 'file')}, {_size(stats.size)}{commits} in {stats.seconds:.1f} s"


def _size(size: int) -> str:
    """Bytes in decimal units."""
    amount, unit = float(size), 0
    while amount >= 1000 and unit < len(_BYTE_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {_BYTE_UNITS[unit]}" if unit else count(size, "byte")
