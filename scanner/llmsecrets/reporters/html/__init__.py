"""The report to look at: one file, without network, that works from disk.

`page.html`, `page.css` and `page.js` stand beside this module. The page holds the report as JSON, in which no `<` can
end its script element, and the script makes text of it, never markup. A content security policy allows this script and
this style sheet by their hashes and nothing else, so that what would slip through could not run either.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, TextIO

from llmsecrets.model import Finding, ScanReport, Skip, Suppressed
from llmsecrets.reporters import Options, tool, words
from llmsecrets.reporters.age import age_of
from llmsecrets.reporters.stream import encode
from llmsecrets.reporters.view import View, by_severity, printable, rule_of
from llmsecrets.rules import RuleSet

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src '$script'",
        "style-src '$style'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_SKIPS = 1000

Object = dict[str, Any]


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> Sequence[str]:
    page, style, script = (_part(f"page.{kind}") for kind in ("html", "css", "js"))
    found = by_severity(report, options.key)
    head, tail = (
        Template(page)
        .substitute(
            policy=escape(Template(_POLICY).substitute(script=_hash(script), style=_hash(style))),
            style=style,
            script=script,
            title=escape(f"Secrets in {_target(report, options)}"),
            outcome=escape(words.outcome(report, found)),
            extent=escape(f"{words.extent(report)} · {_utc(options.time())} · {tool.NAME} {tool.version()}"),
            report="\0",
        )
        .split("\0")
    )
    out.write(head)
    out.writelines(_harmless(text) for text in _document(report, rules, found, options))
    out.write(tail)
    skipped = sum(not skip.expected for skip in report.skips)
    return [f"the HTML report names {_SKIPS:,} of {skipped:,} skips"] * (skipped > _SKIPS)


def _target(report: ScanReport, options: Options) -> str:
    if report.targets == (".",) and options.base:
        return printable(Path(options.base).name) or "."
    return ", ".join(map(printable, report.targets)) or "nothing"


def _part(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _harmless(text: str) -> str:
    """JSON that neither ends its script element nor starts a comment in it."""
    return text.replace("<", "\\u003c")


# ---- the report as JSON ----------------------------------------------------------------------------------------


def _document(
    report: ScanReport, rules: RuleSet, found: Sequence[Sequence[Finding]], options: Options
) -> Iterator[str]:
    """What the script reads: members of one object, secret by secret."""
    view = View(report)
    ids = sorted({finding.rule_id for finding in report.every_finding})
    skips = [skip for skip in report.skips if not skip.expected]
    yield f'{{"rules": {encode({rule_id: _rule(rules, rule_id) for rule_id in ids})}'
    yield f',\n"notes": {encode([view.text(note) for note in report.notes])}'
    yield f',\n"skips": {encode([_skip(view, skip) for skip in skips[:_SKIPS]])}'
    yield f',\n"suppressed": {encode(_suppressed(view, report.suppressed) if options.show_suppressed else [])}'
    yield ',\n"secrets": ['
    yield from _listed(_secret(view, rules, group, options) for group in found)
    yield "]}"


def _listed(objects: Iterable[Object]) -> Iterator[str]:
    separator = "\n"
    for one in objects:
        yield separator + encode(one)
        separator = ",\n"


def _rule(rules: RuleSet, rule_id: str) -> Object:
    rule = rule_of(rules, rule_id)
    if rule is None:
        return {"name": rule_id}
    texts = {"description": rule.description, "remediation": rule.remediation, "revoke_url": rule.revoke_url}
    return {"name": rule.name, "category": rule.tags[0] if rule.tags else "", **texts}


def _secret(view: View, rules: RuleSet, group: Sequence[Finding], options: Options) -> Object:
    finding = group[0]
    before, after = view.excerpt(finding)
    age = age_of(group, rule_of(rules, finding.rule_id), options)
    standing = finding.standing
    return {
        "rule": finding.rule_id,
        "secret": printable(finding.secret.redacted()),
        "id": finding.secret_id(options.key),
        "severity": finding.severity,
        "confidence": finding.confidence,
        "verification": finding.verification,
        "before": before,
        "after": after,
        "facts": view.facts(finding.facts),
        "with": [f"{part.name} {part.secret.redacted()}" for part in finding.components],
        "age": age and {"days": age.days, "over": age.over, "text": words.age(age)},
        "standing": standing and {"at_head": standing.at_head, "text": words.standing(view, standing)},
        "places": [_place(view, one, options) for one in group],
    }


def _place(view: View, finding: Finding, options: Options) -> Object:
    commit = finding.provenance.commit
    place: Object = {"at": words.place(view, finding)}
    url = options.forge.line_url(finding) if options.forge else ""
    if url:
        place["url"] = url
    if commit:
        place["commit"] = {
            "sha": words.sha(commit),
            "day": words.day(commit),
            "author": view.text(f"{commit.author} <{commit.email}>" if commit.email else commit.author),
            "subject": view.text(commit.subject),
        }
    return place


def _suppressed(view: View, suppressed: Sequence[Suppressed]) -> list[Object]:
    return [
        {
            "rule": one.finding.rule_id,
            "secret": printable(one.finding.secret.redacted()),
            "at": words.place(view, one.finding),
            "why": f"{one.reason}: {view.text(one.detail)}" if one.detail else one.reason,
        }
        for one in suppressed
    ]


def _skip(view: View, skip: Skip) -> Object:
    inside = words.inside(view, skip.provenance)
    subject = f"{words.subject(skip.provenance)}{f' ({inside})' if inside else ''}"
    return {"at": subject, "why": "; ".join(part for part in (skip.reason, view.text(skip.detail)) if part)}
