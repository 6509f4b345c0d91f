"""`llmsecrets explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import config_option, rule_options
from llmsecrets.cli.output import say
from llmsecrets.cli.targets import Request, load_rules, scanned
from llmsecrets.config import Config
from llmsecrets.errors import ConfigError
from llmsecrets.model import Provenance


@click.command(short_help="Say why something is reported or not.")
@click.argument("finding", metavar="FINDING|FILE:LINE")
@click.option("--baseline", metavar="FILE", help="Findings known in this file are suppressed.")
@rule_options
@config_option
def explain(finding: str, baseline: str | None, config_file: Path | None, **options: Any) -> None:
    """Say why something is reported or not: which rules looked, what they found, what was decided about it.

    FINDING is the fingerprint of a finding in this folder, as JSON reports have it, or its first characters.
    """
    settings = configuration.load(Path(), {**options, "baseline": baseline}, config_file)
    file, line = _place(finding, settings)
    if not file.is_file():
        raise ConfigError(f"{file}: no such file", "Name it as FILE:LINE.")
    _explain(file, line, settings)


def _place(text: str, settings: Config) -> tuple[Path, int]:
    """(file, line) that are meant."""
    name, _, number = text.rpartition(":")
    if name and number.isdigit() and int(number):
        return Path(name), int(number)
    if len(text) < 8 or set(text.lower()) - set("0123456789abcdef"):
        raise click.UsageError("Give FILE:LINE, or eight or more characters of a fingerprint.")
    done = scanned(Request(), settings)
    for finding in done.report.every_finding:
        if finding.fingerprint().startswith(text.lower()):
            root = done.place.root or Path()
            return Path(root, finding.provenance.path), finding.location.start_line
    raise ConfigError(f"no finding here has the fingerprint {text}", "Run it where the scan was run.")


def _explain(file: Path, line: int, settings: Config) -> None:
    from llmsecrets import matching
    from llmsecrets.explain import looks, why
    from llmsecrets.model import Chunk
    from llmsecrets.reporters import words
    from llmsecrets.reporters.view import View

    done = scanned(Request(paths=(file,)), settings)
    view = View(done.report)
    rules = load_rules(settings)
    try:
        content = file.read_bytes()
    except OSError as failure:
        raise ConfigError(f"{file}: cannot be read: {failure.strerror}", "Check its permissions.") from failure
    count = content.count(b"\n") + (not content.endswith(b"\n"))
    chunk = Chunk(content, Provenance(done.place.shown(file)))
    found = looks(rules, matching.compile_rules(rules, settings.engine), chunk, line, done.report)
    if line > count and not found:  # found can be what an archive's member has in its own line of this number
        raise ConfigError(f"{file} has no line {line}, its last is {count}", "Name it as FILE:LINE.")
    say(f"{chunk.provenance.path}:{line}")
    if not found:
        click.echo("No rule looks at anything here.")
    for look in found:
        click.echo()
        say(f"{look.rule.id}: {look.verdict}")
        if look.finding:
            one = look.finding
            say(f"  found    {view.secret(one.secret)}, {one.severity}, {one.confidence} confidence")
            say(f"  score    {one.score:.2f}: {view.text(why(one))}")
            if one.provenance.containers:
                say(f"  inside   {words.inside(view, one.provenance)}")
        if look.verdict != "reported":
            say(f"  because  {view.text(look.why)}")
