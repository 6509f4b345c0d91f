"""Stage two: from the regions of stage one to confirmed findings.

`matches` reads a chunk's bytes and knows nothing of its path; `settling` adds what the path decides and resolves
overlaps. They are separate because in a history a blob is scanned once, before the paths it stood at are known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from llmsecrets.engine.confirming import COMPONENT_MARGINS, TIMEOUT, Confirmation
from llmsecrets.engine.findings import describe
from llmsecrets.engine.judgements import Judgements
from llmsecrets.engine.match import Match
from llmsecrets.engine.settling import settle
from llmsecrets.matching import Matcher, Regions
from llmsecrets.matching.patterns import Patterns
from llmsecrets.model import Batch, Candidate, Chunk, Provenance, Skip, Version
from llmsecrets.nearmiss import Shapes
from llmsecrets.rules import MAX_WIDTH, Rule, RuleSet

LEFT = MAX_WIDTH + max(COMPONENT_MARGINS)  # bytes at a window's end: of secrets that begin there the next tells

__all__ = ["TIMEOUT", "Engine", "Followed", "Match"]


class Followed(NamedTuple):
    """What a version, as a chunk, holds. `news`: it has regions that the version it descends from has not. `signs`:
    what is new in it may hold encoded text.
    """

    matches: list[Match]
    skips: list[Skip]
    chunk: Chunk
    regions: Regions
    news: bool
    signs: bool


class Engine:
    """A rule set ready to scan with. One for each thread (`clone`): matchers hold scratch space."""

    def __init__(self, rules: RuleSet, matcher: Matcher, *, timeout: float = TIMEOUT) -> None:
        self.rules, self._matcher, self._timeout = rules, matcher, timeout
        self._patterns = Patterns(rules.digest)
        self._confirmation = Confirmation(self._patterns, Shapes(rules, self._patterns, timeout), timeout)
        self._judgements: list[Judgements] = []  # of the versions that the one at hand descends from

    def clone(self) -> Engine:
        other = Engine(self.rules, self._matcher.clone(), timeout=self._timeout)
        other._patterns, other._confirmation = self._patterns, self._confirmation.clone()
        return other

    def keep(self) -> None:
        """Keep what was compiled to confirm with for the next run."""
        self._patterns.keep()

    def specificity(self, rule_id: str) -> int:
        """How much a rule says, of two that match the same."""
        return self.rules.get(rule_id).specificity

    def find(self, chunk: Chunk) -> tuple[list[Candidate], list[Skip]]:
        """What a chunk holds at the path it has, and the confirmations that timed out."""
        matches, skips = self.matches(chunk)
        if not matches:
            return [], skips
        provenance = chunk.provenance
        kept = settle(matches, provenance.whole_path if provenance.kind in ("file", "stdin") else "")
        return describe(kept, chunk, masked=matches), skips

    def suspects(self, batch: Batch) -> Iterator[tuple[Chunk, Regions | None]]:
        """The blobs of a batch in which rules could match, with where; None where that is to be looked up anew."""
        inside: dict[int, Regions] = {}
        for rule, spans in self._matcher.regions(batch.data, (batch.starts, batch.ends)).items():
            at_start = self.rules[rule].gated  # matches of it begin where a span does
            for start, end in spans:
                index = max(0, bisect_right(batch.starts, start) - 1)
                while index < len(batch.starts) and batch.starts[index] < end:
                    first, last = batch.starts[index], batch.ends[index]
                    if start < last:
                        clipped = [max(0, start - first), min(end, last) - first]
                        inside.setdefault(index, {}).setdefault(rule, []).append(clipped)
                    if at_start:
                        break
                    index += 1
        for index in batch.apart:
            inside.pop(index, None)
            yield batch.chunk(index), None
        for index, regions in inside.items():
            chunk = batch.chunk(index)
            yield chunk, regions if chunk.provenance.kind == "file" else None

    def follow(self, version: Version) -> Followed:
        """As `matches` of a version; what was found in the one it descends from is not looked for again."""
        regions = self._matcher.follow(version)
        del self._judgements[version.depth :]
        judgements = Judgements(version, self._judgements[-1] if version.depth else None)
        self._judgements.append(judgements)
        chunk = Chunk(version.data, Provenance("", blob_id=version.blob_id))
        matches, skips = self._found_in(chunk, regions, judgements)
        return Followed(matches, skips, chunk, regions, judgements.news, self._matcher.signs)

    def regions(self, chunk: Chunk) -> Regions:
        """Where in the chunk rules could match."""
        return self._matcher.regions(chunk.data)

    def matches(self, chunk: Chunk, regions: Regions | None = None) -> tuple[list[Match], list[Skip]]:
        """Everything in the chunk that a rule confirms, wherever it stands, in order of place."""
        if regions is None:
            regions = self.regions(chunk)
        return self._found_in(chunk, regions)

    def _found_in(
        self, chunk: Chunk, regions: Regions, judgements: Judgements | None = None
    ) -> tuple[list[Match], list[Skip]]:
        if not regions:
            return [], []
        data = bytes(chunk.data)
        found: list[Match] = []
        skips: list[Skip] = []
        lowered = b""
        for index, spans in regions.items():
            rule = self.rules[index]
            if rule.requires:
                lowered = lowered or data.lower()
                if not any(word.encode() in lowered for word in rule.requires):
                    continue
            try:
                if judgements is None:
                    found += self._confirm(rule, data, spans, chunk)
                    continue
                for start, end in spans:
                    known = judgements.recall(rule, start, end)
                    if known is None:
                        known = self._confirmation.in_region(rule, data, start, min(end, len(data)))
                    judgements.keep(rule, start, end, known)
                    found += known
            except TimeoutError:
                detail = f"rule {rule.id} took longer than {self._timeout:g} s near byte {chunk.offset + spans[0][0]}"
                skips.append(Skip(chunk.provenance, "timeout", detail))
        found.sort(key=lambda match: (match.secret_start, match.secret_end, match.rule.id))
        if chunk.origin:
            found = [match for match in found if chunk.origin.owns(match.secret_start, match.secret_end)]
        return [match.moved(chunk.offset) for match in found] if chunk.offset else found, skips

    def _confirm(self, rule: Rule, data: bytes, spans: Iterable[Sequence[int]], chunk: Chunk) -> Iterator[Match]:
        first, behind = chunk.seen - LEFT if chunk.seen else 0, len(data) if chunk.last else len(data) - LEFT
        for start, end in spans:
            for match in self._confirmation.in_region(rule, data, start, min(end, len(data))):
                if first <= match.secret_start < behind:
                    yield match
