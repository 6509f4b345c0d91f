"""Rules: what to look for, as data. Owns what a rule is, sets of them, and the cache of those that were parsed.

A rule file is YAML; docs/RULES.md is its manual and `fields.json_schema()` its schema, made from the same table that
validates it. A rule set is refused whole when any of its files is wrong.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache as once
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from llmsecrets import cache
from llmsecrets.errors import RuleError
from llmsecrets.rules.globs import path_matches

# A key begins where no longer word is cut in two ("task-…" holds no "sk-…"), but an escape sequence may touch it:
# a written \n, %22, \u0022, \x22, a colour code. `BEFORE` is what `BEGIN` looks back at, as an expression of its own.
_ESCAPES = (
    r"\\[nrtbf0]", "%[0-9A-Fa-f]{2}", r"\\u00[0-9A-Fa-f]{2}", r"\\x[0-9A-Fa-f]{2}", r"\[[0-9;]{1,12}m",
)  # fmt: skip
BEGIN = f"(?:(?<![A-Za-z0-9_])|{'|'.join(f'(?<={escape})' for escape in _ESCAPES)})"
BEFORE = f"(?:^|[^A-Za-z0-9_]|{'|'.join(_ESCAPES)})"

# Where a value is known by its name only, something must call it a credential, and a token's worth of characters must
# follow a sign that opens one. One expression for all such rules: most texts are never searched for the names. Matches
# that span more than GATE_WIDTH bytes need not be found; quotes and brackets without a bound are looked for faster, and
# so are signs of one byte: of `%3D`, `\u003d` or a terminal's `ESC[32m` the rest is taken for the value's beginning.
GATE_WIDTH = 128
GATE = (
    r"(?i:key|token|secret|passw|auth|cred|bearer|api|client|cert|access|private)"
    r"(?:[\x00-\xff]{0,40}[=:,(> \t|?{%\[;\x00\"'`\\]-?[\s\"'`\\({\[]*|-)[A-Za-z0-9_\-./+]{16}"
)

GATE_REACH = 416  # bytes before the end of a gate's match in which the name must stand

FIRST_GROUP = -1  # as `Rule.secret_group`: the first of the groups that took part in the match

MANY_NAMES = 7  # of a rule: after more, what follows one is looked at before stage two
MAX_WIDTH = 32768  # a match longer than this could straddle two windows of a large blob
# What parsed rules depend on beside the files they stand in.
_SOURCES = tuple(Path(__file__).with_name(name) for name in ("__init__.py", "fields.py", "reading.py"))


def any_of(names: Sequence[str]) -> str:
    """The expression of any of the names, whatever their case."""
    return f"(?i:{'|'.join(names)})"


class Allow(NamedTuple):
    """Values of the rule's shape that are never a secret."""

    values: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()
    stopwords: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()


class Checksum(NamedTuple):
    """A named verifier in `proofs`; `failed` says whether a token that fails it is dropped or lowered one tier."""

    name: str
    failed: str = "lower"


class Part(NamedTuple):
    """A second value that must (`required`) or may stand within so many lines of the secret."""

    name: str
    expression: str
    within: int = 5
    required: bool = False


class Rule(NamedTuple):
    """One rule, ready to use. `core` is what stage one must find, `expression` what stage two confirms.

    `secret_group` is the group of `expression` that holds the secret; `width` the most bytes a match can span, 0
    where the pattern itself tells. `names` are expressions of the names a value is known by (`any_of` makes one of
    them), `gated` says that GATE holds wherever the rule does, and `span` how many bytes such a rule's match spans at
    most. `requires` are words one of which must stand somewhere in the text, in any case; `unanchored` says that stage
    one has nothing to look for, so that stage two reads every text (the slow way); `strict` that values which look
    typed must reach `min_entropy`, too. `shape` is the expression of the value alone, if that is a vendor's own.
    """

    id: str
    name: str
    description: str
    core: str
    expression: str
    secret_group: int
    names: tuple[str, ...]
    gated: bool
    severity: str
    confidence: str
    family: str
    specificity: int
    width: int
    anchor: str
    keywords: tuple[str, ...]
    paths: tuple[str, ...]
    exclude_paths: tuple[str, ...]
    min_entropy: float
    min_digits: int
    score: str
    tags: tuple[str, ...]
    allow: Allow
    checksum: Checksum | None
    components: tuple[Part, ...]
    remediation: str
    revoke_url: str
    references: tuple[str, ...]
    examples: tuple[str, ...]
    negative_examples: tuple[str, ...]
    origin: str
    span: int = 0
    requires: tuple[str, ...] = ()
    unanchored: bool = False
    strict: bool = False
    shape: str = ""

    def applies_to(self, path: str) -> bool:
        """Whether the rule looks at files of this path at all."""
        if self.exclude_paths and path_matches(path, self.exclude_paths):
            return False
        return not self.paths or path_matches(path, self.paths)


class RuleSet(Sequence[Rule]):
    """The rules of a scan, in order. Each is a line of JSON, decoded when first asked for.

    `digest` identifies the set: two sets with the same digest find the same things.
    """

    def __init__(self, ids: Sequence[str], lines: Sequence[bytes], digest: str = "") -> None:
        """`digest` is that of the lines, where it is known already."""
        self.lines = lines
        self._index = {rule_id: position for position, rule_id in enumerate(ids)}
        self._decoded: dict[int, Rule] = {}
        self.digest = digest or cache.key(*self.lines)

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> "RuleSet":
        rules = list(rules)
        return cls([rule.id for rule in rules], [_encode(rule) for rule in rules])

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, index: Any) -> Any:
        rule = self._decoded.get(index)
        if rule is None:
            rule = self._decoded[index] = _decode(self.lines[index])
        return rule

    def __iter__(self) -> Iterator[Rule]:
        for index, line in enumerate(self.lines):  # read sooner together than one by one
            if index not in self._decoded:
                self._decoded[index] = _decode(line)
            yield self._decoded[index]

    def __contains__(self, rule_id: object) -> bool:
        return rule_id in self._index

    @property
    def ids(self) -> Collection[str]:
        """The ids of the rules, in order."""
        return self._index.keys()

    def get(self, rule_id: str) -> Rule:
        """The rule of this id. Raises RuleError for an unknown one."""
        if rule_id not in self._index:
            raise RuleError(f"there is no rule {rule_id!r}", "See `llmsecrets rules list`.")
        rule: Rule = self[self._index[rule_id]]
        return rule

    def select(self, enabled: Sequence[str] = (), disabled: Sequence[str] = ()) -> "RuleSet":
        """The rules whose ids match a glob of `enabled` (all, if empty) and none of `disabled`."""
        for glob in (*enabled, *disabled):
            if not any(fnmatchcase(rule_id, glob) for rule_id in self._index):
                raise RuleError(f"no rule matches {glob!r}", "See `llmsecrets rules list`.")
        kept = [
            (rule_id, line)
            for rule_id, line in zip(self._index, self.lines, strict=True)
            if (not enabled or any(fnmatchcase(rule_id, glob) for glob in enabled))
            and not any(fnmatchcase(rule_id, glob) for glob in disabled)
        ]
        if not kept:
            raise RuleError("no rule is left to scan with", "See what is disabled: `llmsecrets config show`.")
        return RuleSet([rule_id for rule_id, _ in kept], [line for _, line in kept])

    def plus(self, rules: Sequence[Rule]) -> "RuleSet":
        """The set with more rules; one of the same id is replaced."""
        more = {rule.id: _encode(rule) for rule in rules}
        lines = {**dict(zip(self._index, self.lines, strict=True)), **more}
        return RuleSet(list(lines), list(lines.values()))


def _encode(rule: Rule) -> bytes:
    import json

    return json.dumps(rule, separators=(",", ":")).encode()


def _decode(line: bytes) -> Rule:
    import json  # late: a hook that meets no rule needs none

    fields: dict[str, Any] = dict(zip(Rule._fields, json.loads(line), strict=True))
    fields["allow"] = Allow(*map(tuple, fields["allow"]))
    fields["checksum"] = Checksum(*fields["checksum"]) if fields["checksum"] else None
    fields["components"] = tuple(Part(*part) for part in fields["components"])
    values: dict[str, Any] = {name: tuple(value) if type(value) is list else value for name, value in fields.items()}
    return Rule(**values)


# ---- loading ---------------------------------------------------------------------------------------------------


def builtin_folder() -> Path:
    """The rules that ship with the package; in an editable install, `rules/` beside `scanner/`."""
    packaged = Path(__file__).parents[1] / "builtin_rules"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "rules"


def load_rules(extra: Sequence[Path] = (), *, builtin: bool = True) -> "RuleSet":
    """The built-in rules, then those of `extra` files and folders; a later rule replaces one of the same id.

    Raises RuleError for the first thing wrong in any file.
    """
    groups = [rule_files(path) for path in ([builtin_folder()] if builtin else []) + list(extra)]
    files = [path for group in groups for path in group]
    name = cache.remembered([*_SOURCES, *files], lambda: _name(_contents(files)))
    kept = cache.shelf(f"{name}.ruleset")
    if kept:
        digest, ids = kept.head
        return RuleSet(ids, _KeptLines(name, len(ids), once(lambda: _parsed(groups).lines)), digest)
    return _parsed(groups)


def _contents(files: Sequence[Path]) -> dict[Path, bytes]:
    return {path: _read(path) for path in files}


def _name(contents: Mapping[Path, bytes]) -> str:
    """What is kept of rule files that say this goes by this name."""
    said = (part for path, body in contents.items() for part in (os.fsencode(path), body))
    return cache.key(cache.code(*_SOURCES), *said)


class _KeptLines(Sequence[bytes]):
    """The lines of a parsed rule set in the cache, each read when asked for. Where one is lost, all are made again."""

    def __init__(self, name: str, number: int, again: Callable[[], Sequence[bytes]]) -> None:
        self._name, self._number, self._again = name, number, again

    @cached_property
    def _kept(self) -> cache.Shelf | None:
        """Opened late: most runs of a hook need no line."""
        return cache.shelf(f"{self._name}.rules")

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, index: Any) -> Any:
        return (self._kept.get(index) if self._kept else None) or self._again()[index]

    def __iter__(self) -> Iterator[bytes]:
        lines = list(self._kept.every().values()) if self._kept else []
        return iter(lines if len(lines) == self._number else self._again())


def _parsed(groups: Sequence[Sequence[Path]]) -> "RuleSet":
    """The rules of all files; their lines are kept in the cache, with what a scan needs before them."""
    from llmsecrets.rules.reading import read_group

    contents = _contents([path for group in groups for path in group])
    rules: dict[str, Rule] = {}
    fragments: dict[str, str] = {}
    for files in groups:
        rules.update(read_group(files, contents, fragments))
    loaded, name = RuleSet.of(rules.values()), _name(contents)
    cache.shelve(f"{name}.rules", None, dict(enumerate(loaded.lines)))
    cache.shelve(f"{name}.ruleset", (loaded.digest, list(loaded.ids)), {})
    return loaded


def rule_files(path: Path) -> list[Path]:
    """The rule files a path names: itself, or the YAML files directly in the folder."""
    if path.is_dir():
        found = sorted(child for child in path.iterdir() if child.suffix in (".yaml", ".yml"))
        if not found:
            raise RuleError(f"{path}: no .yaml file in this folder", "Name a rule file or a folder that holds some.")
        return found
    return [path]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failure:
        raise RuleError(f"{path}: cannot be read: {failure.strerror}", "Check the path given to --rules.") from failure
