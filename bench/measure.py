"""What all benchmarks share: running commands alternately, what each run cost, and the table that says so.

Only the standard library. Times of one machine say little about another, so tables show ratios beside them.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple


class Usage(NamedTuple):
    """What one run cost: seconds of wall time and of CPU, bytes at most of the largest process and of the first one.

    CPU and the largest process include every process the command waited for, such as git; `own` is the command's own
    process alone, 0 where the system does not tell.
    """

    wall: float
    cpu: float
    largest: int
    own: int


class Command(NamedTuple):
    """A command line to measure, with the exit codes that mean it did its work."""

    arguments: Sequence[str]
    accepted: Sequence[int] = (0,)
    cwd: Path | None = None
    stdin: Path | None = None


def run(command: Command) -> Usage:
    """Run a command to its end, its output thrown away."""
    with open(command.stdin or os.devnull, "rb") as stdin, open(os.devnull, "wb") as nowhere:
        return _timed(command, stdin, nowhere)


def _timed(command: Command, stdin: IO[bytes], nowhere: IO[bytes]) -> Usage:
    started = time.perf_counter()
    process = subprocess.Popen(command.arguments, cwd=command.cwd, stdin=stdin, stdout=nowhere, stderr=nowhere)
    peak = _Peak(process.pid)
    _, status, spent = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in command.accepted:
        raise SystemExit(f"exit code {process.returncode}: {' '.join(command.arguments)}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Usage(wall, spent.ru_utime + spent.ru_stime, spent.ru_maxrss * unit, peak.stop())


class _Peak:
    """The high-water mark of one process's memory, read from /proc while it runs."""

    def __init__(self, pid: int) -> None:
        self._file, self._bytes, self._ended = Path(f"/proc/{pid}/status"), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if self._file.exists():
            self._thread.start()

    def stop(self) -> int:
        self._ended.set()
        return self._bytes

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            try:
                lines = self._file.read_text().splitlines()
            except OSError:
                return
            marks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
            self._bytes = max([self._bytes, *(mark * 1024 for mark in marks)])


def alternately(commands: Mapping[str, Command], rounds: int) -> dict[str, Usage]:
    """The medians of so many runs of each command, taken in turn after one run each to warm caches."""
    runs: dict[str, list[Usage]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        order = list(commands) if number % 2 else list(commands)[::-1]
        for name in order:
            say(f"round {number} of {rounds}: {name}")
            usage = run(commands[name])
            if number:
                runs[name].append(usage)
    return {name: median(usages) for name, usages in runs.items()}


def median(usages: Sequence[Usage]) -> Usage:
    return Usage(*(statistics.median(values) for values in zip(*usages, strict=True)))


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# ---- what is there ---------------------------------------------------------------------------------------------------


def llmsecrets() -> str:
    """The command to measure: the one installed beside this Python, else the one on PATH."""
    beside = Path(sys.executable).with_name("llmsecrets")
    found = str(beside) if beside.exists() else shutil.which("llmsecrets")
    if not found:
        raise SystemExit("llmsecrets is neither installed for this Python nor on PATH")
    return found


def version(*command: str) -> str:
    """The first line with a digit in it of what the command prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "not found"
    lines = (done.stdout + done.stderr).splitlines()
    return next((line.strip() for line in lines if any(character.isdigit() for character in line)), "unknown")


def machine() -> str:
    """Processor, cores, memory and system in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"Python {platform.python_version()}"
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, {python}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


# ---- showing ---------------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def ratio(value: float, base: float) -> str:
    return f"{value / base:.2f}×" if base else "–"


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def mebibytes(value: float) -> str:
    return f"{value / (1 << 20):.0f} MiB" if value else "–"


def say(text: str) -> None:
    """Progress, on stderr, where it does not get into a table that is redirected to a file."""
    print(text, file=sys.stderr, flush=True)


def show(result: str, into: Path | None, begin: str, end: str) -> None:
    """Put a result between two marks in a file, or print it."""
    if into is None:
        print(result)
        return
    text = into.read_text("utf-8")
    before, after = text.split(begin)[0], text.split(end)[1]
    into.write_text(f"{before}{begin}\n\n{result}\n\n{end}{after}", "utf-8")
