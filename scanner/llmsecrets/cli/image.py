"""The source that `--image` names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmsecrets import filters
from llmsecrets.cli.targets import cache_file, cache_key
from llmsecrets.images import Limits
from llmsecrets.images.stores import Ways, open_store
from llmsecrets.resultcache import LayerCache
from llmsecrets.sources.image import ImageSource

if TYPE_CHECKING:
    from llmsecrets.cli.targets import Request
    from llmsecrets.config import Config
    from llmsecrets.rules import RuleSet


def image_source(request: Request, settings: Config, rules: RuleSet) -> ImageSource:
    """The images of the store that the request names. Raises SourceError where there is none to be had."""
    if request.paths or request.views:
        raise click.UsageError("--image names what is scanned: give no paths, and no view of a repository, beside it.")
    limits = Limits(
        settings.max_layer_size,
        settings.max_layer_ratio,
        settings.max_layer_members,
        settings.max_layer_seconds,
        settings.max_file_size,
    )
    return ImageSource(
        open_store(request.image or "", Ways(request.insecure_registry)),
        platform=request.platform or "",
        excluded=filters.excluder(settings),
        limits=limits,
        cache=_cache(request, settings, rules),
    )


def _cache(request: Request, settings: Config, rules: RuleSet) -> LayerCache | None:
    """The layers gone through before, under these rules and settings; where they were read from does not matter."""
    if request.no_cache:
        return None
    everything = repr(settings._replace(origins={}, folder=Path()))
    return LayerCache(cache_file(request), cache_key(rules, everything))
