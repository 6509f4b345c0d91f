"""The command line: options to Config, Config to Scanner, report to files and stdout, outcome to exit code.

The only module that prints, chooses streams or exits, and the one place where errors become messages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click

from llmsecrets import config as configuration
from llmsecrets.errors import ConfigError, ExitCode, LlmsecretsError
from llmsecrets.model import CONFIDENCES, ScanReport, Stats
from llmsecrets.reporters import FORMATS

if TYPE_CHECKING:
    from llmsecrets.config import Config
    from llmsecrets.git import Repository
    from llmsecrets.resultcache import ResultCache
    from llmsecrets.rules import RuleSet
    from llmsecrets.sources import Source

_SUFFIXES = {".json": "json", ".jsonl": "jsonl", ".sarif": "sarif", ".txt": "text"}


def main() -> NoReturn:
    """Run the command line and exit: 0 clean, 1 findings, 2 usage or configuration, 3 incomplete or crashed."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """As `main`, returning the exit code."""
    try:
        return int(cli.main(arguments, prog_name="llmsecrets", standalone_mode=False) or 0)
    except click.exceptions.Exit as exit_request:
        return exit_request.exit_code
    except click.ClickException as failure:
        failure.show(sys.stderr)
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        return ExitCode.INTERRUPTED
    except LlmsecretsError as failure:
        _complain(str(failure), failure.advice)
        return failure.exit_code
    except BrokenPipeError:  # the reader has seen enough; what is left in the buffer has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.INCOMPLETE
    except Exception as failure:
        return _crashed(failure)


def _complain(message: str, advice: str = "") -> None:
    print(f"llmsecrets: {message}", *([f"  {advice}"] if advice else []), sep="\n", file=sys.stderr)


def _crashed(failure: Exception) -> int:
    """Where it happened, without the values a traceback's messages may hold."""
    import traceback

    if os.environ.get("LLMSECRETS_DEBUG"):
        traceback.print_exc()
    place = traceback.extract_tb(failure.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    _complain(f"unexpected {type(failure).__name__} at {where}; the scan is incomplete",
              "Please report it. LLMSECRETS_DEBUG=1 shows the traceback, which may quote scanned content.")  # fmt: skip
    return ExitCode.INCOMPLETE


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="llmsecrets", prog_name="llmsecrets")
def cli() -> None:
    """Find the keys and passwords that leak where people build with large language models."""


# ---- scan --------------------------------------------------------------------------------------------------------

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _all(*decorators: _Decorator) -> _Decorator:
    """Several options as one decorator, listed in the order in which the help shows them."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


_config_option = click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Configuration file, instead of looking for one.",
)
_rule_options = _all(
    click.option("--rules", multiple=True, metavar="PATH", help="Further rule file or folder (repeatable)."),
    click.option("--enable", multiple=True, metavar="ID", help="Only rules of this id or glob (repeatable)."),
    click.option("--disable", multiple=True, metavar="ID", help="Not this rule, or glob of rules (repeatable)."),
)
_source_options = _all(
    click.option("--staged", is_flag=True, help="What the index adds against HEAD."),
    click.option("--range", "revisions", metavar="A..B", help="What the commits of a range add."),
    click.option("--history", is_flag=True, help="Every blob and message reachable from any ref or reflog."),
    click.option("--unreachable", is_flag=True, help="With --history: objects that no ref leads to, too."),
    click.option("--since", metavar="DATE", help="With --history: only what commits since then brought in."),
    click.option("--branch", metavar="REF", help="With --history: only what commits of this branch brought in."),
    click.option("--max-depth", type=click.IntRange(1), metavar="N", help="With --history: only the newest N commits."),
    click.option(
        "--stdin-name", default="<stdin>", show_default=True, metavar="NAME", help="What to call standard input."
    ),
)
_finding_options = _all(
    click.option("--min-confidence", type=click.Choice(CONFIDENCES), help="Lowest tier reported.  [default: medium]"),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these paths out (repeatable)."),
    click.option("--baseline", metavar="FILE", help="Findings known in this file are suppressed."),
    click.option("--use-gitignore", is_flag=True, default=None, help="Leave ignored files out."),
    click.option("--max-file-size", metavar="SIZE", help="Larger files are skipped (500000, 20M, 2G).  [default: 1G]"),
)
_output_options = _all(
    click.option(
        "-f", "--format", multiple=True, type=click.Choice(FORMATS), help="Report format (repeatable).  [default: text]"
    ),
    click.option(
        "-o",
        "--output",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Write the report here; the first -o takes the first -f, and so on.",
    ),
    click.option("--show-secrets", is_flag=True, help="Print secrets instead of redacting them (never in SARIF)."),
    click.option("--show-suppressed", is_flag=True, default=None, help="List suppressed findings with their reasons."),
    click.option("--exit-code", type=click.IntRange(0, 255), help="Exit code for findings.  [default: 1]"),
    click.option("--exit-zero", is_flag=True, default=None, help="Exit 0 even with findings."),
    click.option(
        "--allow-incomplete", is_flag=True, default=None, help="Exit 0 even if something could not be scanned."
    ),
    click.option("-q", "--quiet", is_flag=True, help="No progress; no report where there is nothing to report."),
)
_engine_options = _all(
    click.option(
        "--cache", "cache_file", type=click.Path(path_type=Path), metavar="PATH", help="Remember history scans here."
    ),
    click.option("--no-cache", is_flag=True, help="Read all of a history again, and remember nothing."),
    click.option("-j", "--jobs", type=click.IntRange(0), help="Threads.  [default: one a core]"),
    click.option("--engine", help="auto, hyperscan or regex.  [default: auto]"),
)


@cli.command(epilog="Exit codes: 0 clean, 1 findings, 2 usage or configuration, 3 incomplete.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@_source_options
@_finding_options
@_output_options
@_rule_options
@_config_option
@_engine_options
def scan(**options: Any) -> int:
    """Scan files and folders (default: .), - for standard input, or a repository's staged changes, commits or history.

    \b
    llmsecrets scan                          this folder
    llmsecrets scan --staged                 what is about to be committed
    llmsecrets scan --history .              everything the repository ever held
    llmsecrets scan -f sarif -o out.sarif    a report for GitHub code scanning
    git log -p | llmsecrets scan -           whatever is piped in
    """
    given = {name: options.pop(name) for name in list(options) if name in Config_fields}
    outputs = _pair(given.pop("format"), options["output"])
    targets = tuple(options["paths"]) or (Path(),)
    start = Path() if str(targets[0]) == "-" else targets[0]
    settings = configuration.load(start, given, options["config_file"])
    outputs = outputs or _pair(settings.format, ())
    place = _Place.of(targets, in_git=bool(_chosen(options)))
    rules = load_rules(settings)
    cache = _result_cache(options, rules, settings, targets[0])
    source = _source(options, targets, settings, place, cache)
    report = _scan(source, rules, place.rebased(settings), options, cache)
    _write_reports(report, rules, outputs, options, settings)
    return _outcome(report, settings)


Config_fields = frozenset(configuration.Config._fields)


def load_rules(settings: Config) -> RuleSet:
    """The rules the configuration selects."""
    from llmsecrets import rules

    own = [Path(path) for path in settings.rules]
    if own:
        from llmsecrets import rulecheck

        rulecheck.refuse_bad(own)
    loaded = rules.load_rules(own)
    return loaded.select(settings.enable, settings.disable) if settings.enable or settings.disable else loaded


def _scan(
    source: Source, rules: RuleSet, settings: Config, options: dict[str, Any], cache: ResultCache | None = None
) -> ScanReport:
    from llmsecrets import filters, matching
    from llmsecrets.baseline import load
    from llmsecrets.engine import Engine
    from llmsecrets.scan import Scanner, Settings

    known = load(Path(settings.baseline)) if settings.baseline else None
    engine = Engine(rules, matching.compile_rules(rules, settings.engine))
    jobs = settings.jobs or _cores()
    chosen = Settings(filters.build(settings, known), filters.misplaced(settings), settings.min_confidence, jobs)
    with _progress(options["quiet"]) as progress:
        scanner = Scanner(engine, chosen, progress, cache)
        return scanner.scan(source, [str(path) for path in options["paths"]] or ["."])


def _result_cache(options: dict[str, Any], rules: RuleSet, settings: Config, target: Path) -> ResultCache | None:
    """Where a history scan finds and leaves its results; none unless all of a history is scanned."""
    if not options["history"] or options["no_cache"] or options["unreachable"] or _narrowed(options):
        return None
    from llmsecrets import cache
    from llmsecrets.resultcache import ResultCache

    place = os.fspath(_repository(target).common_dir.resolve())
    code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))
    key = cache.key(
        rules.digest.encode(), code, str(settings.max_file_size).encode(), place.encode("utf-8", "surrogateescape")
    )
    return ResultCache(options["cache_file"] or cache.folder() / "history.sqlite3", key)


def _narrowed(options: dict[str, Any]) -> tuple[str, list[str]] | None:
    """The branch and the rev-list words that a history scan is limited to, or None for all of it."""
    limits = [f"--since={options['since']}"] if options["since"] else []
    limits += [f"--max-count={options['max_depth']}"] if options["max_depth"] else []
    return (options["branch"] or "--all", limits) if limits or options["branch"] else None


def _cores() -> int:
    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else count or 1


class _Place:
    """Where reported paths start: at the root of a repository that is scanned as one, or that the user stands in."""

    def __init__(self, root: Path | None, cwd: Path, *, absolute: bool = False) -> None:
        self.root, self.cwd, self.absolute = root, cwd, absolute

    @classmethod
    def of(cls, targets: Sequence[Path], *, in_git: bool) -> _Place:
        cwd = Path.cwd()
        if in_git:
            start = Path(os.path.abspath(targets[0]))
            return cls(_repository_around(start) or start, cwd)
        root = _repository_around(cwd)
        inside = all(root and _is_below(Path(os.path.abspath(target)), root) for target in targets)
        return cls(root if inside else None, cwd, absolute=any(target.is_absolute() for target in targets))

    @property
    def prefix(self) -> str:
        """What stands before a path relative to the current folder to make it relative to the root."""
        return self.cwd.relative_to(self.root).as_posix() if self.root else "."

    def rebased(self, settings: Config) -> Config:
        """The configuration with the globs of its file, which start at its folder, as reports show such paths."""
        folder = Path(os.path.abspath(settings.folder))
        shown = [_seen_from(self.root or self.cwd, folder), *([folder.as_posix()] if self.absolute else [])]
        if shown == ["."]:
            return settings
        own = settings.origins.get("exclude", "").endswith((".yaml", ".yml"))
        allow = tuple(entry._replace(paths=_prefixed(entry.paths, shown)) for entry in settings.allow)
        return settings._replace(allow=allow, exclude=_prefixed(settings.exclude, shown) if own else settings.exclude)


def _repository_around(start: Path) -> Path | None:
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)


def _seen_from(base: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(folder, base)).as_posix()
    except ValueError:  # on another drive
        return folder.as_posix()


def _prefixed(globs: Sequence[str], folders: Sequence[str]) -> tuple[str, ...]:
    """Globs that start in a folder. One for any depth also means the folder itself."""
    every = [form for glob in globs for form in ((glob, glob[3:]) if glob.startswith("**/") else (glob,))]
    return tuple(glob if folder == "." else f"{folder}/{glob}" for folder in folders for glob in every)


def _is_below(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _chosen(options: dict[str, Any]) -> list[str]:
    """Which views of a repository are asked for."""
    return [name for name in ("staged", "revisions", "history") if options[name] not in (False, None)]


def _source(
    options: dict[str, Any],
    targets: Sequence[Path],
    settings: Config,
    place: _Place,
    cache: ResultCache | None = None,
) -> Source:
    """The source the options name."""
    from llmsecrets import filters

    chosen = _chosen(options)
    if len(chosen) > 1:
        raise click.UsageError("--staged, --range and --history exclude each other.")
    settings = place.rebased(settings)
    limits: dict[str, Any] = {"excluded": filters.excluder(settings), "max_size": settings.max_file_size}
    if chosen:
        return _git_source(chosen[0], options, targets, limits, cache)
    if options["unreachable"] or _narrowed(options):
        raise click.UsageError("--unreachable, --since, --branch and --max-depth go with --history.")
    if "-" in map(str, targets):
        from llmsecrets.sources.stdin import StdinSource

        if len(targets) > 1:
            raise click.UsageError("- (standard input) cannot be scanned together with paths.")
        if sys.stdin is None:
            raise ConfigError("standard input is closed", "Pipe something in, or name a path.")
        return StdinSource(sys.stdin.buffer, options["stdin_name"])
    from llmsecrets.sources.paths import PathSource

    return PathSource(targets, prefix=place.prefix, use_gitignore=settings.use_gitignore, **limits)


def _git_source(
    chosen: str,
    options: dict[str, Any],
    targets: Sequence[Path],
    limits: dict[str, Any],
    cache: ResultCache | None,
) -> Source:
    if len(targets) > 1:
        raise click.UsageError("Give one repository with --staged, --range or --history.")
    repository = _repository(targets[0])
    if chosen == "history":
        from llmsecrets.sources.history import HistorySource

        if repository.shallow:
            _complain(
                "this is a shallow clone: only its newest commits are here", "For all of history: git fetch --unshallow"
            )
        if not _narrowed(options):
            known = cache.load() if cache else None
            return HistorySource(repository, unreachable=options["unreachable"], known=known, **limits)
    from llmsecrets.sources.changes import RangeSource, StagedSource

    if chosen == "staged":
        return StagedSource(repository, **limits)
    revisions, words = _narrowed(options) or (options["revisions"], [])
    return RangeSource(repository, revisions, limits=words, **limits)


def _repository(target: Path) -> Repository:
    from llmsecrets.git import Repository

    if not target.exists():
        raise ConfigError(f"{target}: no such folder", "Check the path.")
    return Repository(target if target.is_dir() else target.parent, of_the_hook=str(target) == ".")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Stats], None] | None]:
    """A line on stderr for scans that take a while, only where somebody looks at it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    import time

    started, status = time.monotonic(), None

    def show(stats: Stats) -> None:
        nonlocal status
        if status is None and time.monotonic() - started > 1:
            from rich.console import Console

            status = Console(stderr=True).status("")
            status.start()
        if status is not None:
            status.update(f"{stats.blobs:,} files and blobs, {stats.size / 1e6:,.1f} MB")

    try:
        yield show
    finally:
        if status is not None:
            status.stop()


# ---- reports -----------------------------------------------------------------------------------------------------

Output = tuple[str, Path | None]


def _pair(formats: Sequence[str], files: Sequence[Path]) -> list[Output]:
    """Formats with the files they go to. A file without a format tells it by its name; one report may go to stdout."""
    names = list(formats)
    unknown = next((name for name in names if name not in FORMATS), None)
    if unknown:
        raise ConfigError(f"there is no report format {unknown!r}", f"Known: {', '.join(FORMATS)}.")
    for file in files[len(names) :]:
        if file.suffix not in _SUFFIXES:
            raise click.UsageError(f"Which format is {file}? Add -f.")
        names.append(_SUFFIXES[file.suffix])
    pairs = [(name, files[number] if number < len(files) else None) for number, name in enumerate(names)]
    if sum(file is None for _, file in pairs) > 1:
        raise click.UsageError("Only one report can go to standard output; give the others an -o each.")
    return pairs


def _write_reports(
    report: ScanReport, rules: RuleSet, outputs: Sequence[Output], options: dict[str, Any], settings: Config
) -> None:
    from llmsecrets import reporters

    chosen = reporters.Options(show_secrets=options["show_secrets"], show_suppressed=settings.show_suppressed,
                               base=os.getcwd())  # fmt: skip
    for name, file in outputs or [("text", None)]:
        if file is None:
            if name == "text" and options["quiet"] and not report.findings and report.complete:
                continue
            _to_stdout(lambda out, name=name: reporters.write(name, report, rules, out, chosen))  # type: ignore[misc]
        else:
            _to_file(file, lambda out, name=name: reporters.write(name, report, rules, out, chosen))  # type: ignore[misc]


def _to_stdout(write: Callable[[Any], None]) -> None:
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


def _to_file(file: Path, write: Callable[[IO[str]], object]) -> None:
    """Written beside its place and moved there whole: nobody ever reads half a report. Links and devices stay."""
    in_place = file.is_symlink() or (file.exists() and not file.is_file())
    temporary = file if in_place else file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace") as out:
            write(out)
        if not in_place:
            temporary.replace(file)
    except OSError as failure:
        if not in_place:
            temporary.unlink(missing_ok=True)
        raise ConfigError(
            f"{file}: cannot be written: {failure.strerror}", "Check the folder and its space."
        ) from failure


def _outcome(report: ScanReport, settings: Config) -> int:
    if report.findings:
        return ExitCode.CLEAN if settings.exit_zero else settings.exit_code
    if not report.complete and not settings.allow_incomplete:
        _complain("the scan is incomplete: see what was skipped", "To accept that: --allow-incomplete")
        return ExitCode.INCOMPLETE
    if not (report.stats.blobs or report.stats.commits) and os.environ.get("CI") and not settings.allow_incomplete:
        _complain("nothing was scanned, which in CI is not a success", "If that is right: --allow-incomplete")
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN


# ---- the other commands ------------------------------------------------------------------------------------------


@cli.group()
def rules() -> None:
    """List, show and check rules."""


@rules.command("list")
@_rule_options
@_config_option
def rules_list(**options: Any) -> None:
    """One line a rule: id, severity, confidence, name."""
    for rule in load_rules(_loaded(options)):
        click.echo(f"{rule.id:<40} {rule.severity:<9} {rule.confidence:<7} {rule.name}")


@rules.command("show")
@click.argument("rule_id")
@_rule_options
@_config_option
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


@cli.group("config")
def config_group() -> None:
    """Look at the configuration."""


@config_group.command("show")
@click.argument("target", default=".", type=click.Path(path_type=Path))
@_config_option
def config_show(target: Path, config_file: Path | None) -> None:
    """Every effective value with its origin."""
    settings = configuration.load(target, {}, config_file)
    for name, origin in settings.origins.items():
        value = getattr(settings, name)
        if name == "allow":
            value = [entry.reason for entry in value]
        click.echo(f"{name:<17} {_plain(value):<30} {origin}")


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) or "-" if isinstance(value, tuple | list) else str(value) or "-"


@cli.group("baseline")
def baseline_group() -> None:
    """Keep findings that are known."""


@baseline_group.command("create")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", default=".llmsecrets-baseline.jsonl", show_default=True, type=click.Path(path_type=Path)
)
@click.option("--history", is_flag=True, help="Of the whole history, not of the files.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@_rule_options
@_config_option
def baseline_create(output: Path, history: bool, force: bool, **options: Any) -> None:
    """Write the findings of a scan to a baseline file: later scans with --baseline report only what is new."""
    from llmsecrets import baseline

    if output.exists() and not force:
        raise ConfigError(f"{output} exists", "Use --force to replace it and lose what it holds.")
    targets = options["paths"] or (Path(),)
    given = {name: options[name] for name in ("rules", "enable", "disable")}
    settings = configuration.load(targets[0], {**given, "baseline": ""}, options["config_file"])
    chosen = {
        "staged": False,
        "revisions": None,
        "history": history,
        "unreachable": False,
        "since": None,
        "branch": None,
        "max_depth": None,
        "quiet": False,
        "paths": options["paths"],
    }
    place = _Place.of(targets, in_git=history)
    source = _source(chosen, targets, settings, place)
    report = _scan(source, load_rules(settings), place.rebased(settings), chosen)
    _to_file(output, lambda out: out.write(baseline.dump(report.findings)))
    click.echo(f"{output}: {len(report.findings)} findings recorded")


def _loaded(options: dict[str, Any]) -> Config:
    given = {name: options[name] for name in ("rules", "enable", "disable")}
    return configuration.load(Path(), given, options["config_file"])
