"""kingfisher: baselines of versions 1 and 2, `kingfisher.yaml`, JSON reports.

Formats: mongodb.github.io/kingfisher, pages Baseline and Configuration. Its fingerprints are of its own making, so a
finding is known by path and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llmsecrets import yamlfile
from llmsecrets.migration import Known, Left, Taken, glob_of, is_list_of, is_mapping, json_of, usable

NAMES = (
    "kingfisher.yaml",
    "kingfisher-baseline.yaml",
    "kingfisher-baseline.yml",
    "baseline-file.yaml",
    "baseline-file.yml",
)
_REASON = "filtered for kingfisher"


def read(path: Path) -> Taken:
    """A report is JSON; a baseline is told from a configuration by its keys."""
    if path.suffix == ".json":
        return Taken(known=tuple(_reported(json_of(path), path)))
    document = yamlfile.load(path)
    if "ExactFindings" in document:
        exact = is_mapping(document["ExactFindings"], f"{path}: ExactFindings")
        entries = is_list_of(dict, exact.get("matches"), f"{path}: matches")
        return Taken(known=tuple(_known(one, path, "filepath", "linenum") for one in entries))
    if "repositories" in document:
        repositories = is_list_of(dict, document["repositories"], f"{path}: repositories")
        entries = [one for part in repositories for one in is_list_of(dict, part.get("findings"), f"{path}: findings")]
        return Taken(known=tuple(_known(one, path, "path", "line") for one in entries))
    return _config(document, path)


def _known(entry: Mapping[str, Any], path: Path, file: str, line: str) -> Known:
    number = entry.get(line, 0)
    number = number if isinstance(number, int) and number > 0 else 0
    origin = f"{path}:{getattr(entry, 'line', 1)}"
    name = str(entry.get(file, "")).rstrip("/")
    return Known(origin, name, number, number, rule_id=_rule(entry.get("rule_id")), state="unreviewed")


def _rule(rule_id: Any) -> str:
    """`kingfisher.github.1` as the vendor's name."""
    return str(rule_id or "").removeprefix("kingfisher.").replace(".", "-")


def _reported(document: Any, path: Path) -> Iterator[Known]:
    entries = document.get("findings") if isinstance(document, dict) else document
    for number, entry in enumerate(is_list_of(dict, entries, f"{path}: findings")):
        origin = f"{path}: findings[{number}]"
        finding = is_mapping(entry.get("finding", {}), origin)
        rule = is_mapping(entry.get("rule", {}), origin)
        commit = _commit(finding.get("git_metadata"))
        known = _known({**finding, "rule_id": rule.get("id")}, path, "path", "line")
        columns = (_number(finding.get("column_start")), _number(finding.get("column_end")))
        yield known._replace(origin=origin, commit=commit, columns=columns)


def _commit(metadata: Any) -> str:
    commit = metadata.get("commit", {}) if isinstance(metadata, dict) else {}
    return str(commit.get("id", "")) if isinstance(commit, dict) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _config(document: Mapping[str, Any], path: Path) -> Taken:
    filters = is_mapping(document.get("filters", {}), f"{path}: filters")
    words = is_list_of(str, filters.get("skip_words"), f"{path}: skip_words")
    patterns = is_list_of(str, filters.get("skip_regex"), f"{path}: skip_regex")
    regexes = [pattern for pattern in patterns if usable(pattern)]
    left = [Left(f"{path}: {key}", "has no counterpart here") for key in document if key != "filters"]
    left += [Left(f"{path}: filters: {key}", "has no counterpart here") for key in filters
             if key not in ("skip_words", "skip_regex", "exclude")]  # fmt: skip
    left += [Left(f"{path}: skip_regex[{number}]", "not an expression that can be read here")
             for number, one in enumerate(patterns) if one not in regexes]  # fmt: skip
    allow = [{"reason": _REASON, "stopwords": words}] if words else []
    allow += [{"reason": _REASON, "regexes": regexes}] if regexes else []
    exclude = [
        glob_of(one, anywhere="/" not in one.strip("/"), below=True)
        for one in is_list_of(str, filters.get("exclude"), f"{path}: exclude")
    ]
    return Taken(exclude=tuple(exclude), allow=tuple(allow), left=tuple(left))
