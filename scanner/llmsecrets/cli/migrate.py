"""`llmsecrets migrate`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmsecrets.cli.options import Named
from llmsecrets.cli.output import say, to_file
from llmsecrets.cli.targets import Place, Request, run_scan, source_of
from llmsecrets.config import Config
from llmsecrets.errors import ConfigError
from llmsecrets.migration import TOOLS, Left, files_of, take
from llmsecrets.model import Finding

if TYPE_CHECKING:
    from llmsecrets.git import Repository
    from llmsecrets.migration import Taken
    from llmsecrets.migration.plan import Plan
    from llmsecrets.rules import RuleSet

_CONFIGURATION = ".llmsecrets.yaml"


@click.command(short_help="Carry over what other scanners' files say.")
@click.argument("tool", type=click.Choice(TOOLS))
@click.argument("files", nargs=-1, type=Named())
@click.option("--write", is_flag=True, help="Write the files, instead of showing what would be written.")
@click.option("--force", is_flag=True, help="With --write: replace files that exist.")
def migrate(tool: str, files: tuple[Path, ...], write: bool, force: bool) -> None:
    """Carry over what another scanner's FILES say (default: those at the root), into our configuration and baseline.

    \b
    llmsecrets migrate gitleaks                   show what would be written, and what cannot be carried over
    llmsecrets migrate detect-secrets --write     write .llmsecrets.yaml and .llmsecrets-baseline.jsonl
    """
    from llmsecrets import baseline, matching
    from llmsecrets.engine import Engine
    from llmsecrets.migration.plan import make
    from llmsecrets.migration.resolve import Resolver

    root, repository = _surroundings()
    outputs = [root / _CONFIGURATION, root / baseline.DEFAULT]
    if write and not force:
        _refuse_existing(outputs)
    taken = take(tool, files or files_of(tool, Path(os.path.relpath(root))))
    rules = _rules(taken)
    engine = Engine(rules, matching.compile_rules(rules))
    resolver = Resolver(root, repository, engine, lambda: _everything(root, repository, rules), taken.known)
    plan = make(_relative(taken, root), engine, resolver.answer, tool)
    _show(plan, engine)
    if write:
        texts = (plan.configuration, baseline.dump(plan.known) if plan.known.entries else "")
        for file, text in zip(outputs, texts, strict=True):
            if text:
                to_file(file, lambda out, text=text: out.write(text))  # type: ignore[misc]
                click.echo(f"{file.name}: written")
    else:
        click.echo("Nothing was written. To write it: --write")


def _surroundings() -> tuple[Path, Repository | None]:
    """The root that paths start at: of the repository around, else the current folder."""
    root = Place.of((Path(),), in_git=True).root or Path.cwd()
    if not (root / ".git").exists():
        return root, None
    from llmsecrets.git import Repository

    return root, Repository(root)


def _refuse_existing(files: Iterable[Path]) -> None:
    for file in files:
        if file.exists():
            raise ConfigError(f"{file} exists", "Use --force to replace it and lose what it holds.")


def _rules(taken: Taken) -> RuleSet:
    """The rules that will scan after the migration."""
    from llmsecrets import gitleaks, rules

    file = taken.settings.get("gitleaks_config")
    return gitleaks.rule_set(Path(file)) if file else rules.load_rules()


def _relative(taken: Taken, root: Path) -> Taken:
    """The file of rules as the configuration at the root names it."""
    file = taken.settings.get("gitleaks_config")
    if not file:
        return taken
    return taken._replace(settings={**taken.settings, "gitleaks_config": Path(os.path.relpath(file, root)).as_posix()})


def _everything(root: Path, repository: Repository | None, rules: RuleSet) -> Iterable[Finding]:
    """All findings of the files and, in a repository, of the history."""
    settings = Config(min_confidence="low")
    top = Path(os.path.relpath(root))
    for history in (False, True) if repository else (False,):
        request = Request(paths=(top,), history=history)
        place = Place.of((top,), in_git=history)
        yield from run_scan(source_of(request, settings, place), rules, settings, request).findings


def _show(plan: Plan, engine: object) -> None:
    from llmsecrets.masking import masked

    if plan.configuration:
        click.echo(f"{_CONFIGURATION}:")
        for line in masked(plan.configuration, engine).splitlines():  # type: ignore[arg-type]
            say(f"  {line}")
        click.echo()
    if plan.known.entries:
        states = ", ".join(f"{count} {state}" for state, count in sorted(plan.states.items()))
        click.echo(f"Baseline: {len(plan.known.entries)} findings ({states})")
        for entry in plan.known.entries:
            say(f"  {entry.path}  {entry.rule}  {entry.state}")
        click.echo("")
    _list("Not carried over", plan.left)
    _list("Not needed", plan.unneeded)
    if not (plan.configuration or plan.known.entries):
        click.echo("Nothing to carry over.")


def _list(title: str, entries: Sequence[Left]) -> None:
    if not entries:
        return
    click.echo(f"{title}:")
    for one in entries:
        say(f"  {one.origin}: {one.why}")
    click.echo()
