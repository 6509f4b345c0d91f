"""`--history --recurse-submodules`: the histories of submodules, as far as they are here, and never anything else."""

from __future__ import annotations

import shutil

import pytest
from support import Repo


@pytest.fixture
def nested(repository, key, tmp_path):
    """A repository with a submodule `lib` named "the library", which has a submodule `deep`."""
    deep, inner = Repo(tmp_path / "deep"), Repo(tmp_path / "inner")
    deep.commit({"c.py": f"\n{key('slack')}\n"})
    inner.commit({"a.py": key("github")})
    inner.remove("a.py")
    inner.git("submodule", "--quiet", "add", str(deep.root), "deep")
    inner.commit()
    repository.commit({"b.py": key("npm")})
    repository.git("submodule", "--quiet", "add", "--name", "the library", str(inner.root), "lib")
    repository.commit()
    repository.git("submodule", "--quiet", "update", "--init", "--recursive")
    return repository


def everything(scan, repo, *options):
    return scan("--history", "--recurse-submodules", *options, cwd=repo.root)


def test_submodules_left_out_are_named(nested, scan) -> None:
    found = scan("--history", cwd=nested.root)
    assert found.paths == ["b.py"]
    assert "not scanned, being submodules: lib\n" in found.stderr


def test_submodules_are_scanned_with_paths_from_outside(nested, scan, tmp_path) -> None:
    for options in (("--no-cache",), (), ()):  # without a cache, into it, from it
        found = everything(scan, nested, *options)
        assert sorted(place[1:] for place in found.places) == [("b.py", 1), ("lib/a.py", 1), ("lib/deep/c.py", 2)]
        assert found.json["complete"]
        assert "submodule" not in found.stderr
    assert found.json["stats"]["blobs"] == 0
    (entry,) = (one for one in found.json["findings"] if one["location"]["path"] == "lib/a.py")
    assert entry["provenance"]["containers"] == [{"kind": "submodule", "name": "lib", "facts": {}}]
    assert entry["provenance"]["commit"]["sha"] == Repo.git(nested, "-C", "lib", "rev-parse", "HEAD~2")


def test_paths_are_judged_as_seen_from_outside(nested, scan) -> None:
    assert sorted(everything(scan, nested, "--exclude", "lib/deep").paths) == ["b.py", "lib/a.py"]
    nested.write(".llmsecrets.yaml", "allow: [{reason: samples, paths: [lib/a.py]}]")
    assert sorted(everything(scan, nested).paths) == ["b.py", "lib/deep/c.py"]


def test_a_secret_of_both_is_one_entry_that_stands_where_it_does(repository, scan, key, tmp_path) -> None:
    inner = Repo(tmp_path / "inner")
    repository.commit({"gone.py": key("github")})
    repository.remove("gone.py")
    inner.commit({"kept.py": f"\n{key('github')}\n"})
    repository.git("submodule", "--quiet", "add", str(inner.root), "lib")
    repository.commit()
    found = everything(scan, repository)
    (entry,) = found.json["findings"]
    assert sorted(found.paths) == ["gone.py", "lib/kept.py"]
    assert entry["standing"]["at_head"]


def test_a_submodule_that_is_not_here_makes_the_scan_incomplete(nested, scan) -> None:
    nested.git("clone", "-q", ".", "copy")
    found = scan("--history", "--recurse-submodules", cwd=nested.root / "copy")
    assert found.paths == ["b.py"]
    assert [(skip["path"], skip["reason"]) for skip in found.json["skips"]] == [("lib", "submodule not here")]
    assert not found.json["complete"]


def test_a_submodule_put_away_is_found_where_git_keeps_it(nested, scan) -> None:
    nested.git("submodule", "--quiet", "deinit", "--force", "lib")
    assert "lib/a.py" in everything(scan, nested).paths


def test_it_goes_with_whole_histories(repository, scan) -> None:
    repository.commit({"README": "hello\n"})
    assert scan("--recurse-submodules", cwd=repository.root).code == 2
    assert scan("--history", "--since", "2024-01-01", "--recurse-submodules", cwd=repository.root).code == 2


# ---- hostile ones --------------------------------------------------------------------------------------------------


@pytest.fixture
def victim(key, tmp_path) -> Repo:
    """A repository nearby that nobody asked to scan."""
    victim = Repo(tmp_path / "victim")
    victim.commit({"private.py": key("github")})
    return victim


def plant(repo: Repo, path: str, name: str) -> None:
    """Commit a submodule at a path, with a name, that git itself would refuse."""
    repo.write(".gitmodules", "")
    repo.git("config", "--file", ".gitmodules", f"submodule.{name}.path", path)
    commit, tree = repo.commit({"README": "hello\n"}), b""
    for part in reversed(path.strip("/").split("/")):
        entry = b"040000 tree " + tree if tree else b"160000 commit " + commit.encode()
        tree = repo.git("mktree", "--missing", "-z", stdin=entry + b"\t" + part.encode() + b"\0").encode()
    settings = repo.git("hash-object", "-w", ".gitmodules").encode()
    entries = repo.git("cat-file", "-p", tree.decode()).encode() + b"\n100644 blob " + settings + b"\t.gitmodules\n"
    repo.git("update-ref", "HEAD", repo.git("commit-tree", repo.git("mktree", "--missing", stdin=entries), "-m", "x"))


@pytest.mark.parametrize(
    ("path", "name"),
    [("../victim", "lib"), ("lib", "../../../victim"), ("lib", "../../../victim/.git"), (".git", "lib"), ("lib", "/")],
)
def test_no_path_or_name_leads_outside(repository, victim, scan, path, name) -> None:
    plant(repository, path, name)
    assert path in repository.git("ls-tree", "-r", "--name-only", "HEAD").split("\n")
    found = everything(scan, repository)
    assert found.json["findings"] == []
    assert [skip["reason"] for skip in found.json["skips"]] == ["submodule not here"]


@pytest.mark.parametrize("way", ["a link", "a .git file", "a linked module", "a work tree", "its own parent"])
def test_nothing_on_disk_leads_outside(nested, victim, scan, way) -> None:
    lib, modules = nested.root / "lib", nested.root / ".git/modules/the library"
    if way == "a link":
        shutil.rmtree(lib)
        shutil.rmtree(modules)
        lib.symlink_to(victim.root)
    elif way == "a .git file":
        (lib / ".git").write_text(f"gitdir: {victim.root}/.git\n")
        shutil.rmtree(modules)
    elif way == "a linked module":
        shutil.rmtree(lib)
        shutil.rmtree(modules)
        modules.symlink_to(victim.root / ".git")
    elif way == "a work tree":  # the folder of a submodule's own submodules must not move
        victim.git("config", "--file", str(modules / "config"), "core.worktree", str(victim.root))
    else:
        (lib / ".git").write_text("gitdir: ../.git\n")
        shutil.rmtree(modules)
    found = everything(scan, nested)
    assert "b.py" in found.paths
    assert not any("private" in path for path in found.paths)
    assert len(found.paths) == len(set(found.paths))
    assert found.json["complete"] == (way == "a work tree")
