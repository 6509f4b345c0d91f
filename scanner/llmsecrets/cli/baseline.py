"""`llmsecrets baseline`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import config_option, rule_options
from llmsecrets.cli.output import to_file
from llmsecrets.cli.targets import Place, Request, load_rules, run_scan, source_of
from llmsecrets.errors import ConfigError


@click.group()
def baseline() -> None:
    """Keep findings that are known."""


@baseline.command("create")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", default=".llmsecrets-baseline.jsonl", show_default=True, type=click.Path(path_type=Path)
)
@click.option("--history", is_flag=True, help="Of the whole history, not of the files.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@rule_options
@config_option
def baseline_create(output: Path, history: bool, force: bool, **options: Any) -> None:
    """Write the findings of a scan to a baseline file: later scans with --baseline report only what is new."""
    from llmsecrets.baseline import dump, entries_of, new

    if output.exists() and not force:
        raise ConfigError(f"{output} exists", "Use --force to replace it and lose what it holds.")
    request = Request.of({**options, "history": history})
    given = {name: options[name] for name in ("rules", "gitleaks_config", "enable", "disable")}
    settings = configuration.load(request.targets[0], {**given, "baseline": ""}, options["config_file"])
    place = Place.of(request.targets, in_git=history)
    source = source_of(request, settings, place)
    report = run_scan(source, load_rules(settings), place.rebased(settings), request)
    empty = new("history" if history else "files")
    known = empty._replace(entries=entries_of(report.findings, empty.salts[0]))
    to_file(output, lambda out: out.write(dump(known)))
    click.echo(f"{output}: {len(report.findings)} findings recorded")
