"""The Scanner: joins source, engine and filters, runs the threads and keeps count. Prints nothing."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from llmsecrets import filters
from llmsecrets.attribution import Attribution, age, came, together
from llmsecrets.config import Config
from llmsecrets.engine import Engine
from llmsecrets.inside import Limits
from llmsecrets.model import (
    CONFIDENCES,
    Candidate,
    Chunk,
    Commit,
    Content,
    Finding,
    Provenance,
    ScanReport,
    Secret,
    Standing,
    Stats,
    Suppressed,
    display_path,
)
from llmsecrets.sources import ContentAt, Source
from llmsecrets.tally import Tally, secrets_in

if TYPE_CHECKING:  # what only a history or a baseline needs is imported there: a hook has neither
    from llmsecrets import forked, known
    from llmsecrets.baseline import Entry, Index
    from llmsecrets.sources.history import HistorySource

Progress = Callable[[Stats], None]


class Settings(NamedTuple):
    """What a scan needs beside source and engine.

    `misplaced(rule id, path)`: an allowlist decides by the path. `limits`: how far archives and the like are opened.
    """

    filters: Sequence[filters.Filter] = ()
    baseline: Index | None = None
    misplaced: Callable[[str, str], bool] = lambda rule_id, path: False
    min_confidence: str = "medium"
    jobs: int = 1
    limits: Limits = Limits()

    @classmethod
    def of(cls, config: Config, jobs: int = 1) -> Settings:
        """What a configuration says. Raises ConfigError where its baseline cannot be read."""
        return cls(
            filters.build(config),
            _baseline(config),
            filters.misplaced(config),
            config.min_confidence,
            jobs,
            limits_of(config),
        )

    @property
    def shown(self) -> tuple[str, ...]:
        """The tiers of confidence that are reported."""
        return CONFIDENCES[: CONFIDENCES.index(self.min_confidence) + 1]


def _baseline(config: Config) -> Index | None:
    if not config.baseline:
        return None
    from llmsecrets.baseline import Index

    return Index.load(Path(config.baseline))


def limits_of(config: Config) -> Limits:
    """How far archives, notebooks and encodings are opened."""
    return Limits(
        archive_depth=config.max_archive_depth,
        decode_depth=config.max_decode_depth,
        size=config.max_archive_size,
        ratio=config.max_archive_ratio,
        members=config.max_archive_members,
        seconds=config.max_archive_seconds,
    )


class Scanner:
    """One scan of one source. The report does not depend on the number of threads."""

    def __init__(self, engine: Engine, settings: Settings, progress: Progress | None = None) -> None:
        self._engine, self._settings, self._progress = engine, settings, progress
        self._shown = settings.shown

    def scan(self, source: Source, targets: Sequence[str]) -> ScanReport:
        """Scan everything the source yields."""
        started = time.perf_counter()
        history = _is_history(source)
        tally = self._history(source) if _is_history(source) else self._run(source, Tally.find)
        candidates = tally.candidates
        conclude = getattr(source, "conclude", None)
        if conclude:
            candidates = list(conclude(candidates, tally.skips))
        findings, suppressed, dropped = self._judge(candidates, source)
        self._engine.keep()
        commits = len(getattr(source, "commit_ids", ()))
        return ScanReport(
            findings=tuple(_grouped(by_age(findings))) if history else tuple(sorted(findings, key=_order)),
            suppressed=tuple(sorted(suppressed, key=lambda one: _order(one.finding))),
            skips=tuple(sorted(tally.skips, key=lambda skip: (skip.provenance.path, skip.reason, skip.detail))),
            stats=Stats(tally.blobs, tally.size, commits, time.perf_counter() - started),
            targets=tuple(targets),
            grouped=history,
            notes=(*getattr(source, "notes", ()), *_dropped(dropped)),
            remembered=getattr(source, "remembered", False),
        )

    # ---- reading

    def _run(self, source: Source, take: Callable[[Tally, Chunk, Engine], None]) -> Tally:
        shards = source.shards(self._settings.jobs)
        known = getattr(source, "known", None)
        salt = known.salt if known else os.urandom(16).hex()
        if len(shards) == 1 and self._progress is None:
            return self._tally(salt).drain(shards[0], self._engine, take, threading.Event())
        if getattr(source, "separable", False) and len(shards) > 1:
            from llmsecrets import forked

            if forked.AVAILABLE:
                return self._run_forked(shards, salt, take)
        stop = threading.Event()
        tallies = [self._tally(salt) for _ in shards]
        threads = [
            threading.Thread(target=tally.guarded, args=(shard, self._engine.clone(), take, stop), daemon=True)
            for tally, shard in zip(tallies, shards, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            self._watch(threads, tallies)
        finally:
            stop.set()
        return self._tally(salt).merged(tallies)

    def _tally(self, salt: str, report: forked.Report = lambda blobs, size: None) -> Tally:
        return Tally(salt, self._settings.limits, report)

    def _run_forked(
        self, shards: Sequence[Iterator[Content]], salt: str, take: Callable[[Tally, Chunk, Engine], None]
    ) -> Tally:
        """As with threads, in processes: what content costs the interpreter is worth a core each."""
        from llmsecrets import forked

        def task(shard: Iterator[Content]) -> forked.Task:
            def scan(report: forked.Report) -> bytes:
                tally = self._tally(salt, report)
                engine = self._engine.clone()
                result = tally.drain(shard, engine, take, threading.Event()).dump()
                engine.keep()
                return result

            return scan

        results = forked.run([task(shard) for shard in shards], self._report)
        whole = self._tally(salt)
        for result in results:
            whole.add(result, self._engine)
        return whole

    def _report(self, blobs: int, size: int) -> None:
        if self._progress:
            self._progress(Stats(blobs, size))

    def _watch(self, threads: Sequence[threading.Thread], tallies: Sequence[Tally]) -> None:
        """Wait for the threads, in steps short enough for Ctrl-C and progress."""
        for thread in threads:
            while thread.is_alive():
                thread.join(0.1)
                self._report(sum(tally.blobs for tally in tallies), sum(tally.size for tally in tallies))

    def _history(self, source: HistorySource) -> Tally:
        """What a history holds, what was known of it before included; and what is known now, remembered."""
        attribution = Attribution(self._engine, self._settings.misplaced, self._settings.limits, source)
        answer = source.answer(self._settings.misplaced)
        if answer:
            tally = self._tally(answer.salt)
            firsts = attribution.parse(answer, tally.seen)
        else:
            tally = self._run(source, Tally.note)
            if source.known:
                tally.seen.recall(source.known.sightings, source.known.provenances, self._engine)
            source.skips += tally.skips
            firsts = attribution.firsts(tally.seen)
        tally.candidates = list(attribution.described(firsts, tally.seen))
        if not answer:
            source.remember(*tally.seen.dump(), tally.salt, attribution.dump(firsts, tally.seen))
        tally.skips = [
            skip._replace(provenance=source.outward(skip.provenance)) for skip in dict.fromkeys(source.skips)
        ]
        return tally

    # ---- judging

    def _judge(self, candidates: Sequence[Candidate], source: Source) -> tuple[list[Finding], list[Suppressed], int]:
        """(findings, suppressed, how many were left out for low confidence)."""
        kept: list[Finding] = []
        suppressed: list[Suppressed] = []
        dropped = 0
        for candidate in candidates:
            if candidate.finding.confidence not in self._shown:
                dropped += 1
                continue
            decision = filters.decide(candidate, self._settings.filters)
            if decision:
                suppressed.append(decision)
            else:
                kept.append(candidate.finding)
        if self._settings.baseline and kept:
            found = [one.finding for one in candidates]
            holds = holder(found, source, self._engine, self._settings.limits)
            kept, known = self._unknown(kept, self._settings.baseline, holds)
            suppressed += known
        return kept, suppressed, dropped

    def _unknown(
        self, findings: list[Finding], baseline: Index, holds: known.Holds
    ) -> tuple[list[Finding], list[Suppressed]]:
        """(findings the baseline does not know, those it does)."""
        from llmsecrets import known

        oldest_first = by_age(findings)
        knowledge = known.look_up(baseline, oldest_first, holds, date.today().isoformat())
        new, suppressed = [], []
        for number, finding in enumerate(oldest_first):
            entry, expired = knowledge.standing.get(number), knowledge.expired.get(number)
            if entry:
                suppressed.append(Suppressed(finding, "baseline", _verdict(baseline, entry, finding)))
            elif expired:
                new.append(finding._replace(facts=(*finding.facts, ("expired in the baseline", expired.expires))))
            else:
                new.append(finding)
        return new, suppressed


def _is_history(source: Source) -> TypeGuard[HistorySource]:
    """By what only a history can tell."""
    return hasattr(source, "places")


def holder(findings: Iterable[Finding], source: Source, engine: Engine, limits: Limits) -> known.Holds:
    """Whether a path holds a finding's secret: by what a scan found, else by what the source sees there, encoded
    or not.
    """
    content_at: ContentAt | None = getattr(source, "content_at", None)
    found = {(one.family, one.secret, one.provenance.whole_path) for one in findings if one.provenance.commit is None}

    @cache
    def read(path: str, commit: Commit | None) -> set[tuple[str, Secret]]:
        pieces = (content_at(path, commit) if content_at else None) or ()
        return set().union(*(secrets_in(piece, Provenance(path), engine, limits) for piece in pieces))

    def holds(finding: Finding, path: str) -> bool:
        commit = finding.provenance.commit
        if commit is None and (finding.family, finding.secret, path) in found:
            return True
        content = content_at(path, commit) if content_at else None
        if content is None or any(finding.secret.reveal() in piece for piece in content):
            return True
        return (finding.family, finding.secret) in read(path, commit)

    return holds


def _verdict(baseline: Index, entry: Entry, finding: Finding) -> str:
    """Which baseline knows a finding, and what it says of it."""
    moved = f"moved from {display_path(entry.path)}" if entry.path != finding.provenance.whole_path else ""
    decided = f"{entry.rotation} {entry.state}".strip() if entry.state != "unreviewed" else ""
    said = ", ".join(filter(None, (decided, entry.reason, moved)))
    return f"{baseline.name} ({said})" if said else baseline.name


def _dropped(number: int) -> tuple[str, ...]:
    return (f"{number} of low confidence not shown (--min-confidence low)",) if number else ()


def merged(reports: Sequence[ScanReport]) -> ScanReport:
    """The histories of a repository and of its submodules as one: each secret once, standing as in all of them."""
    from heapq import merge

    known: dict[str, list[Standing]] = {}
    for report in reports:
        own = {one.secret_id(): one.standing for one in report.findings if one.standing}
        for secret_id, standing in own.items():
            known.setdefault(secret_id, []).append(standing)
    whole = {secret_id: together(each, sum(one.versions for one in each)) for secret_id, each in known.items()}
    oldest_first = merge(*(by_age(report.findings) for report in reports), key=lambda one: came(one.provenance))
    findings = (one._replace(standing=whole.get(one.secret_id())) for one in oldest_first)
    return reports[0]._replace(
        findings=tuple(_grouped(findings)),
        suppressed=tuple(one for report in reports for one in report.suppressed),
        skips=tuple(skip for report in reports for skip in report.skips),
        stats=Stats(*map(sum, zip(*(report.stats for report in reports), strict=True))),
        notes=tuple(dict.fromkeys(note for report in reports for note in report.notes)),
        remembered=any(report.remembered for report in reports),
    )


def by_age(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order in which they came in, oldest first; what has no commit comes last."""
    return sorted(findings, key=lambda one: (age(one.provenance), _order(one)))


def _order(finding: Finding) -> tuple[object, ...]:
    provenance = finding.provenance
    return (provenance.path, provenance.blob_id or "", provenance.containers, finding.location, finding.rule_id)


def _grouped(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings by secret, each secret's first appearance in front, secrets by the age of theirs. Takes the oldest
    first.
    """
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.secret_id(), []).append(finding)
    return (finding for group in groups.values() for finding in group)
