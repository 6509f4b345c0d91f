"""Files and folders: what is read, what is left out, and what becomes a Skip instead of an end."""

from __future__ import annotations

import ast
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from llmsecrets.model import Chunk, Skip
from llmsecrets.sources.paths import PathSource
from llmsecrets.templates import expand


def nothing_excluded(path: str) -> str:
    return ""


def items_of(*paths: Path, max_size: int = 1 << 30) -> list[Chunk | Skip]:
    source = PathSource(paths, excluded=nothing_excluded, max_size=max_size)
    return [item for shard in source.shards(1) for item in shard]


@pytest.fixture
def tree(tmp_path):
    """Write files below a folder and return the folder."""

    def write(**files: str | bytes) -> Path:
        for name, content in files.items():
            file = tmp_path / "tree" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / "tree"

    return write


# ---- what is read --------------------------------------------------------------------------------------------------


def test_files_of_all_depths_are_scanned_in_order(tree, scan, key) -> None:
    tree(**{"b.py": key("github"), "a/deep/down.py": key("npm"), "c": key("aws")})
    found = scan("tree")
    assert found.code == 1
    assert found.paths == ["tree/a/deep/down.py", "tree/b.py", "tree/c"]


def test_without_a_path_the_current_folder_is_scanned(tree, scan, key) -> None:
    assert scan(cwd=tree(**{"a.py": key("github")})).paths == ["a.py"]


def test_a_single_file_can_be_named(tree, scan, key) -> None:
    folder = tree(**{"a.py": key("github"), "b.py": key("npm")})
    assert scan("b.py", cwd=folder).paths == ["b.py"]


def test_an_absolute_path_stays_absolute(tree, scan, key) -> None:
    folder = tree(**{"a.py": key("github")})
    assert scan(folder).paths == [str(folder / "a.py")]


def test_in_a_repository_paths_start_at_its_root(repository, scan, key) -> None:
    repository.write("app/src/a.py", key("github"))
    assert scan("src", cwd=repository.root / "app").paths == ["app/src/a.py"]
    assert scan("../app/src/a.py", cwd=repository.root / "app").paths == ["app/src/a.py"]
    assert scan(repository.root / "app/src", cwd=repository.root / "app").paths == ["app/src/a.py"]


def test_a_file_named_twice_is_scanned_once(tree, scan, key) -> None:
    folder = tree(**{"a.py": key("github")})
    found = scan("a.py", ".", "./a.py", "../tree/a.py", cwd=folder)
    assert found.paths == ["a.py"]
    assert found.json["stats"]["blobs"] == 1


def test_binary_files_are_scanned(tree, scan, key) -> None:
    tree(**{"core.bin": b"\0\xff\xfe\x80" * 50 + key("github").encode() + b"\0\x01"})
    assert scan("tree").paths == ["tree/core.bin"]


def test_git_folders_are_left_to_the_history(repository, scan, key) -> None:
    repository.write(".git/description", key("github"))
    repository.write("lib/.git", key("npm"))  # the file that a submodule or worktree has
    repository.write("lib/a.py", key("aws"))
    assert scan(cwd=repository.root).paths == ["lib/a.py"]


def test_an_empty_file_has_been_looked_at(tree, llmsecrets) -> None:
    tree(empty="")
    outcome = llmsecrets("scan", "tree", CI="true")
    assert (outcome.code, "1 file, 0 bytes" in outcome.stdout) == (0, True)


@pytest.mark.parametrize("name", ["new\nline", "ünïcode", os.fsdecode(b"latin \xe9.py"), "-dash", " space ", "[bold]"])
def test_any_file_name_is_accepted(tree, llmsecrets, key, name) -> None:
    tree(**{name: key("github")})
    for format in ("text", "json", "jsonl", "sarif"):
        outcome = llmsecrets("scan", "-f", format, "tree")
        assert outcome.code == 1, outcome
        assert "Traceback" not in outcome.stderr
    assert len(llmsecrets("scan", "-f", "json", "tree").json["findings"]) == 1


def test_a_folder_that_is_named_with_a_newline(tree, scan, key) -> None:
    tree(**{"a\nb/c.py": key("github")})
    assert len(scan("tree/a\nb").json["findings"]) == 1


# ---- links ---------------------------------------------------------------------------------------------------------


def test_links_within_a_folder_are_not_followed(tree, scan, key, tmp_path) -> None:
    folder = tree(**{"real.py": key("github")})
    (tmp_path / "outside.py").write_text(key("npm"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/far.py").write_text(key("aws"))
    (folder / "inner").symlink_to("real.py")
    (folder / "outer").symlink_to(tmp_path / "outside.py")
    (folder / "away").symlink_to(tmp_path / "elsewhere")
    (folder / "dangling").symlink_to("nowhere")
    found = scan("tree")
    assert (found.code, found.paths, found.json["skips"]) == (1, ["tree/real.py"], [])


def test_links_in_a_circle_end(tree, scan) -> None:
    folder = tree(**{"a.py": "a = 1"})
    (folder / "loop").symlink_to(".")
    (folder / "self").symlink_to("self")
    assert scan("tree").json["stats"]["blobs"] == 1


def test_a_link_that_is_named_itself_is_followed(tree, scan, key, tmp_path) -> None:
    folder = tree(**{"a.py": key("github")})
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "file-link").symlink_to(folder / "a.py")
    assert scan("link").paths == ["link/a.py"]
    assert scan("file-link").paths == ["file-link"]


def test_a_named_link_that_leads_nowhere_is_told(scan, tmp_path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "self").symlink_to("self")
    assert [skip["path"] for skip in scan("link").json["skips"]] == ["link"]
    assert scan("self").code == 3


# ---- what cannot be read -------------------------------------------------------------------------------------------


def test_fifos_sockets_and_devices_are_expected_skips(tree, scan, key) -> None:
    folder = tree(**{"a.py": key("github")})
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        cwd = Path.cwd()
        os.chdir(folder)  # a socket's path must be short
        try:
            server.bind("socket")
        finally:
            os.chdir(cwd)
        found = scan("tree")
    assert found.code == 1
    assert {(skip["path"], skip["reason"], skip["detail"]) for skip in found.json["skips"]} == {
        ("tree/fifo", "not a file", "FIFO"),
        ("tree/socket", "not a file", "socket"),
    }
    assert found.json["complete"]


def test_a_device_is_an_expected_skip() -> None:
    (skip,) = items_of(Path("/dev/null"))
    assert (skip.reason, skip.detail, skip.expected) == ("not a file", "device", True)


def test_unreadable_files_and_folders_are_skips_that_count(tree, key) -> None:
    """Read by a child process, which root has to make a poorer user first."""
    folder = tree(**{"open.py": key("github"), "shut.py": key("npm"), "shut/in.py": key("aws")})
    (folder / "shut.py").chmod(0)
    (folder / "shut").chmod(0)
    read, write = os.pipe()
    if not os.fork():
        try:
            os.chdir(folder)
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            told = [(one.provenance.path, *one[1:]) if isinstance(one, Skip) else "chunk" for one in items_of(Path())]
            os.write(write, repr(told).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.wait()
    (folder / "shut").chmod(0o755)
    with open(read, encoding="utf-8") as pipe:
        told = ast.literal_eval(pipe.read())
    assert told == [
        "chunk",
        ("shut", "unreadable", "Permission denied", False),
        ("shut.py", "unreadable", "Permission denied", False),
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")
def test_what_is_named_and_unreadable_does_not_keep_the_rest_from_being_scanned(tree, key) -> None:
    """As pre-commit names files. Without rights to pass permissions by, as root has them."""
    folder = tree(**{"file.py": key("npm"), "closed/a.py": key("aws"), "open.py": key("github")})
    (folder / "file.py").chmod(0)
    (folder / "closed").chmod(0)
    command = [sys.executable, "-m", "llmsecrets", "scan", "-f", "json", "file.py", "closed", "closed/a.py", "open.py"]
    if os.geteuid() == 0:
        if not (dropper := shutil.which("setpriv")):
            pytest.skip("root can read everything, and setpriv is not installed")
        command = [dropper, "--inh-caps=-all", "--bounding-set=-all", *command]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    finally:
        (folder / "closed").chmod(0o755)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert [one["location"]["path"] for one in report["findings"]] == ["open.py"]
    assert sorted(skip["path"] for skip in report["skips"]) == ["closed", "closed/a.py", "file.py"]


@pytest.mark.skipif(sys.platform != "linux", reason="names as long cannot be opened there")
def test_a_folder_of_any_depth_is_gone_through(tmp_path, scan, llmsecrets, key) -> None:
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=place)
        place, above = os.open("d", os.O_RDONLY, dir_fd=place), place
        os.close(above)
    with open(os.open("a.env", os.O_WRONLY | os.O_CREAT, dir_fd=place), "w") as file:
        file.write(f"KEY={key('github')}\n")
    os.close(place)
    assert scan().paths == ["d/" * 1200 + "a.env"]
    assert llmsecrets("config", "check").code == 0
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil recurses


def test_a_file_that_vanishes_meanwhile_is_an_expected_skip(tree) -> None:
    folder = tree(a="a", b="b")
    source = PathSource([folder], excluded=nothing_excluded, max_size=1 << 30)
    (shard,) = source.shards(1)
    assert isinstance(next(shard), Chunk)
    (folder / "b").unlink()
    (skip,) = shard
    assert (Path(skip.provenance.path).name, skip.reason, skip.expected) == ("b", "vanished", True)


def test_a_folder_that_vanishes_meanwhile_does_not_end_the_scan(tree) -> None:
    folder = tree(**{"a/in": "a", "b/in": "b", "c": "c"})
    (shard,) = PathSource([folder], excluded=nothing_excluded, max_size=1 << 30).shards(1)
    next(shard)
    (folder / "b/in").unlink()
    (folder / "b").rmdir()
    skip, chunk = shard
    assert isinstance(skip, Skip)
    assert Path(chunk.provenance.path).name == "c"


def test_a_file_that_fails_while_it_is_read_is_a_skip(tree) -> None:
    folder = tree(a="a")
    (shard,) = PathSource([folder], excluded=nothing_excluded, max_size=1 << 30).shards(1)
    with pytest.MonkeyPatch.context() as patch:

        def broken(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        patch.setattr("llmsecrets.sources.paths.chunks", broken)
        (skip,) = shard
    assert (skip.reason, skip.detail, skip.expected) == ("unreadable", "Input/output error", False)


def test_a_missing_path_is_a_usage_error(llmsecrets) -> None:
    outcome = llmsecrets("scan", "nowhere")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "nowhere: no such file or folder" in outcome.stderr


# ---- what is left out ----------------------------------------------------------------------------------------------


def test_files_larger_than_the_limit_are_skips(tree, scan, key) -> None:
    tree(**{"small": key("github"), "large": key("npm") + "\n" * 1000})
    found = scan("tree", "--max-file-size", "1000")
    assert found.code == 1
    assert found.paths == ["tree/small"]
    assert [(skip["path"], skip["reason"]) for skip in found.json["skips"]] == [("tree/large", "too large")]
    assert not found.json["complete"]


def test_gitignored_files_are_scanned_unless_asked_not_to(repository, scan, key) -> None:
    repository.commit({".gitignore": "*.env\nbuild/\n", "app.py": key("github")})
    repository.write("local.env", key("npm"))
    repository.write("build/out.py", key("aws"))
    repository.write("new.py", key("gitlab"))
    assert scan(cwd=repository.root).paths == ["app.py", "build/out.py", "local.env", "new.py"]
    assert scan("--use-gitignore", cwd=repository.root).paths == ["app.py", "new.py"]


def test_a_tracked_file_is_scanned_though_it_is_ignored(repository, scan, key) -> None:
    repository.add("kept.env", key("github"))
    repository.commit({".gitignore": "*.env\n"})
    assert scan("--use-gitignore", cwd=repository.root).paths == ["kept.env"]


def test_use_gitignore_below_a_subfolder(repository, scan, key) -> None:
    repository.commit({".gitignore": "*.env\n", "app/a.py": key("github")})
    repository.write("app/b.env", key("npm"))
    assert scan("--use-gitignore", "app", cwd=repository.root).paths == ["app/a.py"]
    assert scan("--use-gitignore", cwd=repository.root / "app").paths == ["app/a.py"]


def test_use_gitignore_reports_special_files_as_a_plain_walk_does(repository, scan, key) -> None:
    repository.commit({"a.py": key("github")})
    os.mkfifo(repository.root / "fifo")
    (repository.root / "gone.py").write_text("x")
    repository.git("add", "gone.py")
    (repository.root / "gone.py").unlink()
    found = scan("--use-gitignore", cwd=repository.root)
    assert (found.code, found.paths) == (1, ["a.py"])


def test_use_gitignore_outside_a_repository_is_an_error_that_says_so(tree, llmsecrets) -> None:
    tree(a="a")
    outcome = llmsecrets("scan", "--use-gitignore", "tree")
    assert outcome.code == 3
    assert "not a git repository" in outcome.stderr


@pytest.mark.parametrize(
    ("glob", "left"),
    [
        ("vendor", ["tree/a.py", "tree/lib/vendor/c.py", "tree/vendor/b.py"]),
        ("tree/vendor", ["tree/a.py", "tree/lib/vendor/c.py"]),
        ("tree/vendor/", ["tree/a.py", "tree/lib/vendor/c.py"]),
        ("**/vendor", ["tree/a.py"]),
        ("**/*.py", []),
        ("*/b.py", ["tree/a.py", "tree/lib/vendor/c.py"]),
    ],
)
def test_excluded_paths_are_left_out(tree, scan, key, glob, left) -> None:
    tree(**{"a.py": key("github"), "vendor/b.py": key("npm"), "lib/vendor/c.py": key("aws")})
    assert scan("tree", "--exclude", glob).paths == left


def test_an_excluded_file_is_left_out_where_it_is_named_too(tree, llmsecrets, key) -> None:
    """As pre-commit does; in CI, too, that is no mistake."""
    tree(**{"a.py": "pass\n", "vendor/b.py": key("npm")})
    outcome = llmsecrets("scan", "tree/vendor/b.py", "--exclude", "tree/vendor", CI="true")
    assert outcome.code == 0, outcome
    assert "Not scanned, as asked:" in outcome.stdout


def test_excludes_add_up(tree, scan, key) -> None:
    tree(**{"a.py": key("github"), "b.py": key("npm"), "c.py": key("aws")})
    assert scan("tree", "--exclude", "tree/a.py", "--exclude", "tree/b.py").paths == ["tree/c.py"]


# ---- processes -----------------------------------------------------------------------------------------------------


def test_the_report_does_not_depend_on_the_number_of_processes(tree, scan, key) -> None:
    """Whatever is found: with parts, in archives and encodings, suppressed; and what is not read."""
    pair = f"AWS_ACCESS_KEY_ID={key('aws')}\nAWS_SECRET_ACCESS_KEY={expand('{{alnum:39}}7', 1)}\n"
    folder = tree(
        **{f"{number % 7}/{number}.py": f"key = '{key('github', number)}'\n" for number in range(180)},
        **{"a.env": pair, "wide.txt": key("npm").encode("utf-16"), "bad.ipynb": '{"cells": [}', "bad.zip": b"PK\3\4"},
        **{os.fsdecode(b"\xff.py"): f"key = '{key('slack')}'  # llmsecrets:ignore\n"},
    )
    with zipfile.ZipFile(folder / "c.zip", "w") as archive:
        archive.writestr("inner.py", key("gitlab"))
    os.mkfifo(folder / "pipe")
    one, *others = (scan("tree", "-j", jobs, "--min-confidence", "low", CI="true").json for jobs in ("1", "2", "8"))
    for report in others:
        assert {**report, "stats": {}} == {**one, "stats": {}}
    assert len(one["findings"]) == 184
    assert any(finding["components"] for finding in one["findings"])
    assert {entry["location"]["path"] for entry in one["suppressed"]} == {"tree/\\xff.py"}
    assert {skip["reason"] for skip in one["skips"]} >= {"not a file", "not opened"}
