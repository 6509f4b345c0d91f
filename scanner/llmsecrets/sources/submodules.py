"""The submodules of a repository, those of submodules included: where each one's own repository lies, if it is here.

What a tree, `.gitmodules` and a `.git` file name is the repository's word and may be hostile: a git directory is only
followed below the outermost work tree, or below the `modules` folder of its repository.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmsecrets.errors import SourceError
from llmsecrets.git import Repository


class Submodule(NamedTuple):
    """A submodule. `path` starts at the outermost repository; `repository` is None where it is not to be had."""

    path: str
    repository: Repository | None


def submodules(repository: Repository, folder: Path) -> Iterator[Submodule]:
    """All submodules of HEAD, each before its own. `folder` is the work tree: where `.git` lies, whatever it says."""
    git_dirs = [one.resolve() for one in (repository.facts.git_dir, repository.facts.common_dir)]
    bounds = (folder.resolve(), *(base / "modules" for base in git_dirs))
    yield from _below(repository, folder, "", bounds, {git_dirs[1]})


def _below(
    repository: Repository, folder: Path, prefix: str, bounds: tuple[Path, ...], met: set[Path]
) -> Iterator[Submodule]:
    names = repository.submodules()
    for path, name in names.items():
        places = [folder / path] if _is_plain(path) else []
        if _is_plain(name):
            places += [base / "modules" / name for base in (repository.facts.git_dir, repository.facts.common_dir)]
        found = next(filter(None, (_opened(place, bounds, met) for place in places)), None)
        yield Submodule(prefix + path, found)
        if found:
            yield from _below(found, folder / path, f"{prefix}{path}/", bounds, met)


def _is_plain(path: str) -> bool:
    """Whether a path names something below where it starts."""
    return not {"", ".", "..", ".git"}.intersection(path.split("/"))


def _opened(place: Path, bounds: tuple[Path, ...], met: set[Path]) -> Repository | None:
    """The repository at a place; None if there is none, it lies out of bounds, or was met: git looks further up."""
    if not any(place.resolve().is_relative_to(bound) for bound in bounds):
        return None
    try:
        found = Repository(place)
        git_dirs = [one.resolve() for one in (found.facts.git_dir, found.facts.common_dir)]
    except SourceError:  # not initialised, or not to be opened: the caller tells
        return None
    if git_dirs[1] in met or not all(any(own.is_relative_to(bound) for bound in bounds) for own in git_dirs):
        return None
    met.add(git_dirs[1])
    return found
