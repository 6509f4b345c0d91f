"""`llmsecrets completion`: what a shell offers while one types."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def path(tmp_path) -> str:
    """A PATH that has the command."""
    script = tmp_path / "bin/llmsecrets"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m llmsecrets "$@"\n')
    script.chmod(0o755)
    return f"{script.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_the_shell_takes(llmsecrets, tmp_path, shell) -> None:
    script = llmsecrets("completion", shell)
    assert script.code == 0
    (tmp_path / "script").write_text(script.stdout)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [("ba", ["baseline"]), ("scan --hist", ["--history"]), ("hook install pre-p", ["pre-push"])],
)
def test_bash_offers(llmsecrets, path, typed, offered) -> None:
    script = llmsecrets("completion", "bash").stdout
    words = ["llmsecrets", *typed.split()]
    asked = f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _llmsecrets_completion llmsecrets"
    command = f'{script}\n{asked}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == offered
