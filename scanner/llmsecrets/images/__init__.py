"""Container images: what one is made of, whatever keeps it.

A Store gives images and, for each of their layers, a stream: `archive` reads tar files, `layout` OCI folders,
`registry` the distribution API, `daemon` docker's or podman's socket. `oci` reads the manifests they share; `streams`,
`tar` and `listing` a layer; `configuration` what the image says of itself. Nothing is ever extracted to disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from llmsecrets.errors import SourceError
from llmsecrets.reading import Read

DOCUMENT_LIMIT = 8 << 20  # bytes of a manifest or configuration; registries accept manifests of 4 MiB


class Cut(SourceError):  # noqa: N818 - a word of the domain: reading was cut off
    """A part of an image that cannot be read, or not further. `reason` and the message are those of a Skip."""

    def __init__(self, reason: str, detail: str, advice: str = "") -> None:
        super().__init__(detail, advice)
        self.reason = reason


class Limits(NamedTuple):
    """How much of one layer is read: bytes unpacked, how many times its packed size, members, seconds, and bytes of
    one file in it."""

    size: int = 64 << 30
    ratio: int = 1100  # what gzip can reach on zeros; a bomb of zstd or bzip2 goes far beyond
    members: int = 2_000_000
    seconds: int = 3600
    file_size: int = 1 << 30


class Layer(NamedTuple):
    """A layer as a manifest names it. `place` is where its store finds it.

    `digest` is that of the bytes there, `diff_id` that of the tar within; either may be unknown (""). `title` is set
    where the layer is no tar but one file: an attestation, a Helm chart. One that a manifest names in no usable way
    has no place; it is there so that the others keep their numbers.
    """

    place: str
    digest: str
    diff_id: str
    size: int | None = None
    title: str = ""
    media_type: str = ""

    @property
    def identity(self) -> str:
        """The digest that is checked when the layer is read, and so names its content."""
        return self.digest or self.diff_id


class Image(NamedTuple):
    """One image of one platform. `config` is its configuration, `annotations` those of its manifest.

    `subject` is the digest of the image that this one is about: an attestation's.
    """

    name: str
    platform: str
    digest: str
    config: Mapping[str, Any]
    layers: tuple[Layer, ...]
    annotations: Mapping[str, str]
    subject: str = ""


class Trouble(NamedTuple):
    """An image of a store that could not be made out, or some part of it."""

    name: str
    reason: str
    detail: str


class Store(Protocol):
    """What keeps images. `parallel`: several layers can be read at once. `notes` are for the report.

    `host` is that of a registry, "" for what is on this machine.
    """

    host: str
    parallel: bool
    notes: list[str]

    def images(self, platform: str) -> Iterator[Image | Trouble]:
        """The images of a platform such as linux/arm64, of "all", or of those the store finds fitting for ""."""

    def streams(self, layers: Sequence[Layer]) -> Iterator[tuple[Layer, AbstractContextManager[Read]]]:
        """The layers' bytes, in an order that suits the store. What cannot be read raises Cut."""


def matches(wanted: str, platform: str) -> bool:
    """Whether a platform such as linux/arm64/v8 is the one wanted: linux/arm64, say."""
    return wanted == "all" or f"{platform}/".startswith(f"{wanted}/")
