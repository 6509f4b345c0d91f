"""Stage one: where in a text each rule could match. One file per engine, chosen here.

Engines differ in speed only: every engine's regions hold every match of every rule, and stage two decides.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from llmsecrets.errors import ConfigError, RuleError
from llmsecrets.model import Version
from llmsecrets.rules import BEFORE, BEGIN, MAX_WIDTH, Rule, RuleSet

if TYPE_CHECKING:
    from llmsecrets.anchors import Anchor

Data = bytes | bytearray | memoryview
STRETCH = 1 << 19  # bytes confirmed at once where a rule has no anchor
# Rule index → [from, to) spans that hold its matches, merged and in order; for a gated rule, a span for each place at
# which one of its names stands, and a match can start.
Regions = dict[int, list[list[int]]]

# What tells that a key may be encoded: a run of letters and digits, an escape before eight of them or before others
# like it. `inside.encodings` looks closer, and for wide characters too. Stage one finds these on its way.
RUN = 32  # letters and digits in a row, as 24 bytes of text have them in base64; `+`, `/`, `-` and `_` are rare in it
_ESCAPES = ("%[2-7][0-9A-Fa-f]", r"\\u00[2-7][0-9A-Fa-f]", "&#x?[0-9A-Fa-f]{2,4};")
SIGNS = (
    rf"[A-Za-z0-9]{{{RUN}}}",
    *(f"{escape}[A-Za-z0-9]{{8}}" for escape in _ESCAPES),
    *(f"(?:{escape}){{8}}" for escape in _ESCAPES),
)

ENGINES = ("auto", "hyperscan", "regex")


# Where the blobs of a batch start, and where they end.
Bounds = Sequence[Sequence[int]]
WHOLE: Bounds = ()


class Matcher(Protocol):
    """A compiled rule set. Not safe to share between threads: ask each thread's own `clone()`."""

    def regions(self, data: Data, bounds: Bounds = WHOLE) -> Regions:
        """Where each rule could match. Of several blobs in one, with `bounds`, no gate is open for another's names."""

    def follow(self, version: Version) -> Regions:
        """As `regions` of its data. Versions of a family come one after the other, parents before children."""

    @property
    def signs(self) -> bool:
        """Whether what was looked through last, of a version what is new in it, may hold one of SIGNS."""

    def clone(self) -> Matcher:
        """The same rules for use in another thread."""


def anchor_of(rule: Rule) -> Anchor:
    """The rule's anchor, an empty one where it has none or waits behind the gate.

    Raises RuleError where stage one could not work with it.
    """
    from llmsecrets.anchors import Anchor, AnchorError, derive  # late: rules that are compiled already need none

    if rule.unanchored or rule.gated:
        return Anchor("", 0, 0, rule.span or MAX_WIDTH, ())
    try:
        before = BEFORE if rule.expression.startswith(BEGIN) else ""
        anchor = derive(rule.core, rule.anchor, rule.width, named=bool(rule.names), before=before)
    except (AnchorError, ValueError) as failure:
        raise RuleError(f"{rule.origin}: rule {rule.id!r}: {failure}") from failure
    if anchor.pattern_width > MAX_WIDTH:
        raise RuleError(f"{rule.origin}: rule {rule.id!r} can span {anchor.pattern_width} bytes, more than {MAX_WIDTH}")
    return anchor


def add_span(spans: list[list[int]], start: int, end: int) -> None:
    """Append a span, or widen the last one if they touch: spans come in order."""
    if spans and spans[-1][0] <= start <= spans[-1][1]:
        spans[-1][1] = max(end, spans[-1][1])
    else:
        spans.append([start, end])


def bounds_of(end: int, bounds: Bounds) -> tuple[int, int]:
    """The blob that what ends there belongs to: it is none's, if it ends behind that."""
    starts, ends = bounds
    at = max(0, bisect_right(starts, end - 1) - 1)
    return starts[at], ends[at]


def everywhere(size: int) -> list[list[int]]:
    """The regions of a rule without an anchor: all of a text of so many bytes, a stretch at a time."""
    return [[start, start + STRETCH + MAX_WIDTH] for start in range(0, size, STRETCH)]


def compile_rules(rules: RuleSet, engine: str = "auto", *, keep: bool = True, little: bool = False) -> Matcher:
    """A matcher for the rules. `auto` takes hyperscan where it is installed. `keep`: from the cache, and kept there.

    `little`: not much will be searched. The first time that it is, `auto` does not wait for the rules to compile.
    """
    if engine not in ENGINES:
        raise ConfigError(f"there is no engine {engine!r}", f"Known: {', '.join(ENGINES)}.")
    installed = find_spec("hyperscan") is not None
    if engine == "hyperscan" and not installed:
        raise ConfigError(
            "Hyperscan is not installed here", "Install it (pip install hyperscan), or leave --engine out."
        )
    if engine == "hyperscan" or (engine == "auto" and installed):
        from llmsecrets.matching.hyperscan import HyperscanMatcher

        if little and engine == "auto" and HyperscanMatcher.may_wait(rules):
            from llmsecrets.matching.late import LateMatcher

            return LateMatcher.compile(rules)
        return HyperscanMatcher.compile(rules, keep=keep)
    from llmsecrets.matching.fallback import KeywordMatcher

    return KeywordMatcher.compile(rules)
