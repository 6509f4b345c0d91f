"""Why a line is reported or not: which rules looked at it, what each found, and what was decided about that.

A rule's own conditions are told by leaving them out one by one: the one without which it matches is the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from llmsecrets import matching, placeholders, scoring
from llmsecrets.engine import TIMEOUT, Engine, Match
from llmsecrets.engine.settling import settle
from llmsecrets.matching import Matcher
from llmsecrets.model import Chunk, Finding, ScanReport
from llmsecrets.rules import Allow, Rule, RuleSet

# What keeps a rule from matching what its pattern does, and the rule without it.
_CONDITIONS: Mapping[str, Mapping[str, Any]] = {
    "the value is not random enough": {"min_entropy": 0.0},
    "the value has too few digits": {"min_digits": 0},
    "the rule's own allowlist has the value": {"allow": Allow()},
    "the value's check value is wrong": {"checksum": None},
    "what the rule needs nearby is not there": {"components": ()},
}


class Look(NamedTuple):
    """A rule that looked at a line. `verdict` is "reported", "suppressed" or "no finding"; `why` the reason."""

    rule: Rule
    verdict: str
    why: str
    finding: Finding | None = None


def looks(rules: RuleSet, matcher: Matcher, chunk: Chunk, line: int, report: ScanReport) -> list[Look]:
    """The rules of which stage one says that they could match in a line, those that found something first.

    `chunk` is the whole file, `report` a scan of it.
    """
    data = bytes(chunk.data)
    span = _line_span(data, line)
    regions = {
        rules[index]: [(start, end) for start, end in spans if start < span[1] and end > span[0]]
        for index, spans in matcher.regions(data).items()
    }
    engine = Engine(rules, matcher)
    matches = [one for one in engine.matches(chunk)[0] if one.secret_start < span[1] and one.secret_end > span[0]]
    placed = settle(matches, chunk.provenance.whole_path)
    found = {match.rule for match in matches}
    judged = [_judged(match, placed, chunk, report) for match in matches]
    missed = [
        Look(rule, "no finding", _why_not(rule, chunk, spans))
        for rule, spans in regions.items()
        if spans and rule not in found
    ]
    order = ("reported", "suppressed", "no finding")
    told = [*judged, *_within(rules, chunk, line, report, {look.finding for look in judged})]
    return sorted(told, key=lambda look: order.index(look.verdict)) + missed


def _within(rules: RuleSet, chunk: Chunk, line: int, report: ScanReport, told: Set[Finding | None]) -> Iterator[Look]:
    """What was found at a line inside what the file holds: members of an archive, cells, encoded text."""
    suppressed = {one.finding: f"{one.reason}: {one.detail}" for one in report.suppressed}
    for finding in (*report.findings, *suppressed):
        here = finding.location.start_line <= line <= finding.location.end_line
        if here and finding not in told and finding.provenance.path == chunk.provenance.path:
            verdict = "suppressed" if finding in suppressed else "reported"
            yield Look(rules.get(finding.rule_id), verdict, suppressed.get(finding) or why(finding), finding)


def why(finding: Finding) -> str:
    """What made a finding's score: for a named value its features, the weightiest first; else what its rule proved."""
    facts = dict(finding.facts)
    if "name" not in facts:
        return ", ".join(f"{label}: {value}" for label, value in finding.facts) or "its shape"
    name, value, path = facts["name"].encode(), finding.secret.reveal(), finding.provenance.whole_path
    quoted = finding.excerpt.before.endswith(('"', "'", "`"))
    return ", ".join(f"{one.name} {one.weight:+.1f}" for one in scoring.explain(name, value, path, quoted=quoted))


def _line_span(data: bytes, line: int) -> tuple[int, int]:
    """Where a line starts and ends; behind the end of the data for one that is not there."""
    start = 0
    for _ in range(line - 1):
        start = data.find(b"\n", start) + 1
        if not start:
            return len(data), len(data)
    end = data.find(b"\n", start)
    return start, end if end >= 0 else len(data)


def _judged(match: Match, placed: Sequence[Match], chunk: Chunk, report: ScanReport) -> Look:
    """What became of a match: in its place, among the others, before the filters."""
    rule, path = match.rule, chunk.provenance.whole_path
    kept = next((one for one in placed if (one.rule.id, one.secret_start) == (rule.id, match.secret_start)), None)
    if kept is None:
        rival = next(
            (one for one in placed if one.secret_start < match.secret_end and one.secret_end > match.secret_start), None
        )
        if not rule.applies_to(path):
            return Look(rule, "no finding", "the rule does not look at files of this path")
        if rival:
            return Look(rule, "no finding", f"the same is found by {rival.rule.id}, which says more")
        return Look(rule, "no finding", f"too unlikely in this place: score {match.score:.2f}")
    for suppressed in report.suppressed:
        if _is_of(suppressed.finding, match):
            return Look(rule, "suppressed", f"{suppressed.reason}: {suppressed.detail}", suppressed.finding)
    for finding in report.findings:
        if _is_of(finding, match):
            return Look(rule, "reported", why(finding), finding)
    for finding in report.every_finding:
        place = finding.location
        overlaps = place.start < match.secret_end and place.end > match.secret_start
        if finding.secret == match.secret_in(chunk) or (overlaps and finding.provenance.whole_path == path):
            return Look(rule, "no finding", f"{finding.rule_id} finds it in what stands here packed or encoded")
    return Look(rule, "no finding", f"of {kept.confidence} confidence, which is not asked for (--min-confidence)")


def _is_of(finding: Finding, match: Match) -> bool:
    return finding.rule_id == match.rule.id and finding.location.start == match.secret_start


def _why_not(rule: Rule, chunk: Chunk, spans: Sequence[tuple[int, int]]) -> str:
    """Why a rule that could match in some spans does not."""
    secrets = list(_values(rule, bytes(chunk.data), spans))
    if not secrets:
        return "its pattern does not match"
    if _matches(rule, chunk):  # with no other rules, of whose shapes the value could be nearly
        return "the value is one character off a token of the vendor that its name speaks of"
    reasons = [reason for reason, fields in _CONDITIONS.items() if _matches(rule._replace(**fields), chunk)]
    if reasons:
        return reasons[0]
    placeholder = next(filter(None, map(placeholders.reason, secrets)), "")
    if placeholder:
        return f"the value is a placeholder: {placeholder}"
    return "the value is none that a secret has" if rule.score else "several of its conditions do not hold"


def _values(rule: Rule, data: bytes, spans: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    import regex

    pattern = regex.compile(rule.expression.encode())
    for start, end in spans:
        try:
            for found in pattern.finditer(data, start, min(end, len(data)), timeout=TIMEOUT):
                if rule.score:
                    given = scoring.given_at(data, found.start(), found.end(1), found.end())
                    yield data[slice(*given.value)] if given else b""
                else:
                    yield found[rule.secret_group]
        except TimeoutError:
            return


def _matches(rule: Rule, chunk: Chunk) -> bool:
    alone = RuleSet.of([rule])
    return bool(Engine(alone, matching.compile_rules(alone, "regex")).matches(chunk)[0])
