"""`llmsecrets init`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import Named
from llmsecrets.cli.output import complain
from llmsecrets.cli.targets import Place, Request, load_rules, repository_at, run_scan, source_of
from llmsecrets.errors import ExitCode

if TYPE_CHECKING:
    from llmsecrets.model import ScanReport
    from llmsecrets.proposals import Origin, Proposal


@click.command(short_help="Propose what a repository lacks, and write it when agreed.")
@click.argument("repository", default=".", type=Named())
@click.option("-y", "--yes", is_flag=True, help="Write what is proposed without asking.")
def init(repository: Path, yes: bool) -> int:
    """Look at a repository and propose what it lacks: a configuration, a baseline, a hook, a job in its CI.

    Everything is shown before it is written, and nothing is overwritten.
    """
    from llmsecrets.git import Repository
    from llmsecrets.proposals import BASELINE, proposals, write

    root = repository_at(repository).facts.root
    os.chdir(root)  # paths in a baseline start at the root
    report = _scan()
    proposed = list(proposals(root, Repository(root).unignored(), len(report.findings), _origin()))
    files = [
        one._replace(content=_baseline(report)) if one.path == BASELINE else one
        for one in proposed
        if one.path and not one.by_hand
    ]
    for proposal in proposed:
        _show(proposal)
    if not files:
        click.echo("There is nothing to write.")
        return ExitCode.CLEAN
    if not yes and not (sys.stdin.isatty() and click.confirm("Write the new files?")):
        complain("nothing was written", "To write the new files: llmsecrets init --yes")
        return ExitCode.CLEAN
    for proposal in files:
        click.echo(f"{write(root, proposal)}: written")
    return ExitCode.CLEAN


def _scan() -> ScanReport:
    """What the repository's files hold that are not known yet, as `llmsecrets scan --use-gitignore` finds it."""
    settings = configuration.load(Path(), {"use_gitignore": True})
    request = Request()
    place = Place.of(request.targets, in_git=False)
    return run_scan(source_of(request, settings, place), load_rules(settings), place.rebased(settings), request)


def _baseline(report: ScanReport) -> str:
    from llmsecrets.baseline import dump, entries_of, new

    empty = new()
    return dump(empty._replace(entries=entries_of(report.findings, empty.salts[0])))


def _origin() -> Origin:
    """Where this installation comes from, as pip has written down (PEP 610)."""
    import json
    from importlib.metadata import distribution

    from llmsecrets.proposals import Origin

    installed = distribution("llmsecrets")
    direct = json.loads(installed.read_text("direct_url.json") or "{}")
    commit = direct.get("vcs_info", {}).get("commit_id", "")
    if not commit:
        return Origin(version=installed.version)
    return Origin(direct["url"].removesuffix(".git").rstrip("/"), commit, installed.version)


def _show(proposal: Proposal) -> None:
    if not proposal.path:
        click.echo(f"Advice: {proposal.reason}\n")
        return
    click.echo(f"{'Add by hand to' if proposal.by_hand else 'New file'} {proposal.path}: {proposal.reason}")
    for line in proposal.content.splitlines():
        click.echo(f"    {line}".rstrip())
    click.echo()
