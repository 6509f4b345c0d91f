"""`llmsecrets config`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import config_option


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command("show")
@click.argument("target", default=".", type=click.Path(path_type=Path))
@config_option
def config_show(target: Path, config_file: Path | None) -> None:
    """Every effective value with its origin."""
    settings = configuration.load(target, {}, config_file)
    for name, origin in settings.origins.items():
        value = getattr(settings, name)
        if name == "allow":
            value = [entry.reason for entry in value]
        if name == "max_age_days":
            value = [f"{category}={days}" for category, days in value.items()]
        click.echo(f"{name:<17} {_plain(value):<30} {origin}")


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) or "-" if isinstance(value, tuple | list) else str(value) or "-"
