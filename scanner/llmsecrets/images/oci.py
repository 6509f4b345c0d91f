"""Manifests: from the descriptors a store begins with to images.

Everything here was written by others: each document is held to its digest and a size, nesting to a depth, lists to a
length. What of a document is not what it should be is a Trouble each, and the rest of it is read.

Formats: OCI image specification 1.1 (manifest.md, image-index.md, config.md) and Docker's image manifest v2,
schema 2; where BuildKit leaves its attestations: docs.docker.com/build/metadata/attestations/attestation-storage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from llmsecrets.images import DOCUMENT_LIMIT, Cut, Image, Layer, Trouble, matches
from llmsecrets.images.streams import is_digest

_DEEPEST = 4  # lists within lists; one within another is all that tools make
_MOST = 1000  # manifests
_NAME, _FULL_NAME = "org.opencontainers.image.ref.name", "io.containerd.image.name"
_REFERS, _REFERS_TO = "vnd.docker.reference.type", "vnd.docker.reference.digest"


class Descriptor(NamedTuple):
    """What a manifest says of another document or blob."""

    digest: str
    size: int | None
    media_type: str
    platform: str
    annotations: Mapping[str, str]

    @property
    def subject(self) -> str:
        """The digest of the image that this is an attestation for."""
        return self.annotations.get(_REFERS_TO, "") if _REFERS in self.annotations else ""


# A document of at most DOCUMENT_LIMIT bytes, its digest checked, from among the "manifests" or the "blobs". Raises Cut.
Fetch = Callable[[Descriptor, str], bytes]


def parsed(content: bytes, what: str) -> Any:
    """The JSON of a document. Raises Cut."""
    if len(content) > DOCUMENT_LIMIT:
        raise Cut("too large", f"{what} has more than {DOCUMENT_LIMIT:,} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as failure:
        raise Cut("damaged", f"{what} is not sound JSON") from failure


def an_object(value: Any, what: str) -> Mapping[str, Any]:
    """The value, which is an object. Raises Cut."""
    if not isinstance(value, dict):
        raise Cut("damaged", f"{what} is not an object")
    return value


def an_array(value: Any, what: str) -> list[Any]:
    """The value, which is an array. Raises Cut."""
    if not isinstance(value, list):
        raise Cut("damaged", f"{what} is not a list")
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def descriptor(value: Any, what: str) -> Descriptor:
    """A descriptor from its JSON. Raises Cut where its digest is none that can be checked."""
    given = an_object(value, what)
    if not is_digest(given.get("digest")):
        raise Cut("damaged", f"{what} has no usable digest: {str(given.get('digest'))[:80]!r}")
    size = given.get("size")
    return Descriptor(
        given["digest"],
        size if isinstance(size, int) and size >= 0 else None,
        text(given.get("mediaType")),
        platform_name(given.get("platform")),
        annotations_of(given),
    )


def annotations_of(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in mapping(document.get("annotations")).items() if isinstance(value, str)}


def platform_name(value: Any) -> str:
    """os/architecture/variant of a descriptor's or configuration's platform; "" where it does not say."""
    parts = (text(mapping(value).get(key)) for key in ("os", "architecture", "variant"))
    return "/".join(part for part in parts if part)


def described(values: Any, what: str) -> tuple[list[Descriptor], list[Cut]]:
    """The descriptors of an array, and what is wrong with those that are none. Raises Cut where it is no array."""
    found, wrong = [], list[Cut]()
    for number, value in enumerate(an_array(values, what), 1):
        try:
            found.append(descriptor(value, f"entry {number} of {what}"))
        except Cut as cut:
            wrong.append(cut)
    return found, wrong


def indexed(content: bytes, name: str, fetch: Fetch, platform: str, notes: list[str]) -> Iterator[Image | Trouble]:
    """The images that the index.json of a layout leads to. `name` is the layout's. Raises Cut where it is none."""
    index = an_object(parsed(content, "index.json"), "index.json")
    roots, wrong = described(index.get("manifests"), "manifests of index.json")
    yield from troubles(name, wrong)
    yield from images(fetch, [("", root) for root in roots], platform, notes)


def troubles(name: str, wrong: Iterable[Cut]) -> Iterator[Trouble]:
    """What cannot be read of an image, or of the store of this name."""
    return (Trouble(name, cut.reason, str(cut)) for cut in wrong)


def images(fetch: Fetch, roots: Sequence[tuple[str, Descriptor]], platform: str, notes: list[str]) -> Iterator[Any]:
    """The images (or Trouble) that named descriptors lead to, those of other platforms left out with a note."""
    walk = _Walk(fetch, platform)
    for name, root in roots:
        yield from walk.images(name or text(root.annotations.get(_FULL_NAME) or root.annotations.get(_NAME)), root, 0)
    if walk.others:
        notes.append(f"images for {', '.join(sorted(walk.others))} were not scanned (--platform all)")


class _Walk:
    """From descriptors down. Remembers what it has seen, so that what refers to itself ends."""

    def __init__(self, fetch: Fetch, platform: str) -> None:
        self._fetch, self._platform = fetch, platform
        self._seen: set[str] = set()
        self.others: set[str] = set()

    def images(self, name: str, at: Descriptor, depth: int) -> Iterator[Image | Trouble]:
        if at.digest in self._seen:
            return
        self._seen.add(at.digest)
        try:
            if depth > _DEEPEST or len(self._seen) > _MOST:
                raise Cut("too deep", f"manifest lists within each other, or more than {_MOST:,} manifests")
            what = f"manifest {at.digest}"
            document = an_object(parsed(self._fetch(at, "manifests"), what), what)
            if "manifests" in document:
                children, wrong = described(document["manifests"], f"manifests of {what}")
                yield from troubles(name or at.digest, wrong)
                for child in self._chosen(children):
                    yield from self.images(name, child, depth + 1)
            else:
                yield from self._image(name or at.digest, at, document)
        except Cut as cut:
            yield Trouble(name or at.digest, cut.reason, str(cut))

    def _chosen(self, children: Sequence[Descriptor]) -> Iterator[Descriptor]:
        """Those of the platform, then the attestations, but for those about the others."""
        own = [child for child in children if not child.subject]
        chosen = [child for child in own if not child.platform or matches(self._platform, child.platform)]
        others = [child for child in own if child not in chosen]
        self.others |= {child.platform for child in others}
        if own and not chosen:
            there = ", ".join(sorted({child.platform for child in own}))
            raise Cut("no such platform", f"there is no image for {self._platform}, but for {there} (--platform)")
        left_out = {child.digest for child in others}
        yield from chosen
        yield from (child for child in children if child.subject and child.subject not in left_out)

    def _image(self, name: str, at: Descriptor, document: Mapping[str, Any]) -> Iterator[Image | Trouble]:
        """The image of a manifest: what can be read of it."""
        if "layers" not in document:
            raise Cut("unknown manifest", f"manifest {at.digest} has no layers; manifests of schema 1 are not read")
        config: Mapping[str, Any] = {}
        try:
            if "config" in document:  # an artifact may have none
                place = descriptor(document["config"], "the configuration's entry in the manifest")
                config = configuration(self._fetch(place, "blobs"))
        except Cut as cut:
            yield from troubles(name, [cut])
        layers, wrong = layers_of(document["layers"], config, _layer)
        yield from troubles(name, wrong)
        platform = at.platform or platform_name(config)
        yield Image(name, platform, at.digest, config, layers, annotations_of(document), at.subject)


def configuration(content: bytes) -> Mapping[str, Any]:
    """The configuration of an image. Raises Cut."""
    what = "the image's configuration"
    return an_object(parsed(content, what), what)


def layers_of(
    values: Any, config: Mapping[str, Any], layer: Callable[[Any, str, str], Layer]
) -> tuple[tuple[Layer, ...], list[Cut]]:
    """The layers that an array names, and what is wrong with those it does not name in a usable way.

    `layer` makes one of an entry, what to call it, and the digest of its tar ("" where the configuration does not say).
    """
    found, wrong = [], list[Cut]()
    diff_ids = listed(mapping(config.get("rootfs")).get("diff_ids"))
    try:
        for number, value in enumerate(an_array(values, "the list of layers")):
            diff_id = diff_ids[number] if number < len(diff_ids) and is_digest(diff_ids[number]) else ""
            try:
                found.append(layer(value, f"layer {number + 1}", diff_id))
            except Cut as cut:
                found.append(Layer("", "", ""))
                wrong.append(cut)
    except Cut as cut:
        wrong.append(cut)
    return tuple(found), wrong


def _layer(value: Any, what: str, known: str) -> Layer:
    layer = descriptor(value, what)
    title = "" if "tar" in layer.media_type else _title(layer)
    return Layer(layer.digest, layer.digest, known, layer.size, title, layer.media_type)


def _title(layer: Descriptor) -> str:
    names = ("org.opencontainers.image.title", "in-toto.io/predicate-type")
    return next((layer.annotations[name] for name in names if name in layer.annotations), layer.digest)
