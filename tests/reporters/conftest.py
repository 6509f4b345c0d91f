"""Reports to render: a factory, and one report that holds a bit of everything. Secrets are made at run time."""

from __future__ import annotations

import io
import random
import string
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from llmsecrets import reporters
from llmsecrets.model import (
    Commit,
    Component,
    Container,
    Excerpt,
    Finding,
    Location,
    Provenance,
    ScanReport,
    Secret,
    Skip,
    Standing,
    Stats,
    Suppressed,
)
from llmsecrets.rules import Allow, Rule, RuleSet

Render = Callable[..., str]
LETTERS = string.ascii_letters + string.digits


def secret_of(seed: int, length: int = 40) -> Secret:
    """A secret no file of this repository holds."""
    return Secret("".join(random.Random(seed).choices(LETTERS, k=length)).encode())


def finding_of(secret: Secret, path: str = "app/settings.py", line: int = 12, **changes: object) -> Finding:
    """A finding of the secret at the line; `changes` are any of its fields."""
    found = Finding(
        rule_id="acme-key",
        family="acme",
        secret=secret,
        location=Location(line, 15, line, 15 + len(secret), 300, 300 + len(secret)),
        provenance=Provenance(path),
        severity="high",
        confidence="high",
        score=0.95,
        excerpt=Excerpt('ACME_KEY = "', '"  # of the test account'),
    )
    return found._replace(**changes)


def report_of(*findings: Finding, **changes: object) -> ScanReport:
    found = ScanReport(findings, (), (), Stats(1234, 56_700_000, 812, 1.234), ("repo",))
    return found._replace(**changes)


def rule_of(id: str, name: str, **changes: object) -> Rule:
    fields = dict.fromkeys(Rule._fields, ())
    texts = dict.fromkeys(("core", "expression", "anchor", "score", "revoke_url", "origin"), "")
    numbers = dict.fromkeys(("secret_group", "specificity", "width", "min_entropy", "min_digits"), 0)
    rule = Rule(**{**fields, **texts, **numbers, "id": id, "name": name, "family": id.split("-")[0]})
    return rule._replace(
        description=f"{name}: whoever holds it can spend the account's money.",
        severity="high",
        confidence="high",
        allow=Allow(),
        checksum=None,
        remediation="Delete it on the keys page, make a new one, and keep that in the environment.",
        **changes,
    )


RULES = RuleSet.of(
    (
        rule_of("acme-key", "Acme API key", revoke_url="https://acme.test/keys", tags=("llm", "acme")),
        rule_of("acme-secret", "Acme access secret", references=("https://acme.test/docs",)),
        rule_of("other-key", "Never found"),
    )
)

NOW = 1_770_000_000.0  # 2026-02-02T02:40:00Z
COMMIT = Commit(
    "0123456789abcdef" * 2 + "01234567", "Ada", "ada@acme.test", "2026-01-02T03:04:05+01:00", "Add settings"
)


def everything(*, grouped: bool = False) -> ScanReport:
    """A report with something in every field."""
    many, nested, ignored = secret_of(1, 48), secret_of(2, 24), secret_of(3, 12)
    old = Provenance("old/settings.py", commit=COMMIT, blob_id="fedcba98" * 5)
    cell = Container("cell", "7", (("output", "2"),))
    archived = Provenance("data/app v1.zip", (Container("member", "deep/notes.ipynb"), cell))
    standing = Standing(False, ("refs/heads/main", "refs/tags/v1"), 3)
    part = Component("access key id", secret_of(4, 20), Location(11, 3, 11, 23, 250, 270))
    findings = (
        finding_of(nested, provenance=archived, rule_id="acme-secret", severity="medium", confidence="medium")._replace(
            facts=(("expires", "2027-01-01T00:00:00Z"), ("expired", "no")), components=(part,)
        ),
        finding_of(many, provenance=old, standing=standing, score=0.987654),
        *(finding_of(many, f"copies/{number}.env", number + 1) for number in range(6)),
    )
    suppressed = (
        Suppressed(finding_of(ignored, "docs/example.md", rule_id="gone-rule"), "inline ignore", "llmsecrets:allow"),
        Suppressed(finding_of(ignored, "tests/data.py", severity="low"), "baseline", "known since 2026-01-01"),
    )
    skips = (
        Skip(Provenance("huge.bin"), "too large", "5.0 GB, the limit is 1.0 GB"),
        Skip(archived, "unreadable", "the member is encrypted"),
        *(Skip(Provenance(f"vendor/{number}.js"), "excluded", "vendor/**", expected=True) for number in range(5)),
    )
    notes = ("The clone is shallow: older commits are not here.",)
    return report_of(*findings, suppressed=suppressed, skips=skips, notes=notes, grouped=grouped)


@pytest.fixture(scope="session")
def rules() -> RuleSet:
    return RULES


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The factory's functions, for tests that build reports of their own."""
    return SimpleNamespace(secret=secret_of, finding=finding_of, report=report_of, everything=everything, commit=COMMIT)


@pytest.fixture(scope="session")
def render() -> Render:
    """(format, report, **options) → what the reporter writes."""

    def rendered(format: str, report: ScanReport, **options: object) -> str:
        out = io.StringIO()
        reporters.write(
            format,
            report,
            RULES,
            out,
            reporters.Options(**{"now": NOW, "max_age_days": {"llm": 30, "default": 90}, **options}),
        )
        return out.getvalue()

    return rendered


@pytest.fixture(autouse=True, scope="session")
def _version() -> object:
    """One version for all time, so that snapshots survive releases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llmsecrets.reporters.tool.version", lambda: "1.2.3")
        yield
