"""Where words go: messages to stderr, reports to files and stdout, the outcome to an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from llmsecrets.errors import ConfigError, ExitCode, LlmsecretsError
from llmsecrets.model import ScanReport
from llmsecrets.reporters import FORMATS

if TYPE_CHECKING:
    from llmsecrets.config import Config
    from llmsecrets.reporters.forge import Forge
    from llmsecrets.rules import RuleSet

# What a file's name says of its format; "gl-…" are the names GitLab looks for.
_SUFFIXES = {
    ".json": "json", ".jsonl": "jsonl", ".sarif": "sarif", ".txt": "text", ".md": "markdown", ".csv": "csv",
    ".xml": "junit", ".html": "html",
}  # fmt: skip
_DEVICES = Path("/dev")  # /dev/stdout is a link, too, to a file where the output is redirected to one
_LINKING = {"html", "markdown"}
_NAMES = {"gl-secret-detection-report.json": "gitlab", "gl-code-quality-report.json": "codequality"}


def complain(message: str, advice: str = "") -> None:
    """Say what happened on stderr, and what to do. A message may quote a scanned repository's files: it cannot command
    a terminal or what keeps a CI's log, and is one line.
    """
    if not message.isprintable() or "##" in message:
        from llmsecrets.reporters.view import inert, printable

        message = inert(printable(message))
    print(f"llmsecrets: {message}", *([f"  {advice}"] if advice else []), sep="\n", file=sys.stderr)


def say(line: str) -> None:
    """Print a line that may quote a scanned repository's files, as harmless as `complain` does."""
    from llmsecrets.reporters.view import inert, printable

    click.echo(inert(printable(line)))


Output = tuple[str, Path | None]


def pair(formats: Sequence[str], files: Sequence[Path]) -> list[Output]:
    """Formats with the files they go to. A file without a format tells it by its name; one report may go to stdout."""
    names = list(formats)
    unknown = next((name for name in names if name not in FORMATS), None)
    if unknown:
        raise ConfigError(f"there is no report format {unknown!r}", f"Known: {', '.join(FORMATS)}.")
    for file in files[len(names) :]:
        format = _NAMES.get(file.name) or _SUFFIXES.get(file.suffix)
        if format is None:
            raise click.UsageError(f"Which format is {file}? Add -f.")
        names.append(format)
    pairs = [(name, files[number] if number < len(files) else None) for number, name in enumerate(names)]
    if sum(file is None for _, file in pairs) > 1:
        raise click.UsageError("Only one report can go to standard output; give the others an -o each.")
    twice = next((file for file in files if files.count(file) > 1 and _DEVICES not in file.parents), None)
    if twice:
        raise click.UsageError(f"Two reports cannot go to {twice}.")
    return pairs


def write_reports(
    report: ScanReport,
    rules: RuleSet,
    outputs: Sequence[Output],
    options: dict[str, Any],
    settings: Config,
    base: Path | None = None,
) -> None:
    """Write every report asked for. `base` is where reported paths start, if not here."""
    from llmsecrets import reporters

    chosen = reporters.Options(show_secrets=options["show_secrets"], show_suppressed=settings.show_suppressed,
                               base=os.fspath(base or Path.cwd()), baseline=bool(settings.baseline),
                               max_age_days=settings.max_age_days, forge=_forge(base, outputs))  # fmt: skip
    notes: list[str] = []

    def write(name: str, out: TextIO) -> None:
        notes.extend(reporters.write(name, report, rules, out, chosen))

    for name, file in outputs or [("text", None)]:
        if file:
            to_file(file, partial(write, name))
        elif name != "text" or not options["quiet"] or report.findings or not report.complete:
            to_stdout(partial(write, name))
    for note in notes:
        complain(note)


def _forge(root: Path | None, outputs: Sequence[Output]) -> Forge | None:
    """Where the lines of a repository can be looked at, for the formats that have links."""
    if root is None or not _LINKING.intersection(name for name, _ in outputs):
        return None
    from llmsecrets.errors import SourceError
    from llmsecrets.git import Repository
    from llmsecrets.reporters.forge import forge_of

    try:
        repository = Repository(root)
        return forge_of(repository.remote(), repository.head())
    except SourceError:  # a folder named .git that git would not open: the scan of files went well without
        return None


def to_stdout(write: Callable[[Any], None]) -> None:
    if sys.stdout is None:
        raise LlmsecretsError("standard output is closed", "Have the report written to a file: -o PATH")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        write(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as failure:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python fails again when it closes stdout
        raise LlmsecretsError(f"standard output: {failure.strerror}", "The report is not complete.") from failure


def to_file(file: Path, write: Callable[[TextIO], object]) -> None:
    """Written beside its place and moved there whole, with the permissions it had: nobody ever reads half a report, and
    of a baseline nothing is lost. Links stay, and lead to what is new; devices and pipes are written to.
    """
    in_place = _DEVICES in file.parents or (file.exists() and not file.is_file())
    target = file if in_place else Path(os.path.realpath(file))
    temporary = target if in_place else target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace") as out:
            write(out)
        if not in_place:
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o777)
            temporary.replace(target)
    except OSError as failure:
        if not in_place:
            temporary.unlink(missing_ok=True)
        raise ConfigError(
            f"{file}: cannot be written: {failure.strerror}", "Check the folder and its space."
        ) from failure


def outcome(report: ScanReport, settings: Config) -> int:
    if report.findings:
        return ExitCode.CLEAN if settings.exit_zero else settings.exit_code
    if not report.complete and not settings.allow_incomplete:
        complain("the scan is incomplete: see what was skipped", "To accept that: --allow-incomplete")
        return ExitCode.INCOMPLETE
    if not (report.looked or report.skips) and os.environ.get("CI") and not settings.allow_incomplete:
        complain("nothing was scanned, which in CI is not a success", "If that is right: --allow-incomplete")
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN
