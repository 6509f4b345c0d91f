"""The audit, on a real terminal: what a key does is in the file at once, and a killed walk goes on where it stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from llmsecrets import baseline, cli
from llmsecrets.audit import Ledger
from llmsecrets.baseline import DEFAULT
from llmsecrets.cli.baseline import write
from llmsecrets.cli.targets import scanned
from llmsecrets.templates import expand

pexpect = pytest.importorskip("pexpect", reason="pexpect is not installed: no pseudo-terminal to drive")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def audited(repository, llmsecrets, key):
    """A repository whose baseline knows three secrets, the first of them in two files."""
    github = key("github")
    password = expand("{{alnum:24}}", 7)
    text = f"one\ntwo = 2\ntoken = '{github}'\nnpm = '{key('npm')}'\nlast\n"
    repository.commit({"a.py": text, "b.py": f"password = '{password}'\ntoken = '{github}'\n"})
    repository.git("config", "user.name", "Ann Author")
    repository.git("config", "user.email", "ann@example.org")
    assert llmsecrets("baseline", "create", cwd=repository.root).code == 0
    return repository


@pytest.fixture
def walk(audited):
    """Starts `llmsecrets audit` on a terminal of 80 by 24."""
    running = []

    def start(*arguments: str):
        terminal = pexpect.spawn(
            sys.executable, ["-m", "llmsecrets", "audit", *arguments], cwd=str(audited.root), dimensions=(24, 80),
            env={**os.environ, "TERM": "xterm"}, encoding="utf-8", timeout=30,
        )  # fmt: skip
        running.append(terminal)
        return terminal

    yield start
    for terminal in running:
        terminal.close(force=True)


def screen(terminal) -> str:
    """What stands on the terminal once the keys are shown."""
    terminal.expect("q quit")
    return _ESCAPES.sub("", terminal.before)


def verdicts(audited) -> dict[tuple[str, str], str]:
    """(path, rule) → state, with what became of a real one."""
    entries = baseline.load(audited.root / DEFAULT).entries
    return {(one.path, one.rule): " ".join(filter(None, (one.state, one.rotation))) for one in entries}


def test_a_screen_shows_where_it_stands_why_and_since_when_and_fits(walk, key) -> None:
    terminal = walk()
    shown = screen(terminal)
    assert "GitHub personal access token (classic) (github-pat)" in shown
    assert "score 0.95" in shown
    assert "a.py:3" in shown
    assert re.search(r"since 2024-03-01 \(\d+ days\), Ann Author", shown)
    assert re.search(r"2  two = 2\s+3  token = 'ghp_", shown)
    assert "also b.py:2 (unreviewed)" in shown
    assert key("github") not in shown
    assert key("npm") not in shown
    rows = shown.split("\r\n")
    assert max(map(len, rows)) <= 80
    assert len(rows) < 24
    terminal.send("s")
    shown = screen(terminal)
    assert key("github") in shown
    assert key("npm") not in shown


def test_every_verdict_is_written_at_once(walk, audited) -> None:
    terminal = walk()
    screen(terminal)
    terminal.send("f")
    assert "(npm-access-token)" in screen(terminal)
    assert verdicts(audited)["a.py", "github-pat"] == "false-positive"
    terminal.send("r")
    terminal.expect("revoked")
    terminal.send("v")
    screen(terminal)
    assert verdicts(audited)["a.py", "npm-access-token"] == "real revoked"
    terminal.send("a")
    terminal.expect("Until which day")
    terminal.sendline("soon")
    terminal.expect("no day")
    terminal.sendline("2999-01-31")
    assert "(generic-secret)" in screen(terminal)
    assert verdicts(audited)["b.py", "github-pat"] == "accepted"
    terminal.send("t")
    terminal.expect("4 decided, 0 left")
    terminal.expect(pexpect.EOF)
    entries = baseline.load(audited.root / DEFAULT).entries
    assert {one.author for one in entries} == {"Ann Author <ann@example.org>"}
    assert [one.expires for one in entries if one.state == "accepted"] == ["2999-01-31"]


def test_killed_in_the_middle_and_resumed(walk, audited) -> None:
    terminal = walk()
    screen(terminal)
    terminal.send("f")
    screen(terminal)
    terminal.kill(signal.SIGKILL)
    terminal.wait()
    assert sorted(path.name for path in audited.root.iterdir()) == [".git", DEFAULT, "a.py", "b.py"]
    terminal = walk()
    shown = screen(terminal)
    assert "1 of 3" in shown
    assert "(npm-access-token)" in shown
    terminal.send("q")
    terminal.expect("0 decided, 3 left")


def test_skip_note_undo_and_a_verdict_for_all_places(walk, audited) -> None:
    terminal = walk()
    screen(terminal)
    terminal.send("n")
    terminal.expect("Note")
    terminal.sendline("asked Bob")
    assert "note: asked Bob" in screen(terminal)
    terminal.send("F")
    assert "2 of 4, 2 decided" in screen(terminal)
    assert [state for (_, rule), state in verdicts(audited).items() if rule == "github-pat"] == ["false-positive"] * 2
    terminal.send("u")
    assert "1 of 4, 0 decided" in screen(terminal)
    assert set(verdicts(audited).values()) == {"unreviewed"}
    terminal.send(" ")
    assert "2 of 4, 0 decided" in screen(terminal)
    terminal.sendcontrol("c")
    terminal.expect("0 decided, 4 left")
    terminal.expect(pexpect.EOF)


def test_what_was_edited_meanwhile_is_kept(walk, audited) -> None:
    terminal = walk()
    screen(terminal)
    held = baseline.load(audited.root / DEFAULT)
    more = baseline.Entry("c.py", "aws", "0" * 32)
    (audited.root / DEFAULT).write_text(baseline.dump(held._replace(entries=(*held.entries, more))))
    terminal.send("t")
    screen(terminal)
    assert verdicts(audited)["c.py", ""] == "unreviewed"
    assert verdicts(audited)["a.py", "github-pat"] == "test-data"


def test_content_cannot_control_the_terminal(walk, audited, key, llmsecrets) -> None:
    audited.write("a.py", f"\x1b]0;title\x07\x1b[2J\ntoken = '{key('gitlab')}' # \u202e\x1b[31m\n")
    llmsecrets("baseline", "update", cwd=audited.root)
    terminal = walk()
    terminal.expect("q quit")
    assert "\x1b]0" not in terminal.before
    assert "\x1b[31m" not in terminal.before
    assert "\\x1b]0;title" in _ESCAPES.sub("", terminal.before)


def test_a_commit_without_a_date_ends_no_walk(walk, audited, llmsecrets) -> None:
    tree = audited.git("write-tree")
    raw = f"tree {tree}\nauthor Eve <eve@example.org> 1700000000 +5130\ncommitter Eve <e> 1 +0000\n\nodd\n"
    commit = audited.git("hash-object", "--literally", "-t", "commit", "-w", "--stdin", stdin=raw.encode())
    audited.git("update-ref", "refs/heads/main", commit)
    assert llmsecrets("baseline", "create", "--force", "--history", cwd=audited.root).code == 0
    terminal = walk()
    assert f"by Eve, {commit[:10]}" in screen(terminal)


def test_without_a_terminal(audited, llmsecrets) -> None:
    outcome = llmsecrets("audit", cwd=audited.root)
    assert (outcome.code, "an audit needs a terminal" in outcome.stderr) == (2, True)


def test_a_list_for_scripts_and_verdicts_by_them(audited, llmsecrets, key) -> None:
    listed = llmsecrets("audit", "--json", cwd=audited.root)
    assert key("github") not in listed.stdout
    first = listed.json[0]
    assert (first["path"], first["rule"], first["lines"], first["elsewhere"]) == (
        "a.py",
        "github-pat",
        [3],
        ["b.py:2"],
    )
    words = ("audit", "set", first["digest"][:12], "real", "--path", "b.py", "--reason", "leaked")
    assert llmsecrets(*words, cwd=audited.root).stdout == "b.py: github-pat, real, open\n"
    assert [one["path"] for one in llmsecrets("audit", "--json", "--state", "real", cwd=audited.root).json] == ["b.py"]
    assert llmsecrets("audit", "set", "0" * 12, "real", cwd=audited.root).code == 2


@pytest.mark.parametrize("day", ["20270131", "2027-W04-7", "tomorrow"])
def test_a_day_that_no_baseline_may_hold_is_refused_before_it_is_written(audited, llmsecrets, day) -> None:
    digest = llmsecrets("audit", "--json", cwd=audited.root).json[0]["digest"]
    assert llmsecrets("audit", "set", digest, "accepted", "--expires", day, cwd=audited.root).code == 2
    assert llmsecrets("audit", "--json", cwd=audited.root).code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no lock of this kind")
def test_verdicts_entered_at_the_same_time_are_all_kept(tmp_path) -> None:
    entries = [baseline.Entry(f"{number}.py", "github", f"{number:032x}", "github-pat") for number in range(60)]
    path = tmp_path / DEFAULT
    path.write_text(baseline.dump(baseline.new()._replace(entries=tuple(entries))))
    script = """
import sys
from pathlib import Path
from llmsecrets.audit import Ledger
from llmsecrets.baseline import load
from llmsecrets.cli.baseline import write
path, first = Path(sys.argv[1]), int(sys.argv[2])
ledger = Ledger(path, write, "Ann Author")
for entry in load(path).entries[first::3]:
    ledger.decide([entry], state="accepted")
"""
    running = [subprocess.Popen([sys.executable, "-c", script, path, str(first)]) for first in range(3)]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    assert {one.state for one in baseline.load(path).entries} == {"accepted"}


def test_a_verdict_that_comes_during_an_update_is_kept(audited, monkeypatch, capsys) -> None:
    """The scan takes a while; the file is read again behind it."""
    path = audited.root / DEFAULT

    def verdict_meanwhile(*arguments, **options):
        done = scanned(*arguments, **options)
        Ledger(path, write, "Ann Author").decide(baseline.load(path).entries, state="accepted")
        return done

    monkeypatch.chdir(audited.root)
    monkeypatch.setattr("llmsecrets.cli.baseline.scanned", verdict_meanwhile)
    assert cli.run(["baseline", "update"]) == 0
    assert {one.state for one in baseline.load(path).entries} == {"accepted"}


def test_stats_count_how_often_rules_were_right(audited, llmsecrets) -> None:
    listed = {(one["path"], one["rule"]): one["digest"] for one in llmsecrets("audit", "--json", cwd=audited.root).json}
    digest = listed["a.py", "github-pat"]
    llmsecrets("audit", "set", digest, "real", "--path", "a.py", cwd=audited.root)
    llmsecrets("audit", "set", digest, "test-data", "--path", "b.py", cwd=audited.root)
    rows = {row["rule"]: row for row in llmsecrets("audit", "stats", "--json", cwd=audited.root).json}
    assert rows["github-pat"] == {"rule": "github-pat", "genuine": 1, "false": 1, "unreviewed": 0, "precision": 0.5}
    assert rows["npm-access-token"]["precision"] is None
    assert re.search(r"github-pat +1 +1 +0 +50%", llmsecrets("audit", "stats", cwd=audited.root).stdout)


def test_what_a_history_held_is_audited_too(audited, llmsecrets) -> None:
    audited.remove("a.py")
    llmsecrets("baseline", "create", "--history", "--force", cwd=audited.root)
    listed = llmsecrets("audit", "--json", cwd=audited.root).json
    assert ("a.py", "npm-access-token") in [(one["path"], one["rule"]) for one in listed]
