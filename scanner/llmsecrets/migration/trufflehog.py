"""trufflehog: files of `--exclude-paths`, and the detectors of its configuration.

Format: docs.trufflesecurity.com. An exclude file holds one Go expression a line, searched for in the path. Detectors of
the user's own are rules with examples to be written by hand: what they are is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llmsecrets import yamlfile
from llmsecrets.migration import Left, Taken, is_list_of, is_mapping, lines_of
from llmsecrets.re2 import Re2Error, translate

NAMES = (".trufflehogignore", "trufflehog-exclude-paths.txt", "trufflehog-config.yaml", "trufflehog.yaml")


def read(path: Path) -> Taken:
    """A configuration by its suffix, else a file of expressions."""
    return _config(path) if path.suffix in (".yaml", ".yml") else _excluded(path)


def _excluded(path: Path) -> Taken:
    exclude: list[str] = []
    left: list[Left] = []
    for origin, line in lines_of(path):
        try:
            exclude.append(f"re:{translate(line, 0).pattern}")
        except Re2Error as failure:
            left.append(Left(origin, f"not an expression: {failure}"))
    return Taken(exclude=tuple(exclude), left=tuple(left))


def _config(path: Path) -> Taken:
    document = yamlfile.load(path)
    left = [Left(f"{path}: {key}", "has no counterpart here") for key in document if key != "detectors"]
    for detector in is_list_of(dict, document.get("detectors"), f"{path}: detectors"):
        left += _detector(detector, path)
    return Taken(left=tuple(left))


def _detector(detector: Mapping[str, Any], path: Path) -> Iterator[Left]:
    origin = f"{path}:{getattr(detector, 'line', 1)}: detector {detector.get('name')}"
    for name, pattern in is_mapping(detector.get("regex", {}), f"{origin}: regex").items():
        try:
            written = translate(str(pattern)).pattern
        except Re2Error as failure:
            yield Left(origin, f"the expression {name} is wrong: {failure}")
            continue
        yield Left(origin, f"a rule needs examples: write one (docs/RULES.md) with the pattern {written}")
    if detector.get("verify"):
        yield Left(origin, "`verify` has no counterpart here")
