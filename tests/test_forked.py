"""Work in processes: what children send back, and what becomes of the scan where one of them dies."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import ENGINES, findings_in, make_key

from llmsecrets import forked
from llmsecrets.errors import LlmsecretsError
from llmsecrets.model import Candidate
from llmsecrets.templates import expand

pytestmark = pytest.mark.skipif(not forked.AVAILABLE, reason="this system does not fork")

# What `-j 2` does on systems that cannot fork, and what it does where a child is killed while it works.
_WITH_THREADS = "from llmsecrets import forked; forked.AVAILABLE = False"
_KILLED = """
import os, signal
from llmsecrets import forked
run = forked.run
def killed(report):
    os.kill(os.getpid(), signal.SIGKILL)
forked.run = lambda tasks, watch: run([killed, *tasks[1:]], watch)
"""


def _scan(folder: Path, before: str, *options: str) -> subprocess.CompletedProcess[str]:
    code = f"{before}\nfrom llmsecrets.cli import main\nmain()"
    arguments = ("scan", *options, "-j", "2", "-q", "-f", "json", ".")
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def scanned(repository) -> Path:
    """A repository with nine keys, and with files enough for two processes."""
    for number in range(9):
        repository.commit({f"{number}.py": f"key = '{make_key('github', number + 1)}'\n"})
    repository.commit({f"more/{number}.py": f"key = {number}\n" for number in range(100)})
    return repository.root


def test_results_come_in_the_order_of_the_tasks_however_large() -> None:
    def task(number: int) -> forked.Task:
        return lambda _: bytes([number]) * (number << 20)

    assert forked.run([task(3), task(0), task(1)], lambda *_: None) == [b"\3" * (3 << 20), b"", b"\1" * (1 << 20)]


def test_what_children_report_is_summed_up() -> None:
    told: list[tuple[int, int]] = []

    def task(report: forked.Report) -> bytes:
        report(2, 1 << 40)
        return b""

    forked.run([task, task], lambda *counts: told.append(counts))
    assert told[-1] == (4, 2 << 40)


def test_each_thing_in_a_queue_is_drawn_once() -> None:
    things = [f"{number}\n" for number in range(2500)]
    queue = forked.Queue(things)
    shares = forked.run([lambda _: "".join(queue).encode()] * 3, lambda *_: None)
    assert sorted(b"".join(shares).split()) == sorted(thing.strip().encode() for thing in things)
    assert list(queue) == []


@pytest.mark.parametrize(
    "end", [lambda _: os._exit(7), lambda _: os.kill(os.getpid(), signal.SIGKILL), lambda _: 1 / 0]
)
def test_a_child_without_a_result_is_an_error(end, capfd) -> None:
    with pytest.raises(LlmsecretsError, match="ended early"):
        forked.run([end, lambda _: b"fine"], lambda *_: None)


@pytest.mark.parametrize("possible", [0, 1, 2])
def test_what_gets_no_process_is_done_here(monkeypatch, possible) -> None:
    fork, here = os.fork, os.getpid()
    forks = iter([fork] * possible)
    monkeypatch.setattr(os, "fork", lambda: next(forks, _refused)())
    results = forked.run([lambda _: str(os.getpid()).encode()] * 3, lambda *_: None)
    assert [int(result) == here for result in results] == [False] * possible + [True] * (3 - possible)


def _refused() -> int:
    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")


def test_one_thing_may_be_done_aside(tmp_path) -> None:
    here, done = os.getpid(), tmp_path / "done"
    aside = forked.Aside(lambda wanted: done.write_text(f"{os.getpid() != here} {wanted()}") and None)
    assert (aside.wait(), aside.wait()) == (0, 0)
    assert done.read_text() == "True True"


def test_what_is_not_done_aside_is_no_success(monkeypatch) -> None:
    def fail(wanted: forked.Wanted) -> None:
        raise ValueError("not in order")

    endless = forked.Aside(lambda wanted: bool(threading.Event().wait(60)) and None)
    endless.kill()
    assert endless.wait() != 0
    assert forked.Aside(fail).wait() != 0
    monkeypatch.setattr(os, "fork", _refused)
    nothing = forked.Aside(fail)
    nothing.kill()
    assert nothing.wait() != 0


def test_an_interrupt_leaves_no_child_behind() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forked.run([lambda _: bytes(threading.Event().wait(60))] * 2, interrupt)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_child_outlives_a_parent_that_is_killed(number) -> None:
    """As when a job is cancelled: the output they hold open would keep its reader waiting."""
    code = """
import time
from llmsecrets import forked

def work(report):
    print("at work", flush=True)
    while True:
        report(0, 0)
        time.sleep(0.01)

forked.run([work, work], lambda *_: None)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(2):
        process.stdout.readline()
    process.send_signal(number)
    assert process.communicate(timeout=30) == ("", None)
    assert process.returncode == -number


@pytest.mark.parametrize("options", [("--history", "--no-cache"), ()])
def test_threads_find_the_same(scanned, options) -> None:
    with_processes, with_threads = _scan(scanned, "", *options), _scan(scanned, _WITH_THREADS, *options)
    assert with_threads.returncode == with_processes.returncode == 1
    found = [one.stdout.partition('"stats"')[0] for one in (with_processes, with_threads)]
    assert found[0] == found[1]
    assert found[0].count('"rule_id"') == 9


@pytest.mark.parametrize("options", [("--history", "--no-cache"), ()])
def test_a_scan_whose_child_is_killed_is_incomplete(scanned, options) -> None:
    """By the system, say, for want of memory: nothing is passed off as a result."""
    outcome = _scan(scanned, _KILLED, *options)
    assert (outcome.returncode, outcome.stdout) == (3, "")
    assert "a worker process ended early" in outcome.stderr


def test_what_a_child_has_found_arrives_whole(builtin_engines) -> None:
    pair = f"AWS_ACCESS_KEY_ID={make_key('aws')}\nAWS_SECRET_ACCESS_KEY={expand('{{alnum:39}}7', 1)}\n"
    password = b"postgres://admin:" + b"tR4\xe9zV9" + b"q7Lx@db.internal/app\n"
    found = [
        one
        for content in (pair.encode(), password)
        for one in findings_in(builtin_engines[ENGINES[0]], content, os.fsdecode(b"\xff/.env"))
    ]
    assert len(found) == 3  # a pair is two, each with the other as its part
    for one in found:
        again = Candidate.parse(json.loads(json.dumps(one.dump())))
        assert again == one
        assert again.finding.secret.reveal() == one.finding.secret.reveal()
