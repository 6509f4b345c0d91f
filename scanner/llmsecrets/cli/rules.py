"""`llmsecrets rules`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import Named, config_option, rule_options
from llmsecrets.cli.output import say
from llmsecrets.cli.targets import load_rules
from llmsecrets.config import Config
from llmsecrets.errors import ExitCode

if TYPE_CHECKING:
    from llmsecrets.rulebench import Bench


@click.group()
def rules() -> None:
    """List, show, check and measure rules."""


@rules.command("list")
@rule_options
@config_option
def rules_list(**options: Any) -> None:
    """One line a rule: id, severity, confidence, name."""
    for rule in load_rules(_loaded(options)):
        say(f"{rule.id:<40} {rule.severity:<9} {rule.confidence:<7} {rule.name}")


@rules.command("show")
@click.argument("rule_id")
@rule_options
@config_option
def rules_show(rule_id: str, **options: Any) -> None:
    """Everything a rule says, as JSON."""
    import json

    rule = load_rules(_loaded(options)).get(rule_id)
    shown = {
        **rule._asdict(),
        "allow": rule.allow._asdict(),
        "components": [part._asdict() for part in rule.components],
    }
    shown["checksum"] = rule.checksum._asdict() if rule.checksum else None
    click.echo(json.dumps(shown, indent=2))


@rules.command("check")
@click.argument("paths", nargs=-1, type=Named())
def rules_check(paths: tuple[Path, ...]) -> int:
    """Run the examples of rule files (default: the built-in rules) on every engine and look for costly patterns."""
    from llmsecrets import rulecheck

    chosen = rulecheck.selected(paths)
    problems = list(rulecheck.check(chosen))
    for problem in problems:
        click.echo(problem, err=True)
    click.echo(f"{len(chosen)} rules, {len(problems)} problems")
    return ExitCode.USAGE if problems else ExitCode.CLEAN


@rules.command("bench")
@click.argument("paths", nargs=-1, type=Named())
@click.option("--top", type=click.IntRange(0), default=20, show_default=True, metavar="N",
              help="Rules shown and tried alone, the dearest first; 0 for all.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@click.option("--engine", metavar="NAME", help="auto, hyperscan or regex.  [default: auto]")
@rule_options
@config_option
def rules_bench(paths: tuple[Path, ...], top: int, as_json: bool, **options: Any) -> None:
    """What each rule costs on files of yours (default: .): stage one together and alone, and confirming."""
    from llmsecrets import rulebench
    from llmsecrets.model import Chunk
    from llmsecrets.sources.paths import PathSource

    settings = _loaded(options)
    source = PathSource(paths or (Path(),), excluded=lambda path: "", max_size=settings.max_file_size)
    chunks = (item for shard in source.shards(1) for item in shard if isinstance(item, Chunk))
    bench = rulebench.measure(load_rules(settings), chunks, options["engine"] or settings.engine, top or None)
    for line in [_as_json(bench)] if as_json else _table(bench, top or None):
        click.echo(line)


def _as_json(bench: Bench) -> str:
    import json

    costs = [cost._asdict() for cost in bench.costs]
    whole = {"size": bench.size, "seconds": bench.seconds, "together": bench.together, "rules": costs}
    return json.dumps(whole, indent=2)


def _table(bench: Bench, top: int | None) -> Iterator[str]:
    """Shares are of the corpus, speeds in millions of bytes a second."""
    hit = sum(1 for cost in bench.costs if cost.regions)
    confirming = sum(cost.seconds for cost in bench.costs)
    yield (
        f"{len(bench.costs)} rules on {bench.size / 1e6:.1f} MB: stage one {bench.together / 1e6:.0f} MB/s together; "
        f"regions for {hit} rules, confirmed in {confirming:.3f} s"
    )
    yield f"{'rule':<40} {'regions':>9} {'of text':>8} {'confirmed':>9} {'confirming':>11} {'alone':>11}"
    for cost in bench.costs[:top]:
        share = 100 * cost.size / bench.size if bench.size else 0.0
        alone = f"{cost.alone / 1e6:.0f} MB/s" if cost.alone else "-"
        yield (
            f"{cost.rule_id:<40} {cost.regions:>9,} {share:>7.2f}% {cost.confirmed:>9,} "
            f"{1000 * cost.seconds:>8.1f} ms {alone:>11}"
        )


@rules.command("schema")
def rules_schema() -> None:
    """The JSON Schema of rule files."""
    import json

    from llmsecrets.rules.fields import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


def _loaded(options: dict[str, Any]) -> Config:
    given = {name: options[name] for name in ("rules", "gitleaks_config", "enable", "disable")}
    return configuration.load(Path(), given, options["config_file"])
