"""`llmsecrets scan`."""

from __future__ import annotations

from typing import Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import (
    Named,
    Sectioned,
    config_option,
    engine_options,
    finding_options,
    image_options,
    inside_options,
    output_options,
    rule_options,
    source_options,
)
from llmsecrets.cli.output import outcome, pair, write_reports
from llmsecrets.cli.targets import Request, scanned
from llmsecrets.config import Config


@click.command(
    cls=Sectioned,
    common=(
        "staged", "revisions", "history", "since", "image", "min_confidence", "exclude", "baseline", "use_gitignore",
        "format", "output", "show_secrets", "exit_zero", "allow_incomplete", "quiet", "rules", "disable", "config_file",
        "help", "help_all",
    ),
    short_help="Look for secrets in files, changes, a history or an image.",
    epilog="Exit codes: 0 clean, 1 findings, 2 usage or configuration, 3 incomplete.",
)  # fmt: skip
@click.argument("paths", nargs=-1, type=Named())
@source_options
@image_options
@finding_options
@inside_options
@output_options
@rule_options
@config_option
@engine_options
def scan(**options: Any) -> int:
    """Scan files and folders (default: .), - for standard input, or a repository's staged changes, commits or history.

    \b
    llmsecrets scan                          this folder
    llmsecrets scan --staged                 what is about to be committed
    llmsecrets scan --history .              everything the repository ever held
    llmsecrets scan -f sarif -o out.sarif    a report for GitHub code scanning
    llmsecrets scan --image app.tar          a container image: every layer, and its configuration
    git log -p | llmsecrets scan -           whatever is piped in
    """
    given = {name: options.pop(name) for name in list(options) if name in Config._fields}
    outputs = pair(given.pop("format"), options["output"])
    request = Request.of(options)
    settings = configuration.load(request.start, given, options["config_file"])
    outputs = outputs or pair(settings.format, ())
    done = scanned(request, settings)
    write_reports(done.report, done.rules, outputs, options, settings, done.place.root)
    return outcome(done.report, settings)
