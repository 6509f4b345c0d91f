"""What of an image is its base's: the layers and steps that it shares with another image, from the first on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llmsecrets.images import Image
from llmsecrets.images.configuration import Step
from llmsecrets.images.oci import listed, mapping, text
from llmsecrets.images.streams import is_digest

# Annotations of a manifest, or labels (OCI image specification, annotations.md).
_NAME, _DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"


class Base(NamedTuple):
    """The base of an image: its name, and how many of the image's layers and steps are its."""

    name: str
    layers: int
    steps: int


def among(image: Image, bases: Iterable[Image], name: str) -> Base | None:
    """The one of some images that the image is built on: all of its layers are the image's first ones."""
    fitting = (base for base in bases if base.layers and _begins_with(image, base))
    base = max(fitting, key=lambda one: len(one.layers), default=None)
    return base and Base(name, len(base.layers), len(listed(base.config.get("history"))))


def _begins_with(image: Image, base: Image) -> bool:
    pairs = zip(base.layers, image.layers, strict=False)
    return len(base.layers) <= len(image.layers) and all(
        (old.diff_id and old.diff_id == new.diff_id) or (old.digest and old.digest == new.digest) for old, new in pairs
    )


def up_to(image: Image, steps: Iterable[Step], digest: str) -> Base | None:
    """The base that ends with a layer of this digest (packed or not)."""
    for number, layer in enumerate(image.layers, 1):
        if digest in (layer.digest, layer.diff_id):
            made = next((step.number for step in steps if step.layer == number), 0)
            return Base(digest, number, made)
    return None


def annotated(image: Image) -> str:
    """The base that the image says it was built on, as a reference; "" where it says nothing."""
    labels = mapping(mapping(image.config.get("config")).get("Labels"))
    name, digest = (image.annotations.get(key) or text(labels.get(key)) for key in (_NAME, _DIGEST))
    return f"{name}@{digest}" if name and is_digest(digest) else name or ""
