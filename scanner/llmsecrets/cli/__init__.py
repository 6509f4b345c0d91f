"""The command line: options to Config, Config to Scanner, report to files and stdout, outcome to exit code.

The only package that prints, chooses streams or exits, and this the one place where errors become messages. A command
is a file here and a line in `_COMMANDS`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from llmsecrets.cli.output import complain
from llmsecrets.errors import ExitCode, LlmsecretsError


def main() -> NoReturn:
    """Run the command line and exit: 0 clean, 1 findings, 2 usage or configuration, 3 incomplete or crashed."""
    code = run(sys.argv[1:])
    gc.freeze()  # the interpreter's last collection would find nothing, and cost a hook a tenth of its time
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """As `main`, returning the exit code."""
    try:
        return int(cli.main(arguments, prog_name="llmsecrets", standalone_mode=False) or 0)
    except click.exceptions.Exit as exit_request:
        return exit_request.exit_code
    except click.ClickException as failure:
        failure.show(sys.stderr)
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except LlmsecretsError as failure:
        complain(str(failure), failure.advice)
        return failure.exit_code
    except BrokenPipeError:  # the reader has seen enough; what is left in the buffer has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.INCOMPLETE
    except Exception as failure:
        return _crashed(failure)


def _crashed(failure: Exception) -> int:
    """Where it happened, without the values a traceback's messages may hold."""
    import traceback

    if os.environ.get("LLMSECRETS_DEBUG"):
        traceback.print_exc()
    place = traceback.extract_tb(failure.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    complain(f"unexpected {type(failure).__name__} at {where}; the scan is incomplete",
              "Please report it. LLMSECRETS_DEBUG=1 shows the traceback, which may quote scanned content.")  # fmt: skip
    return ExitCode.INCOMPLETE


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
