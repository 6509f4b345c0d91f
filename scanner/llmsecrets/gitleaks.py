"""`.gitleaks.toml`, read as it is: its rules and allowlists as ours.

Format: the README of gitleaks 8, section Configuration. What we have no word for is left out with a note that says so;
what cannot be right is refused with file and line. Nothing here is imported unless such a file is used.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from llmsecrets import anchors
from llmsecrets.errors import RuleError
from llmsecrets.re2 import Re2Error, translate
from llmsecrets.rules import FIRST_GROUP, MAX_WIDTH, Allow, Part, Rule, RuleSet, load_rules
from llmsecrets.rules.globs import PATH_EXPRESSION

IGNORE_NAME = ".gitleaksignore"
_SIZE_LIMIT = 16 << 20
_DEEPEST_EXTEND = 2  # files that extend files, as gitleaks
_ANYWHERE = 1000  # lines in which a required second match is looked for where the file sets no limit
_SPECIFICITY = 20  # that of a rule of ours with a shape of its own

# Our rules for what a default rule of gitleaks finds, where they are not of the same name.
OURS: dict[str, tuple[str, ...]] = {
    "anthropic-admin-api-key": ("anthropic-admin-key",),
    "anthropic-api-key": ("anthropic-api-key", "anthropic-unknown-key"),
    "aws-access-token": ("aws-access-key-id",),
    "aws-amazon-bedrock-api-key-long-lived": ("aws-bedrock-api-key-long",),
    "aws-amazon-bedrock-api-key-short-lived": ("aws-bedrock-api-key-short",),
    "azure-ad-client-secret": ("azure-entra-client-secret",),
    "cloudflare-api-key": ("cloudflare-api-token*",),
    "cloudflare-global-api-key": ("cloudflare-global-key*",),
    "cohere-api-token": ("cohere-api-key",),
    "curl-auth-user": ("curl-user",),
    "databricks-api-token": ("databricks-pat",),
    "datadog-access-token": ("datadog-api-key", "datadog-app-key"),
    "digitalocean-access-token": ("digitalocean-token",),
    "digitalocean-pat": ("digitalocean-token",),
    "digitalocean-refresh-token": ("digitalocean-token",),
    "discord-api-token": ("discord-bot-token",),
    "gcp-api-key": ("google-api-key", "google-gemini-api-key"),
    "generic-api-key": ("generic-*",),
    "github-app-token": ("github-app-user-token", "github-app-installation-token"),
    "github-oauth": ("github-oauth-token",),
    "gitlab-cicd-job-token": ("gitlab-ci-job-token",),
    "gitlab-kubernetes-agent-token": ("gitlab-agent-token",),
    "gitlab-ptt": ("gitlab-pipeline-trigger-token",),
    "gitlab-rrt": ("gitlab-runner-registration-token",),
    "gitlab-runner-authentication-token": ("gitlab-runner-token",),
    "grafana-api-key": ("grafana-api-key-legacy",),
    "grafana-cloud-api-token": ("grafana-cloud-token",),
    "hashicorp-tf-api-token": ("terraform-cloud-token",),
    "huggingface-access-token": ("huggingface-user-token", "huggingface-token-loose"),
    "huggingface-organization-api-token": ("huggingface-org-token",),
    "jwt-base64": ("jwt-base64-wrapped",),
    "kubernetes-secret-yaml": ("kubernetes-secret*",),
    "openai-api-key": ("openai-*-key", "openai-*-key-*"),
    "private-key": ("private-key-*",),
    "pypi-upload-token": ("pypi-api-token",),
    "sendgrid-api-token": ("sendgrid-api-key",),
    "slack-config-access-token": ("slack-config-token",),
    "stripe-access-token": ("stripe-secret-key", "stripe-restricted-key", "stripe-test-key"),
    "telegram-bot-api-token": ("telegram-bot-token*",),
}

_FILE_KEYS = frozenset(("title", "description", "minVersion", "extend", "rules", "allowlist", "allowlists"))
_RULE_KEYS = frozenset(
    ("id", "description", "regex", "secretGroup", "entropy", "path", "keywords", "tags", "skipReport", "required",
     "allowlist", "allowlists")
)  # fmt: skip
_ALLOW_KEYS = frozenset(
    ("description", "condition", "commits", "paths", "regexes", "regexTarget", "stopwords", "targetRules")
)
_REMEDIATION = "Revoke it where it was issued, and replace it."


class Reading(NamedTuple):
    """What a file says. `allow` are entries for the configuration's allowlist; `builtin`: our own rules count, too.

    `disabled` are ids of rules of gitleaks; `notes` say what was left out, and why.
    """

    rules: tuple[Rule, ...] = ()
    builtin: bool = True
    allow: tuple[Mapping[str, Any], ...] = ()
    disabled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _File(NamedTuple):
    """A file with those it extends: rules by id, later ones laid over earlier ones; allowlists with their lines."""

    rules: dict[str, dict[str, Any]]
    allowlists: list[tuple[dict[str, Any], str]]
    builtin: bool
    disabled: list[str]
    notes: list[str]


@lru_cache(maxsize=8)
def read(path: Path) -> Reading:
    """Read a file and those it extends. Raises RuleError naming file, line and reason."""
    file = _load(path, depth=0)
    notes = file.notes
    if not file.rules and not file.builtin:
        notes.append(f"{path}: neither rules nor useDefault, and so nothing to find: the built-in rules are used")
        file = file._replace(builtin=True)
    allow = [entry for table, where in file.allowlists for entry in _allowed(table, where, (), notes)]
    for rule_id, entry in file.rules.items():
        for table, where in entry["allowlists"]:
            allow += _allowed(table, where, (rule_id,), notes)
    rules = tuple(_rules(file, notes))
    return Reading(rules, file.builtin, tuple(allow), tuple(file.disabled), tuple(dict.fromkeys(notes)))


def rule_set(path: Path, own: Sequence[Path] = ()) -> RuleSet:
    """The rules of a file: together with the built-in ones, where it extends the default, and with rule files."""
    reading = read(path)
    loaded = load_rules(own, builtin=reading.builtin) if own or reading.builtin else RuleSet((), ())
    known = [rule_id for rule_id in reading.disabled if reading.builtin]
    disabled = [glob for rule_id in known for glob in ours(rule_id, loaded)]
    return (loaded.select((), disabled) if disabled else loaded).plus(reading.rules)


def ours(rule_id: str, known: RuleSet) -> tuple[str, ...]:
    """Globs of our rules for what a rule of gitleaks finds; none where we cannot tell."""
    return OURS.get(rule_id) or ((rule_id,) if rule_id in known.ids else ())


# ---- files -----------------------------------------------------------------------------------------------------


def _load(path: Path, depth: int) -> _File:
    text, document = _parsed(path)
    notes = [f"{path}: `{key}` is not read" for key in document if key not in _FILE_KEYS]
    extend = _table(document.get("extend", {}), f"{path}:{_line(text, 'extend')}: extend")
    where = f"{path}:{_line(text, 'extend')}"
    file = _extended(path, extend, where, depth)
    disabled = list(_texts(extend, "disabledRules", where))
    for rule_id in disabled:
        file.rules.pop(rule_id, None)
    for number, table in enumerate(_tables(document, "rules", str(path))):
        _lay_over(file.rules, _entry(table, number, text, path), notes)
    allowlists = [
        (table, f"{path}:{_line(text, name, number)}")
        for name in ("allowlist", "allowlists")
        for number, table in enumerate(_tables(document, name, str(path)))
    ]
    if "url" in extend:
        notes.append(f"{where}: `url` is not read: nothing is fetched")
    return _File(file.rules, file.allowlists + allowlists, file.builtin, file.disabled + disabled, file.notes + notes)


def _parsed(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError as failure:
        raise RuleError(f"{path}: cannot be read: {failure.strerror}", "Check the path.") from failure
    if len(content) > _SIZE_LIMIT:
        raise RuleError(f"{path}: larger than {_SIZE_LIMIT >> 20} MiB")
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        text = content.decode("utf-8")
        return text, tomllib.loads(text)
    except RecursionError as failure:
        raise RuleError(f"{path}: nested too deep") from failure
    except ValueError as failure:  # TOML's, or UTF-8's
        reason = "not UTF-8" if isinstance(failure, UnicodeDecodeError) else f"not valid TOML: {failure}"
        raise RuleError(f"{path}: {reason}", "Compare it with one that gitleaks accepts.") from failure


def _extended(path: Path, extend: Mapping[str, Any], where: str, depth: int) -> _File:
    """What a file builds on: nothing, our own rules (its `useDefault`), another file."""
    other = _text(extend, "path", where)
    if not other:
        return _File({}, [], extend.get("useDefault") is True, [], [])
    if depth >= _DEEPEST_EXTEND:
        raise RuleError(f"{where}: files extend each other more than {_DEEPEST_EXTEND} deep")
    candidates = (Path(other), path.parent / other)  # gitleaks: from the current folder
    found = _load(next((one for one in candidates if one.is_file()), candidates[1]), depth + 1)
    return found._replace(builtin=found.builtin or extend.get("useDefault") is True)


def _entry(table: Mapping[str, Any], number: int, text: str, path: Path) -> dict[str, Any]:
    """A rule's table with its place, its allowlists apart."""
    where = f"{path}:{_line(text, 'rules', number)}"
    rule_id = _text(table, "id", where)
    if not rule_id or not rule_id.isprintable():
        raise RuleError(f"{where}: a rule needs an id, in printable characters")
    allowlists = [
        (one, f"{path}:{_line(text, 'rules', number, name)}")
        for name in ("allowlist", "allowlists")
        for one in _tables(table, name, where)
    ]
    places = {key: f"{path}:{_line(text, 'rules', number, key)}: rule {rule_id!r}" for key in ("regex", "path")}
    kept = {key: value for key, value in table.items() if key not in ("allowlist", "allowlists")}
    return {**kept, "allowlists": allowlists, "where": where, "places": places}


def _lay_over(rules: dict[str, dict[str, Any]], entry: dict[str, Any], notes: list[str]) -> None:
    """Add a rule, or lay it over the extended one of the same id: lists grow, other values are replaced."""
    notes += [f"{entry['where']}: rule {entry['id']!r}: `{key}` is not read" for key in entry
              if key not in _RULE_KEYS and key not in ("where", "places")]  # fmt: skip
    base = rules.get(entry["id"], {})
    grown = {
        key: [*base.get(key, ()), *entry.get(key, ())]
        for key in ("keywords", "tags", "allowlists")
        if isinstance(entry.get(key, []), list)
    }
    rules[entry["id"]] = {**base, **entry, **grown}


# ---- rules -----------------------------------------------------------------------------------------------------


def _rules(file: _File, notes: list[str]) -> Iterator[Rule]:
    for rule_id, entry in file.rules.items():
        where = f"{entry['where']}: rule {rule_id!r}"
        if entry.get("skipReport") is True:
            continue
        if entry.get("regex"):
            rule = _rule(entry, file, notes)
            if rule.unanchored:
                word = f"in every text that holds {' or '.join(rule.requires)}" if rule.requires else "in every text"
                notes.append(f"{where} has no literal of three characters: it is tried {word}, which is slow")
            yield rule
        elif entry.get("path"):
            notes.append(f"{where} has a path only: llmsecrets reports secrets, not files")
        elif not file.builtin:
            raise RuleError(f"{where} has no regex", "Give it one, or extend the default: useDefault = true")
        elif any(entry.get(key) for key in ("entropy", "keywords", "secretGroup")):
            notes.append(f"{where} changes a default rule of gitleaks: only its allowlists are read")


def _rule(entry: Mapping[str, Any], file: _File, notes: list[str]) -> Rule:
    where, rule_id = f"{entry['where']}: rule {entry['id']!r}", entry["id"]
    group = int(_number(entry, "secretGroup", where))
    pattern, groups = _translated(_text(entry, "regex", where), entry["places"]["regex"], group or None)
    if group > groups:
        raise RuleError(f"{where}: the regex has no group {group}")
    path = _text(entry, "path", where)
    keywords = tuple(word.lower() for word in _texts(entry, "keywords", where) if word)
    wide = anchors.width_of(pattern) > MAX_WIDTH
    literals = _literals(pattern, MAX_WIDTH if wide else 0)
    implied = bool(literals) and all(any(word in literal for word in keywords) for literal in literals)
    description = " ".join(_text(entry, "description", where).split()) or rule_id
    return Rule(
        id=rule_id,
        name=description,
        description=description,
        core=pattern,
        expression=pattern,
        secret_group=1 if group else FIRST_GROUP if groups else 0,
        names=(),
        gated=False,
        severity="high",
        confidence="high",
        family=rule_id.split("-")[0],
        specificity=_SPECIFICITY,
        width=MAX_WIDTH if wide else 0,
        anchor="",
        keywords=(),
        paths=(_path(path, entry["places"]["path"]),) if path else (),
        exclude_paths=(),
        min_entropy=_number(entry, "entropy", where),
        min_digits=0,
        score="",
        tags=_texts(entry, "tags", where),
        allow=Allow(),
        checksum=None,
        components=tuple(_parts(entry, file, notes)),
        remediation=_REMEDIATION,
        revoke_url="",
        references=(),
        examples=(),
        negative_examples=(),
        origin=entry["where"],
        requires=() if implied else keywords,
        unanchored=not literals,
        strict=True,
    )


def _literals(pattern: str, width: int) -> tuple[str, ...]:
    """Literals one of which every match holds; none where stage one would have nothing to look for."""
    try:
        return anchors.derive(pattern, width=width).literals
    except anchors.AnchorError:
        return ()


def _parts(entry: Mapping[str, Any], file: _File, notes: list[str]) -> Iterator[Part]:
    """The rules a rule requires, as second values that must stand near."""
    where = f"{entry['where']}: rule {entry['id']!r}"
    for table in _tables(entry, "required", where):
        other = file.rules.get(_text(table, "id", where), {})
        if not other.get("regex"):
            notes.append(f"{where} requires {table.get('id')!r}, which is no rule of the file: it is reported without")
            continue
        if "withinColumns" in table:
            notes.append(f"{where}: `withinColumns` is not read; the lines count")
        group = int(_number(other, "secretGroup", where))
        pattern, _ = _translated(_text(other, "regex", where), other["places"]["regex"], group)
        within = int(_number(table, "withinLines", where)) if "withinLines" in table else _ANYWHERE
        yield Part(other["id"], pattern if group else f"({pattern})", within, required=True)


def _translated(pattern: str, where: str, group: int | None = None) -> tuple[str, int]:
    try:
        return translate(pattern, group)
    except Re2Error as failure:
        raise RuleError(f"{where}: {failure}", "Its syntax: https://github.com/google/re2/wiki/Syntax") from failure


def _path(pattern: str, where: str) -> str:
    """An expression on paths as one of our globs."""
    return PATH_EXPRESSION + _translated(pattern, where, 0)[0]


# ---- allowlists ------------------------------------------------------------------------------------------------


def _allowed(
    table: Mapping[str, Any], where: str, rule_ids: tuple[str, ...], notes: list[str]
) -> Iterator[dict[str, Any]]:
    """The entries of an allowlist: one, or one for each criterion where any of them is enough."""
    notes += [f"{where}: `{key}` of an allowlist is not read" for key in table if key not in _ALLOW_KEYS]
    condition = _text(table, "condition", where).upper() or "OR"
    if condition not in ("AND", "OR", "&&", "||"):
        raise RuleError(f"{where}: condition must be AND or OR")
    target = _text(table, "regexTarget", where) or "secret"
    if target not in ("secret", "match", "line"):
        raise RuleError(f"{where}: regexTarget must be secret, match or line")
    ids = rule_ids or _texts(table, "targetRules", where)
    common = {
        "reason": _text(table, "description", where) or "allowlisted for gitleaks",
        "origin": where,
        **({"rules": list(dict.fromkeys(glob for one in ids for glob in (one, *OURS.get(one, ()))))} if ids else {}),
    }
    criteria: dict[str, list[str]] = {
        "commits": [one.lower() for one in _texts(table, "commits", where)],
        "paths": [_path(one, where) for one in _texts(table, "paths", where)],
        "regexes": [_translated(one, where, 0)[0] for one in _texts(table, "regexes", where)],
        "stopwords": list(_texts(table, "stopwords", where)),
    }
    given = {name: values for name, values in criteria.items() if values}
    if not given:
        notes.append(f"{where}: an allowlist without a criterion allows nothing")
    entries: Iterable[dict[str, list[str]]] = ({name: values} for name, values in given.items())
    for entry in (given,) if given and condition in ("AND", "&&") else entries:
        yield {**common, **entry, **({"target": target} if "regexes" in entry else {})}


# ---- values ----------------------------------------------------------------------------------------------------


def _line(text: str, table: str, number: int = 0, key: str = "") -> int:
    """The line of a table's header (the n-th of an array of tables), or of a key in it: the parser tells none."""
    header = re.compile(rf"^[ \t]*\[\[?[ \t]*{table}[ \t]*\]", re.MULTILINE)
    places = [found.start() for found in header.finditer(text)]
    if number >= len(places):
        return 1
    start = places[number]
    if key:
        end = places[number + 1] if number + 1 < len(places) else len(text)
        within = re.compile(rf"^[ \t]*(?:{key}[ \t]*=|\[\[?[ \t]*{table}\.{key}[ \t]*\])", re.MULTILINE)
        found = within.search(text, start, end)
        start = found.start() if found else start
    return text.count("\n", 0, start) + 1


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RuleError(f"{where} must be a table")
    return value


def _tables(table: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """A list of tables, or the one table of the older form."""
    value = table.get(key, [])
    return [_table(one, f"{where}: {key}") for one in (value if isinstance(value, list) else [value])]


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise RuleError(f"{where}: {key} must be a text")
    return value


def _texts(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RuleError(f"{where}: {key} must be a list of texts")
    return tuple(value)


def _number(table: Mapping[str, Any], key: str, where: str) -> float:
    value = table.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 16:
        raise RuleError(f"{where}: {key} must be a number")
    return value
