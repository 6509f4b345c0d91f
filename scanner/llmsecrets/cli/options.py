"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from llmsecrets.model import CONFIDENCES
from llmsecrets.reporters import FORMATS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Named(click.Path):
    """A path that somebody names. An empty one, as of a variable that is not set, does not mean the current folder; one
    that cannot be read is for whoever reads it to tell: of many files it is a skip.
    """

    name = "path"

    def __init__(self, *, readable: bool = False, **kwargs: Any) -> None:
        super().__init__(path_type=Path, readable=readable, **kwargs)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value, param, ctx) if value != "" else self.fail("The name is empty.", param, ctx)


def together(*decorators: Decorator, section: str = "") -> Decorator:
    """Several options as one decorator, listed in the order in which the help shows them, below the section's name."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        before = len(getattr(function, "__click_params__", ()))
        for decorator in reversed(decorators):
            function = decorator(function)
        for option in getattr(function, "__click_params__", ())[before:]:
            option.section = section
        return function

    return apply


class Sectioned(click.Command):
    """A command with more options than fit a screen: --help shows the common ones, --help-all every one, by section."""

    def __init__(self, *args: Any, common: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._common = frozenset(common)
        self.params.append(
            click.Option(
                ["--help-all"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_show_all,
                help="Show every option and exit.",
            )
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for option in (param for param in self.get_params(ctx) if isinstance(param, click.Option)):
            row = option.get_help_record(ctx)
            if row and (ctx.meta.get(_ALL) or option.name in self._common):
                sections.setdefault(getattr(option, "section", "Help"), []).append(row)
        for section in sorted(sections, key=lambda section: section == "Help"):
            with formatter.section(section):
                formatter.write_dl(sections[section])


_ALL = "llmsecrets.cli.options.all"


def _show_all(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        ctx.meta[_ALL] = True
        click.echo(ctx.get_help())
        ctx.exit()


def _at_most(name: str, text: str) -> Decorator:
    """An option that is a number, from 1."""
    return click.option(name, type=click.IntRange(1), metavar="N", help=text)


_RULES = "Rules and configuration"
config_option = together(
    click.option(
        "-c",
        "--config",
        "config_file",
        type=Named(),
        help="Configuration file, instead of looking for one.",
    ),
    section=_RULES,
)
rule_options = together(
    click.option("--rules", multiple=True, metavar="PATH", help="Further rule file or folder (repeatable)."),
    click.option("--gitleaks-config", metavar="FILE", help="Rules and allowlists of a .gitleaks.toml."),
    click.option("--enable", multiple=True, metavar="ID", help="Only rules of this id or glob (repeatable)."),
    click.option("--disable", multiple=True, metavar="ID", help="Not this rule, or glob of rules (repeatable)."),
    section=_RULES,
)
source_options = together(
    click.option("--staged", is_flag=True, help="What the index adds against HEAD."),
    click.option("--range", "revisions", metavar="A..B", help="What the commits of a range add."),
    click.option("--history", is_flag=True, help="Every blob and message reachable from any ref or reflog."),
    click.option("--unreachable", is_flag=True, help="With --history: objects that no ref leads to, too."),
    click.option("--recurse-submodules", is_flag=True, help="With --history: the histories of submodules, too."),
    click.option("--since", metavar="DATE", help="With --history: only what commits since then brought in."),
    click.option("--branch", metavar="REF", help="With --history: only what commits of this branch brought in."),
    _at_most("--max-depth", "With --history: only the newest N commits."),
    click.option(
        "--stdin-name", default="<stdin>", show_default=True, metavar="NAME", help="What to call standard input."
    ),
    section="What is scanned",
)
image_options = together(
    click.option("--image", metavar="REF|PATH", help="A container image: its layers and configuration."),
    click.option(
        "--platform", metavar="OS/ARCH", help="With --image: this one of a list, or all.  [default: this machine's]"
    ),
    click.option(
        "--base", metavar="REF|PATH|DIGEST", help="With --image: tell this base image's secrets from your own."
    ),
    click.option(
        "--dockerfile",
        type=Named(exists=True, dir_okay=False, readable=True),
        metavar="FILE",
        help="With --image: name the lines of the Dockerfile it was built from.",
    ),
    click.option(
        "--insecure-registry",
        is_flag=True,
        help="With --image: this registry may have plain HTTP or any certificate.",
    ),
    click.option("--max-layer-size", metavar="SIZE", help="Bytes read of one layer, unpacked.  [default: 64G]"),
    _at_most("--max-layer-ratio", "Unpacked to packed.  [default: 1100]"),
    _at_most("--max-layer-members", "Of one layer.  [default: 2000000]"),
    _at_most("--max-layer-seconds", "For one layer.  [default: 3600]"),
    section="Container images",
)
finding_options = together(
    click.option(
        "--min-confidence",
        type=click.Choice(CONFIDENCES),
        metavar="TIER",
        help=f"Lowest tier reported: {', '.join(CONFIDENCES)}.  [default: medium]",
    ),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these paths out (repeatable)."),
    click.option("--baseline", metavar="FILE", help="Findings known in this file are suppressed."),
    click.option("--use-gitignore", is_flag=True, default=None, help="Leave ignored files out."),
    click.option("--max-file-size", metavar="SIZE", help="Larger files are skipped (500000, 20M, 2G).  [default: 1G]"),
    section="What is reported",
)
inside_options = together(
    click.option(
        "--max-archive-depth",
        type=click.IntRange(0),
        metavar="N",
        help="Archives opened within archives; 0 opens none.  [default: 4]",
    ),
    click.option(
        "--max-decode-depth",
        type=click.IntRange(0),
        metavar="N",
        help="Encodings undone within encodings; 0 undoes none.  [default: 2]",
    ),
    click.option("--max-archive-size", metavar="SIZE", help="Bytes one file may unpack to.  [default: 1G]"),
    _at_most("--max-archive-ratio", "Times its own size that a file may unpack to, beyond 64 MiB.  [default: 200]"),
    _at_most("--max-archive-members", "Members of one file's archives.  [default: 100000]"),
    _at_most("--max-archive-seconds", "Seconds that one file's archives may take.  [default: 120]"),
    section="Inside archives, notebooks and encodings",
)
output_options = together(
    click.option(
        "-f",
        "--format",
        multiple=True,
        type=click.Choice(FORMATS),
        metavar="NAME",
        help=f"Report format (repeatable): {', '.join(FORMATS)}.  [default: text]",
    ),
    click.option(
        "-o",
        "--output",
        multiple=True,
        type=Named(),
        help="Write the report here; the first -o takes the first -f, and so on.",
    ),
    click.option("--show-secrets", is_flag=True, help="Print secrets instead of redacting them (text and JSON only)."),
    click.option("--show-suppressed", is_flag=True, default=None, help="List suppressed findings with their reasons."),
    click.option("--exit-code", type=click.IntRange(0, 255), metavar="N", help="Exit code for findings.  [default: 1]"),
    click.option("--exit-zero", is_flag=True, default=None, help="Exit 0 even with findings."),
    click.option(
        "--allow-incomplete", is_flag=True, default=None, help="Exit 0 even if something could not be scanned."
    ),
    click.option("-q", "--quiet", is_flag=True, help="No progress; no report where there is nothing to report."),
    section="Reports and exit codes",
)
engine_options = together(
    click.option(
        "--cache",
        "cache_file",
        type=Named(),
        metavar="PATH",
        help="Remember history and image scans here.",
    ),
    click.option("--no-cache", is_flag=True, help="Read all of a history or image again, and remember nothing."),
    click.option(
        "-j", "--jobs", type=click.IntRange(0), metavar="N", help="Processes or threads.  [default: one a core]"
    ),
    click.option("--engine", metavar="NAME", help="auto, hyperscan or regex.  [default: auto]"),
    section="Speed",
)
