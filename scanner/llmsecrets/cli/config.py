"""`llmsecrets config`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import Named, config_option
from llmsecrets.cli.output import say
from llmsecrets.cli.targets import Request, scanned
from llmsecrets.config import AllowEntry, Config
from llmsecrets.errors import ConfigError, ExitCode


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command("show")
@click.argument("target", default=".", type=Named())
@config_option
def config_show(target: Path, config_file: Path | None) -> None:
    """Every effective value with its origin."""
    if not target.exists():
        raise ConfigError(f"{target}: no such file or folder", "Check the path.")
    settings = configuration.load(target, {}, config_file)
    for name, origin in settings.origins.items():
        value = getattr(settings, name)
        if name == "allow":
            value = [entry.reason for entry in value]
        if name == "max_age_days":
            value = [f"{category}={days}" for category, days in value.items()]
        say(f"{name:<17} {_plain(value):<30} {origin}")


@config.command("check")
@click.argument("target", default=".", type=Named())
@click.option("--history", is_flag=True, help="Against the whole history, not the files.")
@click.option("--strict", is_flag=True, help="Exit 1 if an entry has expired or is unused.")
@config_option
def config_check(target: Path, history: bool, strict: bool, config_file: Path | None) -> int:
    """Scan, and name the allowlist entries that have expired, and those that nothing needs."""
    settings = configuration.load(target, {}, config_file)
    report = scanned(Request(paths=(target,), history=history), settings).report
    used = {one.detail for one in report.suppressed if one.reason == "allowlist"}
    today = date.today().isoformat()
    wrong = 0
    for entry in _entries(target, settings):
        state = f"expired on {entry.expires}" if entry.expired(today) else "unused"
        if entry.expired(today) or f"{entry.reason} ({entry.origin})" not in used:
            wrong += 1
            owner = f", {entry.owner}" if entry.owner else ""
            say(f"{entry.origin}: {state}: {entry.reason}{owner}")
    click.echo(f"{wrong} entries of allowlists have expired or are unused")
    return ExitCode.FINDINGS if strict and wrong else ExitCode.CLEAN


def _entries(target: Path, settings: Config) -> Iterator[AllowEntry]:
    """The entries of the configuration and of all files below the target, each once."""
    seen = set()
    folders = (Path(os.path.relpath(folder)) for folder in _folders(target)) if settings.nested else ()
    below = (entry for folder in folders for entry in configuration.allowlist_in(folder) or ())
    for entry in (*settings.allow, *below):
        place = os.path.realpath(entry.origin)
        if place not in seen:
            seen.add(place)
            yield entry


def _folders(top: Path) -> Iterator[str]:
    """A folder and those below it, however deep, where they can be read. os.walk recurses in Pythons before 3.12."""
    waiting = [os.fspath(top)]
    while waiting:
        folder = waiting.pop()
        yield folder
        with suppress(OSError), os.scandir(folder) as listing:
            waiting += [entry.path for entry in listing if entry.is_dir(follow_symlinks=False)]


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) or "-" if isinstance(value, tuple | list) else str(value) or "-"
