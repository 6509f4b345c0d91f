"""What a history scan remembers must never change what the next one says."""

from __future__ import annotations

import io
import json
import random
import sqlite3
import zipfile
from pathlib import Path

import pytest
from support import Repo, make_key

from llmsecrets.resultcache import LayerCache, LayerState

STEPS = 8


def result(outcome) -> tuple[object, ...]:
    """What a report says of the repository, without how long it took and how much was read."""
    return outcome.code, outcome.json["findings"], outcome.json["suppressed"], outcome.json["skips"]


class Walk:
    """Random changes to a repository: everything that moves, adds or drops commits."""

    def __init__(self, repo: Repo, seed: int) -> None:
        self.repo, self.random, self.number = repo, random.Random(seed), 0
        repo.commit({"README": "start\n"})

    def step(self) -> None:
        self.number += 1
        getattr(
            self, self.random.choice(["add", "pack", "change", "remove", "copy", "branch", "merge", "drop", "tag"])
        )()

    def text(self) -> str:
        seed = self.random.randrange(6)  # few keys, so that they come back
        return f"line {self.number}\nkey = '{make_key('github', seed)}'\n" if seed < 5 else f"nothing {self.number}\n"

    def files(self) -> list[str]:
        return [path for path in self.repo.git("ls-files").splitlines() if path != "README"]

    def add(self) -> None:
        self.repo.commit({f"file{self.number}.py": self.text()})

    def pack(self) -> None:
        """A notebook, in the open and in an archive."""
        cell = {"cell_type": "code", "source": [self.text()], "metadata": {}, "outputs": []}
        notebook = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
        box = io.BytesIO()
        with zipfile.ZipFile(box, "w") as archive:
            archive.writestr("in/notebook.ipynb", notebook)
            archive.writestr("plain.py", self.text())
        self.repo.commit({f"note{self.number}.ipynb": notebook, f"box{self.random.randrange(3)}.zip": box.getvalue()})

    def change(self) -> None:
        paths = self.files()
        self.repo.commit({self.random.choice(paths) if paths else "first.py": self.text()})

    def remove(self) -> None:
        if self.files():
            self.repo.remove(self.random.choice(self.files()))

    def copy(self) -> None:
        """The same blob at another path, perhaps one that is excluded."""
        if self.files():
            content = (self.repo.root / self.random.choice(self.files())).read_bytes()
            self.repo.commit({f"docs/copy{self.number}.py": content})

    def branch(self) -> None:
        self.repo.branch(f"topic{self.number}", f"HEAD~{self.random.randrange(2)}" if self.number > 3 else "HEAD")
        self.add()

    def merge(self) -> None:
        others = self.repo.git("branch", "--format=%(refname:short)").splitlines()
        self.repo.git("merge", "-q", "-X", "ours", "--no-edit", self.random.choice(others), check=False)
        self.repo.git("merge", "--abort", check=False)

    def drop(self) -> None:
        """Leave the newest commit to nobody but, perhaps, the reflog."""
        self.repo.git("reset", "-q", "--hard", "HEAD~1", check=False)
        if self.random.random() < 0.5:
            self.repo.git("reflog", "expire", "--expire=now", "--all")

    def tag(self) -> None:
        self.repo.git("tag", "-a", f"v{self.number}", "-m", f"release {make_key('npm', self.number % 3)}")


@pytest.mark.parametrize("seed", range(4))
def test_a_remembered_history_reads_like_one_scanned_anew(repository, scan, tmp_path, seed) -> None:
    walk, cache = Walk(repository, seed), tmp_path / "cache.sqlite3"
    for _ in range(STEPS):
        for _ in range(walk.random.randrange(1, 4)):
            walk.step()
        options = ("--history", "--exclude", "docs") if walk.random.random() < 0.3 else ("--history",)
        anew = result(scan(*options, "--no-cache", cwd=repository.root))
        assert result(scan(*options, "--cache", cache, cwd=repository.root)) == anew
        assert result(scan(*options, "--cache", cache, cwd=repository.root)) == anew


@pytest.mark.parametrize("seed", range(6))
def test_commits_that_come_in_late_take_their_places_in_history(repository, scan, key, tmp_path, seed) -> None:
    """As where a branch is merged that was begun before the newest commit; many commits have the same date."""
    chance, cache = random.Random(seed), tmp_path / "cache.sqlite3"
    names = ("a.py", "b.py", "docs/c.py", ".npmrc", "conf/.npmrc")
    tips = [repository.commit({"README": "hello\n"})]
    for number in range(14):
        tip = chance.choice(tips[-4:])
        repository.git("reset", "-q", "--hard", tip)
        repository.at(chance.choice((10, 20, 30, 100)))
        seeded = key("github", chance.randrange(8)) if chance.random() < 0.6 else f"nothing {chance.randrange(4)}"
        content = f"_auth={key('npm', 3)[4:]}\n{seeded}\n" if chance.random() < 0.3 else f"{seeded}\n"
        tips.append(repository.commit({chance.choice(names): content, "number": str(number)}))
        if chance.random() < 0.3:
            repository.git("merge", "-q", "-X", "ours", "--no-edit", chance.choice(tips), check=False)
            repository.git("merge", "--abort", check=False)
            tips.append(repository.git("rev-parse", "HEAD").strip())
        repository.git("update-ref", f"refs/heads/t{number}", tips[-1])
        if chance.random() < 0.5:
            repository.git("reflog", "expire", "--expire=now", "--all")
        if chance.random() < 0.6:
            anew = result(scan("--history", "--no-cache", cwd=repository.root))
            assert result(scan("--history", "--cache", cache, cwd=repository.root)) == anew
            assert result(scan("--history", "--cache", cache, cwd=repository.root)) == anew


@pytest.mark.parametrize(
    "settings",
    [
        "exclude: [samples]",
        "allow: [{reason: samples, paths: [samples]}]",
        "allow: [{reason: samples, paths: [samples], rules: [npm-*]}]",
        "max_file_size: 10",
        "disable: [github-*]",
    ],
)
def test_an_unchanged_history_under_other_settings(repository, scan, key, settings) -> None:
    for path in ("samples/a.py", "copies/b.py", "c.py"):
        repository.commit({path: f"{key('github')}\n{key('npm')}\n"})
        repository.remove(path)
    before = scan("--history", cwd=repository.root)
    (repository.root / ".llmsecrets.yaml").write_text(settings)
    changed = scan("--history", cwd=repository.root)
    assert result(changed) == result(scan("--history", "--no-cache", cwd=repository.root)) != result(before)
    (repository.root / ".llmsecrets.yaml").unlink()
    assert result(scan("--history", cwd=repository.root)) == result(before)


def test_an_allowlist_further_down_is_heard_in_an_unchanged_history(repository, scan, key) -> None:
    for path in ("samples/a.py", "b.py"):
        repository.commit({path: key("github")})
        repository.remove(path)
    assert scan("--history", cwd=repository.root).paths == ["samples/a.py"]
    (repository.root / "samples").mkdir()
    (repository.root / "samples/.llmsecrets.yaml").write_text("allow: [{reason: samples, paths: ['**']}]")
    allowed = scan("--history", cwd=repository.root)
    assert result(allowed) == result(scan("--history", "--no-cache", cwd=repository.root))
    assert allowed.paths == ["b.py"]


@pytest.mark.parametrize("change", [("checkout", "-q", "topic"), ("tag", "v1"), ("branch", "-m", "topic", "other")])
def test_another_head_or_name_changes_how_a_secret_stands(repository, scan, key, change) -> None:
    repository.commit({"README": "hello\n"})
    repository.branch("topic")
    repository.commit({"a.py": key("github")})
    repository.switch("main")
    before = scan("--history", cwd=repository.root)
    repository.git(*change)
    after = scan("--history", cwd=repository.root)
    assert result(after) == result(scan("--history", "--no-cache", cwd=repository.root))
    assert (result(after) == result(before)) is (change[0] == "tag")  # which names another commit


def test_a_blob_lost_since_it_was_scanned_is_told(repository, scan, key) -> None:
    repository.commit({"a.py": key("github", 1), "b.py": key("github", 2)})
    assert len(scan("--history", cwd=repository.root).json["findings"]) == 2
    blob = repository.git("rev-parse", "HEAD:a.py").strip()
    (repository.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    second = scan("--history", cwd=repository.root)
    assert second.paths == ["b.py"]
    assert [skip["reason"] for skip in second.json["skips"]] == ["missing object"]


def test_a_tag_that_is_gone_takes_its_message_with_it(repository, scan, key) -> None:
    repository.commit({"a.py": key("github")})
    repository.git("tag", "-a", "v1", "-m", f"with {key('npm')}")
    assert len(scan("--history", cwd=repository.root).paths) == 2
    repository.git("tag", "-d", "v1")
    assert scan("--history", cwd=repository.root).paths == ["a.py"]


@pytest.mark.parametrize("name", ["HEAD", "HEAD:", "HEAD:folder"])
def test_what_was_lost_when_it_was_scanned_is_read_when_it_is_back(repository, scan, key, name) -> None:
    """Below a commit or tree is more than itself that could not be read."""
    repository.commit({"a.py": key("github")})
    scan("--history", cwd=repository.root)
    repository.commit({"folder/b.py": key("npm")})
    lost = repository.git("rev-parse", name)
    file = repository.root / ".git/objects" / lost[:2] / lost[2:]
    content = file.read_bytes()
    file.unlink()
    assert not scan("--history", cwd=repository.root).json["complete"]
    file.write_bytes(content)
    back = scan("--history", cwd=repository.root)
    assert result(back) == result(scan("--history", "--no-cache", cwd=repository.root))
    assert back.paths == ["a.py", "folder/b.py"]


def test_a_second_scan_reads_only_what_came_since(repository, scan, key) -> None:
    repository.commit({"a.py": key("github", 1), "b.py": "b\n", "c.py": "c\n"})
    first = scan("--history", cwd=repository.root)
    repository.commit({"d.py": key("github", 2)})
    second = scan("--history", cwd=repository.root)
    assert first.json["stats"]["blobs"] == 4  # three files and a message
    assert second.json["stats"]["blobs"] == 2
    assert len(second.json["findings"]) == 2


def test_an_unchanged_history_is_not_read_for_what_was_left_out_of_it(repository, scan, key) -> None:
    repository.commit({"broken.ipynb": '{"cells": [{"cell_type": ' + key("github")})
    first = scan("--history", cwd=repository.root)
    assert [skip["reason"] for skip in first.json["skips"]] == ["notebook read as plain text"]
    second = scan("--history", cwd=repository.root)
    assert (result(second), second.json["stats"]["blobs"]) == (result(first), 0)


def test_a_secret_allowed_where_it_came_in_is_found_where_it_went_later(repository, scan, key) -> None:
    repository.commit({".llmsecrets.yaml": "allow: [{reason: samples, paths: [samples]}]"})
    repository.commit({"samples/a.py": key("github")})
    for path in ("one.py", "two.py", "samples/b.py", "three.py"):
        repository.commit({path: key("github")})
        repository.remove(path)
        assert result(scan("--history", cwd=repository.root)) == result(
            scan("--history", "--no-cache", cwd=repository.root)
        )
    assert scan("--history", cwd=repository.root).paths == ["one.py", "two.py", "three.py"]


def test_a_branch_with_older_commits_takes_its_place_in_history(repository, scan, key) -> None:
    base = repository.commit({"README": "hello\n"})
    repository.branch("older", base)
    old = repository.commit({"old.py": key("github")})
    repository.switch("main")
    repository.commit({"new.py": key("github")})
    repository.git("update-ref", "-d", "refs/heads/older")
    repository.git("reflog", "expire", "--expire=now", "--all")
    scan("--history", cwd=repository.root)
    repository.git("update-ref", "refs/heads/older", old)
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    assert entry["provenance"]["commit"]["sha"] == old


def test_a_commit_of_no_sound_date_takes_its_place_in_history(repository, scan, key) -> None:
    """Git takes a date before 1970 for one far in the future, or for none."""
    base = repository.commit({"README": "hello\n"})
    odd = repository.commit({"odd.py": key("github")})
    content = repository.git("cat-file", "commit", odd).replace("> 17", "> -17") + "\n"
    raw = repository.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=content.encode())
    repository.git("reset", "-q", "--hard", raw)
    repository.git("reflog", "expire", "--expire=now", "--all")
    scan("--history", cwd=repository.root)
    repository.branch("beside", base)
    repository.commit({"beside.py": key("github")})
    assert result(scan("--history", cwd=repository.root)) == result(
        scan("--history", "--no-cache", cwd=repository.root)
    )


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_cache_is_built_again(repository, scan, key, tmp_path, damage) -> None:
    repository.commit({"a.py": key("github")})
    cache = tmp_path / "cache.sqlite3"
    fresh = scan("--history", "--cache", cache, cwd=repository.root)
    _damage(cache, damage)
    assert result(scan("--history", "--cache", cache, cwd=repository.root)) == result(fresh)
    third = scan("--history", "--cache", cache, cwd=repository.root)
    assert (result(third), third.json["stats"]["blobs"]) == (result(fresh), 0)


def test_what_is_no_database_in_our_own_folder_is_replaced(tmp_path) -> None:
    file = tmp_path / "history.sqlite3"
    file.write_bytes(b"not a database at all" * 100)
    layers, state = LayerCache(file, "key"), LayerState({"files": b"12345678"}, b"")
    assert layers.load("sha256:0") is None
    assert layers.store("sha256:0", state)
    assert layers.load("sha256:0") == state


def _damage(cache: Path, kind: str) -> None:
    content = cache.read_bytes()
    if kind == "truncated":
        cache.write_bytes(content[: len(content) // 2])
    else:
        with sqlite3.connect(cache) as database:
            database.execute("UPDATE states SET payload = replace(payload, 'a', 'b')")
        database.close()


def test_other_rules_do_not_see_what_was_remembered(repository, scan, key) -> None:
    repository.commit({"a.py": key("github"), "b.py": key("npm")})
    assert len(scan("--history", "--disable", "npm-*", cwd=repository.root).json["findings"]) == 1
    assert len(scan("--history", cwd=repository.root).json["findings"]) == 2


@pytest.mark.parametrize("content", ["clean\n", "KEY"], ids=["clean", "allowed"])
def test_in_ci_a_repository_that_is_known_has_been_looked_at(repository, llmsecrets, key, content) -> None:
    """The second scan of a repository reads nothing, which was taken for a wrong path."""
    repository.commit({"a.py": content.replace("KEY", f"{key('github')} # llmsecrets:ignore")})
    for said in ("file", "nothing new since the last scan", "nothing new since the last scan"):
        outcome = llmsecrets("scan", "--history", cwd=repository.root, CI="1")
        assert (outcome.code, "No secrets found" in outcome.stdout, said in outcome.stdout) == (0, True, True)
    fresh = repository.root.parent / "fresh"
    fresh.mkdir()
    repository.git("init", "-q", str(fresh))
    for _ in range(2):
        assert llmsecrets("scan", "--history", cwd=fresh, CI="1").code == 3


def test_a_locked_cache_costs_time_only(repository, scan, key, tmp_path) -> None:
    repository.commit({"a.py": key("github")})
    cache = tmp_path / "cache.sqlite3"
    fresh = scan("--history", "--cache", cache, cwd=repository.root)
    holder = sqlite3.connect(cache)
    holder.execute("BEGIN EXCLUSIVE")
    assert result(scan("--history", "--cache", cache, cwd=repository.root)) == result(fresh)
    holder.close()


def test_the_cache_holds_no_secret(repository, scan, key, tmp_path) -> None:
    repository.commit({"a.py": f"key = '{key('github')}'\npassword = '{key('gitlab')}'\n"})
    cache = tmp_path / "cache.sqlite3"
    scan("--history", "--cache", cache, cwd=repository.root)
    stored = cache.read_bytes()
    assert b"a.py" in stored or b"sightings" in stored
    assert not any(key(kind).encode() in stored for kind in ("github", "gitlab"))


@pytest.mark.parametrize("seed", [11, 13])
def test_findings_do_not_depend_on_threads_packs_or_engine(repository, scan, seed) -> None:
    walk = Walk(repository, seed)
    for _ in range(14):
        walk.step()

    def found(*options: str) -> tuple[object, ...]:
        return result(scan("--history", "--no-cache", *options, cwd=repository.root))

    expected = found("-j1")
    assert expected[1]
    assert found("-j3", "--engine", "regex") == expected
    _into_many_packs(repository)
    assert found("-j1") == found("-j3") == found("-j2", "--engine", "regex") == expected
    repository.git("repack", "-adq")
    assert found("-j2") == expected
    kept = ("-c", "gc.reflogExpire=never", "-c", "gc.reflogExpireUnreachable=never")  # the commits here are old
    repository.git(*kept, "gc", "-q")
    assert found("-j1") == found("-j3") == expected


def _into_many_packs(repo: Repo) -> None:
    """Each third of the loose objects into a pack of its own."""
    objects = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    for third in range(3):
        repo.git("pack-objects", "-q", ".git/objects/pack/pack", stdin="\n".join(objects[third::3]).encode() + b"\n")
    repo.git("prune-packed", "-q")
    assert len([*(repo.root / ".git/objects/pack").glob("*.pack")]) == 3


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        (["--max-depth", "1"], ["third.py"]),
        (["--branch", "topic"], ["first.py", "second.py"]),
        (["--since", "2024-03-01T10:30:00+0100"], ["third.py"]),
    ],
)
def test_a_history_narrowed_by_commits(repository, scan, key, options, paths) -> None:
    repository.commit({"first.py": key("github", 1)})
    repository.branch("topic")
    repository.commit({"second.py": key("github", 2)})
    repository.switch("main")
    while repository._minutes < 40:
        repository._minutes += 1
    repository.commit({"third.py": key("github", 3)})
    assert sorted(scan("--history", *options, cwd=repository.root).paths) == paths


def test_narrowing_goes_with_history_only(repository, scan) -> None:
    repository.commit({"README": "hello\n"})
    assert scan("--since", "2024-01-01", cwd=repository.root).code == 2
    assert scan("--history", "--branch", "--output=x", cwd=repository.root).code == 2
