"""detect-secrets: `.secrets.baseline`, with the verdicts of its audit and the filters it was made with.

Format: docs of detect-secrets 1.5. A secret is known by file and SHA-1; `is_secret` is the auditor's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha1
from pathlib import Path
from typing import Any

from llmsecrets.migration import Known, Left, Taken, is_list_of, is_mapping, json_of, text_of, usable

NAMES = (".secrets.baseline",)
_SHA1 = "^[0-9a-f]{40}$"
_STATES = {"true": "real", "false": "false-positive"}  # of the auditor's answer, as JSON writes it
_REGEX = "detect_secrets.filters.regex."
_WORDS = "detect_secrets.filters.wordlist.should_exclude_secret"
_BUILT_IN = "detect_secrets.filters."  # what only tells placeholders and the like apart, as our engine does itself


def read(path: Path) -> Taken:
    """A baseline."""
    document = is_mapping(json_of(path), f"{path}: a baseline of detect-secrets")
    digests = {"reason": "digests in a baseline of detect-secrets", "paths": [f"**/{path.name}"], "regexes": [_SHA1]}
    taken = Taken(allow=(digests,), known=tuple(_known(document, path)), left=tuple(_plugins(document, path)))
    for entry in is_list_of(dict, document.get("filters_used"), f"{path}: filters_used"):
        taken = taken.plus(_filtered(entry, path))
    return taken


def _known(document: Mapping[str, Any], path: Path) -> Iterator[Known]:
    for file, entries in is_mapping(document.get("results", {}), f"{path}: results").items():
        for number, entry in enumerate(is_list_of(dict, entries, f"{path}: results[{file}]")):
            yield Known(
                f"{path}: {file}[{number}]",
                file.replace("\\", "/"),
                rule_id=str(entry.get("type", "")),
                accepts=_hashes_to(str(entry.get("hashed_secret", ""))),
                state=_STATES.get(str(entry.get("is_secret")).lower(), "unreviewed"),
                reason="audited with detect-secrets" if "is_secret" in entry else "",
            )


def _hashes_to(digest: str) -> Callable[[bytes], bool]:
    return lambda secret: sha1(secret, usedforsecurity=False).hexdigest() == digest


def _plugins(document: Mapping[str, Any], path: Path) -> Iterator[Left]:
    for plugin in is_list_of(dict, document.get("plugins_used"), f"{path}: plugins_used"):
        if "path" in plugin:
            why = "a plugin is a program: write a rule instead (docs/RULES.md)"
            yield Left(f"{path}: plugins_used: {plugin.get('name')}", why)


def _filtered(entry: Mapping[str, Any], path: Path) -> Taken:
    name = str(entry.get("path", ""))
    origin = f"{path}: filters_used: {name.rpartition('.')[2]}"
    if name == _WORDS:
        return _words(entry, path, origin)
    if not name.startswith(_REGEX):
        return (
            Taken() if name.startswith(_BUILT_IN) else Taken(left=(Left(origin, "a filter of your own is a program"),))
        )
    taken = Taken()
    for pattern in is_list_of(str, entry.get("pattern"), f"{origin}: pattern"):
        taken = taken.plus(_expression(name.removeprefix(_REGEX), pattern, origin))
    return taken


def _expression(kind: str, pattern: str, origin: str) -> Taken:
    if not usable(pattern):
        return Taken(left=(Left(origin, "not an expression that can be read here"),))
    common = {"reason": "excluded for detect-secrets", "regexes": [pattern]}
    if kind == "should_exclude_file":
        return Taken(exclude=(f"re:{pattern}",))
    if kind == "should_exclude_line":
        return Taken(allow=({**common, "target": "line"},))
    if kind == "should_exclude_secret":
        return Taken(allow=(common,))
    return Taken(left=(Left(origin, "an unknown filter"),))


def _words(entry: Mapping[str, Any], path: Path, origin: str) -> Taken:
    file = path.parent / str(entry.get("file_name", ""))
    if not file.is_file():
        return Taken(left=(Left(origin, f"{file} is not there"),))
    words = [word.strip() for word in text_of(file).splitlines() if len(word.strip()) >= 3]
    return Taken(
        allow=({"reason": f"words of {file.name}, excluded for detect-secrets", "stopwords": words},) if words else ()
    )
