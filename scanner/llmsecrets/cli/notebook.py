"""`llmsecrets notebook`."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import Named, config_option, rule_options
from llmsecrets.cli.output import complain, say
from llmsecrets.errors import ConfigError, ExitCode
from llmsecrets.model import Finding, display_path

if TYPE_CHECKING:
    from llmsecrets.config import Config

_RANGE = re.compile(r"([1-9][0-9]{0,6})(?:-([1-9][0-9]{0,6}))?")


@click.group()
def notebook() -> None:
    """Look after Jupyter notebooks."""


@notebook.command()
@click.argument("files", nargs=-1, required=True, type=Named())
@click.option("--all", "everything", is_flag=True, help="All outputs, whatever they hold.")
@click.option("--cells", metavar="LIST", help="Only outputs of these cells, counted from 1 (2,5-7).")
@click.option("--dry-run", is_flag=True, help="Say what would be taken out, and exit 1 if anything would.")
@rule_options
@config_option
def strip(files: Sequence[Path], everything: bool, cells: str | None, dry_run: bool, **options: Any) -> int:
    """Take outputs that hold findings out of notebooks; everything else stays as it is, byte for byte."""
    given = {name: value for name, value in options.items() if name in configuration.Config._fields}
    of_cell = _chosen(cells)
    code = ExitCode.CLEAN
    for file in files:
        holds = _any if everything else _holds_finding(file, configuration.load(file, given, options["config_file"]))
        taken = _strip(file, _both(of_cell, holds), dry_run)
        if taken is None:
            code = ExitCode.INCOMPLETE
        elif taken and dry_run:
            code = max(code, ExitCode.FINDINGS)
    return code


Unwanted = Callable[[int, int], bool]


def _both(of_cell: Callable[[int], bool], holds: Unwanted) -> Unwanted:
    return lambda cell, output: of_cell(cell) and holds(cell, output)


def _strip(file: Path, unwanted: Unwanted, dry_run: bool) -> int | None:
    """How many outputs were, or would be, taken out of a notebook; None where it could not be read."""
    from llmsecrets.inside.notebook import BrokenError
    from llmsecrets.inside.strip import without_outputs

    try:
        after, count = without_outputs(file.read_bytes(), unwanted)
    except OSError as failure:
        complain(f"{display_path(str(file))}: cannot be read: {failure.strerror}")
        return None
    except BrokenError as failure:
        complain(f"{display_path(str(file))}: not a notebook that can be read: {failure}")
        return None
    if count:
        if not dry_run:
            _replace(file, after)
        done = "would be taken out" if dry_run else "taken out"
        say(f"{file}: {count} output{'' if count == 1 else 's'} {done}")
    return count


def _any(cell: int, output: int) -> bool:
    return True


def _holds_finding(file: Path, settings: Config) -> Unwanted:
    """Which outputs hold findings that a scan with these settings would report."""
    from llmsecrets.cli.targets import Place, Request, load_rules, run_scan
    from llmsecrets.sources.paths import PathSource

    place = Place.of((file,), in_git=False)
    source = PathSource([file], excluded=lambda path: "", max_size=settings.max_file_size, prefix=place.prefix)
    report = run_scan(source, load_rules(settings), place.rebased(settings), Request(paths=(file,), quiet=True))
    found = {_output(finding) for finding in report.findings}
    return lambda cell, output: (str(cell), str(output)) in found


def _output(finding: Finding) -> tuple[str, str]:
    """The cell and the output a finding is in; empty names where it is in none."""
    names = {one.kind: one.name for one in finding.provenance.containers}
    return names.get("cell", ""), names.get("output", "")


def _chosen(cells: str | None) -> Callable[[int], bool]:
    """Whether a cell is among those of a list such as 2,5-7. Raises ConfigError."""
    if cells is None:
        return lambda cell: True
    parts = [_RANGE.fullmatch(part.strip()) for part in cells.split(",")]
    if not all(parts):
        raise ConfigError(f"--cells {cells!r} is not a list of cells", "Write it as --cells 2,5-7.")
    ranges = [(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    return lambda cell: any(first <= cell <= last for first, last in ranges)


def _replace(file: Path, content: bytes) -> None:
    """Write a file beside its place and move it there whole, with the permissions it had; a link stays one."""
    target = file.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.touch(mode=0o600, exist_ok=False)
        temporary.write_bytes(content)
        shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as failure:
        temporary.unlink(missing_ok=True)
        raise ConfigError(
            f"{file}: cannot be written: {failure.strerror}", "Check the folder and its space."
        ) from failure
