"""Rules: what to look for, as data. Owns the rule file format, its loading, validation and parsed-rules cache.

A rule file is YAML; docs/RULES.md is its manual and `json_schema()` its schema, made from the same table that
validates it. A rule set is refused whole when any of its files is wrong.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache as once
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from llmsecrets import cache
from llmsecrets.errors import RuleError
from llmsecrets.model import CONFIDENCES, SEVERITIES

# What a key's value may hold. A key must not be followed by a character of its alphabet, and may be by any other:
# a quote, a comma, a tag, NUL, an escape. Alphabets without "_" or "-" still end at letters and digits of any case.
ALPHABETS = {
    "alnum": r"(?![A-Za-z0-9])",
    "hex": r"(?![A-Za-z0-9])",
    "digits": r"(?![A-Za-z0-9])",
    "base32": r"(?![A-Za-z0-9])",
    "word": r"(?![A-Za-z0-9_])",
    "base64": r"(?![A-Za-z0-9+/=])",
    "base64url": r"(?![A-Za-z0-9_]|-(?!-))",  # "-->" closes a comment, it does not continue a key
    "any": "",
}

# A key begins where no longer word is cut in two ("task-…" holds no "sk-…"), but an escape sequence may touch it:
# a written \n, %22, \u0022, \x22, a colour code. `BEFORE` is what `BEGIN` looks back at, as an expression of its own.
_ESCAPES = (
    r"\\[nrtbf0]", "%[0-9A-Fa-f]{2}", r"\\u00[0-9A-Fa-f]{2}", r"\\x[0-9A-Fa-f]{2}", r"\[[0-9;]{1,12}m",
)  # fmt: skip
BEGIN = f"(?:(?<![A-Za-z0-9_])|{'|'.join(f'(?<={escape})' for escape in _ESCAPES)})"
BEFORE = f"(?:^|[^A-Za-z0-9_]|{'|'.join(_ESCAPES)})"

# Where a value is known by its name only, something must call it a credential, and a token's worth of characters must
# follow an assignment. One expression for all such rules: most texts are never searched for the names. Matches that
# span more than GATE_WIDTH bytes need not be found; quotes and brackets without a bound are looked for faster.
GATE_WIDTH = 128
GATE = (
    r"(?i:key|token|secret|passw|auth|cred|bearer|api|client|cert|access|private)"
    r"(?:[\x00-\xff]{0,40}[=:,(> ][\s\"'`\\({\[]*|-)[A-Za-z0-9_\-./+]{16}"
)

FIRST_GROUP = -1  # as `Rule.secret_group`: the first of the groups that took part in the match
PATH_EXPRESSION = "re:"  # what makes a glob a regular expression; in front of it, the folder that it starts in

MANY_NAMES = 7  # of a rule: after more, what follows one is looked at before stage two
_NAMES_WIDTH = 100  # names that span more are not looked for behind the gate
_PATH_TIMEOUT = 1.0  # seconds for an expression on one path
MAX_WIDTH = 32768  # a match longer than this could straddle two windows of a large blob


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


@lru_cache(maxsize=1 << 16)  # a history asks for the same few paths with every version of a file
def path_matches(path: str, globs: tuple[str, ...]) -> bool:
    """Whether any glob matches. `*` stays within no folder bound; `**/x` also matches `x` at the top."""
    return any(
        fnmatchcase(path, glob)
        or (glob.startswith("**/") and fnmatchcase(path, glob[3:]))
        or (PATH_EXPRESSION in glob and _expression_matches(path, glob))
        for glob in globs
    )


def _expression_matches(path: str, glob: str) -> bool:
    """Whether the expression of `re:EXPRESSION`, or `folder/re:EXPRESSION`, is found in the path below the folder.

    It is about files: what it says of a folder's path tells nothing of the files in it.
    """
    if path.endswith("/"):
        return False
    folder, _, expression = glob.partition(PATH_EXPRESSION)
    if (folder and not folder.endswith("/")) or not path.startswith(folder):
        return False
    below = path[len(folder) :].encode("utf-8", "surrogateescape")
    try:
        return bool(_path_expression(expression).search(below, timeout=_PATH_TIMEOUT))
    except TimeoutError:
        return False


@lru_cache(maxsize=256)
def _path_expression(expression: str) -> Any:
    import regex

    return regex.compile(expression.encode())


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
    packaged = Path(__file__).parent / "builtin_rules"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "rules"


def load_rules(extra: Sequence[Path] = (), *, builtin: bool = True) -> "RuleSet":
    """The built-in rules, then those of `extra` files and folders; a later rule replaces one of the same id.

    Raises RuleError for the first thing wrong in any file.
    """
    groups = [rule_files(path) for path in ([builtin_folder()] if builtin else []) + list(extra)]
    files = [path for group in groups for path in group]
    name = cache.remembered([Path(__file__), *files], lambda: _name(_contents(files)))
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
    return cache.key(cache.code(__file__), *said)


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
    contents = _contents([path for group in groups for path in group])
    rules: dict[str, Rule] = {}
    fragments: dict[str, str] = {}
    for files in groups:
        rules.update(_load_group(files, contents, fragments))
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


def _load_group(files: Sequence[Path], contents: dict[Path, bytes], fragments: dict[str, str]) -> dict[str, Rule]:
    """The rules of one folder; fragments of its files are shared by all of them and by later folders."""
    from llmsecrets import yamlfile

    documents = [(path, yamlfile.parse(contents[path], str(path), RuleError)) for path in files]
    for path, document in documents:
        _check_mapping(document, _FILE_KEYS, f"{path}:1", "a rule file")
        fragments.update(_strings(document.get("fragments", {}), f"{path}:1"))
    rules: dict[str, Rule] = {}
    for path, document in documents:
        for entry in document.get("rules", []):
            origin = f"{path}:{getattr(entry, 'line', 1)}"
            rule = _build(entry, fragments, origin)
            if rule.id in rules:
                raise RuleError(f"{origin}: rule id {rule.id!r} stands twice (first at {rules[rule.id].origin})")
            rules[rule.id] = rule
    return rules


def _strings(value: Any, origin: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise RuleError(f"{origin}: fragments must map names to text")
    return value


# ---- one rule --------------------------------------------------------------------------------------------------


class Key(NamedTuple):
    """A key of a rule: its type, whether it must be there, what it means. `choices` limits a text."""

    type: str
    meaning: str
    required: bool = False
    choices: tuple[str, ...] = ()


KEYS = {
    "id": Key("text", "Unique kebab-case name, vendor first.", required=True),
    "name": Key("text", "What a person calls it.", required=True),
    "description": Key("text", "What it is and what it gives whoever holds it.", required=True),
    "pattern": Key(
        "text", "Regular expression of the value, without boundaries; group 1, if any, is the secret.", True
    ),
    "alphabet": Key("text", "What must not follow the value.", choices=tuple(ALPHABETS)),
    "names": Key("texts", "Regular expressions of names that must stand before a value too weak alone."),
    "width": Key("number", "The most bytes a match can span, where the pattern does not tell."),
    "secret_group": Key("number", "The group of `pattern` that is the secret, if not 1."),
    "anchor": Key("text", "Stage-one expression, where the one derived from the pattern is too weak."),
    "keywords": Key("texts", "Literals, one of which every match holds; derived where not given."),
    "paths": Key("texts", "Globs of the only files the rule looks at."),
    "exclude_paths": Key("texts", "Globs of files the rule does not look at."),
    "min_entropy": Key("number", "Least Shannon entropy of the secret, bits a character."),
    "min_digits": Key("number", "Least number of digits in the secret."),
    "score": Key("text", "Scored by the generic detector instead of taken at face value.", choices=("generic",)),
    "severity": Key("text", "How bad it is.", choices=SEVERITIES),
    "confidence": Key("text", "How sure the shape makes us.", choices=CONFIDENCES),
    "family": Key("text", "Sibling rules that can match the same secret share it; the first word of the id if absent."),
    "specificity": Key("number", "Of two rules that match the same bytes the higher wins."),
    "tags": Key("texts", "Free words; the first is the category."),
    "allow": Key("allow", "Values of this shape that are never a secret."),
    "checksum": Key("checksum", "Offline verifier and what its failure means."),
    "components": Key("components", "Second values that must or may stand nearby."),
    "remediation": Key("text", "How to revoke and rotate.", required=True),
    "revoke_url": Key("text", "The provider's page for it."),
    "references": Key("texts", "Where the facts come from."),
    "examples": Key("texts", "Templates of texts that hold one secret.", required=True),
    "negative_examples": Key("texts", "Templates of near misses."),
}
_PART_KEYS = {
    "name": Key("text", "What the second value is.", required=True),
    "pattern": Key("text", "Regular expression of the value; group 1, if any, is what is reported.", required=True),
    "alphabet": KEYS["alphabet"],
    "names": KEYS["names"],
    "within": Key("number", "How many lines away it may stand."),
    "required": Key("truth", "Whether the rule finds nothing without it."),
}
_ALLOW_KEYS = {
    "values": Key("texts", "Exact values."),
    "regexes": Key("texts", "Regular expressions found in the value."),
    "stopwords": Key("texts", "Words found in the value, in any case."),
    "sha256": Key("texts", "SHA-256 of exact values, hex."),
}
_CHECKSUM_KEYS = {
    "name": Key("text", "The verifier's name.", required=True),
    "failed": Key("text", "What becomes of a token that fails.", choices=("drop", "lower")),
}
_FILE_KEYS = {"rules": Key("rules", "The rules."), "fragments": Key("fragments", "Named pieces of patterns.")}
_TYPE_NAMES = {
    "text": "a text",
    "texts": "a list of texts",
    "number": "a number",
    "truth": "true or false",
    "allow": "a mapping",
    "checksum": "a mapping",
    "fragments": "a mapping",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "texts": (list,),
    "number": (int, float),
    "truth": (bool,),
    "allow": (dict,),
    "checksum": (dict,),
    "components": (list,),
    "rules": (list,),
    "fragments": (dict,),
}


def _build(entry: Any, fragments: dict[str, str], origin: str) -> Rule:
    from llmsecrets import proofs

    _check_mapping(entry, KEYS, origin, "a rule")
    if not entry["examples"]:
        raise RuleError(f"{_line(entry, 'examples', origin)}: rule {entry['id']!r} has no example")
    core, group = _compose(entry, fragments, origin)
    names = _names(entry, fragments, origin)
    span = _span_behind_gate(names, entry, fragments, origin) if names else 0
    checksum = _checksum(entry["checksum"], origin) if "checksum" in entry else None
    return Rule(
        id=entry["id"],
        name=entry["name"],
        description=entry["description"],
        core=core,
        expression=_whole(core, names, entry),
        secret_group=group,
        names=names,
        gated=span > 0,
        severity=entry.get("severity", "high"),
        confidence=entry.get("confidence", "high"),
        family=entry.get("family") or entry["id"].split("-")[0],
        specificity=10 * (0 if entry.get("score") else 1 if names else 2) + int(entry.get("specificity", 0)),
        width=int(entry.get("width", 0)),
        anchor=_expression(entry.get("anchor", ""), fragments, _line(entry, "anchor", origin)),
        keywords=tuple(entry.get("keywords", ())),
        paths=tuple(entry.get("paths", ())),
        exclude_paths=tuple(entry.get("exclude_paths", ())),
        min_entropy=float(entry.get("min_entropy", 0)),
        min_digits=int(entry.get("min_digits", 0)),
        score=entry.get("score", ""),
        tags=tuple(entry.get("tags", ())),
        allow=_allow(entry.get("allow"), origin),
        checksum=checksum,
        strict=checksum is not None and checksum.name in proofs.OF_PASSWORDS,
        components=tuple(_part(part, fragments, origin) for part in entry.get("components", ())),
        remediation=entry["remediation"],
        revoke_url=entry.get("revoke_url", ""),
        references=tuple(entry.get("references", ())),
        examples=tuple(entry["examples"]),
        negative_examples=tuple(entry.get("negative_examples", ())),
        origin=origin,
        span=span,
        shape=_shape(entry, fragments, origin, checksum),
    )


def _check_mapping(entry: Any, keys: Mapping[str, Key], origin: str, called: str) -> None:
    if not isinstance(entry, dict):
        raise RuleError(f"{origin}: {called} must be a mapping")
    for name in entry:
        if name not in keys:
            advice = f"Known keys: {', '.join(keys)}."
            raise RuleError(f"{_line(entry, name, origin)}: unknown key {name!r}", advice)
    for name, key in keys.items():
        if name in entry:
            _check_value(name, key, entry[name], _line(entry, name, origin))
        elif key.required:
            named = f"rule {entry['id']!r}" if "id" in entry else called
            raise RuleError(f"{origin}: {named} has no {name!r}")


def _check_value(name: str, key: Key, value: Any, origin: str) -> None:
    fits = isinstance(value, _PYTHON_TYPES[key.type]) and (key.type == "truth" or not isinstance(value, bool))
    if not fits:
        raise RuleError(f"{origin}: {name!r} must be {_TYPE_NAMES.get(key.type, 'a list')}")
    if key.type == "texts" and not all(isinstance(text, str) for text in value):
        raise RuleError(f"{origin}: {name!r} must be a list of texts")
    if key.choices and value not in key.choices:
        raise RuleError(f"{origin}: {name!r} must be one of {', '.join(key.choices)}")


def _line(entry: dict[str, Any], name: str, origin: str) -> str:
    line = getattr(entry, "lines", {}).get(name)
    return f"{origin.rpartition(':')[0]}:{line}" if line else origin


def _compose(entry: dict[str, Any], fragments: dict[str, str], origin: str) -> tuple[str, int]:
    """(the pattern without its outer boundaries, the group that holds the secret)."""
    place = _line(entry, "pattern", origin)
    value = _expression(entry["pattern"], fragments, place)
    groups = _groups(value, place)
    group = int(entry.get("secret_group", 0)) or min(groups, 1)
    if group > groups:
        raise RuleError(f"{_line(entry, 'secret_group', origin)}: the pattern has no group {group}")
    names = _names(entry, fragments, origin)
    if not names:
        return value, group
    assigned = _fill("{{assigned}}", fragments, origin)
    return any_of(names) + assigned + (value if group else f"({value})"), group or 1


def _shape(entry: dict[str, Any], fragments: dict[str, str], origin: str, checksum: Checksum | None) -> str:
    """The expression of the value, if not every other password or token has that shape."""
    from llmsecrets import proofs

    loose = entry.get("score") or entry.get("alphabet") == "any" or entry.get("confidence") == "low"
    if loose or (checksum and checksum.name in proofs.OF_PASSWORDS | proofs.OF_ANY_TOKEN):
        return ""
    return _expression(entry["pattern"], fragments, origin)


def _whole(core: str, names: Sequence[str], entry: dict[str, Any]) -> str:
    """What stage two runs. Of hundreds of names, none is tried behind one that has matched (`(?>…)`).

    A pattern that begins with a lookbehind says itself what may stand before it.
    """
    begin = "" if names or entry.get("score") or core.startswith("(?<") else BEGIN
    if len(names) > MANY_NAMES:
        named = any_of(names)
        core = f"(?>{named})" + core.removeprefix(named)
    return begin + f"(?:{core})" + ALPHABETS[entry.get("alphabet", "alnum")]


def any_of(names: Sequence[str]) -> str:
    """The expression of any of the names, whatever their case."""
    return f"(?i:{'|'.join(names)})"


def _names(entry: dict[str, Any], fragments: dict[str, str], origin: str) -> tuple[str, ...]:
    """The expressions of a rule's names."""
    place = _line(entry, "names", origin)
    names = tuple(_expression(name, fragments, place) for name in entry.get("names", ()))
    if any(_groups(name, place) for name in names):
        raise RuleError(f"{place}: a name must not hold a group", "Write (?:…) for (…).")
    return names


def _span_behind_gate(names: Sequence[str], entry: dict[str, Any], fragments: dict[str, str], origin: str) -> int:
    """The most bytes a match can span, if the rule can wait behind GATE; else 0.

    It can where its names are short and have literals to look for, and GATE holds in every example: else GATE would
    hide what the rule is to find.
    """
    import re

    from llmsecrets import anchors, templates

    widest = max(map(anchors.width_of, names))
    if entry.get("anchor") or widest > _NAMES_WIDTH or not all(anchors.literals_of(any_of([name])) for name in names):
        return 0
    value = _expression(entry["pattern"], fragments, origin)
    assigned = _fill("{{assigned}}", fragments, origin)
    span = entry.get("width") or widest + anchors.width_of(assigned) + anchors.width_of(value)
    gate = re.compile(GATE.encode())
    examples = entry["examples"]
    try:
        seen = all(gate.search(templates.expand(example, seed).encode()) for example in examples for seed in (1, 2, 3))
    except templates.TemplateError:
        return 0  # `rules check` says what is wrong with it
    return int(span) if seen and span <= MAX_WIDTH else 0


def _expression(text: str, fragments: dict[str, str], origin: str) -> str:
    """A regular expression with its fragments in place."""
    filled = _fill(text, fragments, origin)
    _groups(filled, origin)
    return filled


def _groups(pattern: str, origin: str) -> int:
    """How many groups a pattern has that is to be a part of a larger one."""
    import re

    try:
        return re.compile(f"(?:{pattern})".encode()).groups
    except re.error as failure:
        raise RuleError(f"{origin}: bad regular expression: {failure}") from failure


def _fill(text: str, fragments: dict[str, str], origin: str) -> str:
    """Replace {{name}} by the fragment of that name, fragments within fragments included."""
    for _ in range(8):
        start = text.find("{{")
        if start < 0:
            return text
        for name in _fragment_names(text):
            if name not in fragments:
                raise RuleError(f"{origin}: there is no fragment {name!r}", f"Known: {', '.join(sorted(fragments))}.")
            text = text.replace("{{" + name + "}}", fragments[name])
    raise RuleError(f"{origin}: fragments refer to each other without end")


def _fragment_names(text: str) -> list[str]:
    return [piece.split("}}", 1)[0] for piece in text.split("{{")[1:]]


def _allow(entry: Any, origin: str) -> Allow:
    if entry is None:
        return Allow()
    _check_mapping(entry, _ALLOW_KEYS, origin, "allow")
    for pattern in entry.get("regexes", ()):
        _groups(pattern, _line(entry, "regexes", origin))
    return Allow(**{name: tuple(values) for name, values in entry.items()})


def _checksum(entry: Any, origin: str) -> Checksum:
    from llmsecrets import proofs

    _check_mapping(entry, _CHECKSUM_KEYS, origin, "checksum")
    if entry["name"] not in proofs.NAMES:
        raise RuleError(f"{origin}: unknown checksum {entry['name']!r}", f"Known: {', '.join(sorted(proofs.NAMES))}.")
    return Checksum(**entry)


def _part(entry: Any, fragments: dict[str, str], origin: str) -> Part:
    _check_mapping(entry, _PART_KEYS, origin, "a component")
    core, group = _compose(entry, fragments, origin)
    if not group:
        core = f"({core})"
    begin = "" if entry.get("names") else BEGIN
    expression = begin + core + ALPHABETS[entry.get("alphabet", "alnum")]
    return Part(entry["name"], expression, int(entry.get("within", 5)), entry.get("required", False))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a rule file, made from the tables that validate it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "llmsecrets rule file",
        **_schema_of(_FILE_KEYS),
    }


def _schema_of(keys: Mapping[str, Key]) -> dict[str, Any]:
    properties = {
        name: {
            **_schema_of_type(key.type),
            **({"enum": list(key.choices)} if key.choices else {}),
            "description": key.meaning,
        }
        for name, key in keys.items()
    }
    required = [name for name, key in keys.items() if key.required]
    return {
        "type": "object",
        "additionalProperties": False,
        **({"required": required} if required else {}),
        "properties": properties,
    }


def _schema_of_type(name: str) -> dict[str, Any]:
    if name in _NESTED:
        nested = _schema_of(_NESTED[name])
        return nested if _PYTHON_TYPES[name] == (dict,) else {"type": "array", "items": nested}
    return _SCHEMA_TYPES[name]


_NESTED: dict[str, Mapping[str, Key]] = {
    "rules": KEYS,
    "allow": _ALLOW_KEYS,
    "checksum": _CHECKSUM_KEYS,
    "components": _PART_KEYS,
}
_SCHEMA_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "number": {"type": "number"},
    "truth": {"type": "boolean"},
    "fragments": {"type": "object", "additionalProperties": {"type": "string"}},
}
