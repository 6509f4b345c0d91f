"""What of a report may be seen: redacts secrets, masks them wherever else they stand, defuses control characters.

Every format prints secrets and text of others (authors, subjects, excerpts, names) through one View. Paths are the
exception: they stay whole, because a path with a piece missing leads nowhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

from llmsecrets.errors import RuleError
from llmsecrets.model import SEVERITIES, Container, Finding, ScanReport, Secret, display_path
from llmsecrets.rules import Rule, RuleSet

# Shorter secrets are not looked for in other text: they would be found in every second word.
_SHORTEST = 4
# What a CI service takes for a command to itself in what a job prints: GitHub at a line's start, it and Azure anywhere.
# https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
# https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
_AT_START, _ANYWHERE = re.compile(r"^(\s*):(?=:)"), re.compile(r"#(?=#(?:vso)?\[)")
# How bytes may have become text on their way into a record.
_DECODINGS = ("replace", "backslashreplace", "surrogateescape")


class View:
    """One report as its reader may see it. Holds the secrets of the whole report: their redacted forms by their text,
    and by their first characters how long they are.
    """

    def __init__(self, report: ScanReport, *, show_secrets: bool = False) -> None:
        self._show = show_secrets
        self._redacted: dict[str, str] = {}
        self._lengths: dict[str, set[int]] = {}
        self._texts: dict[str, str] = {}  # told before: the same few commits brought most findings in
        if not show_secrets:
            for secret in set(_secrets(report)):
                self._add(secret)

    def secret(self, secret: Secret) -> str:
        """The secret redacted, or, where the user asked for it, as text."""
        return secret.reveal().decode("utf-8", "backslashreplace") if self._show else secret.redacted()

    def text(self, text: str) -> str:
        """Text from outside, without the report's secrets and safe to print on one line."""
        if text not in self._texts:
            self._texts[text] = printable(self._masked(text))
        return self._texts[text]

    def excerpt(self, finding: Finding) -> tuple[str, str]:
        """What stands before and after the secret on its line."""
        before, after = (printable(self._masked(part).replace("\t", " ")) for part in finding.excerpt)
        return before, after

    def name(self, container: Container) -> str:
        """A container's name. An archive member's is part of the path; a layer's instruction can hold a secret."""
        return printable(container.name) if container.kind == "member" else self.text(container.name)

    def facts(self, facts: Iterable[tuple[str, str]]) -> dict[str, str]:
        return {self.text(label): self.text(value) for label, value in facts}

    def _add(self, secret: Secret) -> None:
        for text in {secret.reveal().decode("utf-8", errors) for errors in _DECODINGS}:
            if len(text) >= _SHORTEST:
                self._redacted[text] = secret.redacted()
                self._lengths.setdefault(text[:_SHORTEST], set()).add(len(text))

    def _masked(self, text: str) -> str:
        out, end = [], 0
        for position in range(len(text) - _SHORTEST + 1):
            if text[position : position + _SHORTEST] in self._lengths and position >= end:
                length = self._length_at(text, position)
                if length:
                    out += [text[end:position], self._redacted[text[position : position + length]]]
                    end = position + length
        return "".join((*out, text[end:]))

    def _length_at(self, text: str, position: int) -> int:
        """How long the secret that stands here is, the longest if several do; 0 for none."""
        lengths = self._lengths[text[position : position + _SHORTEST]]
        return max((length for length in lengths if text[position : position + length] in self._redacted), default=0)


def printable(text: str) -> str:
    """Text with its control characters, terminal escapes, bidirectional marks and stray bytes shown as escapes."""
    if text.isprintable():
        return text
    try:
        return display_path(text)
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte, as JSON and Windows can hold
        return display_path(text.encode("utf-8", "backslashreplace").decode())


def inert(line: str) -> str:
    """A line for a log, with nothing in it that the CI service which keeps the log would obey."""
    return _AT_START.sub(r"\1\\x3a", _ANYWHERE.sub(r"\\x23", line))


def inert_json(text: str) -> str:
    """As `inert`, for JSON, in which no line of others starts."""
    return _ANYWHERE.sub(r"\\u0023", text) if "##" in text else text


@lru_cache(maxsize=1024)  # of a history's thousands of findings most are of the same few rules
def rule_of(rules: RuleSet, rule_id: str) -> Rule | None:
    """The rule, safe to print, or None: a baseline or a second set of rules may have brought findings of others.

    A scanned repository may bring rules of its own, whose texts are no more to be trusted than the rest of it.
    """
    try:
        rule = rules.get(rule_id)
    except RuleError:
        return None
    return rule._replace(
        name=printable(rule.name),
        description=_printable_lines(rule.description),
        remediation=_printable_lines(rule.remediation),
        revoke_url=printable(rule.revoke_url),
        references=tuple(map(printable, rule.references)),
        tags=tuple(map(printable, rule.tags)),
    )


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def severity_rank(severity: str) -> int:
    """0 for the most severe."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def groups(findings: Iterable[Finding], key: bytes, *, together: bool) -> list[list[Finding]]:
    """Findings of the same secret in lists, in order of first sight; apart, each in a list of its own."""
    if not together:
        return [[finding] for finding in findings]
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.secret_id(key), []).append(finding)
    return list(found.values())


def by_severity(report: ScanReport, key: bytes) -> list[list[Finding]]:
    """The report's findings grouped by secret, the most severe first."""
    found = groups(report.findings, key, together=True)
    return sorted(found, key=lambda group: severity_rank(group[0].severity))


def numbered(findings: Iterable[Finding], key: bytes) -> Iterator[tuple[str, Finding]]:
    """Findings with their fingerprints, which get a number where a file holds the same secret again."""
    seen: Counter[str] = Counter()
    for finding in findings:
        fingerprint = finding.fingerprint(key)
        seen[fingerprint] += 1
        yield (f"{fingerprint}-{seen[fingerprint]}" if seen[fingerprint] > 1 else fingerprint), finding


def name_of(rules: RuleSet, finding: Finding) -> str:
    """What a person calls what was found."""
    rule = rule_of(rules, finding.rule_id)
    return rule.name if rule else finding.rule_id


def _secrets(report: ScanReport) -> Iterator[Secret]:
    for finding in report.every_finding:
        yield finding.secret
        yield from (component.secret for component in finding.components)
