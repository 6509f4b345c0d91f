"""What one thread or process of a scan finds and counts, chunk by chunk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from llmsecrets import magic
from llmsecrets.attribution import Sightings, numbered
from llmsecrets.engine import Engine
from llmsecrets.inside import Limits, expand, glimpsed, with_encoded
from llmsecrets.inside.doubles import without_doubles
from llmsecrets.inside.excerpts import Writing, hiding, spans, written
from llmsecrets.matching import Regions
from llmsecrets.model import Batch, Candidate, Chunk, Content, Provenance, Secret, Skip, Version
from llmsecrets.sources.windows import of_bytes

if TYPE_CHECKING:
    from llmsecrets import forked

_AROUND_NEWS = 256  # bytes around what is new in a version that what stands encoded there may reach into


class _Kin(NamedTuple):
    """What is to be known of a version for those that descend from it: whether opening it as a notebook found nothing,
    and whether something is hidden in it, being encoded.
    """

    barren: bool
    hides: bool


class Tally:
    """What one thread or process has found and counted."""

    def __init__(self, salt: str, limits: Limits, report: forked.Report) -> None:
        self.salt, self._limits, self._report = salt, limits, report
        self._family: list[_Kin] = []  # of the versions that the one at hand descends from
        self._opened: Provenance | None = None  # the large blob whose inside was scanned instead of itself
        self.candidates: list[Candidate] = []
        self.seen = Sightings(salt)  # in a history
        self.skips: list[Skip] = []
        self.blobs = 0
        self.size = 0
        self.failure: BaseException | None = None

    def drain(
        self,
        shard: Iterable[Content],
        engine: Engine,
        take: Callable[[Tally, Chunk, Engine], None],
        stop: threading.Event,
    ) -> Tally:
        for item in shard:
            if isinstance(item, Skip):
                self.skips.append(item)
                continue
            if stop.is_set():
                break
            self._report(self.blobs, self.size)
            self.size += len(item.data)
            if isinstance(item, Version):
                self.blobs += bool(item.blob_id)
                self.follow(item, engine)
            elif isinstance(item, Batch):
                self.blobs += len(item.starts)
                self._search(item, engine)
            else:
                self.blobs += not item.offset
                take(self, item, engine)
        return self

    def guarded(
        self,
        shard: Iterable[Content],
        engine: Engine,
        take: Callable[[Tally, Chunk, Engine], None],
        stop: threading.Event,
    ) -> None:
        """As `drain`, in a thread: a failure is kept for the main thread to raise."""
        try:
            self.drain(shard, engine, take, stop)
        except BaseException as failure:
            self.failure = failure
            stop.set()

    def find(self, chunk: Chunk, engine: Engine) -> None:
        """Findings of a chunk whose path is known, but for those its earlier versions hold."""
        if chunk.offset and chunk.provenance == self._opened:
            return
        candidates: list[Candidate] = []
        writings: list[Writing] = []
        self._opened = None if chunk.last else chunk.provenance
        for piece in expand(chunk, self._limits):
            if isinstance(piece, Skip):
                self.skips.append(piece)
                continue
            if piece.data is chunk.data:
                self._opened = None
            found, skips = engine.find(piece)
            candidates += found
            writings += written(piece, spans(found))
            self.skips += skips
        candidates = list(hiding(without_doubles(candidates, engine.specificity), writings))
        self.candidates += _added(candidates, chunk, engine, self._limits)

    def _search(self, batch: Batch, engine: Engine) -> None:
        """As `note`, for every blob of a batch."""
        encoded = map(batch.chunk, with_encoded(batch, self._limits))
        hiding = {one.provenance.blob_id: one for one in encoded if self._hides(bytes(one.data), engine)}
        for chunk, regions in engine.suspects(batch):
            hides = bool(hiding.pop(chunk.provenance.blob_id, None))
            self.note(chunk, engine, regions, hides=None if regions is None else hides)
        for chunk in hiding.values():
            self.note(chunk, engine, {}, hides=True)

    def note(self, chunk: Chunk, engine: Engine, regions: Regions | None = None, *, hides: bool | None = None) -> None:
        """Matches in a blob whose paths are not known yet.

        Archives are opened whatever they hold, notebooks only where rules could match their raw text (reading the JSON
        of all notebooks would take longer than all the rest), what is encoded where that `hides` something.
        """
        if chunk.offset and chunk.provenance == self._opened:
            return
        self._opened = None if chunk.last else chunk.provenance
        file = chunk.provenance.kind == "file"
        archive = file and not chunk.offset and bool(magic.kind_of(chunk.data))
        if regions is None and not archive:
            regions = engine.regions(chunk)
        if hides is None:
            hides = file and not archive and self._hides(bytes(chunk.data), engine)
        limits = None
        if archive or hides:
            limits = self._limits
        elif file and not chunk.offset and regions and magic.is_notebook(chunk.data):
            limits = self._limits._replace(decode_depth=0)
        for number, piece in numbered(chunk, limits):
            if isinstance(piece, Skip):
                self.skips.append(piece)
            else:
                self._opened = self._opened if number else None
                matches, skips = engine.matches(piece, None if number else regions)
                self.seen.add(piece, matches, number)
                self.skips += skips

    def follow(self, version: Version, engine: Engine) -> None:
        """As `note`, for a version of a family."""
        found = engine.follow(version)
        del self._family[version.depth :]
        base = self._family[-1] if version.depth else _Kin(barren=True, hides=False)
        barren = not found.news and base.barren
        manifest = magic.is_manifest(version.data)
        signs = found.signs or manifest or 0 in version.data  # a zero: of wide characters, perhaps
        hides = base.hides or (signs and self._hides(version.news(_AROUND_NEWS), engine, manifest=manifest))
        if version.blob_id and (hides or (not barren and magic.is_notebook(version.data))):
            self.note(found.chunk, engine, found.regions, hides=hides)
            seen = self.seen.of.get(version.blob_id, ())
            barren, hides = not seen, any(one.piece for one in seen)
        elif version.blob_id:
            self.seen.add(found.chunk, found.matches, 0)
            self.skips += found.skips
        self._family.append(_Kin(barren, hides))

    def _hides(self, text: bytes, engine: Engine, *, manifest: bool | None = None) -> bool:
        """Whether rules match what stands encoded in a text."""
        if manifest is None:
            manifest = magic.is_manifest(text)
        return any(engine.matches(piece)[0] for piece in glimpsed(text, self._limits, manifest=manifest))

    def dump(self) -> bytes:
        """Everything, for another process to `add`."""
        import json

        candidates, skips = ([one.dump() for one in some] for some in (self.candidates, self.skips))
        return json.dumps([*self.seen.dump(), candidates, skips, self.blobs, self.size]).encode()

    def add(self, dumped: bytes, engine: Engine) -> None:
        """Add what another process has dumped."""
        import json

        sightings, provenances, candidates, skips, blobs, size = json.loads(dumped)
        self.seen.recall(sightings, provenances, engine)
        self.candidates += [Candidate.parse(one) for one in candidates]
        self.skips += [Skip.parse(one) for one in skips]
        self.blobs += blobs
        self.size += size

    def merged(self, tallies: Sequence[Tally]) -> Tally:
        for tally in tallies:
            if tally.failure:
                raise tally.failure
            self.candidates += tally.candidates
            self.seen.update(tally.seen)
            self.skips += tally.skips
            self.blobs += tally.blobs
            self.size += tally.size
        return self


def _added(candidates: Sequence[Candidate], chunk: Chunk, engine: Engine, limits: Limits) -> Iterable[Candidate]:
    """The candidates whose secret no earlier version of the same file holds."""
    if not candidates or chunk.previous is None:
        return candidates
    known = set().union(*(secrets_in(content, chunk.provenance, engine, limits) for content in chunk.previous()))
    return [one for one in candidates if (one.finding.family, one.finding.secret) not in known]


def secrets_in(content: bytes, provenance: Provenance, engine: Engine, limits: Limits) -> set[tuple[str, Secret]]:
    """What is found in the content of a file, with the families of the rules."""
    pieces = (piece for chunk in of_bytes(content, provenance) for piece in expand(chunk, limits))
    found = (engine.find(piece)[0] for piece in pieces if isinstance(piece, Chunk))
    return {(one.finding.family, one.finding.secret) for candidates in found for one in candidates}
