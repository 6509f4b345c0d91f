"""What options ask for together, and names that lead nowhere: nothing asked for is passed over in silence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MISTAKES = {
    ("--platform", "linux/arm64"): "go with --image",
    ("--base", "debian:12"): "go with --image",
    ("--insecure-registry",): "go with --image",
    ("--image", ""): "--image names nothing",
    ("--image", "app.tar", "--unreachable"): "go with --history",
    ("--staged", "--since", "yesterday"): "go with --history",
    ("--range", "HEAD", "--max-depth", "3"): "go with --history",
    ("--history", "--unreachable", "--branch", "main"): "no --since, --branch or --max-depth",
    ("--history", "--branch", ""): "is not a range or branch",
    ("--history", "--since", "nonsense"): "git knows no such date, or it is not past",
    ("--history", "--cache", "cache", "--no-cache"): "exclude each other",
    ("--stdin-name", "a.py"): "goes with -",
    ("",): "The name is empty",
    ("-f", "json", "-o", ""): "The name is empty",
    ("--disable", "*"): "no rule is left to scan with",
    ("--image", "oci:nowhere"): "nowhere: cannot be read",
    ("-o", "a.json", "-f", "text", "-o", "a.json"): "Two reports cannot go to a.json",
}


@pytest.mark.parametrize("options", MISTAKES, ids=" ".join)
def test_options_that_would_say_nothing_are_refused(repository, llmsecrets, options) -> None:
    repository.commit({"a.py": "pass\n"})
    outcome = llmsecrets("scan", *options, cwd=repository.root)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert MISTAKES[options] in outcome.stderr


@pytest.mark.parametrize("command", [("config", "show"), ("init",)], ids=" ".join)
def test_a_folder_that_is_not_there_is_wrong_usage(llmsecrets, command) -> None:
    outcome = llmsecrets(*command, "nowhere")
    assert (outcome.code, "nowhere: no such" in outcome.stderr) == (2, True)


@pytest.mark.parametrize("content", [b"API_KEY=mine\n", None], ids=["a file", "a folder"])
def test_what_is_no_cache_is_not_replaced_by_one(repository, scan, key, content) -> None:
    repository.commit({"a.py": key("github")})
    named = repository.root / "settings.env"
    named.write_bytes(content) if content else named.mkdir()
    outcome = scan("--history", "--cache", named, cwd=repository.root)
    assert (outcome.code, "is no cache of llmsecrets" in outcome.stderr) == (1, True)
    assert named.is_dir() if content is None else named.read_bytes() == content


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be removed there")
@pytest.mark.parametrize("command", [("scan",), ("scan", "--staged"), ("config", "show")], ids=" ".join)
def test_a_folder_that_is_gone_is_told(tmp_path, command) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    arguments = [sys.executable, "-c", "import os, sys; os.rmdir(os.getcwd()); from llmsecrets.cli import main; main()"]
    done = subprocess.run([*arguments, *command], cwd=gone, capture_output=True, text=True, check=False)
    assert (done.returncode, "the current folder is gone" in done.stderr) == (3, True)


@pytest.mark.skipif(sys.platform == "win32", reason="made with a shell")
def test_a_closed_standard_output_is_told(tmp_path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m llmsecrets scan >&-', sys.executable],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "standard output is closed" in done.stderr) == (3, True)


def test_a_cache_folder_that_cannot_be_written_is_named_as_such(llmsecrets, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for place, kept in ((tmp_path / "file/cache", "each time: cannot write"), (tmp_path / "cache", "once; kept in")):
        outcome = llmsecrets("scan", "-", "--enable", "[a-g]*", stdin=b"x" * 100_000, LLMSECRETS_CACHE_DIR=str(place))
        assert f"({kept} {Path(place)})" in outcome.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_no_file_name_is_a_command_to_a_ci_service(llmsecrets, scan, tmp_path, key) -> None:
    name = "::error::##[error]\x1b[31m.env"
    (tmp_path / name).write_text(f"KEY={key('github')}\n")
    (fingerprint,) = [one["fingerprint"] for one in scan().json["findings"]]
    assert llmsecrets("baseline", "create").code == 0
    (tmp_path / name).unlink()
    said = [llmsecrets("notebook", "strip", name), llmsecrets("baseline", "diff"), llmsecrets("scan", f"{name}x")]
    (tmp_path / name).write_text(f"KEY={key('github')}\n")
    said += [llmsecrets("explain", fingerprint), llmsecrets("notebook", "strip", name)]
    for outcome in said:
        text = outcome.stdout + outcome.stderr
        assert "error" in text
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::") or "##[" in line]
        assert "\x1b" not in text
