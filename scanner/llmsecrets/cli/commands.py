"""The commands there are, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class _Commands(click.Group):
    """A group whose commands are imported when asked for: a hook needs one of them."""

    def __init__(self, *args: Any, modules: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self._modules.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(f"llmsecrets.cli.{module}"), name)
        return command


# One line a command: its name, the module here that holds it, the function.
_COMMANDS = {
    "scan": "scan:scan",
    "baseline": "baseline:baseline",
    "audit": "audit:audit",
    "explain": "explain:explain",
    "notebook": "notebook:notebook",
    "rules": "rules:rules",
    "config": "config:config",
    "init": "init:init",
    "migrate": "migrate:migrate",
    "hook": "hook:hook",
    "completion": "completion:completion",
}


@click.group(
    cls=_Commands, modules=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="llmsecrets", prog_name="llmsecrets")
def cli() -> None:
    """Find the keys and passwords that leak where people build with large language models.

    \b
    llmsecrets scan                       this folder
    llmsecrets scan --history .           everything a repository ever held
    llmsecrets hook install pre-commit    look at every commit before it is made
    llmsecrets init                       see what a repository lacks, and get it
    """
