"""`llmsecrets init` and the recipes for CI services: what is proposed, and that what is proposed works."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Repo

from llmsecrets.proposals import Origin, recipe

RECIPES = {
    "github.yaml": ".github/dependabot.yml",
    "gitlab.yaml": ".gitlab-ci.yml",
    "jenkins.groovy": "Jenkinsfile",
    "azure.yaml": "azure-pipelines.yml",
    "circleci.yaml": ".circleci/config.yml",
    "bitbucket.yaml": "bitbucket-pipelines.yml",
}


def files(repository: Repo) -> list[str]:
    return repository.git("ls-files", "--others").splitlines()


# ---- init ----------------------------------------------------------------------------------------------------------


def test_nothing_is_written_unless_it_is_agreed(repository, llmsecrets) -> None:
    repository.commit({"app.py": "a = 1\n"})
    outcome = llmsecrets("init", cwd=repository.root)
    assert outcome.code == 0
    assert "New file .llmsecrets.yaml" in outcome.stdout
    assert "nothing was written" in outcome.stderr
    assert files(repository) == []


def test_a_clean_repository_gets_a_configuration_and_advice(repository, llmsecrets) -> None:
    repository.commit({"app.py": "a = 1\n"})
    outcome = llmsecrets("init", "--yes", cwd=repository.root)
    assert outcome.code == 0
    assert "llmsecrets hook install pre-commit" in outcome.stdout
    assert files(repository) == [".llmsecrets.yaml"]
    assert llmsecrets("config", "show", cwd=repository.root).code == 0
    outcome = llmsecrets("init", "--yes", cwd=repository.root)
    assert "There is nothing to write." in outcome.stdout


def test_what_a_repository_holds_today_becomes_its_baseline(repository, scan, llmsecrets, key) -> None:
    repository.commit({"src/app.py": key("github"), "web/node_modules/x/index.js": "1\n"})
    (repository.root / "sub").mkdir()
    outcome = llmsecrets("init", "--yes", cwd=repository.root / "sub")
    assert files(repository) == [".llmsecrets-baseline.jsonl", ".llmsecrets.yaml"]
    assert key("github") not in outcome.stdout + (repository.root / ".llmsecrets-baseline.jsonl").read_text()
    assert "**/node_modules" in (repository.root / ".llmsecrets.yaml").read_text()
    assert scan(cwd=repository.root).code == 0
    repository.add("new.py", key("npm"))
    assert scan(cwd=repository.root).paths == ["new.py"]


def test_a_configuration_that_is_there_is_left_alone(repository, llmsecrets, key) -> None:
    repository.commit({"app.py": key("github"), ".llmsecrets.yaml": "exclude: [nothing]\n"})
    outcome = llmsecrets("init", "--yes", cwd=repository.root)
    assert "Add by hand to .llmsecrets.yaml" in outcome.stdout
    assert "    baseline: .llmsecrets-baseline.jsonl" in outcome.stdout
    assert (repository.root / ".llmsecrets.yaml").read_text() == "exclude: [nothing]\n"


def test_pre_commits_lines_are_shown(repository, llmsecrets) -> None:
    before = "repos: []\n"
    repository.commit({".pre-commit-config.yaml": before})
    outcome = llmsecrets("init", "--yes", cwd=repository.root)
    assert "Add by hand to .pre-commit-config.yaml" in outcome.stdout
    assert "- id: llmsecrets" in outcome.stdout
    assert (repository.root / ".pre-commit-config.yaml").read_text() == before


@pytest.mark.parametrize(("name", "sign"), RECIPES.items(), ids=RECIPES)
def test_each_ci_service_gets_its_recipe(repository, llmsecrets, name, sign) -> None:
    repository.commit({sign: "x: 1\n"})
    outcome = llmsecrets("init", "--yes", cwd=repository.root)
    before = {sign, ".llmsecrets.yaml"}
    written = set(files(repository)) - before
    if name in ("github.yaml", "gitlab.yaml"):
        (path,) = written
        assert yaml.safe_load((repository.root / path).read_text())
        assert f"New file {path}" in outcome.stdout
    else:
        assert written == set()
        assert f"Add by hand to {sign}" in outcome.stdout
        assert "llmsecrets scan" in outcome.stdout
    assert (repository.root / sign).read_text() == "x: 1\n"


def test_a_service_that_has_its_job_gets_none(repository, llmsecrets) -> None:
    repository.commit({".github/workflows/checks.yml": "jobs: {llmsecrets: {}}\n", "Jenkinsfile": "llmsecrets scan"})
    assert ".github" not in llmsecrets("init", cwd=repository.root).stdout


def test_notebooks_are_mentioned(repository, llmsecrets) -> None:
    repository.commit({"a.ipynb": "{}", "b/c.ipynb": "{}", ".pre-commit-config.yaml": "repos: []\n"})
    outcome = llmsecrets("init", cwd=repository.root)
    assert "2 notebooks: keys are often printed" in outcome.stdout
    assert "- id: llmsecrets-notebook-strip" in outcome.stdout


def test_a_link_out_of_the_repository_is_not_followed(repository, tmp_path, llmsecrets) -> None:
    (tmp_path / "outside").mkdir()
    (repository.root / ".github").symlink_to(tmp_path / "outside")
    outcome = llmsecrets("init", "--yes", cwd=repository.root)
    assert outcome.code == 2
    assert "leads out of" in outcome.stderr
    assert list((tmp_path / "outside").iterdir()) == []


# ---- the recipes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_keeps_caches_and_asks_for_all_commits(name) -> None:
    text = recipe(name)
    assert "OWNER/llmsecrets" in text
    assert "COMMIT" in text
    if name != "github.yaml":  # the action keeps its own
        assert "LLMSECRETS_CACHE_DIR" in text
    assert re.search("fetch-depth: 0|GIT_DEPTH: .0|fetchDepth: 0|method: full|depth: full|--unshallow", text)


def test_an_origin_stands_in_for_the_owner() -> None:
    filled = Origin("https://github.com/ann/llmsecrets", "a" * 40, "1.2.3").fill(recipe("github.yaml"))
    assert f"uses: ann/llmsecrets@{'a' * 40} # v1.2.3" in filled
    assert "OWNER" not in filled


def scripts(node: Any) -> Iterator[str]:
    """The shell scripts of a recipe that hold the scan."""
    if isinstance(node, str):
        if "llmsecrets scan" in node:
            yield node
    elif isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from scripts(child)


def script_of(name: str) -> str:
    if name.endswith(".groovy"):
        return next(block for block in re.findall(r"sh '''(.*?)'''", recipe(name), re.DOTALL) if "scan" in block)
    return next(scripts(yaml.safe_load(recipe(name))))


PROPOSED = {  # what a service's environment says in a merge request from topic into main
    "gitlab.yaml": {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "BASE"},
    "jenkins.groovy": {"CHANGE_TARGET": "main"},
    "azure.yaml": {"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"},
    "circleci.yaml": {"CIRCLE_BRANCH": "topic", "DEFAULT_BRANCH": "main"},
    "bitbucket.yaml": {"BITBUCKET_PR_DESTINATION_BRANCH": "main"},
}


@pytest.mark.skipif(os.name == "nt", reason="the recipes are for POSIX shells")
@pytest.mark.parametrize("name", PROPOSED)
def test_a_recipes_script_scans_what_its_build_is_about(repository, tmp_path, key, name) -> None:
    """In a merge request what it adds; otherwise the whole history."""
    repository.commit({"old.env": f"TOKEN={key('npm')}\n"}, "an old key")
    base = repository.git("rev-parse", "HEAD")
    repository.branch("topic")
    repository.commit({"new.env": f"TOKEN={key('github')}\n"}, "a new key")
    clone = Repo(tmp_path / "build")
    clone.git("remote", "add", "origin", str(repository.root))
    clone.git("fetch", "-q", "origin")
    clone.git("checkout", "-q", "-b", "work", "origin/topic")
    (tmp_path / "build/test-results").mkdir()

    asked = {variable: base if value == "BASE" else value for variable, value in PROPOSED[name].items()}
    code, output = run(script_of(name), clone.root, tmp_path, {"CI": "true", **asked})
    assert (code, "new.env" in output, "old.env" in output) == (1, True, False), output
    built = {"CIRCLE_BRANCH": "main", "DEFAULT_BRANCH": "main"}  # the others say it by leaving theirs out
    code, output = run(script_of(name), clone.root, tmp_path, {"CI": "true", **built})
    assert (code, "new.env" in output, "old.env" in output) == (1, True, True), output
    assert list(clone.root.rglob("*llmsecrets.xml")) or (clone.root / "gl-secret-detection-report.json").exists()


def run(script: str, folder: Path, tmp_path: Path, environment: dict[str, str]) -> tuple[int, str]:
    """A script as CI services run it: with sh -e, and llmsecrets installed."""
    command = tmp_path / "bin/llmsecrets"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m llmsecrets "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=folder, env={**os.environ, "PATH": path, **environment}, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout.decode()


def test_zizmor_has_nothing_to_say_of_the_workflow(tmp_path) -> None:
    zizmor = shutil.which("zizmor", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if zizmor is None:
        pytest.skip("zizmor is not installed")
    (tmp_path / "llmsecrets.yaml").write_text(Origin(commit="a" * 40, version="1.2.3").fill(recipe("github.yaml")))
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", tmp_path / "llmsecrets.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
