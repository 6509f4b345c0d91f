"""The source that `--image` names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmsecrets import filters
from llmsecrets.cli.targets import cache_file, cache_key
from llmsecrets.errors import LlmsecretsError
from llmsecrets.images import Image, Limits, Store, base
from llmsecrets.images.base import Base
from llmsecrets.images.configuration import Step
from llmsecrets.images.reference import Reference
from llmsecrets.images.stores import Ways, open_store
from llmsecrets.images.streams import is_digest
from llmsecrets.resultcache import LayerCache
from llmsecrets.sources.image import BaseOf, ImageSource

if TYPE_CHECKING:
    from llmsecrets.cli.targets import Request
    from llmsecrets.config import Config
    from llmsecrets.rules import RuleSet


def image_source(request: Request, settings: Config, rules: RuleSet) -> ImageSource:
    """The images of the store that the request names. Raises SourceError where there is none to be had."""
    limits = Limits(
        settings.max_layer_size,
        settings.max_layer_ratio,
        settings.max_layer_members,
        settings.max_layer_seconds,
        settings.max_file_size,
    )
    file = request.dockerfile
    store = open_store(request.image or "", Ways(request.insecure_registry))
    return ImageSource(
        store,
        platform=request.platform or "",
        excluded=filters.excluder(settings),
        limits=limits,
        cache=_cache(request, settings, rules),
        base_of=_base_of(request, store),
        dockerfile=(file.as_posix(), file.read_text("utf-8", "replace")) if file else None,
    )


def _base_of(request: Request, store: Store) -> BaseOf:
    """What tells an image's base: what the user names, else what the image names itself at its own registry.

    Nothing is asked of any registry but the one that the user has named.
    """
    ways = Ways(request.insecure_registry)

    def named(image: Image, history: Sequence[Step]) -> Base | None:
        given = request.base or ""
        found = base.up_to(image, history, given) if is_digest(given) else None
        if found is None:
            at = Reference.parse(image.name)._replace(tag="", digest=given) if is_digest(given) else given
            found = _among(image, open_store(str(at), ways), given)
        if found is None:
            store.notes.append(f"{image.name} is not built on {given}")
        return found

    def annotated(image: Image, history: Sequence[Step]) -> Base | None:
        name = base.annotated(image)
        try:
            beside = bool(name) and Reference.parse(name).host == store.host
            return _among(image, open_store(f"docker://{name}", ways), name) if beside else None
        except LlmsecretsError as failure:
            store.notes.append(f"the base that {image.name} names is not known: {failure}")
            return None

    return named if request.base else annotated


def _among(image: Image, store: Store, name: str) -> Base | None:
    return base.among(image, (one for one in store.images(image.platform) if isinstance(one, Image)), name)


def _cache(request: Request, settings: Config, rules: RuleSet) -> LayerCache | None:
    """The layers gone through before, under these rules and settings; where they were read from does not matter."""
    if request.no_cache:
        return None
    everything = repr(settings._replace(origins={}, folder=Path()))
    return LayerCache(cache_file(request), cache_key(rules, everything))
