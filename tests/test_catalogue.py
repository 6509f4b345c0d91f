"""The catalogue: every format of credential known to exist has its rule, and what is known badly stays quiet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from llmsecrets.rules import RuleSet

FORMATS = Path(__file__).parent / "data" / "formats.txt"


def formats() -> Iterator[tuple[str, str, str]]:
    """(format, how sure its facts are, the rule that finds it or "-")."""
    for line in FORMATS.read_text().splitlines():
        if line and not line.startswith("#"):
            name, sure, rule_id = line.split()
            yield name, sure, rule_id


def test_every_known_format_has_a_rule(builtin_rules) -> None:
    assert [name for name, _, rule_id in formats() if rule_id != "-" and rule_id not in builtin_rules] == []
    assert len(list(formats())) > 1000


def test_formats_of_uncertain_facts_are_not_reported_by_default(builtin_rules) -> None:
    loud = [
        rule_id
        for name, sure, rule_id in formats()
        if sure == "low" and name == rule_id and builtin_rules.get(rule_id).confidence != "low"
    ]
    assert loud == []


# Services whose own rules are for one of several kinds of keys, or for one generation of them.
OF_SEVERAL_KINDS = set("godaddy klaviyo lemonsqueezy".split())


def test_services_whose_keys_bear_a_mark_are_not_told_by_name(builtin_rules) -> None:
    """Else a value that is nearly a key of theirs, and so none, would be reported as a key of unknown shape."""
    vendors: dict[str, list[bool]] = {}
    for rule in builtin_rules:
        for words in (1, 2):
            vendors.setdefault("".join(rule.id.split("-")[:words]), []).append(bool(rule.names))
    marked = {vendor for vendor, named in vendors.items() if not any(named)}
    told = set(services(builtin_rules, "service-key")) | set(services(builtin_rules, "service-word-key"))
    assert len(told) > 1000
    assert told & marked - OF_SEVERAL_KINDS == set()


def test_model_providers_with_a_rule_of_their_own_are_not_told_by_name(builtin_rules) -> None:
    assert [name for name in services(builtin_rules, "llm-service-key") if f"{name}-api-key" in builtin_rules] == []


def services(rules: RuleSet, rule_id: str) -> Iterator[str]:
    """The names of a rule's services, without what may be left out of them."""
    for name in rules.get(rule_id).names:
        alternatives = re.sub(r"\(\?:[^()|]*\)\?|\[.*?\]\??|\\.\??", "", name).strip("(?:").split(")")[0]
        yield from alternatives.split("|")
