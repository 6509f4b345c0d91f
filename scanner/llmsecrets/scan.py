"""The Scanner: joins source, engine and filters, runs the threads and keeps count. Prints nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from llmsecrets import filters
from llmsecrets.engine import Engine
from llmsecrets.model import (
    CONFIDENCES,
    Candidate,
    Chunk,
    Finding,
    ScanReport,
    Skip,
    Standing,
    Stats,
    Suppressed,
)
from llmsecrets.sources import Found, Source
from llmsecrets.sources.history import HistorySource, Misplaced

Progress = Callable[[Stats], None]


class Settings(NamedTuple):
    """What a scan needs beside source and engine."""

    filters: Sequence[filters.Filter] = ()
    misplaced: Misplaced = lambda candidate, path: False
    min_confidence: str = "medium"
    jobs: int = 1


class Scanner:
    """One scan of one source."""

    def __init__(self, engine: Engine, settings: Settings, progress: Progress | None = None) -> None:
        self._engine, self._settings, self._progress = engine, settings, progress

    def scan(self, source: Source, targets: Sequence[str]) -> ScanReport:
        """Scan everything the source yields. The report does not depend on the number of threads."""
        started = time.perf_counter()
        tally = self._run(source)
        found: Sequence[Found] = tally.found
        if isinstance(source, HistorySource):
            found = source.attribute(found, self._misplaced)
            tally.skips += source.skips
        findings, suppressed, dropped = self._judge(found)
        stats = Stats(tally.blobs, tally.size, _commits(source), time.perf_counter() - started)
        history = isinstance(source, HistorySource)
        return ScanReport(
            findings=_with_versions(sorted(findings, key=_order)) if history else tuple(sorted(findings, key=_order)),
            suppressed=tuple(sorted(suppressed, key=lambda one: _order(one.finding))),
            skips=tuple(sorted(tally.skips, key=lambda skip: (skip.provenance.path, skip.reason, skip.detail))),
            stats=stats,
            targets=tuple(targets),
            grouped=history,
            notes=(f"{dropped} of low confidence not shown (--min-confidence low)",) if dropped else (),
        )

    def _misplaced(self, candidate: Candidate, path: str) -> bool:
        return self._engine.misplaced(candidate, path) or self._settings.misplaced(candidate, path)

    # ---- reading

    def _run(self, source: Source) -> _Tally:
        shards = source.shards(self._settings.jobs)
        if len(shards) == 1 and self._progress is None:
            return _Tally().drain(shards[0], self._engine, threading.Event())
        return self._run_threads(shards)

    def _run_threads(self, shards: Sequence[Iterator[Chunk | Skip]]) -> _Tally:
        stop = threading.Event()
        tallies = [_Tally() for _ in shards]
        threads = [
            threading.Thread(target=tally.guarded, args=(shard, self._engine.clone(), stop), daemon=True)
            for tally, shard in zip(tallies, shards, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(0.1)
                if self._progress:
                    self._progress(Stats(sum(t.blobs for t in tallies), sum(t.size for t in tallies)))
        finally:
            stop.set()
        return _Tally().merged(tallies)

    # ---- judging

    def _judge(self, found: Iterable[Found]) -> tuple[list[Finding], list[Suppressed], int]:
        """(findings, suppressed, how many were left out for low confidence)."""
        kept, suppressed, dropped = [], [], 0
        shown = CONFIDENCES[: CONFIDENCES.index(self._settings.min_confidence) + 1]
        for one in found:
            for candidate in self._new(one):
                finding = candidate.finding._replace(provenance=one.provenance, standing=one.standing)
                if finding.confidence not in shown:
                    dropped += 1
                    continue
                decision = filters.decide(candidate._replace(finding=finding), self._settings.filters)
                if decision:
                    suppressed.append(decision)
                else:
                    kept.append(finding)
        return kept, suppressed, dropped

    def _new(self, found: Found) -> list[Candidate]:
        """The settled candidates that earlier versions of the same file do not hold."""
        path = found.provenance.path if found.provenance.kind == "file" else ""
        candidates = self._engine.settle(found.candidates, path)
        if not candidates or found.previous is None:
            return candidates
        known = set()
        for content in found.previous():
            earlier, _ = self._engine.find(Chunk(content, found.provenance))
            known |= {(one.finding.family, one.finding.secret) for one in earlier}
        return [one for one in candidates if (one.finding.family, one.finding.secret) not in known]


class _Tally:
    """What one thread has found and counted."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.skips: list[Skip] = []
        self.blobs = 0
        self.size = 0
        self.failure: BaseException | None = None

    def drain(self, shard: Iterable[Chunk | Skip], engine: Engine, stop: threading.Event) -> _Tally:
        for item in shard:
            if isinstance(item, Skip):
                self.skips.append(item)
                continue
            if stop.is_set():
                break
            self.size += len(item.data)
            self.blobs += not item.offset
            candidates, skips = engine.find(item)
            self.skips += skips
            if candidates:
                self.found.append(Found(tuple(candidates), item.provenance, previous=item.previous))
        return self

    def guarded(self, shard: Iterable[Chunk | Skip], engine: Engine, stop: threading.Event) -> None:
        """As `drain`, in a thread: a failure is kept for the main thread to raise."""
        try:
            self.drain(shard, engine, stop)
        except BaseException as failure:
            self.failure = failure
            stop.set()

    def merged(self, tallies: Sequence[_Tally]) -> _Tally:
        for tally in tallies:
            if tally.failure:
                raise tally.failure
            self.found += tally.found
            self.skips += tally.skips
            self.blobs += tally.blobs
            self.size += tally.size
        return self


def _commits(source: Source) -> int:
    return len(getattr(source, "commit_ids", ()))


def _order(finding: Finding) -> tuple[object, ...]:
    provenance = finding.provenance
    when = provenance.commit.date if provenance.commit else ""
    return (provenance.path, when, provenance.blob_id or "", provenance.containers, finding.location, finding.rule_id)


def _with_versions(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Each history finding told how its secret stands as a whole, the first appearance of each secret in front."""
    holders: dict[str, set[str]] = {}
    standings: dict[str, list[Standing]] = {}
    ids = [finding.secret_id() for finding in findings]
    for secret_id, finding in zip(ids, findings, strict=True):
        holders.setdefault(secret_id, set()).add(finding.provenance.blob_id or "")
        standings.setdefault(secret_id, []).append(finding.standing or Standing(False, (), 1))
    out = []
    for secret_id, finding in zip(ids, findings, strict=True):
        known = standings[secret_id]
        refs = tuple(dict.fromkeys(ref for one in known for ref in one.refs))[:5]
        whole = Standing(any(one.at_head for one in known), refs, len(holders[secret_id]))
        out.append((secret_id, finding._replace(standing=whole)))
    first: dict[str, tuple[object, ...]] = {}
    for secret_id, finding in sorted(out, key=lambda pair: _age(pair[1])):
        first.setdefault(secret_id, _age(finding))
    return tuple(
        finding for secret_id, finding in sorted(out, key=lambda pair: (first[pair[0]], pair[0], _age(pair[1])))
    )


def _age(finding: Finding) -> tuple[object, ...]:
    """Oldest first, across time zones; what has no commit comes last."""
    from datetime import datetime

    commit = finding.provenance.commit
    stamp = datetime.fromisoformat(commit.date).timestamp() if commit and commit.date else float("inf")
    return (stamp, *_order(finding))
