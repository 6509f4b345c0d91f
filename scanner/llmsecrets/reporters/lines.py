"""What the text report says, as lines of styled segments; `text` prints them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from llmsecrets.model import Component, Finding, ScanReport, Skip, Suppressed
from llmsecrets.reporters import Options, words
from llmsecrets.reporters.age import age_of
from llmsecrets.reporters.view import View, by_severity, printable, rule_of
from llmsecrets.rules import RuleSet

_PLACES = 5  # shown of one secret
_SKIPS = 3  # shown of one reason

# Segment styles, in rich's words.
_PLAIN, _STRONG, _FAINT, _SECRET, _PLACE, _WARNING = "", "bold", "dim", "yellow", "cyan", "bold yellow"
_SEVERITY_STYLES = {"critical": "bold red", "high": "bold red", "medium": "bold yellow", "low": "bold blue"}

Segment = tuple[str, str]


class Line(NamedTuple):
    """A line: how far it is indented, and (text, style) segments."""

    indent: int
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return " " * self.indent + "".join(text for text, _ in self.segments)


BLANK = Line(0, ())


def report_lines(report: ScanReport, rules: RuleSet, options: Options) -> Iterator[Line]:
    """The whole report: secrets, most severe first, then what is behind them, then a line that sums up."""
    view = View(report, show_secrets=options.show_secrets)
    found = by_severity(report, options.key)
    for group in found:
        yield from _group(view, rules, group, options)
        yield BLANK
    if options.show_suppressed and report.suppressed:
        yield _line(0, ("Suppressed:", _STRONG))
        yield from (_suppressed(view, rules, suppressed) for suppressed in report.suppressed)
        yield BLANK
    yield from _skips(view, report.skips)
    for note in report.notes:
        yield _line(0, ("Note: ", _STRONG), (view.text(note), _PLAIN))
    yield _summary(report, found)


def _line(indent: int, *segments: Segment) -> Line:
    return Line(indent, segments)


# ---- one secret ------------------------------------------------------------------------------------------------


def _group(view: View, rules: RuleSet, group: Sequence[Finding], options: Options) -> Iterator[Line]:
    finding = group[0]
    yield _header(view, rules, finding)
    for number, place in enumerate(group[:_PLACES]):
        yield from _place(view, place, excerpt=number == 0)
    if len(group) > _PLACES:
        yield _line(2, (f"and {words.count(len(group) - _PLACES, 'more place')}", _FAINT))
    age = age_of(group, rule_of(rules, finding.rule_id), options)
    if age:
        yield _line(2, (words.age(age), _WARNING if age.over else _PLAIN))
    yield from _facts(view, finding)
    yield from _advice(rules, finding.rule_id)


def _header(view: View, rules: RuleSet, finding: Finding) -> Line:
    rule = rule_of(rules, finding.rule_id)
    return _line(
        0,
        (finding.severity.upper(), _SEVERITY_STYLES.get(finding.severity, _STRONG)),
        (f" {rule.name}" if rule else "", _STRONG),
        (f" [{finding.rule_id}]", _FAINT),
        (f"  {_one_line(view, finding)}", _SECRET),
        (_certainty(finding), _PLAIN),
    )


def _one_line(view: View, finding: Finding | Component) -> str:
    return printable(view.secret(finding.secret))


def _certainty(finding: Finding) -> str:
    """What a reader must know before believing: a confidence that is not high, the outcome of a verification."""
    confidence = f"  {finding.confidence} confidence" if finding.confidence != "high" else ""
    return confidence + (f"  {finding.verification}" if finding.verification != "not_attempted" else "")


def _place(view: View, finding: Finding, *, excerpt: bool) -> Iterator[Line]:
    yield _line(2, (words.place(view, finding, brief=True), _PLACE))
    if excerpt:
        before, after = view.excerpt(finding)
        yield _line(4, (before, _PLAIN), (_one_line(view, finding), _SECRET), (after, _PLAIN))
    for known in words.particulars(view, finding.provenance):
        yield _line(4, (known, _FAINT))
    if finding.provenance.commit:
        yield _line(4, ("commit " + words.commit(view, finding.provenance.commit), _FAINT))
    if finding.standing:
        yield _line(4, (words.standing(view, finding.standing), _PLAIN))


def _facts(view: View, finding: Finding) -> Iterator[Line]:
    for label, value in view.facts(finding.facts).items():
        yield _line(2, (f"{label}: ", _FAINT), (value, _PLAIN))
    for part in finding.components:
        yield _line(2, (f"with {part.name} ", _FAINT), (_one_line(view, part), _SECRET), (_at(part), _FAINT))


def _at(part: Component) -> str:
    return f" at {part.location.start_line}:{part.location.start_column}"


def _advice(rules: RuleSet, rule_id: str) -> Iterator[Line]:
    rule = rule_of(rules, rule_id)
    if rule and rule.remediation:
        yield _line(2, ("What to do: ", _STRONG), (" ".join(rule.remediation.split()), _PLAIN))
    if rule and rule.revoke_url:
        yield _line(4, (rule.revoke_url, _PLACE))


# ---- what was not reported -------------------------------------------------------------------------------------


def _suppressed(view: View, rules: RuleSet, suppressed: Suppressed) -> Line:
    finding = suppressed.finding
    rule = rule_of(rules, finding.rule_id)
    why = f"{suppressed.reason}: {view.text(suppressed.detail)}" if suppressed.detail else suppressed.reason
    return _line(
        2,
        (words.place(view, finding), _PLACE),
        (f"  {rule.name if rule else finding.rule_id}  ", _PLAIN),
        (_one_line(view, finding), _SECRET),
        (f"  {why}", _FAINT),
    )


def _skips(view: View, skips: Iterable[Skip]) -> Iterator[Line]:
    """Skips by reason: those that leave the result incomplete, then those that were asked for."""
    by_kind: dict[tuple[bool, str], list[Skip]] = {}
    for skip in skips:
        by_kind.setdefault((skip.expected, skip.reason), []).append(skip)
    for expected, heading in ((False, "Not scanned, the result is incomplete:"), (True, "Not scanned, as asked:")):
        reasons = {reason: group for (kind, reason), group in sorted(by_kind.items()) if kind == expected}
        if reasons:
            yield _line(0, (heading, _PLAIN if expected else _WARNING))
            for reason, group in reasons.items():
                yield from _reason(view, reason, group)
            yield BLANK


def _reason(view: View, reason: str, skips: Sequence[Skip]) -> Iterator[Line]:
    yield _line(2, (f"{reason} ({len(skips):,})", _STRONG))
    for skip in skips[:_SKIPS]:
        chain = words.inside(view, skip.provenance)
        detail = "; ".join(part for part in (chain, view.text(skip.detail)) if part)
        yield _line(4, (words.subject(skip.provenance), _PLACE), (f"  {detail}" if detail else "", _PLAIN))
    if len(skips) > _SKIPS:
        yield _line(4, (f"and {len(skips) - _SKIPS:,} more", _FAINT))


# ---- the last line ---------------------------------------------------------------------------------------------


def _summary(report: ScanReport, found: Sequence[Sequence[Finding]]) -> Line:
    parts = [
        words.extent(report),
        f"{len(report.suppressed):,} suppressed" if report.suppressed else "",
        f"{len(report.skips):,} skipped" if report.skips else "",
    ]
    rest = "".join(f" · {part}" for part in parts if part)
    return _line(0, (words.outcome(report, found), _STRONG), (rest, _PLAIN))
