"""The command line: options to Config, Config to Scanner, report to files and stdout, outcome to exit code.

The only package that prints, chooses streams or exits, and this the one place where errors become messages. A command
is a file here and a line in `commands`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from errno import ENOSPC
from io import StringIO
from typing import NoReturn

from llmsecrets.errors import ExitCode, LlmsecretsError

_GARBAGE = 50_000  # objects more than before, after which it is looked for


def main() -> NoReturn:
    """Run the command line and exit: 0 clean, 1 findings, 2 usage or configuration, 3 incomplete or crashed.

    A hook starts often. What a start makes, it keeps, so looking for garbage in it is in vain; and the system takes a
    process apart sooner than the interpreter does itself. Both together are a tenth of a hook's time.
    """
    gc.set_threshold(_GARBAGE)
    code = run(sys.argv[1:])
    try:
        if sys.stdout is not None:  # as where it is closed from the start
            sys.stdout.flush()
    except OSError:
        code = code or ExitCode.INCOMPLETE
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """As `main`, returning the exit code."""
    import click  # late, as all that takes long: `main` has told the collector first

    from llmsecrets.cli.commands import cli
    from llmsecrets.cli.output import complain

    if hasattr(sys.stdout, "reconfigure"):  # a name that the terminal's encoding lacks must not end a command
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return int(cli.main(arguments, prog_name="llmsecrets", standalone_mode=False) or 0)
    except click.exceptions.Exit as exit_request:
        return exit_request.exit_code
    except click.ClickException as failure:
        said = StringIO()
        failure.show(said)
        sys.stderr.write(_without_secrets(said.getvalue()))
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except LlmsecretsError as failure:
        complain(_without_secrets(str(failure)), failure.advice)
        return failure.exit_code
    except (BrokenPipeError, SystemExit):  # the reader has seen enough, for which click would end the process with 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer has nowhere to go
        return ExitCode.INCOMPLETE
    except PermissionError as failure:
        if failure.filename is None:
            return _crashed(failure)
        complain(f"{os.fsdecode(failure.filename)}: {failure.strerror}", "Check the permissions there.")
        return ExitCode.INCOMPLETE
    except Exception as failure:
        if _is_adrift():
            complain("the current folder is gone", "Change to a folder that exists.")
            return ExitCode.INCOMPLETE
        if isinstance(failure, OSError) and failure.errno == ENOSPC and failure.filename is None:  # none of our files
            complain(f"standard output: {failure.strerror}", "What was printed is not complete.")
            return ExitCode.INCOMPLETE
        return _crashed(failure)


def _is_adrift() -> bool:
    """Whether the folder that the command was started in is no more."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _without_secrets(message: str) -> str:
    """A message with whatever our rules take for a secret left out: what is wrong is quoted, and may be one.

    By the engine that need not compile, and only where something is long enough for a token.
    """
    import re

    if not re.search(r"[\w+=-]{16}", message):
        return message
    from llmsecrets import matching
    from llmsecrets.engine import Engine
    from llmsecrets.masking import masked
    from llmsecrets.rules import load_rules

    rules = load_rules()
    return masked(message, Engine(rules, matching.compile_rules(rules, "regex")))


def _crashed(failure: Exception) -> int:
    """Where it happened, without the values a traceback's messages may hold."""
    import traceback
    from pathlib import Path

    from llmsecrets.cli.output import complain

    if os.environ.get("LLMSECRETS_DEBUG"):
        traceback.print_exc()
    place = traceback.extract_tb(failure.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    complain(f"unexpected {type(failure).__name__} at {where}; the scan is incomplete",
              "Please report it. LLMSECRETS_DEBUG=1 shows the traceback, which may quote scanned content.")  # fmt: skip
    return ExitCode.INCOMPLETE
