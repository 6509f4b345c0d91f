"""Find the keys and passwords that leak where people build with large language models.

The public API; docs/library.md shows it in use. Names are imported when they are asked for: the command, which a hook
starts with every commit, needs none of them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmsecrets.config import Config
    from llmsecrets.config import load as load_config
    from llmsecrets.errors import ConfigError, ExitCode, LlmsecretsError, RuleError, SourceError
    from llmsecrets.library import redact, scan_history, scan_paths, scan_text
    from llmsecrets.model import (
        Commit,
        Container,
        Finding,
        Location,
        Provenance,
        ScanReport,
        Secret,
        Skip,
        Stats,
        Suppressed,
    )
    from llmsecrets.reporters import write as write_report
    from llmsecrets.rules import Rule, RuleSet, load_rules

__all__ = [
    "Commit",
    "Config",
    "ConfigError",
    "Container",
    "ExitCode",
    "Finding",
    "LlmsecretsError",
    "Location",
    "Provenance",
    "Rule",
    "RuleError",
    "RuleSet",
    "ScanReport",
    "Secret",
    "Skip",
    "SourceError",
    "Stats",
    "Suppressed",
    "load_config",
    "load_rules",
    "redact",
    "scan_history",
    "scan_paths",
    "scan_text",
    "write_report",
]

# Module → the names it has here, and those it has at home where they differ.
_HOMES = {
    "config": {"Config": "Config", "load_config": "load"},
    "errors": {name: name for name in ("ConfigError", "ExitCode", "LlmsecretsError", "RuleError", "SourceError")},
    "library": {name: name for name in ("redact", "scan_history", "scan_paths", "scan_text")},
    "model": {
        name: name
        for name in (
            "Commit", "Container", "Finding", "Location", "Provenance", "ScanReport", "Secret", "Skip", "Stats",
            "Suppressed",
        )
    },
    "reporters": {"write_report": "write"},
    "rules": {name: name for name in ("Rule", "RuleSet", "load_rules")},
}  # fmt: skip


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"llmsecrets.{module}"), names[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
