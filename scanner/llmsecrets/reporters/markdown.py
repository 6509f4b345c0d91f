"""A summary in Markdown, for `$GITHUB_STEP_SUMMARY`, a merge request or a chat.

Whatever is not ours is written in character references, which mean text wherever they stand, and never markup
(https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TextIO
from urllib.parse import quote

from llmsecrets.model import Finding, ScanReport, Skip
from llmsecrets.reporters import Options, words
from llmsecrets.reporters.age import Age, age_of
from llmsecrets.reporters.view import View, by_severity, name_of, printable, rule_of
from llmsecrets.rules import RuleSet

_ROOM = 500_000  # bytes of secrets: GitHub takes 1 MiB of a step's summary, and there is more to say
_SAFE = "/:?#@!$&'*+,;=%~"  # of an address: without what ends a Markdown link
_SKIPS = 10  # shown of those that count
_MARKUP = re.compile(r"[^\w /.,;()'…-]|_|(?<=w)w(?=w)", re.IGNORECASE)  # and "www.", which GitHub makes a link of


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> Sequence[str]:
    view, found = View(report), by_severity(report, options.key)
    out.write(f"## {escaped(words.outcome(report, found))}\n\n")
    out.write(f"{escaped(words.extent(report))}\n")
    shown = _fitting(_row(view, rules, group, options) for group in found)
    if found:
        out.write("\n| severity | what | where | since |\n| --- | --- | --- | --- |\n")
        out.writelines(shown)
    hidden = len(found) - len(shown)
    if hidden:
        out.write(f"\nAnd {words.count(hidden, 'more secret')}.\n")
    out.writelines(_advice(rules, found))
    out.writelines(_skips(view, [skip for skip in report.skips if not skip.expected]))
    out.writelines(f"\n> Note: {escaped(view.text(note))}\n" for note in report.notes)
    return [f"the Markdown summary shows {len(shown):,} of {len(found):,} secrets: GitHub takes no more"] * bool(hidden)


def escaped(text: str) -> str:
    """Text that no Markdown reads as markup."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)


def _fitting(rows: Iterator[str]) -> list[str]:
    """As many as there is room for."""
    shown, size = [], 0
    for row in rows:
        size += len(row.encode())
        if size > _ROOM:
            break
        shown.append(row)
    return shown


def _row(view: View, rules: RuleSet, group: Sequence[Finding], options: Options) -> str:
    finding = group[0]
    others = f" and {words.count(len(group) - 1, 'more place')}" if len(group) > 1 else ""
    cells = (
        escaped(finding.severity),
        f"{escaped(name_of(rules, finding))} {_code(finding.secret.redacted())}",
        _linked(_code(words.place(view, finding)), options.forge.line_url(finding) if options.forge else "") + others,
        escaped(_since(view, group, age_of(group, rule_of(rules, finding.rule_id), options))),
    )
    return f"| {' | '.join(cells)} |\n"


def _code(text: str) -> str:
    return f"<code>{escaped(text)}</code>"


def _linked(text: str, url: str) -> str:
    return f"[{text}]({quote(url, safe=_SAFE)})" if url else text


def _since(view: View, group: Sequence[Finding], age: Age | None) -> str:
    commit, standing = group[0].provenance.commit, group[0].standing
    parts = (
        f"{words.day(commit)} {words.sha(commit)} {view.text(commit.author)}" if commit else "",
        words.standing(view, standing._replace(refs=(), versions=1)) if standing else "",  # a cell holds no more
        words.age(age) if age else "",
    )
    return "; ".join(part for part in parts if part)


def _advice(rules: RuleSet, found: Sequence[Sequence[Finding]]) -> Iterator[str]:
    ids = dict.fromkeys(group[0].rule_id for group in found)
    known = [rule for rule in (rule_of(rules, rule_id) for rule_id in ids) if rule]
    if known:
        yield "\n### What to do\n\n"
    for rule in known:
        link = rule.revoke_url if rule.revoke_url.startswith(("https://", "http://")) else ""
        where = f" {_linked('Revoke it', link)}" if link else ""
        yield f"- **{escaped(rule.name)}**: {escaped(printable(' '.join(rule.remediation.split())))}{where}\n"


def _skips(view: View, skips: Sequence[Skip]) -> Iterator[str]:
    """What leaves the result incomplete."""
    if skips:
        yield f"\n### Not scanned ({len(skips):,})\n\n"
    for skip in skips[:_SKIPS]:
        inside = words.inside(view, skip.provenance)
        detail = "; ".join(part for part in (inside, skip.reason, view.text(skip.detail)) if part)
        yield f"- {_code(words.subject(skip.provenance))} {escaped(detail)}\n"
    if len(skips) > _SKIPS:
        yield f"- and {len(skips) - _SKIPS:,} more\n"
