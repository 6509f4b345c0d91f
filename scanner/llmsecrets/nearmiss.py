"""Whether a value is nearly a token of the vendor that its name speaks of: cut short, mistyped or made up.

What is known of a vendor's tokens are the shapes of its rules. A value that stands under the vendor's name and is one
character off such a shape is no token of a kind the rules do not know yet: that would differ in more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Protocol

from llmsecrets.rules import Rule, RuleSet

_LONGEST = 200  # bytes of a value; longer ones are rarely typed, and dear to compare
_LEAST_VENDOR = 3  # letters of a vendor's name
# One character too few, too many or another. A sign of base64 where a shape has letters and digits only is no damage:
# the alphabet is larger than was known.
_ONE_OFF = r"{e<=1:[^+/_\-]}"
_NO_LETTER = re.compile(rb"[^a-z0-9]+")


class Patterns(Protocol):
    """Compiled expressions by their text."""

    def __getitem__(self, expression: str) -> Any: ...


class Shapes:
    """The shapes of a rule set's tokens, by vendor: the first word of a rule's id."""

    def __init__(self, rules: RuleSet, patterns: Patterns, timeout: float) -> None:
        self._rules, self._patterns, self._timeout = rules, patterns, timeout

    def nearly(self, name: bytes, value: bytes) -> bool:
        """Whether the value is one character off a shape of the name's vendor, and is of none exactly."""
        if len(value) > _LONGEST:
            return False
        shapes = [rule.shape for rule in self._rules_of(name) if rule.shape]
        return any(self._fits(f"(?:{shape}){_ONE_OFF}", value) for shape in shapes) and not any(
            self._fits(shape, value) for shape in shapes
        )

    def _rules_of(self, name: bytes) -> Iterator[Rule]:
        joined = _NO_LETTER.sub(b"", name.lower())
        for vendor, rule_ids in self._vendors.items():
            if vendor in joined:
                yield from map(self._rules.get, rule_ids)

    @cached_property
    def _vendors(self) -> dict[bytes, list[str]]:
        vendors: dict[bytes, list[str]] = {}
        for rule_id in self._rules.ids:
            vendor = rule_id.partition("-")[0].encode()
            if len(vendor) >= _LEAST_VENDOR:
                vendors.setdefault(vendor, []).append(rule_id)
        return vendors

    def _fits(self, expression: str, value: bytes) -> bool:
        return self._patterns[expression].fullmatch(value, timeout=self._timeout) is not None
