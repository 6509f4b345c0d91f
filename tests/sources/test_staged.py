"""`--staged`: what the index adds against HEAD, and nothing that was there before."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest
from support import IDENTITY, Repo


def test_a_staged_key_is_reported_at_its_place(repository, scan, key) -> None:
    repository.commit({"app.py": "print()\n"})
    repository.add("app.py", f"print()\nkey = '{key('github')}'\n")
    found = scan("--staged", cwd=repository.root)
    assert found.code == 1
    assert found.places == [("github-pat", "app.py", 2)]


def test_what_is_only_in_the_work_tree_is_not_looked_at(repository, scan, key) -> None:
    repository.commit({"app.py": "print()\n"})
    repository.write("app.py", key("github"))
    repository.write("new.py", key("npm"))
    assert scan("--staged", cwd=repository.root).code == 0


def test_the_index_counts_not_the_file_on_disk(repository, scan, key) -> None:
    repository.add("app.py", key("github"))
    repository.write("app.py", "cleaned up since\n")
    assert scan("--staged", cwd=repository.root).places == [("github-pat", "app.py", 1)]


def test_before_the_first_commit_everything_staged_is_new(repository, scan, key) -> None:
    repository.add("app.py", key("github"))
    assert scan("--staged", cwd=repository.root).paths == ["app.py"]


def test_an_old_key_is_not_reported_with_a_change_to_another_line(repository, scan, key) -> None:
    repository.commit({"app.py": f"a = 1\nkey = '{key('github')}'\n"})
    repository.add("app.py", f"a = 2\nkey = '{key('github')}'\n")
    assert scan("--staged", cwd=repository.root).code == 0


def test_a_moved_line_is_not_reported(repository, scan, key) -> None:
    line = f"key = '{key('github')}'\n"
    repository.commit({"app.py": line + "a = 1\n" * 50})
    repository.add("app.py", "a = 1\n" * 50 + line)
    assert scan("--staged", cwd=repository.root).code == 0


def test_a_second_key_beside_an_old_one_is_reported_alone(repository, scan, key) -> None:
    old, new = key("github", 1), key("github", 2)
    repository.commit({"app.py": f"{old}\n"})
    repository.add("app.py", f"{new}\n{old}\n")
    found = scan("--staged", "--show-secrets", cwd=repository.root)
    assert [entry["secret"] for entry in found.json["findings"]] == [new]


def test_a_renamed_file_adds_nothing(repository, scan, key) -> None:
    repository.commit({"old.py": f"key = '{key('github')}'\n" + "a = 1\n" * 50})
    repository.git("mv", "old.py", "new.py")
    assert scan("--staged", cwd=repository.root).code == 0


def test_a_key_added_during_a_rename_is_reported_at_the_new_path(repository, scan, key) -> None:
    body = "".join(f"a = {number}\n" for number in range(50))
    repository.commit({"old.py": body})
    repository.git("mv", "old.py", "new.py")
    repository.add("new.py", body + key("github"))
    assert scan("--staged", cwd=repository.root).places == [("github-pat", "new.py", 51)]


def test_a_deleted_file_and_a_changed_mode_add_nothing(repository, scan, key) -> None:
    repository.commit({"gone.py": key("github"), "run.sh": key("npm")})
    repository.git("rm", "-q", "gone.py")
    repository.git("update-index", "--chmod=+x", "run.sh")
    found = scan("--staged", cwd=repository.root)
    assert (found.code, found.json["findings"]) == (0, [])


def test_intent_to_add_is_not_yet_a_change(repository, scan, key) -> None:
    repository.commit()
    repository.write("later.py", key("github"))
    repository.git("add", "-N", "later.py")
    assert scan("--staged", cwd=repository.root).code == 0


def test_a_conflict_during_a_merge_does_not_stop_the_scan(repository, scan, key) -> None:
    repository.commit({"app.py": "base\n"})
    repository.branch("topic")
    repository.commit({"app.py": "theirs\n", "added.py": key("github")})
    repository.switch("main")
    repository.commit({"app.py": "ours\n"})
    repository.git("merge", "topic", check=False)
    assert scan("--staged", cwd=repository.root).paths == ["added.py"]


def test_paths_start_at_the_root_wherever_one_stands(repository, scan, key) -> None:
    repository.add("deep/down/app.py", key("github"))
    assert scan("--staged", cwd=repository.root / "deep").paths == ["deep/down/app.py"]


def test_all_of_the_repository_is_looked_at_wherever_one_stands(repository, scan, key) -> None:
    repository.git("config", "diff.relative", "true")
    repository.add("deep/app.py", "print()\n")
    repository.add("top.py", key("github"))
    assert scan("--staged", cwd=repository.root / "deep").paths == ["top.py"]


def test_another_repository_can_be_named(repository, scan, key, tmp_path) -> None:
    repository.add("app.py", key("github"))
    assert scan("--staged", repository.root, cwd=tmp_path).paths == ["app.py"]


def test_a_worktree_has_an_index_of_its_own(repository, scan, key, tmp_path) -> None:
    repository.commit()
    repository.git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "topic")
    (tmp_path / "tree/app.py").write_text(key("github"))
    subprocess.run(["git", "-C", tmp_path / "tree", "add", "app.py"], check=True)
    assert scan("--staged", cwd=tmp_path / "tree").paths == ["app.py"]
    assert scan("--staged", cwd=repository.root).code == 0


def test_a_submodule_is_no_content(repository, scan, key, tmp_path) -> None:
    inner = Repo(tmp_path / "inner")
    inner.commit({"app.py": key("github")})
    repository.commit()
    repository.git("submodule", "--quiet", "add", str(inner.root), "lib")
    assert scan("--staged", cwd=repository.root).code == 0


@pytest.mark.parametrize("name", ["with space", "with\nnewline", "umlaut ü", 'quo"te', os.fsdecode(b"latin \xe9")])
def test_any_path_is_accepted(repository, scan, key, name) -> None:
    repository.add(name, key("github"))
    found = scan("--staged", cwd=repository.root)
    assert found.code == 1
    assert len(found.json["findings"]) == 1


def test_an_excluded_path_is_left_out(repository, scan, key) -> None:
    repository.add("vendor/app.py", key("github"))
    assert scan("--staged", "--exclude", "vendor", cwd=repository.root).code == 0


def test_a_staged_link_is_scanned_as_the_text_it_is(repository, scan, key) -> None:
    (repository.root / "link").symlink_to(key("github"))
    repository.git("add", "link")
    assert scan("--staged", cwd=repository.root).paths == ["link"]


def test_too_large_a_blob_is_a_skip(repository, scan, key) -> None:
    repository.add("large.txt", key("github") + "\n" * 1000)
    found = scan("--staged", "--max-file-size", "500", cwd=repository.root)
    assert found.code == 3
    assert [skip["path"] for skip in found.json["skips"]] == ["large.txt"]


@pytest.mark.parametrize("arguments", [("-a",), ("--", "tracked.py"), ("--only", "tracked.py"), ("--amend", "-a")])
@pytest.mark.parametrize("named", ["", '"$PWD"', "folder"])
def test_inside_a_hook_the_index_being_committed_counts(repository, key, arguments, named) -> None:
    """`git commit -a` and `git commit FILE` build an index of their own and name it in GIT_INDEX_FILE."""
    repository.write("folder/file", "")
    repository.commit({"tracked.py": "clean\n", "other.py": "clean\n"})
    hook = repository.root / ".git/hooks/pre-commit"
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llmsecrets scan --staged {named}\n')
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    repository.write("tracked.py", f"key = '{key('github')}'\n")
    committed = subprocess.run(
        ["git", "-C", repository.root, "commit", "-m", "leak", *arguments],
        capture_output=True, env={**os.environ, **IDENTITY}, check=False,
    )  # fmt: skip
    output = (committed.stdout + committed.stderr).decode()
    assert committed.returncode == 1, output
    assert "tracked.py:1:8" in output
    assert key("github") not in output


def test_a_small_change_starts_without_what_histories_archives_and_reports_need(repository) -> None:
    repository.add("app.py", "print()\n")
    late = (
        "yaml", "regex", "rich", "json", "hashlib", "sqlite3", "tarfile", "zipfile", "tempfile", "llmsecrets.packs",
        "llmsecrets.forked", "llmsecrets.anchors", "llmsecrets.resultcache", "llmsecrets.baseline", "llmsecrets.known",
        "llmsecrets.sources.history",
    )  # fmt: skip
    program = (
        "import sys; from llmsecrets.cli import run; run(['scan', '--staged']);"
        f"print([name for name in {late} if name in sys.modules])"
    )
    warm, measured = (
        subprocess.run([sys.executable, "-c", program], cwd=repository.root, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert measured.stdout.splitlines()[-1] == "[]", warm.stderr
