"""What rules cost on texts of the user's own: stage one together and alone, and what stage two makes of its regions."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from llmsecrets import matching
from llmsecrets.engine import Engine
from llmsecrets.model import Chunk, Provenance
from llmsecrets.rules import RuleSet

_SAMPLE = 8 << 20  # bytes of the corpus that rules are tried on alone
_NOTHING = Chunk(b"\n", Provenance(""))
_ROUNDS = 3  # of which the best counts


class Cost(NamedTuple):
    """A rule: regions that stage one found and bytes in them, matches confirmed there, seconds that took.

    `alone` is stage one's speed with this rule only, in bytes a second; None where that was not measured.
    """

    rule_id: str
    regions: int = 0
    size: int = 0
    confirmed: int = 0
    timeouts: int = 0
    seconds: float = 0.0
    alone: float | None = None


class Bench(NamedTuple):
    """All rules over one corpus: its size in bytes, seconds of stage one for all rules together, dearest rule first."""

    size: int
    seconds: float
    costs: tuple[Cost, ...]

    @property
    def together(self) -> float:
        """Stage one's speed with all rules, in bytes a second."""
        return self.size / self.seconds if self.seconds else 0.0


def measure(rules: RuleSet, chunks: Iterable[Chunk], engine: str = "auto", top: int | None = None) -> Bench:
    """What the rules cost on the chunks, in this thread's processor time.

    Sorted by the time that confirming takes, then by regions. The first `top` (None: all) are tried alone, too.
    """
    ready = Engine(rules, matching.compile_rules(rules, engine))
    costs = {index: Cost(rule.id) for index, rule in enumerate(rules)}
    sample: list[bytes] = []
    size, seconds, room = 0, 0.0, _SAMPLE
    for chunk in chunks:
        size += len(chunk.data)
        sample.append(bytes(chunk.data[:room]))
        room -= len(sample[-1])
        started = time.thread_time()
        regions = ready.regions(chunk)
        seconds += time.thread_time() - started
        for index, spans in regions.items():
            if not costs[index].regions:
                ready.matches(_NOTHING, {index: [[0, 1]]})  # compiles the rule's expression, which is not to be timed
            costs[index] = _confirmed(ready, chunk, index, spans, costs[index])
    ranked = sorted(costs.items(), key=lambda one: (-one[1].seconds, -one[1].regions, one[1].rule_id))
    shown = ranked[:top]
    text = b"\n".join(sample)  # in one, so that small files do not hide what a rule costs
    alone = [cost._replace(alone=_alone(rules, index, engine, text)) for index, cost in shown]
    return Bench(size, seconds, (*alone, *(cost for _, cost in ranked[len(shown) :])))


def _confirmed(engine: Engine, chunk: Chunk, index: int, spans: list[list[int]], so_far: Cost) -> Cost:
    started = time.thread_time()
    matches, skips = engine.matches(chunk, {index: spans})
    seconds = time.thread_time() - started
    end = len(chunk.data)
    return so_far._replace(
        regions=so_far.regions + len(spans),
        size=so_far.size + sum(min(last, end) - first for first, last in spans),
        confirmed=so_far.confirmed + len(matches),
        timeouts=so_far.timeouts + len(skips),
        seconds=so_far.seconds + seconds,
    )


def _alone(rules: RuleSet, index: int, engine: str, text: bytes) -> float | None:
    """Stage one's speed with one rule only, in bytes a second; None on too little text to tell."""
    matcher = matching.compile_rules(RuleSet.of([rules[index]]), engine, keep=False)
    best = min(_seconds(matcher, text) for _ in range(_ROUNDS))
    return len(text) / best if best else None


def _seconds(matcher: matching.Matcher, text: bytes) -> float:
    started = time.thread_time()
    matcher.regions(text)
    return time.thread_time() - started
