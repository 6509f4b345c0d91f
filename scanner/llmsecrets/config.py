"""The one Config: defaults, `.llmsecrets.yaml`, environment and options merged once, each value with its origin."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from llmsecrets import cache
from llmsecrets.errors import ConfigError
from llmsecrets.model import CONFIDENCES
from llmsecrets.rules.globs import PATH_EXPRESSION

NAMES = (".llmsecrets.yaml", ".llmsecrets.yml")
_OF_GITLEAKS = ".gitleaks.toml"
TARGETS = ("secret", "match", "line")
SHORTEST_SHA = 7  # characters of a commit's id that can be told from others


class AllowEntry(NamedTuple):
    """Findings that are fine, why, and who says so. All the criteria an entry gives must hold, of each any one of its
    values. `origin` is the entry's place, `folder` where its globs start, if not at the configuration's.
    """

    reason: str
    paths: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()
    target: str = "secret"
    stopwords: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    owner: str = ""
    expires: str = ""
    origin: str = ""
    folder: str = ""

    def expired(self, today: str) -> bool:
        """Whether its last day is over."""
        return bool(self.expires) and self.expires < today


Nearest = Callable[[str], Sequence[AllowEntry]]  # a path → the entries that count for it


class Config(NamedTuple):
    """Every setting of a scan. `origins` says where each value comes from, `folder` what relative paths start at.

    `nested`: allowlists of files further down count for what is below them; then `nearest` tells whose does for a path.
    """

    rules: tuple[str, ...] = ()
    gitleaks_config: str = ""
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    allow: tuple[AllowEntry, ...] = ()
    baseline: str = ""
    min_confidence: str = "medium"
    max_file_size: int = 1 << 30
    max_layer_size: int = 64 << 30
    max_layer_ratio: int = 1100
    max_layer_members: int = 2_000_000
    max_layer_seconds: int = 3600
    max_archive_depth: int = 4
    max_decode_depth: int = 2
    max_archive_size: int = 1 << 30
    max_archive_ratio: int = 200
    max_archive_members: int = 100_000
    max_archive_seconds: int = 120
    use_gitignore: bool = False
    jobs: int = 0
    engine: str = "auto"
    format: tuple[str, ...] = ()
    exit_code: int = 1
    exit_zero: bool = False
    allow_incomplete: bool = False
    show_suppressed: bool = False
    max_age_days: Mapping[str, int] = {"default": 90}
    folder: Path = Path()
    origins: Mapping[str, str] = {}
    nested: bool = False
    nearest: Nearest | None = None


_KEYS = tuple(name for name in Config._fields if name not in ("folder", "origins", "nested", "nearest"))
_EXTENDS = "extends"
_VARIABLE = "LLMSECRETS_"  # how the names of settings begin in the environment
_ALIKE = 0.8  # of 1: how much two names share that are likely meant to be the same
_DEEPEST = 10  # files that extend one another
_DEFAULTS = Config()
_SIZES = ("max_file_size", "max_layer_size", "max_archive_size")
_MOST = {"exit_code": 255, "jobs": 1024, "max_age_days": 100_000, "max_archive_depth": 32, "max_decode_depth": 8}
_NO_MORE = 1 << 31  # of any other number
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def find(start: Path) -> Path | None:
    """The nearest configuration file from a target up to the root of its repository (else in its own folder only)."""
    return next(filter(None, map(_file_in, _folders(start))), None)


def _file_in(folder: Path) -> Path | None:
    """The configuration file in a folder. Raises ConfigError where its name is that of something else."""
    named = (folder / name for name in NAMES)
    file = next((one for one in named if os.path.lexists(one)), None)
    if file and not file.is_file():
        raise ConfigError(f"{file}: is no file", "Take it away, or mend the link if it is one.")
    return file


def _folders(start: Path) -> list[Path]:
    """The folder of a target and those above it up to the root of its repository."""
    folder = Path(os.path.abspath(start))
    folder = folder if os.path.isdir(folder) else folder.parent  # noqa: PTH112 - one that may not be read ends no scan
    upwards = [folder, *folder.parents]
    root = next((number for number, one in enumerate(upwards) if os.path.exists(one / ".git")), 0)  # noqa: PTH110
    return upwards[: root + 1]


def load(start: Path, options: Mapping[str, Any], file: Path | None = None) -> Config:
    """Defaults, then the file, then LLMSECRETS_… variables, then `options` (those not None). Raises ConfigError.

    Where there is no file of ours, that of gitleaks at the root counts.
    """
    nested, file = file is None, file or find(start)
    values: dict[str, Any] = {}
    origins = dict.fromkeys(_KEYS, "default")
    for origin, layer in _layers(file, options):
        for name, value in layer.items():
            values[name] = _checked(name, value, f"{origin}: {name}")
            origins[name] = origin
    if file is None and "gitleaks_config" not in values:
        found = _folders(start)[-1] / _OF_GITLEAKS
        if os.path.isfile(found):  # noqa: PTH113 - one that may not be read ends no scan
            values["gitleaks_config"], origins["gitleaks_config"] = str(found), str(found)
    folder = file.parent if file else _folders(start)[-1]
    if values.get("gitleaks_config"):
        values["allow"] = (*values.get("allow", ()), *_allowed_for_gitleaks(values["gitleaks_config"]))
        origins["allow"] = values["gitleaks_config"] if origins["allow"] == "default" else origins["allow"]
    return Config(**values, folder=folder, origins=origins, nested=nested)


def is_day(text: str) -> bool:
    """Whether a text is a day as 2027-01-31: days are compared as texts, which 20270131 would spoil."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def allowlist_in(folder: Path) -> tuple[AllowEntry, ...] | None:
    """The allowlist of the configuration file in a folder; None where there is none. Raises ConfigError."""
    file = _file_in(folder)
    values = _extended(file) if file else {}
    return _allow_entries(values["allow"], str(file)) if "allow" in values else None


def _allowed_for_gitleaks(file: str) -> tuple[AllowEntry, ...]:
    from llmsecrets import gitleaks

    return _allow_entries(gitleaks.read(Path(file)).allow, file)


def _layers(file: Path | None, options: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [
        *([(str(file), _extended(file))] if file else []),
        *((f"{_VARIABLE}{name.upper()}", {name: value}) for name, value in _in_environment().items()),
        ("command line", {name: value for name, value in options.items() if value is not None and value != ()}),
    ]


def _in_environment() -> dict[str, str]:
    """What variables set. Raises ConfigError for one that is likely a setting misspelt; others may be anybody's."""
    settable = {f"{_VARIABLE}{name.upper()}": name for name in _KEYS if name != "allow"}
    given = {variable: value for variable, value in os.environ.items() if variable.startswith(_VARIABLE)}
    for variable in given.keys() - settable.keys():
        from difflib import get_close_matches  # late: few have any that is not known

        known = {one.removeprefix(_VARIABLE): one for one in settable}
        if close := get_close_matches(variable.removeprefix(_VARIABLE), known, n=1, cutoff=_ALIKE):
            raise ConfigError(f"there is no setting {variable}", f"Did you mean {known[close[0]]}?")
    return {name: given[variable] for variable, name in settable.items() if variable in given}


def _extended(file: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """What a file and those it extends say: lists joined, theirs first, and of other values the nearest one."""
    if file.resolve() in above or len(above) > _DEEPEST:
        raise ConfigError(f"{above[-1]}: extends {file}, which leads back to itself", "Take one of the files out.")
    values = dict(_read(file))
    for name in ("rules", "baseline", "gitleaks_config"):
        if values.get(name):
            values[name] = _beside(file, values[name])
    if "allow" in values:
        values["allow"] = [{**entry, "folder": str(file.parent)} for entry in values["allow"]]
    joined: dict[str, Any] = {}
    for name in values.pop(_EXTENDS, ()):
        other = _extended(Path(_beside(file, name)), (*above, file.resolve()))
        if "allow" in other:
            other["allow"] = [_seen_from(file, entry) for entry in other["allow"]]
        if "exclude" in other:
            other["exclude"] = [f"{_up(file, name)}{glob}" for glob in other["exclude"]]
        joined = _joined(joined, other)
    return _joined(joined, values)


def _joined(first: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    both = [name for name, value in then.items() if name in first and isinstance(value, list | tuple)]
    return {**first, **then, **{name: [*first[name], *then[name]] for name in both}}


def _beside(file: Path, paths: Any) -> Any:
    """Paths in a file, which start where it stands. A device or a pipe is refused: it might never end."""
    if isinstance(paths, str):
        place = file.parent / paths
        if place.exists() and not place.is_file() and not place.is_dir():
            raise ConfigError(f"{file}: {paths} is no file", "Name another one.")
        return os.fspath(place)
    return [_beside(file, path) for path in paths]


def _seen_from(file: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of an extended file: globs start there if that is further up, else as if it stood in the file itself."""
    here = Path(os.path.abspath(file.parent))
    return entry if Path(os.path.abspath(entry["folder"])) in (here, *here.parents) else {**entry, "folder": str(here)}


def _up(file: Path, extended: str) -> str:
    """What leads from a file's folder to that of one it extends, `../`, if that is further up."""
    here, there = Path(os.path.abspath(file.parent)), Path(os.path.abspath(file.parent / extended)).parent
    return f"{Path(os.path.relpath(there, here)).as_posix()}/" if there in here.parents else ""


def _read(file: Path) -> Mapping[str, Any]:
    """The file's mapping, parsed once for each content: importing a YAML parser is half of a hook's start."""
    try:
        content = file.read_bytes()
    except OSError as failure:
        raise ConfigError(
            f"{file}: cannot be read: {failure.strerror}", "Check the path and its permissions."
        ) from failure
    name = f"{cache.key(b'config 2', os.fsencode(file), content)}.config"
    cached = cache.read(name)
    import json

    if cached is not None:
        stored: Mapping[str, Any] = json.loads(cached)
        return stored
    from llmsecrets import yamlfile

    values = yamlfile.parse(content, str(file))
    for key in values:
        if key not in (*_KEYS, _EXTENDS):
            known = ", ".join((*_KEYS, _EXTENDS))
            raise ConfigError(f"{file}:{values.lines[key]}: unknown key {key!r}", f"Known keys: {known}.")
    checked = {key: _checked(key, value, f"{file}:{values.lines[key]}: {key}") for key, value in values.items()}
    plain = {key: [one._asdict() for one in value] if key == "allow" else value for key, value in checked.items()}
    cache.write(name, json.dumps(plain).encode())
    return plain


def _checked(name: str, value: Any, where: str) -> Any:
    """A value of the setting's type, from what YAML, the environment or click gave."""
    if name == _EXTENDS:
        return _texts(value, where)
    default = getattr(_DEFAULTS, name)
    if name == "allow":
        return _allow_entries(value, where)
    if name in _SIZES:
        return _size(value, where)
    if name == "max_age_days":
        return _ages(value, where)
    if isinstance(default, bool):
        return _boolean(value, where)
    if isinstance(default, int):
        return _integer(value, where, _MOST.get(name, _NO_MORE))
    if isinstance(default, tuple):
        texts = _texts(value, where)
        if name == "exclude":
            _check_globs(texts, where)
        return texts
    if not isinstance(value, str | os.PathLike):
        raise ConfigError(f"{where} must be a text")
    if name == "min_confidence" and value not in CONFIDENCES:
        raise ConfigError(f"{where} must be one of {', '.join(CONFIDENCES)}")
    return os.fspath(value)


def _boolean(value: Any, where: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    raise ConfigError(f"{where} must be true or false")


def _integer(value: Any, where: str, most: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as failure:
        raise ConfigError(f"{where} must be a whole number") from failure
    if isinstance(value, bool | float) or not 0 <= number <= most:
        raise ConfigError(f"{where} must be a whole number from 0 to {most}")
    return number


def _size(value: Any, where: str) -> int:
    text = str(value).strip().lower().removesuffix("b").removesuffix("i")
    number, unit = (text[:-1], text[-1]) if text[-1:] in ("k", "m", "g") else (text, "")
    try:
        size = int(float(number) * _UNITS[unit])
    except (ValueError, OverflowError):
        size = -1
    if size < 0:
        raise ConfigError(f"{where} must be a size such as 500000, 20M or 1G")
    return size


def _ages(value: Any, where: str) -> Mapping[str, int]:
    """Days by category: a mapping, one number for all, or in a text `llm=30,default=90`."""
    if isinstance(value, str) and "=" in value:
        value = dict(part.strip().split("=", 1) for part in value.split(",") if "=" in part)
    days = value if isinstance(value, Mapping) else {"default": value}
    most = _MOST["max_age_days"]
    return {**_DEFAULTS.max_age_days, **{str(name): _integer(one, where, most) for name, one in days.items()}}


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, Sequence) or not all(isinstance(one, str | os.PathLike) for one in value):
        raise ConfigError(f"{where} must be a list of texts")
    return tuple(os.fspath(one) for one in value)


def _allow_entries(value: Any, where: str) -> tuple[AllowEntry, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where} must be a list of entries")
    return tuple(_allow_entry(entry, where) for entry in value)


def _allow_entry(entry: Any, where: str) -> AllowEntry:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where}: an entry must be a mapping")
    where = f"{where.rsplit(':', 2)[0]}:{entry.line}: allow" if hasattr(entry, "line") else where
    known = AllowEntry._fields[:-2] if hasattr(entry, "line") else AllowEntry._fields
    for key in entry:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}", f"Known keys: {', '.join(known)}.")
    if not entry.get("reason"):
        raise ConfigError(f"{where}: an entry needs a reason", "Say why these findings are fine.")
    if entry.get("target", "secret") not in TARGETS:
        raise ConfigError(f"{where}: target must be one of {', '.join(TARGETS)}")
    lists = {
        key: _texts(entry[key], f"{where}: {key}")
        for key in ("paths", "regexes", "stopwords", "commits", "rules")
        if key in entry
    }
    if not any(lists.values()):  # an entry of empty lists would hold for every finding
        raise ConfigError(f"{where}: an entry needs a criterion", "Give paths, regexes, stopwords, commits or rules.")
    blank = next((key for key, texts in lists.items() if not all(texts)), "")
    if blank:  # every secret holds an empty text
        raise ConfigError(f"{where}: {blank} must hold no empty text", "Take it out.")
    if hasattr(entry, "line") and any(len(sha) < SHORTEST_SHA for sha in lists.get("commits", ())):
        raise ConfigError(f"{where}: commits need {SHORTEST_SHA} characters or more each", "Shorter ones can be many.")
    expires = str(entry.get("expires", ""))
    _check_date(expires, where)
    _check_regexes(lists.get("regexes", ()), where)
    _check_globs(lists.get("paths", ()), where)
    return AllowEntry(reason=str(entry["reason"]), target=entry.get("target", "secret"), expires=expires,
                      owner=str(entry.get("owner", "")), folder=entry.get("folder", ""),
                      origin=entry.get("origin") or where.removesuffix(": allow"), **lists)  # fmt: skip


def _check_date(text: str, where: str) -> None:
    if not is_day(text or "2000-01-01"):
        raise ConfigError(f"{where}: expires must be a date such as 2027-01-31")


def _check_globs(globs: Sequence[str], where: str) -> None:
    _check_regexes([glob.partition(PATH_EXPRESSION)[2] for glob in globs if PATH_EXPRESSION in glob], where)


def _check_regexes(patterns: Sequence[str], where: str) -> None:
    if not patterns:
        return
    import regex

    for number, pattern in enumerate(patterns, 1):  # not quoted: an allowlist may spell out what it allows
        try:
            regex.compile(pattern.encode())
        except (regex.error, UnicodeEncodeError) as failure:  # the latter for bytes in a variable that are no text
            raise ConfigError(f"{where}: regular expression {number} is wrong: {failure}") from failure
