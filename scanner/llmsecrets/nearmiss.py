"""Whether a value is nearly a token of the vendor that its name speaks of: cut short, mistyped or made up.

What is known of a vendor's tokens are the shapes of its rules. A value that stands under the vendor's name and is one
character off such a shape is no token of a kind the rules do not know yet: that would differ in more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

from llmsecrets.rules import RuleSet

_LONGEST = 200  # bytes of a value; longer ones are rarely typed, and dear to compare
_LEAST_VENDOR = 3  # letters of a vendor's name
_REMEMBERED = 10_000  # names
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
        self._under: dict[bytes, list[str]] = {}

    def nearly(self, name: bytes, value: bytes) -> bool:
        """Whether the value is one character off a shape of the name's vendor, and is of none exactly."""
        if len(value) > _LONGEST:
            return False
        shapes = self._shapes_under(name)
        return any(self._fits(f"(?:{shape}){_ONE_OFF}", value) for shape in shapes) and not any(
            self._fits(shape, value) for shape in shapes
        )

    def _shapes_under(self, name: bytes) -> Sequence[str]:
        """The shapes of the vendors a name speaks of: of the few that a history has, each is looked at once."""
        joined = _NO_LETTER.sub(b"", name.lower())
        shapes = self._under.get(joined)
        if shapes is None:
            if len(self._under) >= _REMEMBERED:
                self._under.clear()
            shapes = [shape for vendor, each in self._vendors.items() if vendor in joined for shape in each]
            self._under[joined] = shapes
        return shapes

    @cached_property
    def _vendors(self) -> dict[bytes, list[str]]:
        """The shapes of each vendor's tokens."""
        vendors: dict[bytes, list[str]] = {}
        for rule_id in self._rules.ids:
            vendor, shape = rule_id.partition("-")[0].encode(), self._rules.get(rule_id).shape
            if shape and len(vendor) >= _LEAST_VENDOR:
                vendors.setdefault(vendor, []).append(shape)
        return vendors

    def _fits(self, expression: str, value: bytes) -> bool:
        return self._patterns[expression].fullmatch(value, timeout=self._timeout) is not None
