"""Raw diffs of real commits, whatever their paths are called."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from support import random_history

from llmsecrets.git import Repository

_ODD_PATHS = ("a\nb", ":100644 A", "tab\tand space", "1" * 40, "é/\udcff", "-f", "R100")


@pytest.fixture
def changes(repository):
    """What a commit changed, as git and we say it: path → (mode, number of blobs it had before)."""
    git = Repository(Path(repository.root))

    def of(commit_id: str, **options) -> dict[str, tuple[str, int]]:
        ((found, listed),) = git.changes([commit_id], **options)
        assert found == commit_id
        return {change.path: (change.mode, len(change.before)) for change in listed}

    return of


def test_paths_may_look_like_anything(repository, changes) -> None:
    repository.commit({path: path.encode("utf-8", "surrogateescape") for path in _ODD_PATHS})
    commit_id = repository.git("rev-parse", "HEAD")
    assert changes(commit_id) == dict.fromkeys(_ODD_PATHS, ("100644", 0))


def test_many_commits_with_such_paths_stay_apart(repository) -> None:
    ids = [repository.commit({path: b"%d" % number}) for number, path in enumerate(_ODD_PATHS)]
    told = {commit_id: [one.path for one in listed] for commit_id, listed in Repository(repository.root).changes(ids)}
    assert told == {commit_id: [path] for commit_id, path in zip(ids, _ODD_PATHS, strict=True)}


def test_a_file_that_moved_comes_with_what_it_was(repository, changes) -> None:
    repository.commit({"old": "the same\n" * 9})
    repository.git("mv", "old", "new")
    commit_id = repository.commit()
    assert changes(commit_id, renames=True) == {"new": ("100644", 1)}
    assert changes(commit_id) == {"new": ("100644", 0)}


@pytest.mark.parametrize("seed", range(6))
def test_only_where_something_is_new_may_a_file_have_moved(repository, seed) -> None:
    """Git is asked for renames in few commits: in the others it would tell the same."""
    repository.git("fast-import", "--quiet", "--force", stdin=random_history(random.Random(seed), 100))
    git = Repository(repository.root)
    ids = git.commits("--all")
    assert list(git.changes(ids, renames=True)) == list(git._changes(ids, "--find-renames"))


def test_what_is_gone_and_what_is_a_submodule_changes_nothing(repository, changes) -> None:
    base = repository.commit({"file": "1", "stays": "1"})
    repository.git("rm", "-q", "file")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{base},module")
    commit_id = repository.commit({"stays": "2"})
    assert changes(commit_id) == {"stays": ("100644", 1)}


def test_a_merge_brings_in_what_neither_parent_had(repository, changes) -> None:
    repository.commit({"file": "1\n2\n3\n4\n5\n", "other": "a"})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit({"file": "1\n2\n3\n4\nfive\n"})
    repository.git("checkout", "-q", "main")
    repository.commit({"file": "one\n2\n3\n4\n5\n", "other": "b"})
    repository.git("merge", "-q", "side")
    assert changes(repository.git("rev-parse", "HEAD")) == {"file": ("100644", 2)}
