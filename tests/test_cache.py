"""The cache only saves time: whatever is in it or happens to it, the findings are the same."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import llmsecrets
from llmsecrets import cache
from llmsecrets.rules import builtin_folder
from llmsecrets.templates import expand

KINDS = ("*.stamp", "*.rules", "*.ruleset", "*.hsdb", "*.names", "*.config", "*.patterns")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSECRETS_CACHE_DIR", str(tmp_path / "deep/cache"))
    return tmp_path / "deep/cache"


def test_what_was_written_is_read(folder) -> None:
    assert cache.read("a.rules") is None
    assert cache.write("a.rules", b"body")
    assert cache.read("a.rules") == b"body"
    assert cache.write("a.rules", b"")
    assert cache.read("a.rules") == b""


def test_nobody_else_can_read_it(folder) -> None:
    before = os.umask(0)
    try:
        cache.write("a.rules", b"body")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "a.rules").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["a.rules"]


@pytest.mark.parametrize("damage", [b"", b"x", b"llmsecrets-cache-3\n", b"\x80\x04\x95."], ids=repr)
def test_a_foreign_file_is_as_good_as_none(folder, damage) -> None:
    cache.write("a.rules", b"body")
    (folder / "a.rules").write_bytes(damage)
    assert cache.read("a.rules") is None


def test_any_truncation_or_changed_byte_is_noticed(folder) -> None:
    cache.write("a.rules", b"some body")
    whole = (folder / "a.rules").read_bytes()
    for position in range(len(whole)):
        (folder / "a.rules").write_bytes(whole[:position])
        assert cache.read("a.rules") is None
        (folder / "a.rules").write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert cache.read("a.rules") is None


def test_a_folder_that_cannot_be_written_is_told_by_false(folder) -> None:
    folder.parent.mkdir()
    folder.write_text("a file stands in the folder's place")
    assert not cache.write("a.rules", b"body")
    assert cache.read("a.rules") is None


def test_a_name_taken_by_a_folder_is_told_by_false(folder) -> None:
    (folder / "a.rules").mkdir(parents=True)
    assert not cache.write("a.rules", b"body")
    assert [path.name for path in folder.iterdir()] == ["a.rules"]


def test_old_files_make_room(folder) -> None:
    for number in range(60):
        cache.write(f"{number}.rules", b"body")
        os.utime(folder / f"{number}.rules", (number, number))
    assert cache.write("new.rules", b"body")
    names = {path.name for path in folder.iterdir()}
    assert len(names) == 40
    assert {"new.rules", "59.rules"} <= names


PIECES = {"one": b"first", 2: b"", "three \udc80": b"third"}


def test_pieces_come_back_one_by_one_and_together(folder) -> None:
    assert cache.shelf("a.shelf") is None
    assert cache.shelve("a.shelf", ("head", [1, None]), PIECES)
    kept = cache.shelf("a.shelf")
    assert kept
    assert kept.head == ("head", [1, None])
    assert [kept.get(key) for key in (*PIECES, "another")] == [*PIECES.values(), None]
    assert kept.every() == PIECES
    (folder / "a.shelf").unlink()
    assert (kept.get("one"), kept.every()) == (None, {})


def test_no_piece_is_taken_that_a_truncation_or_changed_byte_has_touched(folder) -> None:
    cache.shelve("a.shelf", "head", PIECES)
    whole = (folder / "a.shelf").read_bytes()
    for position in range(len(whole)):
        for damaged in (whole[:position], whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]):
            (folder / "a.shelf").write_bytes(damaged)
            kept = cache.shelf("a.shelf")
            if kept:
                assert kept.head == "head"
                assert all(kept.get(key) in (piece, None) for key, piece in PIECES.items())
                assert kept.every().items() < PIECES.items()


@pytest.mark.parametrize("index", [b"", b"\0", b"\xff", b"("], ids=repr)
def test_what_is_intact_but_no_shelf_is_as_good_as_none(folder, index) -> None:
    cache.write("a.shelf", index)
    assert cache.shelf("a.shelf") is None


@pytest.fixture
def old_file(tmp_path, folder, monkeypatch):
    """A file that was not changed this very moment."""
    file = tmp_path / "a.yaml"
    file.write_text("old")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10)
    return file


def test_files_that_stay_as_they_were_need_not_be_read_again(old_file) -> None:
    assert cache.remembered([old_file], old_file.read_text) == "old"
    assert cache.remembered([old_file], lambda: "read again") == "old"


def test_a_change_of_the_same_size_that_hides_its_time_is_noticed(old_file) -> None:
    before = old_file.stat()
    cache.remembered([old_file], old_file.read_text)
    time.sleep(0.02)  # file systems' clocks tick that slowly
    old_file.write_text("new")
    os.utime(old_file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.remembered([old_file], old_file.read_text) == "new"


def test_what_was_changed_this_very_moment_is_read_again(tmp_path, folder) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("old")
    assert cache.remembered([file], lambda: "old") == "old"
    assert cache.remembered([file], lambda: "read again") == "read again"


def test_keys_tell_their_parts_apart() -> None:
    assert cache.key(b"a", b"bc") != cache.key(b"ab", b"c")


# ---- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def scan_with(folder, scan, key, tmp_path):
    """Scan with the cache as it is; rules few enough to compile quickly."""
    (tmp_path / ".llmsecrets.yaml").write_text("enable: [github-*, smtp-password]")
    (tmp_path / "a.py").write_text(f"token = '{key('github')}'")

    def run():
        found = scan("a.py")
        return found.code, found.places, found.stderr

    return run


EXPECTED = (1, [("github-pat", "a.py", 1)], "")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["empty", "truncated", "foreign", "flipped"])
def test_a_damaged_cache_is_rebuilt(scan_with, folder, kind, damage) -> None:
    assert scan_with() == EXPECTED
    files = list(folder.glob(kind))
    assert files
    for file in files:
        whole = file.read_bytes()
        damaged = {
            "empty": b"",
            "truncated": whole[: len(whole) // 2],
            "foreign": b"\x80\x04\x95cos\nsystem\n(S'touch owned'\ntR.",
            "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        }[damage]
        file.write_bytes(damaged)
    assert scan_with() == EXPECTED
    if damage != "flipped":  # what is not needed is not looked at
        assert all(len(file.read_bytes()) > 50 for file in files)
    assert scan_with() == EXPECTED


def test_a_database_of_another_machine_is_rebuilt(scan_with, folder) -> None:
    """Intact by its checksum, but nothing Hyperscan would load."""
    assert scan_with() == EXPECTED
    (anchors,), (names,) = folder.glob("*.hsdb"), folder.glob("*.names")
    for file in (anchors, names):
        kept = cache.shelf(file.name)
        assert kept
        cache.shelve(file.name, kept.head, {0: b"x" * 1000})
    assert scan_with() == EXPECTED
    assert min(file.stat().st_size for file in (anchors, names)) > 2000


def test_a_new_installation_finds_what_the_last_one_compiled(folder, tmp_path) -> None:
    """In CI the package is installed anew for each run, and its files are as old as that."""
    package = Path(llmsecrets.__file__).parent
    shutil.copytree(package, tmp_path / "site/llmsecrets")
    shutil.copytree(builtin_folder(), tmp_path / "site/llmsecrets/builtin_rules")
    (tmp_path / "a.txt").write_text("nothing")

    def run() -> dict[str, int]:
        subprocess.run(
            [sys.executable, "-m", "llmsecrets", "scan", str(tmp_path / "a.txt")],
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site")}, cwd=tmp_path, check=True,
        )  # fmt: skip
        return {file.name: file.stat().st_mtime_ns for file in folder.iterdir() if file.suffix != ".stamp"}

    first = run()
    for file in tmp_path.glob("site/**/*"):
        os.utime(file)
    assert run() == first


def test_without_a_writable_folder_it_only_takes_longer(scan_with, folder) -> None:
    folder.parent.mkdir()
    folder.write_text("a file stands in the folder's place")
    assert scan_with() == EXPECTED
    assert scan_with() == EXPECTED


def test_many_processes_fill_the_cache_at_once(folder, key, tmp_path) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text("enable: [github-*]")
    (tmp_path / "a.py").write_text(key("github"))
    command = [sys.executable, "-m", "llmsecrets", "scan", "a.py"]
    running = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)
    ]
    outcomes = [(process.communicate(), process.returncode) for process in running]
    assert [code for _, code in outcomes] == [1] * 6
    assert all(not stderr for (_, stderr), _ in outcomes)
    assert not list(folder.glob(".*.tmp"))


def test_nothing_secret_is_in_the_cache(scan_with, folder, key, llmsecrets, tmp_path) -> None:
    password = expand("{{alnum:20}}", 1)
    (tmp_path / "pw.py").write_text(f"password = '{password}'\n")
    llmsecrets("scan", "-f", "json", "--show-secrets")
    assert scan_with() == EXPECTED
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert key("github").encode() not in content
    assert password.encode() not in content
