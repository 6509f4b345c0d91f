"""`llmsecrets rules`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from llmsecrets import config as configuration
from llmsecrets.cli.options import config_option, rule_options
from llmsecrets.cli.targets import load_rules
from llmsecrets.config import Config
from llmsecrets.errors import ExitCode


@click.group()
def rules() -> None:
    """List, show and check rules."""


@rules.command("list")
@rule_options
@config_option
def rules_list(**options: Any) -> None:
    """One line a rule: id, severity, confidence, name."""
    for rule in load_rules(_loaded(options)):
        click.echo(f"{rule.id:<40} {rule.severity:<9} {rule.confidence:<7} {rule.name}")


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
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


@rules.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def rules_check(paths: tuple[Path, ...]) -> int:
    """Run the examples of rule files (default: the built-in rules) on every engine and look for costly patterns."""
    from llmsecrets import rulecheck

    chosen = rulecheck.selected(paths)
    problems = list(rulecheck.check(chosen))
    for problem in problems:
        click.echo(problem, err=True)
    click.echo(f"{len(chosen)} rules, {len(problems)} problems")
    return ExitCode.USAGE if problems else ExitCode.CLEAN


@rules.command("schema")
def rules_schema() -> None:
    """The JSON Schema of rule files."""
    import json

    from llmsecrets.rules import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


def _loaded(options: dict[str, Any]) -> Config:
    given = {name: options[name] for name in ("rules", "gitleaks_config", "enable", "disable")}
    return configuration.load(Path(), given, options["config_file"])
