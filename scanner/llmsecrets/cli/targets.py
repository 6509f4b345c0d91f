"""What the options name: rules, a source with the place its paths start at, and the scan of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from llmsecrets.cli.output import complain
from llmsecrets.errors import ConfigError
from llmsecrets.model import ScanReport, Stats, display_path
from llmsecrets.rules.globs import PATH_EXPRESSION

if TYPE_CHECKING:
    from llmsecrets.config import AllowEntry, Config, Nearest
    from llmsecrets.git import Repository
    from llmsecrets.known import Holds
    from llmsecrets.resultcache import ResultCache
    from llmsecrets.rules import RuleSet
    from llmsecrets.sources import Source
    from llmsecrets.sources.history import HistorySource

_NAMED = 10  # submodules that a message names
_STDIN = "<stdin>"
_LITERAL = str.maketrans({letter: f"[{letter}]" for letter in "*?["})  # what is special in a glob


class Request(NamedTuple):
    """Which content is to be scanned, and how: what a command is asked for each time, and no configuration holds."""

    paths: tuple[Path, ...] = ()
    staged: bool = False
    revisions: str | None = None
    history: bool = False
    unreachable: bool = False
    recurse_submodules: bool = False
    since: str | None = None
    branch: str | None = None
    max_depth: int | None = None
    stdin_name: str = _STDIN
    image: str | None = None
    platform: str | None = None
    base: str | None = None
    dockerfile: Path | None = None
    insecure_registry: bool = False
    cache_file: Path | None = None
    no_cache: bool = False
    quiet: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Request:
        """What a command's options say of it."""
        return cls(**{name: options[name] for name in cls._fields if name in options})

    @property
    def targets(self) -> tuple[Path, ...]:
        """What the user names: the current folder, if nothing."""
        return self.paths or (Path(),)

    @property
    def names(self) -> list[str]:
        """The targets as a report calls them."""
        return [self.image] if self.image else [str(path) for path in self.targets]

    @property
    def start(self) -> Path:
        """Where a configuration is looked for: what all targets lie in."""
        if self.stdin:
            return Path()
        return (
            self.targets[0] if len(self.targets) == 1 else Path(os.path.commonpath(map(os.path.abspath, self.targets)))
        )

    @property
    def stdin(self) -> bool:
        """Whether standard input is to be scanned."""
        return "-" in map(str, self.targets)

    @property
    def views(self) -> list[str]:
        """Which views of a repository are asked for."""
        return [name for name in ("staged", "revisions", "history") if getattr(self, name) not in (False, None)]

    @property
    def narrowed(self) -> list[str] | None:
        """The words for rev-list that a history scan is limited to, or None for all of it."""
        limits = [f"--since={self.since}"] if self.since is not None else []
        limits += [f"--max-count={self.max_depth}"] if self.max_depth else []
        if self.branch is not None:
            from llmsecrets.sources.changes import typed

            return [*limits, typed(self.branch)]
        return [*limits, "--all"] if limits else None

    @property
    def mistake(self) -> str:
        """What is wrong with what is asked for together; "" if nothing. No option is passed over in silence."""
        of_image = self.platform, self.base, self.dockerfile, self.insecure_registry
        of_all_history = self.unreachable, self.recurse_submodules
        mistakes = {
            "--staged, --range and --history exclude each other.": len(self.views) > 1,
            "--image names what is scanned: give no paths, and no view of a repository, beside it.":
                self.image is not None and (self.paths or self.views),
            "--image names nothing.": self.image == "",
            "--platform, --base, --dockerfile and --insecure-registry go with --image.":
                self.image is None and any(of_image),
            "--unreachable, --recurse-submodules, --since, --branch and --max-depth go with --history.":
                not self.history and (any(of_all_history) or self.narrowed),
            "--unreachable and --recurse-submodules go with all of a history: no --since, --branch or --max-depth.":
                any(of_all_history) and self.narrowed,
            "--stdin-name goes with -, for standard input.": self.stdin_name != _STDIN and not self.stdin,
            "Give one repository with --staged, --range or --history.": self.views and len(self.targets) > 1,
            "- (standard input) cannot be scanned together with paths.": self.stdin and len(self.targets) > 1,
            "--cache and --no-cache exclude each other.": self.cache_file and self.no_cache,
        }  # fmt: skip
        return next((text for text, wrong in mistakes.items() if wrong), "")


def load_rules(settings: Config) -> RuleSet:
    """The rules the configuration selects."""
    from llmsecrets import rules

    own = [Path(path) for path in settings.rules]
    if own:
        from llmsecrets import rulecheck

        rulecheck.refuse_bad(own)
    if settings.gitleaks_config:
        loaded = _rules_for_gitleaks(Path(settings.gitleaks_config), own)
    else:
        loaded = rules.load_rules(own)
    return loaded.select(settings.enable, settings.disable) if settings.enable or settings.disable else loaded


def _rules_for_gitleaks(file: Path, own: Sequence[Path]) -> RuleSet:
    """The rules a `.gitleaks.toml` asks for; what it says and we do not do is said."""
    from llmsecrets import gitleaks

    reading = gitleaks.read(file)
    for note in reading.notes:
        complain(note)
    if not reading.builtin:
        complain(f"{file}: the built-in rules are off, for it does not extend the default",
                 "For ours, too: [extend] useDefault = true")  # fmt: skip
    if (file.parent / gitleaks.IGNORE_NAME).is_file():
        complain(f"{file.parent / gitleaks.IGNORE_NAME} is not read", "To carry it over: llmsecrets migrate gitleaks")
    return gitleaks.rule_set(file, own)


class Scanned(NamedTuple):
    """A scan that is done, with what it was done by."""

    report: ScanReport
    source: Source
    place: Place
    rules: RuleSet


def scanned(request: Request, settings: Config) -> Scanned:
    """Scan what is asked for."""
    if request.mistake:
        raise click.UsageError(request.mistake)
    place = Place.of(request.targets, in_git=bool(request.views))
    rules = load_rules(settings)
    request = _without_foreign_cache(request)
    if request.image is not None:
        from llmsecrets.cli.image import image_source

        seen = image_source(request, settings, rules)
        return Scanned(run_scan(seen, rules, settings, request), seen, place, rules)
    source = source_of(request, settings, place, rules)
    report = run_scan(source, rules, place.rebased(settings), request)
    if request.recurse_submodules:
        from llmsecrets.scan import merged

        report = merged([report, *_submodule_reports(request, settings, place, rules)])
    return Scanned(report, source, place, rules)


def _submodule_reports(request: Request, settings: Config, place: Place, rules: RuleSet) -> Iterator[ScanReport]:
    """What the history of each submodule holds; a Skip for one that is not here."""
    from llmsecrets.model import Provenance, Skip
    from llmsecrets.sources.submodules import submodules

    settings = place.rebased(settings)
    for path, repository in submodules(repository_at(request.targets[0]), place.root or place.cwd):
        if repository is None:
            missing = Skip(Provenance(path), "submodule not here", "To fetch it: git submodule update --init")
            yield ScanReport((), (), (missing,), Stats(), ())
        else:
            source = _history_source(repository, request, settings, rules, path)
            yield run_scan(source, rules, settings, request)


def run_scan(source: Source, rules: RuleSet, settings: Config, request: Request) -> ScanReport:
    from llmsecrets import matching
    from llmsecrets.engine import Engine
    from llmsecrets.scan import Scanner, Settings

    engine = Engine(rules, matching.compile_rules(rules, settings.engine, little=request.staged))
    chosen = Settings.of(settings, settings.jobs or _cores())
    with _progress(request.quiet) as progress:
        scanner = Scanner(engine, chosen, progress)
        return scanner.scan(source, request.names)


def holds_after(done: Scanned, settings: Config) -> Holds:
    """Whether a path holds a finding's secret, as a scan that is done has seen it."""
    from llmsecrets import matching
    from llmsecrets.engine import Engine
    from llmsecrets.scan import holder, limits_of

    engine = Engine(done.rules, matching.compile_rules(done.rules, settings.engine))
    return holder(done.report.every_finding, done.source, engine, limits_of(settings))


def _result_cache(request: Request, rules: RuleSet, settings: Config, repository: Repository) -> ResultCache | None:
    """Where a scan of all that refs lead to finds and leaves its results."""
    if request.no_cache or request.unreachable:
        return None
    from llmsecrets.resultcache import ResultCache
    from llmsecrets.scan import limits_of

    place = os.fspath(repository.facts.common_dir.resolve())
    limits = f"{settings.max_file_size} {limits_of(settings)}"
    return ResultCache(cache_file(request), cache_key(rules, limits, place))


def _without_foreign_cache(request: Request) -> Request:
    """The request without a cache where the file it names is none: it is not ours to replace."""
    if request.cache_file is None:
        return request
    from llmsecrets.resultcache import may_keep

    if may_keep(request.cache_file):
        return request
    complain(f"{request.cache_file} is no cache of llmsecrets: nothing is remembered", "Name another file.")
    return request._replace(cache_file=None, no_cache=True)


def cache_file(request: Request) -> Path:
    """Where results are remembered."""
    from llmsecrets import cache

    return request.cache_file or cache.folder() / "history.sqlite3"


def cache_key(rules: RuleSet, *parts: str) -> str:
    """What remembered results depend on: the rules, this package's code, and what else is named."""
    from llmsecrets import cache

    return cache.key(rules.digest.encode(), _code(), *(part.encode("utf-8", "surrogateescape") for part in parts))


@lru_cache(maxsize=1)  # with submodules, every repository has a key
def _code() -> bytes:
    from llmsecrets import cache

    return cache.code(*sorted(Path(__file__).parents[1].rglob("*.py")))


def _cores() -> int:
    count = getattr(os, "process_cpu_count", os.cpu_count)()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else count or 1


class Place:
    """Where reported paths start: at the root of a repository that is scanned as one, or that the user stands in."""

    def __init__(self, root: Path | None, cwd: Path, *, absolute: bool = False) -> None:
        self.root, self.cwd, self.absolute = root, cwd, absolute

    @classmethod
    def of(cls, targets: Sequence[Path], *, in_git: bool) -> Place:
        cwd = Path.cwd()
        if in_git:
            start = Path(os.path.abspath(targets[0]))
            return cls(_repository_around(start) or start, cwd)
        root = _repository_around(cwd)
        if root and all(_is_below(Path(os.path.abspath(target)), root) for target in targets):
            return cls(root, cwd)
        return cls(None, cwd, absolute=any(target.is_absolute() for target in targets))

    def seen(self, target: Path) -> Path:
        """A target as one names it here: what a repository holds is known by the same path however it is named."""
        return Path(os.path.relpath(target)) if self.root and target.is_absolute() else target

    def shown(self, target: Path) -> str:
        """A target as reports show it."""
        seen = self.seen(target)
        return seen.as_posix() if seen.is_absolute() else os.path.normpath(f"{self.prefix}/{seen.as_posix()}")

    @property
    def prefix(self) -> str:
        """What stands before a path relative to the current folder to make it relative to the root."""
        return self.cwd.relative_to(self.root).as_posix() if self.root else "."

    def rebased(self, settings: Config) -> Config:
        """The configuration with the globs of its file, which start at its folder, as reports show such paths."""
        own = settings.origins.get("exclude", "").endswith((".yaml", ".yml"))
        rebased = settings._replace(
            allow=tuple(self._rebased(entry, settings.folder) for entry in settings.allow),
            exclude=_prefixed(settings.exclude, self._names(settings.folder)) if own else settings.exclude,
        )
        return rebased._replace(nearest=self._nearest(rebased)) if settings.nested else rebased

    def _names(self, folder: Path) -> list[str]:
        """How the paths that reports show begin for what is in a folder."""
        whole = Path(os.path.abspath(folder))
        return [_seen_from(self.root or self.cwd, whole), *([whole.as_posix()] if self.absolute else [])]

    def _rebased(self, entry: AllowEntry, folder: Path) -> AllowEntry:
        return entry._replace(paths=_prefixed(entry.paths, self._names(Path(entry.folder or folder))))

    def _nearest(self, settings: Config) -> Nearest:
        """Whose allowlist counts for a path: looked for from its folder upwards, and only once a finding asks."""
        from functools import cache

        from llmsecrets.config import allowlist_in

        base, below = self.root or self.cwd, f"{os.path.abspath(settings.folder).rstrip(os.sep)}{os.sep}"

        @cache
        def in_folder(name: str) -> Sequence[AllowEntry] | None:
            folder = Path(name)
            # most folders that a history ever had are gone
            entries = allowlist_in(Path(os.path.relpath(folder))) if folder.is_dir() else None
            if entries is None:
                return None
            of_file = (entry._replace(paths=entry.paths or ("*",)) for entry in entries)  # of theirs only
            return tuple(self._rebased(entry, folder) for entry in of_file)

        @cache
        def of_folder(name: str) -> Sequence[AllowEntry]:
            folder = os.path.abspath(base / name)
            while folder.startswith(below):
                entries = in_folder(folder)
                if entries is not None:
                    return entries
                folder = folder.rpartition(os.sep)[0]
            return settings.allow

        return lambda path: of_folder(path.rpartition("/")[0])


def _repository_around(start: Path) -> Path | None:
    around = (start, *start.parents)
    return next((folder for folder in around if os.path.exists(folder / ".git")), None)  # noqa: PTH110 - no errors


def _seen_from(base: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(folder, base)).as_posix()
    except ValueError:  # on another drive
        return folder.as_posix()


def _prefixed(globs: Sequence[str], folders: Sequence[str]) -> tuple[str, ...]:
    """Globs that start in a folder, whatever letters its name has. One for any depth also means the folder itself."""
    return tuple(form for folder in folders for glob in globs for form in _below(folder, glob))


def _below(folder: str, glob: str) -> Iterator[str]:
    while glob.startswith("../"):
        folder, glob = os.path.normpath(f"{folder}/.."), glob[3:]
    forms = (glob, glob[3:]) if glob.startswith("**/") else (glob,)
    literal = folder if glob.startswith(PATH_EXPRESSION) else folder.translate(_LITERAL)
    return (form if folder == "." else f"{literal}/{form}" for form in forms)


def _is_below(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def source_of(request: Request, settings: Config, place: Place, rules: RuleSet | None = None) -> Source:
    """The source of what is asked for. What a scan with `rules` finds in a history is remembered."""
    settings = place.rebased(settings)
    if request.views:
        return _git_source(request.views[0], request, settings, rules)
    if request.stdin:
        from llmsecrets.sources.stdin import StdinSource

        if sys.stdin is None:
            raise ConfigError("standard input is closed", "Pipe something in, or name a path.")
        return StdinSource(sys.stdin.buffer, request.stdin_name)
    from llmsecrets.sources.paths import PathSource

    paths = [place.seen(target) for target in request.targets]
    return PathSource(paths, prefix=place.prefix, use_gitignore=settings.use_gitignore, **_limits(settings))


def _git_source(chosen: str, request: Request, settings: Config, rules: RuleSet | None) -> Source:
    repository = repository_at(request.targets[0])
    if chosen == "history" and not request.recurse_submodules:
        _name_submodules(repository)
    if chosen == "history" and not request.narrowed:
        return _history_source(repository, request, settings, rules)
    if request.since is not None and repository.time_of(request.since) >= int(time.time()):
        raise ConfigError(f"--since {request.since!r}: git knows no such date, or it is not past",
                          "Write it as 2027-01-31, or '2 weeks ago'.")  # fmt: skip
    if chosen == "history" and repository.facts.shallow:
        _name_shallow()
    from llmsecrets.sources.changes import RangeSource, StagedSource, typed

    if chosen == "staged":
        return StagedSource(repository, **_limits(settings))
    return RangeSource(repository, request.narrowed or [typed(request.revisions or "")], **_limits(settings))


def _limits(settings: Config) -> dict[str, Any]:
    from llmsecrets import filters

    return {"excluded": filters.excluder(settings), "max_size": settings.max_file_size}


def _history_source(
    repository: Repository, request: Request, settings: Config, rules: RuleSet | None, submodule: str = ""
) -> HistorySource:
    from llmsecrets.sources.history import HistorySource

    if repository.facts.shallow:
        _name_shallow(submodule)
    return HistorySource(
        repository,
        unreachable=request.unreachable,
        cache=_result_cache(request, rules, settings, repository) if rules else None,
        submodule=submodule,
        **_limits(settings),
    )


def _name_shallow(submodule: str = "") -> None:
    which = f"the submodule {display_path(submodule)}" if submodule else "this"
    complain(f"{which} is a shallow clone: only its newest commits are here",
             "For all of history: git fetch --unshallow")  # fmt: skip


def _name_submodules(repository: Repository) -> None:
    """Say which submodules a history scan leaves out."""
    names = [display_path(path) for path in repository.submodules()]
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        complain(f"not scanned, being submodules: {', '.join(names[:_NAMED])}{more}",
                 "To scan their histories, too: llmsecrets scan --history --recurse-submodules")  # fmt: skip


def repository_at(target: Path) -> Repository:
    """The repository that a target lies in. Raises ConfigError where there is nothing, SourceError for what is none."""
    from llmsecrets.git import Repository

    if not target.exists():
        raise ConfigError(f"{target}: no such folder", "Check the path.")
    folder = target if target.is_dir() else target.parent
    return Repository(folder, of_the_hook=_is_this_one(folder))


def _is_this_one(folder: Path) -> bool:
    """Whether a folder is of the repository one stands in, which is what a hook's environment speaks of."""
    here = Path.cwd()
    root = _repository_around(Path(os.path.abspath(folder)))
    return folder.samefile(here) or bool(root and root == _repository_around(here))


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Stats], None] | None]:
    """A line on stderr for scans that take a while, only where somebody looks at it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
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
