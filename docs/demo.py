"""Draws docs/demo.svg, the picture in the README: python docs/demo.py

The commands really run, in a repository made for it with keys made for it, on a terminal of our own.
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from llmsecrets.templates import expand

PICTURE = Path(__file__).with_name("demo.svg")
COLUMNS, ROWS = 104, 60
COMMANDS = ("llmsecrets hook install pre-commit", "git commit -m 'Ask a model'", "llmsecrets scan --history -q .")
_FILES = {
    "chat.py": "import openai\n\nclient = openai.OpenAI(api_key='{key}')\nprint(client.models.list())\n",
    "README.md": "# Ask a model\n",
}
_KEY = "sk-proj-{{base64url:74}}T3BlbkFJ{{base64url:74}}"
_OLD_KEY = "{{make:anthropic-aa}}"
_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)  # which the picture would load from elsewhere


def draw() -> str:
    """The picture, as SVG."""
    from rich._export_format import CONSOLE_SVG_FORMAT

    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    with tempfile.TemporaryDirectory() as folder, console.file:
        environment = _prepared(Path(folder))
        for command in COMMANDS:
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            console.print(Text.from_ansi(_run(command, Path(folder, "project"), environment)))
        return console.export_svg(title="llmsecrets", code_format=_FONTS.sub("", CONSOLE_SVG_FORMAT))


def _prepared(folder: Path) -> dict[str, str]:
    """A repository with a key in its history and another one staged; the environment to run commands in."""
    (folder / "bin").mkdir()
    script = folder / "bin" / "llmsecrets"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m llmsecrets "$@"\n')
    script.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") and name != "NO_COLOR"}
    environment = {
        **kept, "HOME": str(folder), "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS),
        "GIT_AUTHOR_DATE": "2026-03-02T10:00:00+0100", "GIT_COMMITTER_DATE": "2026-03-02T10:00:00+0100",
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
        "LLMSECRETS_CACHE_DIR": os.environ.get("LLMSECRETS_CACHE_DIR", str(Path.home() / ".cache" / "llmsecrets")),
    }  # fmt: skip
    project = folder / "project"
    for name, content in (("settings.env", f"ANTHROPIC_API_KEY={expand(_OLD_KEY, 7)}\n"), ("settings.env", "")):
        _commit(project, name, content, environment)
    for name, content in _FILES.items():
        (project / name).write_text(content.replace("{key}", expand(_KEY, 7)))
    subprocess.run(["git", "add", "."], cwd=project, env=environment, check=True)
    _run("llmsecrets scan README.md", project, environment)  # as somebody who has scanned before: rules are compiled
    return environment


def _commit(project: Path, name: str, content: str, environment: dict[str, str]) -> None:
    if not project.exists():
        subprocess.run(["git", "init", "-q", "-b", "main", project], env=environment, check=True)
    (project / name).write_text(content)
    for words in (["add", "."], ["commit", "-q", "-m", "Settings"]):
        subprocess.run(["git", *words], cwd=project, env=environment, check=True)


def _run(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What a command shows on a terminal, without the place of our temporary folder."""
    reading, writing = pty.openpty()
    process = subprocess.Popen(
        ["sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing
    )
    os.close(writing)
    shown = b"".join(_output(reading)).decode().replace("\r\n", "\n")
    os.close(reading)
    process.wait()
    return shown.replace(f"{folder}{os.sep}", "").rstrip("\n") + "\n"


def _output(terminal: int) -> Iterator[bytes]:
    """Until the other side is closed, which Linux reports as an error."""
    while True:
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError:
            return
        if not piece:
            return
        yield piece


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
