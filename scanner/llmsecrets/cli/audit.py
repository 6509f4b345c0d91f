"""`llmsecrets audit`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.baseline import chosen_file, verdict_of, write
from llmsecrets.cli.options import Named, config_option, rule_options, together
from llmsecrets.cli.output import say
from llmsecrets.cli.targets import Request, Scanned, holds_after, scanned
from llmsecrets.errors import ConfigError
from llmsecrets.model import display_path

if TYPE_CHECKING:
    from llmsecrets.audit import Item
    from llmsecrets.baseline import Entry
    from llmsecrets.cli.walk import Sight
    from llmsecrets.config import Config
    from llmsecrets.model import Commit, Finding

# As `baseline.STATES` and `ROTATIONS`, which need not be imported to show a help text.
_STATES = ("unreviewed", "test-data", "false-positive", "accepted", "real")
_ROTATIONS = ("open", "rotated", "revoked")
_options = together(rule_options, config_option)
_file = click.argument("file", metavar="[BASELINE]", required=False, type=Named())
_author = click.option("--author", metavar="NAME", help="Who decides.  [default: whoever git says commits here]")


class _WalkByDefault(click.Group):
    """A group that walks where no command of its is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        named = first in self.commands or first in ctx.help_option_names
        return super().parse_args(ctx, args if named else ["walk", *args])


@click.group(
    cls=_WalkByDefault,
    subcommand_metavar="[COMMAND] [BASELINE] [OPTIONS]",
    short_help="Decide about the findings of a baseline, one by one.",
)
def audit() -> None:
    """Decide about a baseline's findings, one by one: real, false positive, test data or accepted.

    Without a command: walk. Needs a terminal of 80 by 24, nothing else. Each verdict is written at once; go on whenever
    you like.
    """


@audit.command("walk")
@_file
@click.option(
    "--state", "states", multiple=True, type=click.Choice(_STATES), help="Of this state.  [default: unreviewed]"
)
@click.option("--json", "as_json", is_flag=True, help="List what there is to decide, as JSON, instead of walking.")
@_author
@_options
def audit_walk(file: Path | None, states: Sequence[str], as_json: bool, author: str | None, **options: Any) -> None:
    """Show finding after finding with what stands around it, and take verdicts."""
    if not as_json and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError("an audit needs a terminal", "For scripts: audit --json, and audit set.")
    settings = _settings(options)
    path = chosen_file(file, settings)
    done, items, gone = _looked_up(path, settings, states or ("unreviewed",))
    if as_json:
        _list(done, items)
        return
    from llmsecrets.audit import Ledger
    from llmsecrets.cli.walk import Walk
    from llmsecrets.reporters.view import View

    ledger = Ledger(path, write, author or _who())
    verdicts = Walk(path.name, items, ledger, View(done.report), _sight(done)).run()
    click.echo(f"{path}: {verdicts} decided, {len(items) - verdicts} left")
    if gone:
        click.echo(f"{gone} were found nowhere any more. To drop them: llmsecrets baseline prune")


@audit.command("set")
@click.argument("digest")
@click.argument("state", type=click.Choice(_STATES))
@_file
@click.option("--path", help="Only where the finding stands here.")
@click.option("--rotation", type=click.Choice(_ROTATIONS), help="Of a real one.  [default: open]")
@click.option("--reason", help="Why.")
@click.option("--expires", metavar="DAY", help="The last day on which it holds, as 2027-01-31.")
@_author
@config_option
def audit_set(
    digest: str,
    state: str,
    file: Path | None,
    path: str | None,
    rotation: str | None,
    author: str | None,
    config_file: Path | None,
    **fields: str | None,
) -> None:
    """Enter a verdict, by the first eight or more characters of a finding's digest."""
    from llmsecrets.audit import Ledger
    from llmsecrets.baseline import load

    if len(digest) < 8:
        raise click.UsageError("Give at least eight characters of the digest.")
    if rotation and state != "real":
        raise click.UsageError("--rotation goes with real.")
    _check_day(fields["expires"] or "")
    place = chosen_file(file, configuration.load(Path(), {}, config_file))
    chosen = [one for one in load(place).entries if one.digest.startswith(digest) and path in (None, one.path)]
    if not chosen:
        raise ConfigError(f"{place}: no finding with the digest {digest}", "See: llmsecrets audit --json")
    given = {name: value for name, value in fields.items() if value is not None}
    rotation = (rotation or "open") if state == "real" else ""
    for entry in Ledger(place, write, author or _who()).decide(chosen, state=state, rotation=rotation, **given):
        say(f"{entry.path}: {entry.rule}, {verdict_of(entry)}")


@audit.command("stats")
@_file
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@config_option
def audit_stats(file: Path | None, as_json: bool, config_file: Path | None) -> None:
    """How often each rule was right so far: genuine (real or accepted) of all that was decided."""
    from llmsecrets.audit import precision
    from llmsecrets.baseline import load

    rows = precision(load(chosen_file(file, configuration.load(Path(), {}, config_file))).entries)
    if as_json:
        import json

        click.echo(json.dumps([{**row._asdict(), "precision": row.precision} for row in rows], indent=2))
        return
    click.echo(f"{'rule':<40} {'genuine':>8} {'false':>8} {'unreviewed':>11} {'precision':>10}")
    for row in rows:
        share = "-" if row.precision is None else f"{row.precision:.0%}"
        say(f"{row.rule:<40} {row.genuine:>8} {row.false:>8} {row.unreviewed:>11} {share:>10}")


# ---- what is looked at -----------------------------------------------------------------------------------------------


def _settings(options: dict[str, Any]) -> Config:
    given = {name: options[name] for name in ("rules", "gitleaks_config", "enable", "disable")}
    return configuration.load(Path(), given, options["config_file"])


def _looked_up(path: Path, settings: Config, states: Sequence[str]) -> tuple[Scanned, list[Item], int]:
    """(a scan, the entries of these states it has found again, how many it has not)."""
    from llmsecrets.audit import items
    from llmsecrets.baseline import Index, dump, load
    from llmsecrets.scan import by_age

    known = load(path)
    done = scanned(Request(history=known.scope == "history"), settings._replace(baseline=""))
    index = Index(dump(known).encode(), str(path))
    found = items(index, by_age(done.report.every_finding), holds_after(done, settings), states)
    return done, found, sum(entry.state in states for entry in known.entries) - len(found)


def _list(done: Scanned, items: Sequence[Item]) -> None:
    import json

    from llmsecrets.reporters.view import View

    view = View(done.report)

    def described(item: Item) -> dict[str, Any]:
        entry: Entry = item.entry
        return {
            **entry._asdict(),
            "path": display_path(entry.path),
            "severity": item.findings[0].severity,
            "confidence": item.findings[0].confidence,
            "score": item.findings[0].score,
            "shown": view.secret(item.findings[0].secret),
            "lines": [finding.location.start_line for finding in item.findings],
            "elsewhere": [
                f"{display_path(finding.provenance.whole_path)}:{finding.location.start_line}"
                for _, finding in item.elsewhere
            ],
        }

    click.echo(json.dumps([described(item) for item in items], indent=2))


def _sight(done: Scanned) -> Sight:
    from functools import cache

    from llmsecrets.cli.walk import Sight
    from llmsecrets.explain import why
    from llmsecrets.reporters.view import rule_of

    def name(finding: Finding) -> str:
        rule = rule_of(done.rules, finding.rule_id)
        return f"{rule.name} ({rule.id})" if rule else finding.rule_id

    return Sight(lambda finding: _around(done, finding), cache(_age(done)), why, name)


def _around(done: Scanned, finding: Finding) -> tuple[bytes, bytes] | None:
    """What stands before and after a secret in its file; None where the file itself does not hold it as it is."""
    content_at = getattr(done.source, "content_at", None)
    pieces = content_at(finding.provenance.path, finding.provenance.commit) if content_at else None
    content = next(iter(pieces or ()), b"")
    start, end = finding.location.start, finding.location.end
    if content[start:end] != finding.secret.reveal() or not start < end:
        return None
    return content[max(0, start - 4096) : start], content[end : end + 4096]


def _age(done: Scanned) -> Callable[[Finding], Commit | None]:
    """The commit a finding came in with: in files, the one that last changed its line."""
    from llmsecrets.git import Repository

    repository = Repository(done.place.root) if done.place.root else None

    def age(finding: Finding) -> Commit | None:
        provenance = finding.provenance
        if provenance.commit or repository is None or repository.facts.bare:
            return provenance.commit
        return repository.last_change(provenance.path, finding.location.start_line)

    return age


def _who() -> str:
    """Whoever git says commits here, else the user of this machine."""
    import getpass

    from llmsecrets.errors import SourceError
    from llmsecrets.git import Repository

    try:
        return Repository(Path()).author() or getpass.getuser()
    except SourceError:
        return getpass.getuser()


def _check_day(text: str) -> None:
    if text and not configuration.is_day(text):
        raise click.UsageError(f"{text!r} is no day such as 2027-01-31.")
