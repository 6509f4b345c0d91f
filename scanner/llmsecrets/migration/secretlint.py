"""secretlint: `.secretlintrc` (JSON or YAML) and `.secretlintignore`.

Format: github.com/secretlint/secretlint. `allows` holds texts or JavaScript expressions written `/…/flags`; an ignore
file is written as a `.gitignore`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmsecrets import yamlfile
from llmsecrets.migration import Left, Taken, glob_of, is_list_of, is_mapping, lines_of, usable

NAMES = (".secretlintrc.json", ".secretlintrc", ".secretlintrc.yaml", ".secretlintrc.yml", ".secretlintignore")
_JAVASCRIPT = re.compile(r"/(.*)/([a-z]*)", re.DOTALL)
_DIFFERENT = re.compile(r"\(\?<[A-Za-z]|\\[cku]|\\p\{|\[\^?\]|\$")  # what JavaScript reads otherwise


def read(path: Path) -> Taken:
    """An ignore file by its name, else a configuration: JSON is YAML, too."""
    if path.name == ".secretlintignore":
        return _ignored(path)
    document = yamlfile.load(path)
    taken = Taken()
    for rule in is_list_of(dict, document.get("rules"), f"{path}: rules"):
        taken = taken.plus(_rule(rule, path))
    return taken


def _rule(rule: Mapping[str, Any], path: Path) -> Taken:
    """A rule's options, or those of the rules in a preset."""
    origin = f"{path}:{getattr(rule, 'line', 1)}: {rule.get('id')}"
    options = is_mapping(rule.get("options") or {}, f"{origin}: options")
    allows = is_list_of(str, options.get("allows"), f"{origin}: allows")
    regexes = [_pattern(one) for one in allows]
    left = [Left(f"{origin}: allows[{number}]", "JavaScript reads this expression in a way of its own")
            for number, pattern in enumerate(regexes) if not pattern]  # fmt: skip
    left += [Left(f"{origin}: {key}", "which of our rules do the same is not known")
             for key in ("disabled", "allowMessageIds", "disabledMessages") if rule.get(key)]  # fmt: skip
    left += [Left(f"{origin}: {key}", "has no counterpart here") for key in options if key != "allows"]
    entry = {"reason": f"allowed for secretlint: {rule.get('id')}", "regexes": [one for one in regexes if one]}
    taken = Taken(allow=(entry,) if any(regexes) else (), left=tuple(left))
    for inner in is_list_of(dict, rule.get("rules"), f"{origin}: rules"):
        taken = taken.plus(_rule(inner, path))
    return taken


def _pattern(allowed: str) -> str:
    """A text of `allows` as an expression; empty where Python would read it otherwise."""
    written = _JAVASCRIPT.fullmatch(allowed)
    if written is None:
        return re.escape(allowed)
    pattern, flags = written.groups()
    if _DIFFERENT.search(pattern.removesuffix("$").replace(r"\$", "")) or set(flags) - set("gimsuy"):
        return ""
    return usable(pattern, "".join(sorted(set(flags) & set("ims"))))


def _ignored(path: Path) -> Taken:
    exclude: list[str] = []
    left: list[Left] = []
    for origin, line in lines_of(path):
        if line.startswith("!"):
            left.append(Left(origin, "an exception from exclusion has no counterpart here"))
        else:
            anywhere = "/" not in line.rstrip("/")
            exclude.append(glob_of(line.removesuffix("/**").removesuffix("/*"), anywhere=anywhere, below=True))
    return Taken(exclude=tuple(exclude), left=tuple(left))
