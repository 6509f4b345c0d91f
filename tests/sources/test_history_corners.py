"""`--history`: a key in every corner of a repository is found, once, where it came in, however its objects lie."""

from __future__ import annotations

import base64
import random
import zlib
from pathlib import Path
from typing import NamedTuple

import pytest
from support import Repo, make_key, run_llmsecrets

FILLER = b"value = 1\n" * (1_800_000)  # more than is held of a blob at a time


class Planted(NamedTuple):
    """A repository, and where each of its keys came in: secret → (path, line, commit)."""

    repo: Repo
    places: dict[str, tuple[str, int, str | None]]
    dangling: str


class Planting:
    """A repository in the making, with the places of its keys."""

    def __init__(self, repo: Repo) -> None:
        self.repo, self.places = repo, {}

    def key(self, path: str, line: int) -> str:
        """A new key, which `came_in` with the commit to come."""
        secret = make_key("github", len(self.places) + 1)
        self.places[secret] = (path, line, None)
        return secret

    def came_in(self, commit: str) -> None:
        """All keys since the last commit came in with this one."""
        self.places = {secret: (path, line, own or commit) for secret, (path, line, own) in self.places.items()}

    def commit(self, path: str, content: str | bytes, shown: str = "") -> None:
        """Commit a file with a new key in the place of KEY."""
        raw = content.encode() if isinstance(content, str) else content
        secret = self.key(shown or path, raw[: raw.index(b"KEY")].count(b"\n") + 1)
        self.came_in(self.repo.commit({path: raw.replace(b"KEY", secret.encode())}))

    def aside(self, path: str) -> str:
        """A commit with a new key that no reflog knows."""
        blob = self.repo.git("hash-object", "-w", "--stdin", stdin=self.key(path, 1).encode())
        tree = self.repo.git("mktree", stdin=f"100644 blob {blob}\t{path}\n".encode())
        commit = self.repo.git("commit-tree", tree, "-p", "main", "-m", "aside")
        self.came_in(commit)
        return commit


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Planted:
    repo = Repo(tmp_path_factory.mktemp("corners") / "planted")
    planting = Planting(repo)
    _plant_files(planting)
    _plant_merges(planting)
    _plant_words(planting)
    _plant_stash(planting)
    repo.git("update-ref", "refs/remotes/origin/feature", planting.aside("remote.py"))
    dangling = planting.aside("dangling.py")
    assert repo.git("fsck", "--unreachable").count(f"commit {dangling}") == 1
    return Planted(repo, planting.places, dangling)


def _plant_files(planting: Planting) -> None:
    planting.commit("app.py", "a = 1\nkey = 'KEY'\n")
    planting.commit("gone.py", "KEY")
    planting.repo.remove("gone.py")
    planting.commit("first.py", "KEY" + "\n" * 40)
    planting.repo.git("mv", "first.py", "second.py")
    planting.repo.commit(message="rename")
    planting.commit("dos.txt", b"one\r\ntwo\r\n  KEY\r\nfour\r\n")
    planting.commit("large.txt", FILLER + b"KEY\n")
    planting.commit("new\nline.py", "\nKEY\n", shown="new\\nline.py")
    hidden = base64.b64encode(f"auth: {planting.key('values.yaml', 2)}".encode()).decode()
    planting.came_in(planting.repo.commit({"values.yaml": f"data:\n  auth: {hidden}\n"}))
    wide = f"ä\nkey = {planting.key('wide.txt', 2)}\n".encode("utf-16")
    planting.came_in(planting.repo.commit({"wide.txt": wide}))


def _plant_merges(planting: Planting) -> None:
    repo = planting.repo
    for names in (("topic",), ("left", "right")):
        for name in names:
            repo.branch(name, "main")
            repo.commit({f"{name}.py": f"{name}\n"})
        repo.switch("main")
        repo.commit({"main.py": f"beside {names}\n"})
        repo.git("merge", "-q", "--no-commit", "--no-ff", *names)
        planting.commit(f"merge of {len(names)}.py", "merged\nKEY\n")


def _plant_words(planting: Planting) -> None:
    repo = planting.repo
    message = repo.commit(message=f"subject\n\nthe key is {planting.key('.git/COMMIT_EDITMSG', 3)}")
    repo.git("tag", "-a", "v1", "-m", f"release\n\n{planting.key('.git/TAG_EDITMSG', 3)}")
    planting.came_in(message)
    repo.git("notes", "add", "-m", planting.key(message, 1))
    planting.came_in(repo.git("rev-parse", "refs/notes/commits"))


def _plant_stash(planting: Planting) -> None:
    repo = planting.repo
    repo.add("app.py", f"{(repo.root / 'app.py').read_text()}\n{planting.key('app.py', 4)}\n")
    staged = list(planting.places)[-1]
    repo.write("untracked.txt", f"\n{planting.key('untracked.txt', 2)}\n")
    repo.git("stash", "-q", "--include-untracked")
    path, line, _ = planting.places[staged]
    planting.places[staged] = (path, line, repo.git("rev-parse", "stash^2"))  # a stash commits the index first
    planting.came_in(repo.git("rev-parse", "stash^3"))


def found_in(repo: Repo, *options: str) -> tuple[dict[str, tuple[str, int, str]], list[object]]:
    """(secret → where it came in, all places) of a scan."""
    outcome = run_llmsecrets("scan", "--history", "--no-cache", "--show-secrets", "-f", "json", *options, cwd=repo.root)
    assert outcome.code == 1, outcome.stderr
    entries = outcome.json["findings"]
    assert len(entries) == len({entry["secret"] for entry in entries})
    origins = {
        entry["secret"]: (
            entry["location"]["path"],
            entry["location"]["start_line"],
            entry["provenance"]["commit"]["sha"],
        )
        for entry in entries
    }
    return origins, outcome.places


@pytest.mark.parametrize("layout", [(), ("repack", "-adq"), ("gc", "-q", "--aggressive")], ids=" ".join)
def test_every_planted_key_is_found_once_at_its_origin(planted, layout) -> None:
    if layout:
        planted.repo.git(*layout)
    for jobs in ("1", "2"):
        origins, places = found_in(planted.repo, "--unreachable", "-j", jobs)
        assert origins == planted.places
        assert len(places) == len(set(places))
        assert {path for _, path, _ in places} - {path for path, _, _ in origins.values()} == {"second.py"}


@pytest.mark.parametrize("engine", ["hyperscan", "regex"])
def test_what_no_ref_leads_to_is_left_out_unless_asked_for(planted, engine) -> None:
    origins, _ = found_in(planted.repo, "--engine", engine)
    assert origins == {key: place for key, place in planted.places.items() if place[2] != planted.dangling}


def test_only_the_blob_over_the_limit_is_left_out(planted, scan) -> None:
    found = scan("--history", "--no-cache", "--max-file-size", "1000000", cwd=planted.repo.root)
    assert [skip["reason"] for skip in found.json["skips"]] == ["too large"]
    assert len(found.json["findings"]) == len(planted.places) - 2  # nor the dangling one


# ---- where objects lie, and what of them is not there --------------------------------------------------------------


def test_objects_of_alternates_are_read(repository, scan, key, tmp_path) -> None:
    repository.commit({"a.py": key("github")})
    repository.remove("a.py")
    repository.git("clone", "-q", "--shared", ".", str(tmp_path / "borrower"))
    assert not [*(tmp_path / "borrower/.git/objects").glob("??")]
    assert scan("--history", cwd=tmp_path / "borrower").paths == ["a.py"]


def test_a_git_directory_kept_elsewhere(repository, scan, key, tmp_path) -> None:
    repository.commit({"a.py": key("github")})
    repository.git("init", "-q", "--separate-git-dir", str(tmp_path / "elsewhere"))
    assert (repository.root / ".git").is_file()
    assert scan("--history", cwd=repository.root).paths == ["a.py"]


def test_what_a_partial_clone_lacks_is_told(repository, scan, key, tmp_path) -> None:
    blobs = [key("github"), "b = 1\n"]
    repository.commit(dict(zip(("a.py", "b.py"), blobs, strict=True)), f"a key in a message: {key('npm')}")
    repository.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    repository.git("clone", "-q", "--bare", "--filter=blob:none", f"file://{repository.root}", str(partial))
    found = scan("--history", cwd=partial)
    assert found.paths == [".git/COMMIT_EDITMSG"]
    ids = sorted(repository.git("rev-parse", "HEAD:a.py", "HEAD:b.py").split())
    assert sorted(skip["blob_id"] for skip in found.json["skips"]) == ids
    assert scan("--history", "--disable", "npm-*", cwd=partial).code == 3


def test_grafts_do_not_hide_history(repository, scan, key) -> None:
    repository.commit({"a.py": key("github")})
    tip = repository.remove("a.py")
    repository.write(".git/info/grafts", f"{tip}\n")
    repository.git("reflog", "expire", "--expire=now", "--all")
    assert repository.git("rev-list", "HEAD") == tip
    assert scan("--history", cwd=repository.root).paths == ["a.py"]


@pytest.mark.parametrize("damage", ["a blob", "all of it"])
def test_a_damaged_pack_does_not_end_the_scan(repository, scan, key, damage) -> None:
    repository.commit({"a.py": key("github")})
    repository.git("repack", "-adq")
    (intact,) = (repository.root / ".git/objects/pack").glob("*.pack")
    repository.commit({"b.py": random.Random(1).randbytes(200)})
    repository.git("repack", "-dq")
    (pack,) = set(intact.parent.glob("*.pack")) - {intact}
    content = pack.read_bytes()
    start, size = (12, len(content)) if damage == "all of it" else (_offset(repository, pack, "HEAD:b.py"), 20)
    pack.chmod(0o644)
    pack.write_bytes(content[:start] + b"\xff" * size + content[start + size :])
    found = scan("--history", cwd=repository.root)
    assert found.paths == ["a.py"]
    lost = 1 if damage == "a blob" else 3  # the blob; the commit and its tree
    assert len({skip["blob_id"] for skip in found.json["skips"]}) == len(found.json["skips"]) == lost


@pytest.mark.parametrize("options", [(), ("--max-file-size", "1MB")])
def test_a_large_object_that_breaks_off_is_the_only_one_lost(repository, scan, key, options) -> None:
    """Git says how large it is before it finds the rest missing; those it is asked for next are in order."""
    content = random.Random(1).randbytes(3 << 20)
    repository.commit({"large.bin": content, **{f"{number}.py": f"{number}" for number in range(9)}})
    repository.commit({"a.py": key("github")})
    broken = repository.git("rev-parse", "HEAD~1:large.bin")
    file = repository.root / ".git" / "objects" / broken[:2] / broken[2:]
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[: 2 << 20])
    found = scan("--history", *options, cwd=repository.root)
    assert found.paths == ["a.py"]
    assert [(skip["path"], skip["blob_id"], skip["reason"]) for skip in found.json["skips"]] == [
        ("large.bin", broken, "unreadable")
    ]


@pytest.mark.parametrize("how", ["garbage", "gone", "of no type"])
@pytest.mark.parametrize("name", ["HEAD~1", "HEAD~1:folder", "HEAD:", "topic", "release"])
def test_the_rest_of_a_history_is_found_around_a_damaged_object(repository, scan, key, name, how) -> None:
    """Git walks no further than to the first commit or tree it cannot read. What has lost its path is found all the
    same.
    """
    repository.commit({"first.py": key("github")})
    middle = repository.commit({"folder/second.py": key("npm"), "z.py": key("gitlab")})
    repository.branch("topic")
    repository.commit({"aside.py": key("slack")})
    repository.git("tag", "-a", "release", "-m", f"with {key('stripe')}", middle)
    repository.switch("main")
    repository.commit({"last.py": key("openai")})
    lost = repository.git("rev-parse", name)
    _damage(repository, lost, how)
    found = scan("--history", cwd=repository.root)
    assert len(found.paths) == (5 if name == "release" else 6)
    assert {"first.py", "z.py"} <= set(found.paths) | ({"z.py"} if name == "HEAD~1" else set())
    assert {skip["blob_id"] for skip in found.json["skips"]} == {lost}
    assert not found.json["complete"]


@pytest.mark.parametrize("how", ["garbage", "gone", "of no type"])
@pytest.mark.parametrize("name", ["HEAD~2", "HEAD~1", "HEAD"])
def test_a_commit_of_which_only_a_commit_graph_knows(repository, scan, key, name, how) -> None:
    """A walk that believed the graph would go past it, and say nothing."""
    repository.commit({"first.py": key("github")})
    repository.commit({"copy.txt": (secret := key("npm"))})
    repository.commit({"last.py": key("openai"), "copy.py": secret})
    repository.git("commit-graph", "write", "--reachable")
    lost = repository.git("rev-parse", name)
    _damage(repository, lost, how)
    found = scan("--history", cwd=repository.root)
    assert len(found.json["findings"]) == 3
    assert {skip["blob_id"] for skip in found.json["skips"]} == {lost}
    assert not found.json["complete"]


def test_a_commit_graph_that_hides_commits_is_not_believed(repository, scan, key) -> None:
    repository.commit({"a.py": key("github")})
    tip = repository.remove("a.py")
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("commit-graph", "write", "--reachable")
    graph = repository.root / ".git/objects/info/commit-graph"
    content = bytearray(graph.read_bytes())
    at = content.index(bytes.fromhex(repository.git("rev-parse", f"{tip}^{{tree}}")))
    content[at + 20 : at + 24] = b"\x70\0\0\0"  # no parent, instead of the first one
    graph.chmod(0o644)
    graph.write_bytes(content)
    assert repository.git("rev-list", "HEAD") == tip
    assert scan("--history", cwd=repository.root).paths == ["a.py"]


def _damage(repository: Repo, object_id: str, how: str) -> None:
    file = repository.root / ".git" / "objects" / object_id[:2] / object_id[2:]
    file.chmod(0o644)
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(b"\xff" * 30 if how == "garbage" else zlib.compress(b"nothing 4\0text"))


def _offset(repository: Repo, pack: Path, name: str) -> int:
    """Where a pack holds an object."""
    lines = repository.git("show-index", stdin=pack.with_suffix(".idx").read_bytes()).splitlines()
    offsets = {object_id: int(offset) for offset, object_id, *_ in map(str.split, lines)}
    return offsets[repository.git("rev-parse", name)]
