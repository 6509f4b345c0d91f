"""The hooks, as a user meets them: the real pre-commit installs this checkout and stands between a key and a commit.

One test, because building the hook's environment takes most of its time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import Repo, make_key

ROOT = Path(__file__).parents[1]


@pytest.fixture
def source(tmp_path) -> Repo:
    """This checkout as it is now, committed: what a user names under `repo:`."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=True,
    )  # fmt: skip
    repo = Repo(tmp_path / "source")
    for name in filter(None, map(os.fsdecode, listed.stdout.split(b"\0"))):
        if (ROOT / name).is_file():
            repo.write(name, (ROOT / name).read_bytes())
    repo.git("add", "--all")
    repo.commit(message="the hooks")
    return repo


@pytest.fixture
def project(source, tmp_path, monkeypatch) -> Repo:
    """A user's repository with both hooks installed."""
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    monkeypatch.delenv("PYTHONPATH", raising=False)  # the hook must find what was installed for it
    repo = Repo(tmp_path / "project")
    repo.write(
        ".pre-commit-config.yaml",
        f"repos:\n  - repo: {source.root}\n    rev: {source.git('rev-parse', 'HEAD')}\n"
        "    hooks:\n      - id: llmsecrets\n      - id: llmsecrets-staged\n",
    )
    repo.commit({"README": "hello\n", ".pre-commit-config.yaml": (repo.root / ".pre-commit-config.yaml").read_bytes()})
    code, output = pre_commit(repo, "install", "--install-hooks")
    assert code == 0, output
    return repo


def run(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=600)
    return done.returncode, done.stdout.decode()


def pre_commit(repo: Repo, *arguments: str, skip: str = "") -> tuple[int, str]:
    script = f"import os; os.chdir({str(repo.root)!r}); from pre_commit.main import main; raise SystemExit(main())"
    return run("env", f"SKIP={skip}", sys.executable, "-c", script, *arguments)


def commit(repo: Repo, *, skip: str = "") -> tuple[int, str]:
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    return run("env", f"SKIP={skip}", "git", "-C", repo.root, *identity, "commit", "-m", "a change")


def test_a_key_is_refused_a_clean_commit_passes_and_a_committed_key_is_found(project) -> None:
    secret = make_key("github")

    for hook, other in (("llmsecrets", "llmsecrets-staged"), ("llmsecrets-staged", "llmsecrets")):
        project.add("app/settings.py", f"# settings\nTOKEN = '{secret}'\n")
        code, output = commit(project, skip=other)
        assert code == 1, output
        assert f"hook id: {hook}" in output
        assert "- exit code: 1" in output
        assert "app/settings.py:2:10" in output
        assert "GitHub personal access token" in output
        assert "What to do: " in output
        assert secret not in output
        project.git("reset", "-q", "--hard")

    project.add("app/settings.py", "TOKEN = os.environ['TOKEN']\n")
    project.add("-dash", "a file that looks like an option\n")
    code, output = commit(project)
    assert code == 0, output
    assert output.count("Passed") == 2

    project.add("old.py", secret)
    project.git("commit", "-q", "--no-verify", "-m", "in a hurry")
    code, output = pre_commit(project, "run", "--all-files")
    assert code == 1, output
    assert "old.py:1:1" in output
    assert secret not in output

    project.add("app/new.py", "a = 1\n")  # the old key does not stand in a new commit's way
    code, output = commit(project)
    assert code == 0, output
