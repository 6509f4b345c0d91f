"""`llmsecrets baseline`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import Named, config_option, rule_options, together
from llmsecrets.cli.output import complain, say, to_file
from llmsecrets.cli.targets import Request, Scanned, holds_after, scanned
from llmsecrets.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from llmsecrets.baseline import Baseline, Entry
    from llmsecrets.config import Config
    from llmsecrets.known import Renewal

_DEFAULT = ".llmsecrets-baseline.jsonl"
_paths = click.argument("paths", nargs=-1, type=Named())
_file = click.option(
    "--baseline",
    "file",
    type=Named(),
    help=f"The baseline.  [default: the configured one, else {_DEFAULT}]",
)
_scan_options = together(rule_options, config_option)


@click.group()
def baseline() -> None:
    """Keep findings that are known."""


@baseline.command("create")
@_paths
@click.option(
    "-o",
    "--output",
    type=Named(),
    help=f"Write here.  [default: the configured one, else {_DEFAULT}]",
)
@click.option("--history", is_flag=True, help="Of the whole history, not of the files.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--gitattributes", is_flag=True, help="Have git merge the file by lines: a line in .gitattributes.")
@_scan_options
def baseline_create(output: Path | None, history: bool, force: bool, gitattributes: bool, **options: Any) -> None:
    """Write the findings of a scan to a baseline file: later scans with --baseline report only what is new."""
    from llmsecrets.baseline import entries_of, new

    file = chosen_file(output, _settings(options))
    if file.exists() and not force:
        raise ConfigError(f"{file} exists", "Use --force to replace it and lose what it holds.")
    findings = _scanned(options, history).report.findings
    empty = new("history" if history else "files")
    write(file, empty._replace(entries=entries_of(findings, empty.salts[0])))
    click.echo(f"{file}: {len(findings)} findings recorded")
    if gitattributes:
        _merge_by_lines(file)


@baseline.command("update")
@_paths
@_file
@_scan_options
def baseline_update(file: Path | None, **options: Any) -> None:
    """Scan, and bring the baseline up to date: add what is new, drop what is gone, keep every verdict.

    With PATHS, only what it says of these.
    """
    with _renewed(file, options) as (path, known, renewal):
        write(path, known._replace(entries=renewal.entries))
    _tell(path, renewal)


@baseline.command("prune")
@_paths
@_file
@click.option("--expired", is_flag=True, help="Drop entries whose last day is over, too.")
@_scan_options
def baseline_prune(file: Path | None, expired: bool, **options: Any) -> None:
    """Scan, and drop what is gone. Nothing is added."""
    today = date.today().isoformat()
    with _renewed(file, options) as (path, known, renewal):
        over = tuple(one for one in renewal.entries if expired and one.expired(today))
        kept = set(renewal.entries).difference(renewal.added, over)
        write(path, known._replace(entries=tuple(kept)))
    _tell(path, renewal._replace(added=(), entries=tuple(kept), dropped=renewal.dropped + over))


@baseline.command("diff")
@_paths
@_file
@_scan_options
def baseline_diff(file: Path | None, **options: Any) -> int:
    """Scan, and say what `update` would change. Exits 1 if anything."""
    with _renewed(file, options) as (path, _, renewal):
        _tell(path, renewal)
    return ExitCode.FINDINGS if renewal.added or renewal.dropped or renewal.moved else ExitCode.CLEAN


@baseline.command("merge")
@click.argument("ours", type=Named())
@click.argument("theirs", nargs=-1, required=True, type=Named())
@click.option("--base", type=Named(), help="What both come from: then what one dropped stays away.")
@click.option("-o", "--output", type=Named(), help="Write here.  [default: to OURS]")
def baseline_merge(ours: Path, theirs: tuple[Path, ...], base: Path | None, output: Path | None) -> None:
    """Put baselines together. Of two verdicts on a finding the more decided holds, of those the more cautious.

    Also a merge driver for git:

    \b
    git config merge.llmsecrets.driver 'llmsecrets baseline merge %A %B --base %O'
    echo '.llmsecrets-baseline.jsonl merge=llmsecrets' >> .gitattributes
    """
    from llmsecrets.baseline import load, merge

    made_apart = base is None or (base.is_file() and not base.stat().st_size)  # git gives an empty file for no base
    origin = None if base is None or made_apart else load(base)
    merged = load(ours)
    for other in theirs:
        merged = merge(merged, load(other), origin)
    write(output or ours, merged)
    if output or not base:
        click.echo(f"{output or ours}: {len(merged.entries)} findings")


@baseline.command("stats")
@click.argument("file", required=False, type=Named())
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@config_option
def baseline_stats(file: Path | None, as_json: bool, config_file: Path | None) -> None:
    """Count what a baseline holds, by verdict and by rule."""
    from llmsecrets.baseline import load

    path = chosen_file(file, configuration.load(Path(), {}, config_file))
    entries, today = load(path).entries, date.today().isoformat()
    totals = {
        "findings": len(entries),
        "files": len({entry.path for entry in entries}),
        "expired": sum(entry.expired(today) for entry in entries),
    }
    counts = {
        "states": dict(Counter(verdict_of(entry) for entry in entries).most_common()),
        "rules": dict(Counter(entry.rule or entry.family for entry in entries).most_common()),
    }
    if as_json:
        import json

        click.echo(json.dumps({**totals, **counts}, indent=2))
        return
    click.echo(f"{path}: {', '.join(f'{count} {name}' for name, count in totals.items())}")
    for table in counts.values():
        click.echo()
        for label, count in table.items():
            say(f"{count:>7}  {label}")


# ---- what the commands share -----------------------------------------------------------------------------------------


def chosen_file(file: Path | None, settings: Config) -> Path:
    """The baseline that is meant: the one named, or configured, or of the usual name."""
    return file or Path(settings.baseline or _DEFAULT)


def verdict_of(entry: Entry) -> str:
    """A verdict in words: `real, open`."""
    return ", ".join(filter(None, (entry.state, entry.rotation)))


def write(path: Path, known: Baseline) -> None:
    """Write a baseline whole."""
    from llmsecrets.baseline import dump

    to_file(path, lambda out: out.write(dump(known)))


def _scanned(options: dict[str, Any], history: bool) -> Scanned:
    request = Request.of({**options, "history": history})
    return scanned(request, _settings(options)._replace(baseline=""))


def _settings(options: dict[str, Any]) -> Config:
    given = {name: options[name] for name in ("rules", "gitleaks_config", "enable", "disable")}
    return configuration.load((options["paths"] or (Path(),))[0], given, options["config_file"])


@contextmanager
def _renewed(file: Path | None, options: dict[str, Any]) -> Iterator[tuple[Path, Baseline, Renewal]]:
    """(the baseline's file, what is in it, what a scan makes of it). Until it is left, nobody else changes the file."""
    from llmsecrets.baseline import Index, alone, dump, load
    from llmsecrets.known import renew
    from llmsecrets.scan import by_age

    settings = _settings(options)
    path = chosen_file(file, settings)
    done = _scanned(options, load(path).scope == "history")
    looked_at = _looked_at(done, options["paths"] or (Path(),), chosen=bool(options["enable"] or options["disable"]))
    holds = holds_after(done, settings)
    with alone(path):
        known = load(path)  # again: a verdict may have been entered during the scan
        index = Index(dump(known).encode(), str(path))
        yield path, known, renew(known, index, by_age(done.report.findings), holds, looked_at)


def _looked_at(done: Scanned, targets: Iterable[Path], *, chosen: bool) -> Callable[[Entry], bool]:
    """Whether a scan looked at all that stands at an entry's path, and for its kind: rules may have been `chosen`."""
    families = {rule.family for rule in done.rules}
    whole = [done.place.shown(target) for target in targets] if not done.report.grouped else []
    parts = [skip.provenance.path for skip in done.report.skips if not skip.expected]
    if any(not path for path in parts):
        complain("the scan is incomplete: nothing is dropped")
        return lambda entry: False

    def looked_at(entry: Entry) -> bool:
        asked = (not whole or _is_below(entry.path, whole)) and (not chosen or entry.family in families)
        return asked and not _is_below(entry.path, parts)

    return looked_at


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(folder in (".", path) or path.startswith(f"{folder}/") for folder in folders)


def _tell(path: Path, renewal: Renewal) -> None:
    for entry in renewal.added:
        say(f"+ {entry.path}: {entry.rule}")
    for entry, now in renewal.moved:
        say(f"> {entry.path}: {entry.rule}, now {now}")
    for entry in renewal.dropped:
        say(f"- {entry.path}: {entry.rule}, {verdict_of(entry)}")
    click.echo(
        f"{path}: {len(renewal.added)} added, {len(renewal.moved)} moved, {len(renewal.dropped)} dropped, "
        f"{len(renewal.entries)} findings in all"
    )


def _merge_by_lines(path: Path) -> None:
    """Add the line to a file of any encoding, of which nothing else changes."""
    attributes = path.with_name(".gitattributes")
    line = f"{path.name} merge=union"
    try:
        held = attributes.read_bytes() if attributes.exists() else b""
        if line.encode() not in held.splitlines():
            with attributes.open("ab") as out:
                out.write(f"{line}\n".encode() if held[-1:] in (b"", b"\n") else f"\n{line}\n".encode())
    except OSError as failure:
        raise ConfigError(f"{attributes}: cannot be written: {failure.strerror}", f"Add to it: {line}") from failure
    click.echo(f"{attributes}: {line}")
