"""What tests build with: real repositories, a runner of the real command, keys made when a test runs.

No file of this repository holds anything that looks like a key: tests draw theirs from the templates of
`llmsecrets.templates`, the same for the same seed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from llmsecrets.engine import Engine
from llmsecrets.model import Candidate, Chunk, Provenance
from llmsecrets.templates import expand

ENGINES = ("hyperscan", "regex") if find_spec("hyperscan") else ("regex",)

# Each is found by one built-in rule of high confidence, wherever it stands.
KEYS = {
    "anthropic": "{{make:anthropic-aa}}",
    "aws": "{{make:aws-key-id}}",
    "github": "{{make:crc32-base62-6}}",
    "gitlab": "glpat-{{alnum:20}}",
    "npm": "{{make:crc32-base62-6:npm_}}",
    "openai": "sk-proj-{{alnum:74}}T3BlbkFJ{{alnum:74}}",
    "slack": "{{make:slack-structure}}",
    "stripe": "{{make:stripe}}",
}
IDENTITY = {"GIT_AUTHOR_NAME": "Ann Author", "GIT_AUTHOR_EMAIL": "ann@example.org", "GIT_COMMITTER_NAME": "Cem",
            "GIT_COMMITTER_EMAIL": "cem@example.org"}  # fmt: skip


def make_key(kind: str, seed: int = 1) -> str:
    """A key of a kind in KEYS; another seed, another key."""
    return expand(KEYS[kind], seed)


def findings_in(engine: Engine, data: bytes, path: str = "notes.txt") -> list[Candidate]:
    """What the engine finds in a file of this content."""
    candidates, skips = engine.find(Chunk(data, Provenance(path)))
    assert not skips
    return candidates


class Outcome(NamedTuple):
    """How a run of the command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def places(self) -> list[tuple[str, str, int]]:
        """(rule, path, line) of every place in a JSON report, in its order."""
        entries = [one for entry in self.json["findings"] for one in (entry, *entry["occurrences"])]
        return [
            (entry.get("rule_id", ""), entry["location"]["path"], entry["location"]["start_line"]) for entry in entries
        ]

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self.places]


def run_llmsecrets(*arguments: str | Path, cwd: Path, stdin: bytes | None = None, **environment: str) -> Outcome:
    """Run `python -m llmsecrets` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "llmsecrets", *map(os.fspath, arguments)],
        cwd=cwd, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
        env={**os.environ, **environment}, timeout=120, check=False,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


class Repo:
    """A real git repository. Commits are a minute apart, so that their order is their dates'."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        self._minutes = 0
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *options)

    def git(self, *arguments: str, stdin: bytes | None = None, check: bool = True) -> str:
        """Run git here and return what it prints."""
        self._minutes += 1
        date = f"2024-03-01T{10 + self._minutes // 60:02}:{self._minutes % 60:02}:00+0100"
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", "-C", str(self.root), *arguments],
            input=stdin, capture_output=True, env={**os.environ, **IDENTITY, **dates}, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"git {arguments}: {done.stderr.decode()}"
        return os.fsdecode(done.stdout).strip()

    def at(self, minute: int) -> None:
        """Set the clock: a commit made now is of this minute, or one just after it."""
        self._minutes = minute

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def add(self, path: str, content: str | bytes) -> Path:
        """Write and stage a file."""
        file = self.write(path, content)
        self.git("--literal-pathspecs", "add", "--", path)
        return file

    def commit(self, files: Mapping[str, str | bytes] | None = None, message: str = "a change") -> str:
        """Write and stage the files, commit what is staged, and return the commit's id."""
        for path, content in (files or {}).items():
            self.add(path, content)
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, start: str = "HEAD") -> None:
        """Start a branch and switch to it."""
        self.git("checkout", "-q", "-b", name, start)

    def switch(self, name: str) -> None:
        self.git("checkout", "-q", name)

    def remove(self, path: str) -> str:
        """Delete a file and commit that."""
        self.git("rm", "-q", "--", path)
        return self.commit(message="remove a file")


# Folders and files whose names are in another order with a slash behind them, that turn into each other, lie deep.
_PATHS = [
    "a",
    "a.x",
    "a/b",
    "a/b.c",
    "a/b/c",
    "a/b/c/d",
    "a0",
    "b/a",
    "b/a/a",
    "b/a/b",
    "new\nline",
    "z z/é",
    "d/d/d/d/d/d/d",
]
_MODES = [b"100644", b"100755", b"120000", b"160000"]


def random_history(chance: random.Random, commits: int = 60) -> bytes:
    """A stream for `git fast-import`: branches that part and meet, files that come, go, move and come back."""
    stream = []
    for number in range(1, commits + 1):
        parents = (
            chance.sample(range(1, number), min(number - 1, chance.choice([0, 1, 1, 1, 1, 2, 3]))) if number > 1 else []
        )
        stream.append(b"commit refs/heads/b%d\nmark :%d\ncommitter A <a@b> %d +0000\ndata 1\nx\n"
                      % (number, number, 1_700_000_000 + 60 * (number + chance.randrange(-3, 3))))  # fmt: skip
        stream += [b"%s :%d\n" % (b"merge" if at else b"from", parent) for at, parent in enumerate(parents)]
        for path in chance.sample(_PATHS, chance.randrange(4)):
            name = b'"%s"' % path.encode().replace(b"\n", b"\\n")
            mode = chance.choice(_MODES)
            if chance.random() < 0.2:
                stream.append(b"D %s\n" % name)
            elif mode == b"160000":
                stream.append(b"M 160000 %s %s\n" % (b"%040d" % (number + 1), name))
            else:
                content = b"%d\n" % chance.randrange(20)
                stream.append(b"M %s inline %s\ndata %d\n%s\n" % (mode, name, len(content), content))
    return b"".join(stream)
