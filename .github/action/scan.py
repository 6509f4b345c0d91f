"""The scan that a GitHub event asks for, and its results in the places where GitHub looks for them.

Everything comes from environment variables: GitHub's own, and INPUT_… for what action.yml was given. Only the standard
library is used; llmsecrets is run as a command.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FINDINGS, _USAGE = 1, 2


class Plan(NamedTuple):
    """What to look at: a word for it, the words for `llmsecrets scan`, and the range of commits, if it is one."""

    scan: str
    words: tuple[str, ...]
    range: str = ""


HISTORY = Plan("history", ("--history", "."))
FILES = Plan("files", ("--use-gitignore", "."))


def main() -> int:
    os.chdir(given("PATH") or ".")
    make_whole()
    plan = planned(given("SCAN") or "auto", os.environ.get("GITHUB_EVENT_NAME", ""), event())
    work = Path(os.environ["RUNNER_TEMP"]) / "llmsecrets"
    work.mkdir(parents=True, exist_ok=True)
    report = Path(given("SARIF_FILE") or work / "llmsecrets.sarif").absolute()
    code = scan(plan, work, report)
    if not (work / "report.json").exists():
        return code
    found = len(json.loads((work / "report.json").read_text("utf-8"))["findings"])
    show(work)
    for name, value in (("findings", found), ("report", report), ("scan", plan.scan)):
        mark = secrets.token_hex(16)  # a path may hold a line break, and must not name another output with it
        append("GITHUB_OUTPUT", f"{name}<<{mark}\n{value}\n{mark}\n")
    return 0 if code == _FINDINGS and not is_true("FAIL_ON_FINDINGS", default=True) else code


# ---- what to look at ---------------------------------------------------------------------------------------------


def planned(asked: str, event_name: str, event: dict[str, Any]) -> Plan:
    """The scan for an event (https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows)."""
    if asked == "history":
        return HISTORY
    if asked == "files":
        return FILES
    if asked != "auto":
        stop(f'the input "scan" is auto, history or files, not {asked}')
    if event_name == "push":
        return of_push(event)
    if event_name in ("pull_request", "pull_request_target"):
        return changes(event["pull_request"]["base"]["sha"], event["pull_request"]["head"]["sha"])
    if event_name == "merge_group":
        return changes(event["merge_group"]["base_sha"], event["merge_group"]["head_sha"])
    return HISTORY


def of_push(event: dict[str, Any]) -> Plan:
    """What a push adds. For a new branch, or after a forced push: what the default branch lacks."""
    if event.get("deleted"):
        return changes("HEAD", "HEAD")
    before, after = event["before"], event["after"]
    if before.strip("0") and is_here(before):
        return changes(before, after)
    default = event["repository"]["default_branch"]
    start = f"refs/remotes/origin/{default}"
    return changes(start, after) if event["ref"] != f"refs/heads/{default}" and is_here(start) else HISTORY


def changes(start: str, end: str) -> Plan:
    """The commits between two points: from their merge base on, those of merged branches included."""
    for name in (start, end):
        if not (_ID.fullmatch(name) or name.startswith("refs/remotes/origin/") or name == "HEAD"):
            stop(f"the event names no commit: {name!r}")
        if not is_here(name):
            stop(f"commit {name} is not in this checkout: use actions/checkout with fetch-depth: 0")
    return Plan("changes", ("--range", f"{start}..{end}"), f"{start}..{end}")


def event() -> dict[str, Any]:
    path = os.environ.get("GITHUB_EVENT_PATH", "")
    loaded: dict[str, Any] = json.loads(Path(path).read_text("utf-8")) if path else {}
    return loaded


def is_here(name: str) -> bool:
    return git("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}").returncode == 0


def make_whole() -> None:
    """A shallow clone holds too few commits: fetch the others, or ask for them."""
    if git("rev-parse", "--is-shallow-repository").stdout.strip() != "true":
        return
    print("This is a shallow clone; fetching the rest of its history. fetch-depth: 0 in actions/checkout saves that.")
    fetched = git("fetch", "--quiet", "--unshallow", "--tags", "--no-recurse-submodules", "origin")
    if fetched.returncode:
        stop("this is a shallow clone, which holds too few commits: use actions/checkout with fetch-depth: 0")


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


# ---- the scan ----------------------------------------------------------------------------------------------------


def scan(plan: Plan, work: Path, report: Path) -> int:
    """Run it, with a report for each reader; returns its exit code."""
    outputs = {"json": work / "report.json", "text": work / "report.txt", "sarif": report}
    if is_true("ANNOTATIONS", default=True):
        outputs["github"] = work / "annotations.txt"
    if is_true("SUMMARY", default=True):
        outputs["markdown"] = work / "summary.md"
    words = [word for name, file in outputs.items() for word in ("-f", name, "-o", str(file))]
    words += [f"--{name}={given(name)}" for name in ("config", "baseline", "min-confidence") if given(name)]
    nothing_new = plan.range and git("rev-list", "--count", plan.range, "--").stdout.strip() == "0"
    if is_true("ALLOW_INCOMPLETE") or nothing_new:
        words.append("--allow-incomplete")
    for file in outputs.values():
        file.unlink(missing_ok=True)
    print(f"llmsecrets scan {' '.join(plan.words)}", flush=True)
    command = shutil.which("llmsecrets", path=str(Path(sys.executable).parent))
    assert command, "llmsecrets is installed beside the Python that runs this"
    return subprocess.run([command, "scan", *words, *plan.words], check=False).returncode


def show(work: Path) -> None:
    """The report in the log, where its lines must not be taken for workflow commands; annotations; the summary."""
    pause = secrets.token_hex(16)
    print(f"::stop-commands::{pause}")
    print((work / "report.txt").read_text("utf-8"))
    print(f"::{pause}::")
    for name in ("annotations.txt", "summary.md"):
        text = (work / name).read_text("utf-8") if (work / name).exists() else ""
        if name == "summary.md":
            append("GITHUB_STEP_SUMMARY", text)
        else:
            print(text, end="", flush=True)


# ---- GitHub's side -----------------------------------------------------------------------------------------------


def given(name: str) -> str:
    return os.environ.get(f"INPUT_{name.upper().replace('-', '_')}", "")


def is_true(name: str, *, default: bool = False) -> bool:
    value = given(name) or str(default)
    if value.lower() not in ("true", "false"):
        stop(f'the input "{name.lower().replace("_", "-")}" is true or false, not {value}')
    return value.lower() == "true"


def append(variable: str, text: str) -> None:
    """Add to one of the files that GitHub names in its environment."""
    if file := os.environ.get(variable):
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(text)


def stop(message: str) -> NoReturn:
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::error::llmsecrets: {escaped}", flush=True)
    raise SystemExit(_USAGE)


if __name__ == "__main__":
    raise SystemExit(main())
