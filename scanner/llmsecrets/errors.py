"""The errors a user can act on, and the exit codes they end in.

Every expected failure is an `LlmsecretsError`: its message says what happened and where, its `advice` what to do.
Only `cli` prints them.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The process's exit status. Findings and failures never share one (docs/adr/0005)."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERRUPTED = 130


class LlmsecretsError(Exception):
    """An expected failure: what happened, and advice on what to do about it."""

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class ConfigError(LlmsecretsError):
    """The configuration, the baseline or the command line cannot be used as given."""

    exit_code = ExitCode.USAGE


class RuleError(ConfigError):
    """A rule file is wrong. The message names file, line and reason."""


class SourceError(LlmsecretsError):
    """A target cannot be read at all (a target that is only partly readable yields Skips instead)."""
