"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from llmsecrets.model import CONFIDENCES
from llmsecrets.reporters import FORMATS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def together(*decorators: Decorator) -> Decorator:
    """Several options as one decorator, listed in the order in which the help shows them."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


config_option = click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Configuration file, instead of looking for one.",
)
rule_options = together(
    click.option("--rules", multiple=True, metavar="PATH", help="Further rule file or folder (repeatable)."),
    click.option("--enable", multiple=True, metavar="ID", help="Only rules of this id or glob (repeatable)."),
    click.option("--disable", multiple=True, metavar="ID", help="Not this rule, or glob of rules (repeatable)."),
)
source_options = together(
    click.option("--staged", is_flag=True, help="What the index adds against HEAD."),
    click.option("--range", "revisions", metavar="A..B", help="What the commits of a range add."),
    click.option("--history", is_flag=True, help="Every blob and message reachable from any ref or reflog."),
    click.option("--unreachable", is_flag=True, help="With --history: objects that no ref leads to, too."),
    click.option("--since", metavar="DATE", help="With --history: only what commits since then brought in."),
    click.option("--branch", metavar="REF", help="With --history: only what commits of this branch brought in."),
    click.option("--max-depth", type=click.IntRange(1), metavar="N", help="With --history: only the newest N commits."),
    click.option(
        "--stdin-name", default="<stdin>", show_default=True, metavar="NAME", help="What to call standard input."
    ),
)
finding_options = together(
    click.option("--min-confidence", type=click.Choice(CONFIDENCES), help="Lowest tier reported.  [default: medium]"),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these paths out (repeatable)."),
    click.option("--baseline", metavar="FILE", help="Findings known in this file are suppressed."),
    click.option("--use-gitignore", is_flag=True, default=None, help="Leave ignored files out."),
    click.option("--max-file-size", metavar="SIZE", help="Larger files are skipped (500000, 20M, 2G).  [default: 1G]"),
)
output_options = together(
    click.option(
        "-f", "--format", multiple=True, type=click.Choice(FORMATS), help="Report format (repeatable).  [default: text]"
    ),
    click.option(
        "-o",
        "--output",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Write the report here; the first -o takes the first -f, and so on.",
    ),
    click.option("--show-secrets", is_flag=True, help="Print secrets instead of redacting them (never in SARIF)."),
    click.option("--show-suppressed", is_flag=True, default=None, help="List suppressed findings with their reasons."),
    click.option("--exit-code", type=click.IntRange(0, 255), help="Exit code for findings.  [default: 1]"),
    click.option("--exit-zero", is_flag=True, default=None, help="Exit 0 even with findings."),
    click.option(
        "--allow-incomplete", is_flag=True, default=None, help="Exit 0 even if something could not be scanned."
    ),
    click.option("-q", "--quiet", is_flag=True, help="No progress; no report where there is nothing to report."),
)
engine_options = together(
    click.option(
        "--cache", "cache_file", type=click.Path(path_type=Path), metavar="PATH", help="Remember history scans here."
    ),
    click.option("--no-cache", is_flag=True, help="Read all of a history again, and remember nothing."),
    click.option("-j", "--jobs", type=click.IntRange(0), help="Threads.  [default: one a core]"),
    click.option("--engine", help="auto, hyperscan or regex.  [default: auto]"),
)
