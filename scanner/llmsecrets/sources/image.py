"""Container images: every layer as it was written, and what the image's configuration says.

A file that a later layer deletes or overwrites is still in the image, so each layer is gone through as the tar it is.
What became of a file is known once all layers have been listed: `conclude` adds it to the findings, with the
instruction that made the layer.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from llmsecrets import magic
from llmsecrets.images import Cut, Image, Layer, Limits, Store, Trouble, matches
from llmsecrets.images.base import Base
from llmsecrets.images.configuration import Said, Step, said, setter, steps
from llmsecrets.images.dockerfile import lines_of
from llmsecrets.images.listing import Listing, hashed, normal
from llmsecrets.images.streams import LayerStream, is_digest
from llmsecrets.images.tar import entries
from llmsecrets.model import Candidate, Chunk, Container, Provenance, Skip
from llmsecrets.reading import Read, exactly
from llmsecrets.resultcache import LayerCache, LayerState
from llmsecrets.sources import WINDOW, Excluded
from llmsecrets.sources.windows import chunks, of_bytes

SPOKEN = "image configuration"
_HELD = 96 << 20  # bytes of an archive or notebook that are held in memory, of one of them at a time
_HELD_OF_ANY = 32 << 20  # bytes of any other file, which may be a program with a zip behind it
_SHOWN = 200  # characters of an instruction

Opened = tuple[Layer, AbstractContextManager[Read]]
Facts = tuple[tuple[str, str], ...]
BaseOf = Callable[[Image, Sequence[Step]], "Base | None"]


class _Known(NamedTuple):
    """An image with its history, how a finding's provenance begins, its base, and where in the Dockerfile a step is."""

    image: Image
    steps: Sequence[Step]
    container: Container
    base: Base | None
    places: Mapping[int, str]


class ImageSource:
    """The images of a store, each layer once however many images share it."""

    def __init__(
        self,
        store: Store,
        *,
        platform: str = "",
        excluded: Excluded,
        limits: Limits,
        cache: LayerCache | None = None,
        base_of: BaseOf = lambda image, history: None,
        dockerfile: tuple[str, str] | None = None,
    ) -> None:
        """`cache` holds layers that were gone through before: of these, only files with findings are read again.

        `base_of` tells what of an image is its base's. `dockerfile` is the name and the text of the one it was made by.
        """
        self._store, self._excluded, self._limits, self._cache = store, excluded, limits, cache
        self._base_of, self._dockerfile = base_of, dockerfile
        self._images: list[_Known] = []
        self._skips: list[Skip] = []
        self._places: dict[str, tuple[int, int]] = {}  # layer → (image, number of the layer in it, from 1)
        self._listings: dict[str, Listing] = {}
        self._told: dict[str, frozenset[int]] = {}  # layer seen before → hashes of paths there is something to say of
        self._whole: set[str] = set()  # layers that were read to their end now
        self._said: dict[tuple[Container, ...], Said] = {}
        self._holding = threading.Lock()
        self._others: set[str] = set()  # platforms of images that are not the one asked for
        for one in store.images(platform):
            if isinstance(one, Trouble):
                self._skips.append(Skip(_whole(one.name), one.reason, one.detail))
            elif platform and one.platform and not one.subject and not matches(platform, one.platform):
                self._others.add(one.platform)
            else:
                self._add(one)
        if self._others and not self._images:
            there = f"there is no image for {platform}, but for {', '.join(sorted(self._others))} (--platform)"
            self._skips.append(Skip(_whole(""), "no such platform", there))

    @property
    def notes(self) -> Sequence[str]:
        """What a report should say beside findings."""
        before = f"{len(self._told)} layers were scanned before: only their files with findings were read (--no-cache)"
        others = f"images for {', '.join(sorted(self._others))} were not scanned (--platform all)"
        own = ((others, self._others and self._images), (before, self._told))
        return (*self._store.notes, *(note for note, holds in own if holds))

    @property
    def remembered(self) -> bool:
        """Whether an earlier scan has gone through layers that are not read again."""
        return bool(self._told)

    def _add(self, image: Image) -> None:
        for number, layer in enumerate(image.layers, 1):
            self._places.setdefault(_key(layer), (len(self._images), number))
        facts = (("platform", image.platform), ("digest", image.digest), ("about", image.subject))
        container = Container("image", image.name, tuple(fact for fact in facts if fact[1]))
        history = steps(image.config, len(image.layers))
        name, text = self._dockerfile or ("", "")
        places = {number: f"{name}:{line}" for number, line in lines_of(history, text).items()} if text else {}
        base = None if image.subject else self._base_of(image, history)
        self._images.append(_Known(image, history, container, base, places))

    # ---- content

    def shards(self, jobs: int) -> Sequence[Iterator[Chunk | Skip]]:
        layers = {_key(layer): layer for known in self._images for layer in known.image.layers if layer.place}
        for key in list(layers):
            if self._recall(key) and not self._told[key]:
                del layers[key]
        streams = _Shared(self._store.streams(list(layers.values())))
        readers = min(jobs, len(layers)) if self._store.parallel else 1
        return [self._spoken(), *(self._shard(streams) for _ in range(readers))]

    def _recall(self, key: str) -> bool:
        """Whether a layer was gone through before."""
        state = self._cache.load(key) if self._cache and is_digest(key) else None
        if state is None:
            return False
        self._listings[key] = Listing.parse(state.listing)
        self._told[key] = frozenset(array("Q", state.told))
        return True

    def _spoken(self) -> Iterator[Chunk | Skip]:
        """The images' configurations; and those images that could not be made out."""
        yield from self._skips
        for known in self._images:
            for one in said(known.image.config, known.image.annotations, known.steps):
                kind = "instruction" if one.topic.split(" ")[0].isupper() else "key"
                step = (("step", str(one.step)),) if one.step else ()
                inside = (known.container, Container(kind, one.name, step))
                self._said.setdefault(inside, one)
                yield from of_bytes(one.text.encode("utf-8", "replace"), Provenance("", inside, kind=SPOKEN))

    def _shard(self, streams: Iterator[Opened]) -> Iterator[Chunk | Skip]:
        for layer, opened in streams:
            key = _key(layer)
            image, number = self._places[key]
            inside = (self._images[image].container, Container("layer", str(number), (("digest", layer.identity),)))
            listing = Listing()
            try:
                with opened as read:
                    stream = LayerStream(layer, read, self._limits)
                    if layer.title:
                        yield from self._blob(layer, stream, inside)
                    else:
                        yield from self._tar(stream, listing, inside, self._told.get(key))
                    if stream.finish():
                        yield Skip(Provenance("", inside, kind="layer"), "unread", "bytes behind the end of the tar")
                    self._whole.add(key)
            except Cut as cut:
                yield Skip(Provenance("", inside, kind="layer"), cut.reason, str(cut))
            listing.close()
            self._listings[key] = listing

    def _tar(
        self, stream: LayerStream, listing: Listing, inside: tuple[Container, ...], told: frozenset[int] | None
    ) -> Iterator[Chunk | Skip]:
        """The files of a layer; of one that was gone through before, those there is something to say of."""
        for count, (entry, read) in enumerate(entries(stream.read)):
            if count >= self._limits.members:
                raise Cut("limit reached", f"more than {self._limits.members} members (--max-layer-members)")
            listing.add(entry.name, folder=entry.folder)
            path = normal(entry.name)
            if not entry.size or self._excluded(path) or (told is not None and hashed(path) not in told):
                continue
            if entry.size > self._limits.file_size:
                detail = f"{entry.size} bytes, more than --max-file-size"
                yield Skip(Provenance(path, inside), "too large", detail)
            else:
                yield from self._file(read, entry.size, Provenance(path, inside))

    def _file(self, read: Read, size: int, provenance: Provenance) -> Iterator[Chunk]:
        """A file of a layer. An archive is opened only where all of it is at hand: what fits in memory is held."""
        if size < WINDOW:
            yield from chunks(read, provenance)
            return
        head = exactly(read, magic.NOTEBOOK_HEAD)
        whole = _joined(head, read)
        if size <= _HELD and (magic.kind_of(head) or magic.is_notebook(head)):
            with self._holding:
                yield from of_bytes(exactly(whole, size), provenance)
        elif size <= _HELD_OF_ANY:
            yield from of_bytes(exactly(whole, size), provenance)
        else:
            yield from chunks(whole, provenance)

    def _blob(self, layer: Layer, stream: LayerStream, inside: tuple[Container, ...]) -> Iterator[Chunk]:
        kind = "attestation" if "in-toto" in layer.media_type else "file"
        return chunks(stream.read, Provenance(layer.title, inside, kind=kind))

    # ---- what is known afterwards

    def conclude(self, candidates: Sequence[Candidate], skips: Sequence[Skip]) -> Iterator[Candidate]:
        """The candidates with what the whole image tells of them. What an image says twice is kept once."""
        self._remember([one.finding.provenance for one in candidates], [skip.provenance for skip in skips])
        spoken = [one.finding for one in candidates if one.finding.provenance.kind == SPOKEN]
        hidden = {one.secret.reveal().decode("utf-8", "replace") for one in spoken}
        heard = set()
        for candidate in candidates:
            finding = candidate.finding
            if finding.provenance.kind == SPOKEN:
                topic = self._said[finding.provenance.containers[:2]].topic
                key = (finding.provenance.containers[0], topic, finding.family, finding.secret)
                if key in heard:
                    continue
                heard.add(key)
            provenance = self._explained(finding.provenance, hidden)
            yield candidate._replace(finding=finding._replace(provenance=provenance))

    def _remember(self, found: Sequence[Provenance], skipped: Sequence[Provenance]) -> None:
        """Note the layers that were read whole, and which of their files to read again; never what these hold."""
        if self._cache is None:
            return
        told: dict[str, array[int]] = {key: array("Q") for key in self._whole if is_digest(key)}
        for provenance in (*found, *skipped):
            key = self._layer_of(provenance)
            if provenance.kind == "layer":
                told.pop(key, None)
            elif key in told:
                told[key].append(hashed(normal(provenance.path)))
        for key, paths in told.items():
            self._cache.store(key, LayerState(self._listings[key].dump(), paths.tobytes()))

    def _layer_of(self, provenance: Provenance) -> str:
        """The key of the layer that something was found in; "" where it was in none."""
        if len(provenance.containers) < 2 or provenance.containers[1].kind != "layer":
            return ""
        known = next(one for one in self._images if one.container == provenance.containers[0])
        return _key(known.image.layers[int(provenance.containers[1].name) - 1])

    def _explained(self, provenance: Provenance, hidden: set[str]) -> Provenance:
        """The provenance with the instruction, and for a file what became of it."""
        image, place, *inner = provenance.containers
        number = next(number for number, known in enumerate(self._images) if known.container == image)
        known = self._images[number]
        if provenance.kind == SPOKEN:
            step = setter(known.steps, self._said[image, place])
            facts = _origin(known, step, 0, hidden)
        else:
            layer = int(place.name)
            step = next((one for one in known.steps if one.layer == layer), None)
            state = self._state(known.image, layer, provenance.path)
            facts = (("state", state), *_origin(known, step, layer, hidden), *place.facts)
        return provenance._replace(containers=(image, place._replace(facts=facts), *inner))

    def _state(self, image: Image, number: int, path: str) -> str:
        """Whether a file of a layer can still be seen in the image, or which layer took it away. A layer that stands
        there again puts it back."""
        keys = [_key(layer) for layer in image.layers]
        number = max(at for at, key in enumerate(keys, 1) if key == keys[number - 1])
        for later, layer in enumerate(image.layers[number:], number + 1):
            fate = self._listings[_key(layer)].fate(path) if _key(layer) in self._listings else ""
            if fate:
                return f"{fate} in layer {later}"
        return "visible"


class _Shared(Iterator[Opened]):
    """An iterator that several threads may take from."""

    def __init__(self, items: Iterator[Opened]) -> None:
        self._items, self._lock = items, threading.Lock()

    def __next__(self) -> Opened:
        with self._lock:
            return next(self._items)


def _joined(head: bytes, rest: Read) -> Read:
    """What was read already, and the rest."""
    ahead = head

    def next_bytes(size: int) -> bytes:
        nonlocal ahead
        if not ahead:
            return rest(size)
        piece, ahead = ahead[:size], ahead[size:]
        return piece

    return next_bytes


def _key(layer: Layer) -> str:
    return layer.identity or layer.place


def _whole(name: str) -> Provenance:
    return Provenance("", (Container("image", name),), kind="image")


def _origin(known: _Known, step: Step | None, layer: int, hidden: set[str]) -> Facts:
    """What made a layer or a text, and whether it is the base image's."""
    facts: list[tuple[str, str]] = []
    if step and step.text:
        facts.append(("instruction", _shown(step.text, hidden)))
    if step and step.number in known.places:
        facts.append(("dockerfile", known.places[step.number]))
    if known.base and (layer <= known.base.layers if layer else step and step.number <= known.base.steps):
        facts.append(("base image", known.base.name))
    return tuple(facts)


def _shown(text: str, hidden: set[str]) -> str:
    """An instruction without the secrets in it, cut to a readable length."""
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, "…") if len(secret) > 3 else text
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
