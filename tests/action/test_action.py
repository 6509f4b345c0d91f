"""The GitHub action: its scripts, run as the runner would, with an event file for each event."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from support import Repo

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / ".github" / "action"
NONE = "0" * 40


class Step(NamedTuple):
    """How the step ended, and what it left for GitHub."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str
    report: Any


class Runner:
    """A checkout of a repository on a runner, as actions/checkout leaves it."""

    def __init__(self, folder: Path, origin: Repo, *options: str) -> None:
        self.temp, self.workspace = folder / "runner temp", folder / "workspace"
        self.temp.mkdir(exist_ok=True)
        origin.git("clone", "-q", *options, f"file://{origin.root}", str(self.workspace))

    def __call__(self, event_name: str, event: dict[str, Any] | None = None, **inputs: str) -> Step:
        files = {name: self.temp / name for name in ("event", "output", "summary")}
        for file in files.values():
            file.write_text("")
        files["event"].write_text(json.dumps({"repository": {"default_branch": "main"}, **(event or {})}))
        environment = {
            "CI": "true",
            "GITHUB_EVENT_NAME": event_name,
            "GITHUB_EVENT_PATH": str(files["event"]),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "RUNNER_TEMP": str(self.temp),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "protocol.file.allow",
            "GIT_CONFIG_VALUE_0": "always",
            **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
        }
        done = subprocess.run(
            [sys.executable, "-I", SCRIPTS / "scan.py"], cwd=self.workspace, env={**os.environ, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
        )  # fmt: skip
        outputs = parse_outputs(files["output"].read_text())
        report = json.loads(Path(outputs["report"]).read_text()) if "report" in outputs else None
        return Step(done.returncode, done.stdout.decode(), outputs, files["summary"].read_text(), report)


def parse_outputs(text: str) -> dict[str, str]:
    """The name<<mark form: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands"""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, mark = line.split("<<")
        found[name] = "\n".join(iter(lambda mark=mark: next(lines), mark))  # type: ignore[misc]
    return found


def found(step: Step) -> list[str]:
    """Paths in the SARIF report."""
    return [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for run in step.report["runs"]
        for result in run["results"]
    ]


@pytest.fixture
def origin(repository, key) -> Repo:
    """On main an old key; on topic a new one, and main merged back into it."""
    repository.commit({"old.env": f"TOKEN={key('npm')}\n", "app.py": "a = 1\n"}, "an old key")
    repository.branch("topic")
    repository.commit({"src/app.py": f"a = 1\nkey = '{key('github')}'\n"}, "a new key")
    repository.switch("main")
    repository.commit({"main.py": "a = 2\n"}, "meanwhile")
    repository.switch("topic")
    repository.git("merge", "-q", "--no-ff", "-m", "merge main", "main")
    repository.switch("main")
    return repository


@pytest.fixture
def runner(tmp_path, origin) -> Runner:
    return Runner(tmp_path, origin)


def pushed(origin: Repo, branch: str, before: str, **more: Any) -> dict[str, Any]:
    return {"ref": f"refs/heads/{branch}", "before": before, "after": origin.git("rev-parse", branch), **more}


def pull_request(origin: Repo) -> dict[str, Any]:
    ends = {name: {"sha": origin.git("rev-parse", branch)} for name, branch in (("base", "main"), ("head", "topic"))}
    return {"pull_request": ends}


# ---- an event's scan -----------------------------------------------------------------------------------------------


def test_a_push_of_clean_commits(origin, runner) -> None:
    step = runner("push", pushed(origin, "main", origin.git("rev-parse", "main~1")))
    assert (step.code, step.outputs["findings"], step.outputs["scan"]) == (0, "0", "changes")
    assert step.report["runs"][0]["results"] == []
    assert "No secrets found" in step.log


def test_a_push_with_a_key(origin, tmp_path, key) -> None:
    step = Runner(tmp_path, origin, "--branch=topic")(
        "push", pushed(origin, "topic", origin.git("rev-parse", "topic~2"))
    )
    assert (step.code, step.outputs["findings"]) == (1, "1")
    assert found(step) == ["src/app.py"]
    assert "::error file=src/app.py,line=2," in step.log
    assert "GitHub personal access token" in step.summary
    for text in (step.log, step.summary, json.dumps(step.report)):
        assert key("github") not in text


def test_a_push_of_a_new_branch(origin, runner) -> None:
    step = runner("push", pushed(origin, "topic", NONE, created=True))
    assert (step.code, found(step)) == (1, ["src/app.py"])


def test_a_push_of_the_default_branch_that_was_not_there(origin, runner) -> None:
    step = runner("push", pushed(origin, "main", NONE, created=True))
    assert (step.code, step.outputs["scan"]) == (1, "history")
    assert sorted(found(step)) == ["old.env", "src/app.py"]


def test_a_forced_push_over_commits_that_are_gone(origin, runner) -> None:
    step = runner("push", pushed(origin, "topic", "1" * 40, forced=True))
    assert (step.code, found(step)) == (1, ["src/app.py"])


def test_a_tag_that_brings_nothing_new(origin, runner) -> None:
    head = origin.git("rev-parse", "main")
    step = runner("push", {"ref": "refs/tags/v1", "before": NONE, "after": head})
    assert (step.code, step.outputs["findings"]) == (0, "0")


def test_a_deleted_branch(origin, runner) -> None:
    gone = {"ref": "refs/heads/gone", "before": origin.git("rev-parse", "topic"), "after": NONE, "deleted": True}
    assert runner("push", gone).code == 0


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_a_pull_request_from_its_merge_base_on(origin, runner, name) -> None:
    step = runner(name, pull_request(origin))
    assert (step.code, found(step), step.outputs["scan"]) == (1, ["src/app.py"], "changes")


def test_a_merge_queue(origin, runner) -> None:
    ends = {"base_sha": origin.git("rev-parse", "main"), "head_sha": origin.git("rev-parse", "topic")}
    assert found(runner("merge_group", {"merge_group": ends})) == ["src/app.py"]


@pytest.mark.parametrize("name", ["schedule", "workflow_dispatch"])
def test_other_events_look_at_the_whole_history(runner, name) -> None:
    step = runner(name)
    assert (step.code, step.outputs["findings"], step.outputs["scan"]) == (1, "2", "history")


# ---- the checkout --------------------------------------------------------------------------------------------------


def test_a_shallow_checkout_is_made_whole(tmp_path, origin) -> None:
    runner = Runner(tmp_path, origin, "--depth=1", "--no-single-branch")
    step = runner("schedule")
    assert "This is a shallow clone" in step.log
    assert step.outputs["findings"] == "2"


def test_one_that_cannot_be_made_whole_is_refused(tmp_path, origin) -> None:
    runner = Runner(tmp_path, origin, "--depth=1")
    origin.root.rename(tmp_path / "moved")
    step = runner("schedule")
    assert step.code == 2
    assert "::error::llmsecrets: this is a shallow clone" in step.log
    assert "fetch-depth: 0" in step.log


def test_a_pull_request_whose_commits_are_not_there(origin, runner) -> None:
    ends = pull_request(origin)
    ends["pull_request"]["head"]["sha"] = "2" * 40
    step = runner("pull_request", ends)
    assert step.code == 2
    assert "is not in this checkout: use actions/checkout with fetch-depth: 0" in step.log


@pytest.mark.parametrize("name", ["--upload-pack=x", "main", "", "refs/heads/main\n::error::x", "$(touch stolen)"])
def test_an_event_names_commits_by_their_ids_or_not_at_all(origin, runner, name) -> None:
    step = runner("push", {"ref": "refs/heads/topic", "before": name, "after": name})
    assert step.code == 2
    assert "::error::llmsecrets: the event names no commit" in step.log
    assert [line for line in step.log.splitlines() if line.startswith("::error::x")] == []


# ---- inputs --------------------------------------------------------------------------------------------------------


def test_findings_need_not_fail(runner) -> None:
    step = runner("schedule", fail_on_findings="false")
    assert (step.code, step.outputs["findings"]) == (0, "2")


def test_the_scan_can_be_chosen(origin, runner) -> None:
    assert runner("pull_request", pull_request(origin), scan="history").outputs["findings"] == "2"
    step = runner("pull_request", pull_request(origin), scan="files")
    assert found(step) == ["old.env"]
    assert runner("push", scan="everything").code == 2


def test_inputs_are_words_never_lines_of_a_shell(tmp_path, runner) -> None:
    hostile = f"$(touch {tmp_path}/stolen); `touch {tmp_path}/stolen`\n::error::x"
    for name in ("baseline", "config", "min_confidence"):
        step = runner("schedule", **{name: hostile})
        assert step.code == 2
        assert "::stop-commands::" not in step.log
    step = runner("schedule", sarif_file=str(tmp_path / "a\nfindings=0"))
    assert step.outputs["findings"] == "2"
    assert not (tmp_path / "stolen").exists()


def test_reports_go_where_they_are_wanted(tmp_path, runner) -> None:
    step = runner("schedule", sarif_file=str(tmp_path / "my report.sarif"), annotations="false", summary="false")
    assert step.outputs["report"] == str(tmp_path / "my report.sarif")
    assert "::error file=" not in step.log
    assert step.summary == ""
    assert runner("schedule", summary="perhaps").code == 2


def test_the_logs_report_is_not_taken_for_commands(origin, tmp_path, key) -> None:
    """Names of files and messages of commits come from whoever opens a pull request."""
    origin.commit({"##[set-env name=X]y.env": f"TOKEN={key('gitlab')}\n"}, "::set-output name=x::y")
    step = Runner(tmp_path, origin)("schedule")
    _, pause, rest = step.log.partition("::stop-commands::")
    mark, _, rest = rest.partition("\n")
    quoted, _, after = rest.partition(f"::{mark}::")
    assert pause
    assert "::set-output" in quoted
    assert r"\x23#[set-env" in quoted  # escaped, too, for logs that nobody pauses
    assert [line for line in after.splitlines() if line and not line.startswith(("::error ", "::warning "))] == []
    assert "##[set-env" not in "".join(line.partition("::")[0] for line in after.splitlines())


# ---- the action's own text -----------------------------------------------------------------------------------------


def test_every_input_reaches_the_script() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    step = action["runs"]["steps"][-1]
    for name in action["inputs"]:
        assert step["env"][f"INPUT_{name.upper().replace('-', '_')}"] == f"${{{{ inputs.{name} }}}}"
    assert "${{" not in "".join(step.get("run", "") for step in action["runs"]["steps"])


@pytest.mark.parametrize(
    "command",
    [("zizmor", "--offline", "--no-progress", "action.yml"), ("shellcheck", ".github/action/run.sh")],
    ids=lambda command: command[0],
)
def test_linters_have_nothing_to_say(command) -> None:
    tool = shutil.which(command[0], path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if tool is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run([tool, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
