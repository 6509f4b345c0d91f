"""`llmsecrets hook`: git hooks for those who use no hook framework."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import Named, config_option, together
from llmsecrets.cli.output import complain, outcome, write_reports
from llmsecrets.cli.targets import Place, Request, load_rules, run_scan
from llmsecrets.errors import ConfigError, ExitCode
from llmsecrets.hooks import KINDS

if TYPE_CHECKING:
    from llmsecrets.config import Config
    from llmsecrets.git import Repository
    from llmsecrets.model import ScanReport
    from llmsecrets.sources import Source

_BUDGET = 60.0  # seconds a server lets a push wait


@click.group(short_help="Scan before a commit or a push, or on a server.")
def hook() -> None:
    """Scan before a commit, before a push, or on a server before it takes one in."""


_kind = click.argument("kind", type=click.Choice(KINDS))
_repository = click.argument("repository", required=False, type=Named())
_everywhere = click.option(
    "--global", "everywhere", is_flag=True, help="For all your repositories, by git's core.hooksPath."
)
_run_options = together(
    config_option,
    click.option(
        "--budget",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help=f"Longest a scan may take.  [default: {_BUDGET:g} for pre-receive, else no limit]",
    ),
    click.option(
        "--over-budget",
        type=click.Choice(["refuse", "accept"]),
        help="What becomes of a change that the time was not enough for.  [default: refuse]",
    ),
)


@hook.command("install")
@_kind
@_repository
@_everywhere
@_run_options
def hook_install(kind: str, repository: Path | None, everywhere: bool, **options: Any) -> None:
    """Install a hook. One that is there already is kept, and runs first.

    \b
    pre-commit     looks at what is staged
    pre-push       looks at the commits and tags that the remote has not yet
    pre-receive    on a server, in a bare repository: looks at what a push brings in
    """
    from llmsecrets import hooks

    words, folder = _words(options), _folder(repository, everywhere)
    file = hooks.install(folder, kind, words) if folder else hooks.install_everywhere(kind, words)
    click.echo(f"{file}: installed")


@hook.command("uninstall")
@_kind
@_repository
@_everywhere
def hook_uninstall(kind: str, repository: Path | None, everywhere: bool) -> None:
    """Take the hook away again, and put the one from before back."""
    from llmsecrets import hooks

    folder = _folder(repository, everywhere)
    removed = hooks.uninstall(folder, kind) if folder else hooks.uninstall_everywhere(kind)
    click.echo(f"{kind}: {'uninstalled' if removed else 'no hook of llmsecrets is installed'}")


def _folder(repository: Path | None, everywhere: bool) -> Path | None:
    """Where the hooks of a repository are; None for all repositories."""
    if everywhere:
        if repository:
            raise click.UsageError("--global is for all your repositories: name none.")
        return None
    from llmsecrets import hooks
    from llmsecrets.cli.targets import repository_at

    return hooks.folder_of(repository_at(repository or Path()))


def _words(options: dict[str, Any]) -> list[str]:
    """The options to run the hook with, as they will be written into its script."""
    config_file: Path | None = options["config_file"]
    if config_file and not config_file.is_file():
        raise ConfigError(f"{config_file}: no such file", "Check the path.")
    named = {
        "--config": config_file and config_file.resolve(),
        "--budget": options["budget"],
        "--over-budget": options["over_budget"],
    }
    return [f"{name}={value}" for name, value in named.items() if value is not None]


# ---- what the hooks run ------------------------------------------------------------------------------------------


@hook.command("run", hidden=True)
@_kind
@click.argument("arguments", nargs=-1)
@_run_options
def hook_run(
    kind: str, arguments: tuple[str, ...], config_file: Path | None, budget: float | None, over_budget: str | None
) -> int:
    """What an installed hook runs: git's own arguments, and its lines on standard input."""
    from llmsecrets.git import Repository

    place = Place.of((Path(),), in_git=True)
    settings = place.rebased(configuration.load(Path(), {}, config_file))
    source = _source(kind, arguments, Repository(Path(), of_the_hook=True), settings)
    seconds = budget or (_BUDGET if kind == "pre-receive" else None)
    if seconds:
        from llmsecrets.sources.deadline import Deadline

        source = Deadline(source, seconds)
    rules = load_rules(settings)
    report = run_scan(source, rules, settings, Request())
    if not (report.findings or report.stats.blobs or report.skips):
        return ExitCode.CLEAN  # nothing but deletions, say: fine, also where CI wants every scan to see something
    write_reports(report, rules, (), {"show_secrets": False, "quiet": True}, settings)
    code = outcome(report, _tolerant(report, settings) if over_budget == "accept" else settings)
    if code:
        complain(*_verdict(kind, bool(report.findings)))
    return code


def _source(kind: str, arguments: tuple[str, ...], repository: Repository, settings: Config) -> Source:
    """What the hook is to look at."""
    from llmsecrets import filters

    limits: dict[str, Any] = {"excluded": filters.excluder(settings), "max_size": settings.max_file_size}
    if kind == "pre-commit":
        from llmsecrets.sources.changes import StagedSource

        return StagedSource(repository, **limits)
    from llmsecrets.sources import pushes

    lines = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    if kind == "pre-receive":
        return pushes.PushSource(repository, pushes.parse_received(lines), ("--not", "--all"), **limits)
    there = ("--not", f"--remotes={arguments[0]}" if arguments else "--remotes")
    return pushes.PushSource(repository, pushes.parse_pushed(lines), there, **limits)


def _tolerant(report: ScanReport, settings: Config) -> Config:
    """The settings for a report that only the time was not enough for, where that is to be accepted. It is said."""
    from llmsecrets.sources.deadline import OUT_OF_TIME

    late = [skip for skip in report.skips if not skip.expected]
    if report.findings or not late or any(skip.reason != OUT_OF_TIME for skip in late):
        return settings
    complain("the time was not enough to look at all of it; it is accepted all the same")
    return settings._replace(allow_incomplete=True)


def _verdict(kind: str, found: bool) -> tuple[str, str]:
    """What happened, and what to do about it."""
    what = "commit" if kind == "pre-commit" else "push"
    if not found:
        return f"this {what} is refused: not all of it could be looked at", "What was skipped, and why, stands above."
    out = "out, stage that, and commit again" if what == "commit" else "out of the commits named above (git rebase -i)"
    advice = f"Revoke the key first, if anybody else may have seen it. Then take it {out}."
    return (
        f"this {what} is refused: it holds a secret",
        f"{advice}\n  If it is none, say so in its line: llmsecrets:ignore",
    )
