"""`--range A..B`: what the commits of a range bring in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support import ENGINES

from llmsecrets.git import Repository
from llmsecrets.model import Finding
from llmsecrets.scan import Scanner, Settings
from llmsecrets.sources import changes
from llmsecrets.sources.changes import RangeSource


def test_a_commit_of_the_range_is_named(repository, scan, key) -> None:
    base = repository.commit({"app.py": "a = 1\n"})
    guilty = repository.commit({"app.py": f"a = 1\nkey = '{key('github')}'\n"}, "add a key")
    repository.commit({"app.py": "a = 1\n"}, "take it out again")
    found = scan("--range", f"{base}..HEAD", cwd=repository.root)
    assert found.code == 1
    assert found.places == [("github-pat", "app.py", 2)]
    assert found.json["findings"][0]["provenance"]["commit"] == {
        "sha": guilty,
        "author": "Ann Author",
        "email": "ann@example.org",
        "date": found.json["findings"][0]["provenance"]["commit"]["date"],
        "subject": "add a key",
    }
    assert found.json["findings"][0]["provenance"]["commit"]["date"].startswith("2024-03-01T10:")


def test_what_stood_before_the_range_is_not_reported(repository, scan, key) -> None:
    base = repository.commit({"app.py": f"key = '{key('github')}'\n"})
    repository.commit({"app.py": f"a = 1\nkey = '{key('github')}'\n"})
    assert scan("--range", f"{base}..", cwd=repository.root).code == 0


def test_a_root_commit_is_compared_with_nothing(repository, scan, key) -> None:
    repository.commit({"app.py": key("github")})
    assert scan("--range", "HEAD", cwd=repository.root).paths == ["app.py"]


def test_what_only_a_merge_brings_in_is_found(repository, scan, key) -> None:
    base = repository.commit({"app.py": "base\n"})
    repository.branch("topic")
    repository.commit({"topic.py": "topic\n"})
    repository.switch("main")
    repository.commit({"main.py": "main\n"})
    repository.git("merge", "-q", "--no-commit", "--no-ff", "topic")
    merge = repository.commit({"app.py": f"base\nkey = '{key('github')}'\n"}, "merge topic")
    found = scan("--range", f"{base}..HEAD", cwd=repository.root)
    assert found.places == [("github-pat", "app.py", 2)]
    assert found.json["findings"][0]["provenance"]["commit"]["sha"] == merge


def test_a_merge_is_not_blamed_for_what_its_parents_hold(repository, scan, key) -> None:
    base = repository.commit({"app.py": "base\n"})
    repository.branch("topic")
    guilty = repository.commit({"topic.py": key("github")})
    repository.switch("main")
    repository.commit({"main.py": "main\n"})
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
    found = scan("--range", f"{base}..HEAD", cwd=repository.root)
    assert [entry["provenance"]["commit"]["sha"] for entry in found.json["findings"]] == [guilty]


def test_an_empty_range_scans_nothing_and_says_so(repository, llmsecrets) -> None:
    repository.commit()
    outcome = llmsecrets("scan", "--range", "HEAD..HEAD", cwd=repository.root)
    assert outcome.code == 0
    assert "Nothing was scanned" in outcome.stdout


@pytest.mark.parametrize("revisions", ["nowhere..HEAD", "HEAD..nowhere", "0123456..HEAD", "HEAD...nowhere", "a b"])
def test_an_unknown_revision_is_a_usage_error(repository, llmsecrets, revisions) -> None:
    repository.commit()
    outcome = llmsecrets("scan", "--range", revisions, cwd=repository.root)
    assert outcome.code == 2
    assert "no such revision" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("revisions", ["--output=stolen", "--all", "-n1"])
def test_an_option_is_not_taken_for_a_range(repository, llmsecrets, revisions) -> None:
    repository.commit()
    outcome = llmsecrets("scan", f"--range={revisions}", cwd=repository.root)
    assert outcome.code == 2
    assert not (repository.root / "stolen").exists()


def test_an_empty_name_is_not_a_range(repository, llmsecrets) -> None:
    repository.commit()
    assert llmsecrets("scan", "--range", "", cwd=repository.root).code == 2


def test_a_renamed_file_adds_nothing(repository, scan, key) -> None:
    base = repository.commit({"old.py": f"key = '{key('github')}'\n" + "a = 1\n" * 50})
    repository.git("mv", "old.py", "new.py")
    repository.commit()
    assert scan("--range", f"{base}..", cwd=repository.root).code == 0


def test_paths_with_newlines_are_taken_apart_rightly(repository, scan, key) -> None:
    base = repository.commit()
    name = "a\n" + "0" * 40 + "\nb"  # as if a commit id stood in the middle
    repository.commit({name: key("github"), "0" * 40: key("npm")})
    assert len(scan("--range", f"{base}..", cwd=repository.root).json["findings"]) == 2


def test_range_staged_and_history_exclude_each_other(repository, llmsecrets) -> None:
    outcome = llmsecrets("scan", "--range", "HEAD", "--staged", cwd=repository.root)
    assert (outcome.code, "exclude each other" in outcome.stderr) == (2, True)


def test_a_partial_clone_may_lack_what_moved(repository, scan, key, tmp_path) -> None:
    """Git cannot compare contents then, and gave up on all of the range."""
    body = "".join(f"a = {number}\n" for number in range(50))
    repository.commit({"old.py": body, "same.py": key("npm")})
    repository.git("mv", "old.py", "new.py")
    repository.git("mv", "same.py", "moved.py")
    repository.commit({"new.py": body.replace("7", "8") + key("github")})
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--filter=blob:none", f"file://{repository.root}", str(clone))
    assert scan("--range", "HEAD~1..HEAD", cwd=clone).paths == ["new.py"]


@pytest.mark.parametrize("jobs", [2, 3])
def test_as_many_processes_as_you_like_find_the_same(repository, monkeypatch, builtin_engines, key, jobs) -> None:
    """With the commits that brought it in, in the same order."""
    base = repository.commit({"a.py": "1\n"})
    for number in range(9):
        repository.commit({f"{number % 4}.py": f"key = '{key('github', number % 5)}'\n"}, f"a change of {number}")
    monkeypatch.setattr(changes, "_GROUP", 2)

    def found(jobs: int) -> Sequence[Finding]:
        source = RangeSource(
            Repository(repository.root), [f"{base}..HEAD"], excluded=lambda path: False, max_size=1 << 20
        )
        return Scanner(builtin_engines[ENGINES[0]], Settings(jobs=jobs)).scan(source, ["."]).findings

    assert found(jobs) == found(1)
    assert len(found(jobs)) == 9
    assert all(one.provenance.commit for one in found(jobs))
