"""The catalogue: every format of credential known to exist has its rule, and what is known badly stays quiet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

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
OF_SEVERAL_KINDS = set(
    "airbrake asana coinbase fullstory godaddy gumroad klaviyo lemonsqueezy mailjet shutterstock spotify".split()
)


def test_services_with_a_rule_of_their_own_are_not_told_by_name_alone(builtin_rules) -> None:
    """Else a value that is nearly a key of theirs, and so none, would be reported as a key of unknown shape."""
    by_name = ["service-key", "llm-service-key", "service-word-key"]
    vendors = {"".join(rule_id.split("-")[:words]) for rule_id in builtin_rules.ids for words in (1, 2)}
    named = {
        word
        for rule_id in by_name
        for name in builtin_rules.get(rule_id).names
        for word in re.sub(r"\(\?:[^()|]*\)\?|\[.*?\]\??|\\.\??", "", name).strip("(?:").split(")")[0].split("|")
    }
    assert len(named) > 1000
    assert named & vendors - OF_SEVERAL_KINDS == set()
