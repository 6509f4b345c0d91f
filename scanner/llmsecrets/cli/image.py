"""The source that `--image` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from llmsecrets.images import Limits
from llmsecrets.images.stores import Ways, open_store
from llmsecrets.sources.image import ImageSource

if TYPE_CHECKING:
    from llmsecrets.cli.targets import Request
    from llmsecrets.config import Config


def image_source(request: Request, settings: Config, excluded: Callable[[str], str]) -> ImageSource:
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
    store = open_store(request.image or "", Ways(request.insecure_registry))
    return ImageSource(store, platform=request.platform or "", excluded=excluded, limits=limits)
