"""`--history`: every secret any ref ever held, once, with the commit, path and line that brought it in."""

from __future__ import annotations

import io
import subprocess
import zipfile

import pytest
from support import Repo


def origin(entry) -> tuple[str, int, str | None]:
    commit = entry["provenance"]["commit"]
    return entry["location"]["path"], entry["location"]["start_line"], commit and commit["sha"]


def test_other_places_of_a_secret_are_its_occurrences(repository, scan, key) -> None:
    first = repository.commit({"a.py": key("github")})
    repository.commit({"b.py": f"\n{key('github')}\n"})
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    assert origin(entry) == ("a.py", 1, first)
    assert [(one["location"]["path"], one["location"]["start_line"]) for one in entry["occurrences"]] == [("b.py", 2)]


def test_author_and_date_are_those_of_the_commit(repository, scan, key) -> None:
    sha = repository.commit({"a.py": key("github")}, "whoops\n\nbody")
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    commit = entry["provenance"]["commit"]
    date = repository.git("log", "-1", "--format=%aI")
    assert commit == {"sha": sha, "author": "Ann Author", "email": "ann@example.org", "date": date, "subject": "whoops"}


def test_a_commit_comes_after_those_it_builds_on_whatever_their_dates(repository, scan, key) -> None:
    """A rebase keeps the date a change was written at."""
    first = repository.commit({"a.py": key("github")})
    repository.add("a.py", f"# more\n{key('github')}")
    repository.git("commit", "-q", "-m", "rebased", "--date", "2020-01-01T00:00:00+0000")
    for _ in range(2):  # once anew, once remembered
        (entry,) = scan("--history", cwd=repository.root).json["findings"]
        assert origin(entry) == ("a.py", 1, first)
        assert entry["occurrences"] == []


def test_a_secret_says_whether_it_still_stands(repository, scan, key) -> None:
    repository.commit({"kept.py": key("github", 1), "gone.py": key("github", 2)})
    repository.remove("gone.py")
    entries = scan("--history", cwd=repository.root).json["findings"]
    standing = {entry["location"]["path"]: entry["standing"] for entry in entries}
    assert standing["kept.py"]["at_head"]
    assert standing["kept.py"]["refs"] == ["main"]
    assert not standing["gone.py"]["at_head"]
    assert standing["gone.py"]["refs"] == []


def test_refs_are_told_though_one_is_lost_or_has_an_odd_date(repository, scan, key) -> None:
    sha = repository.commit({"a.py": key("github")})
    odd = repository.git("cat-file", "commit", sha).replace("> 17", "> -17").encode()
    odd_sha = repository.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=odd)
    repository.git("update-ref", "refs/heads/odd", odd_sha)
    repository.write(".git/refs/heads/lost", f"{'1' * 40}\n")
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    assert entry["standing"]["refs"] == ["main"]  # odd has the same tree


@pytest.mark.parametrize("named", ["tree", "file"])
def test_what_only_a_tag_names_was_brought_in_by_no_commit(repository, scan, key, named) -> None:
    """And what a commit brings in later, which holds for all that git's or Linux' tags of that kind hold, was by it."""
    tagged = repository.git("hash-object", "-w", "--stdin", stdin=key("github").encode())
    both = repository.git("hash-object", "-w", "--stdin", stdin=key("npm").encode())
    entries = f"100644 blob {tagged}\ta.py\n100644 blob {both}\tb.py\n"
    tree = repository.git("mktree", stdin=entries.encode())
    repository.commit({"README": "hello\n"})
    repository.git("tag", "-a", "v0", "-m", "of no commit", tree if named == "tree" else tagged)
    sha = repository.commit({"c.py": key("npm")})
    for _ in range(2):  # once anew, once remembered
        found = [origin(entry) for entry in scan("--history", cwd=repository.root).json["findings"]]
        assert found == [("c.py", 1, sha), ("a.py" if named == "tree" else f"tag/{tagged}", 1, None)]


def test_the_same_content_at_two_paths_is_named_at_both(repository, scan, key) -> None:
    repository.commit({"a.py": key("github"), "b.py": key("github")})
    assert scan("--history", cwd=repository.root).paths == ["a.py", "b.py"]


def test_excluded_paths_are_left_out(repository, scan, key) -> None:
    repository.commit({"vendor/a.py": key("github"), "b.py": key("npm")})
    assert scan("--history", "--exclude", "vendor", cwd=repository.root).paths == ["b.py"]


def test_a_copy_outside_an_excluded_folder_is_found(repository, scan, key) -> None:
    """The same blob first stood where nobody looks, then, for one commit, where somebody does."""
    repository.commit({"vendor/a.py": key("github")})
    repository.commit({"app.py": key("github")})
    repository.remove("app.py")
    assert scan("--history", "--exclude", "vendor", cwd=repository.root).paths == ["app.py"]


def test_a_copy_outside_an_allowed_folder_is_found(repository, scan, key) -> None:
    repository.commit({".llmsecrets.yaml": "allow: [{reason: samples, paths: [samples]}]"})
    repository.commit({"samples/a.py": key("github")})
    repository.commit({"app.py": key("github")})
    repository.remove("app.py")
    assert scan("--history", cwd=repository.root).paths == ["app.py"]


def test_a_blob_larger_than_the_limit_is_a_skip(repository, scan, key) -> None:
    repository.commit({"a.py": key("github"), "large": key("npm") + "\n" * 2000})
    found = scan("--history", "--max-file-size", "1000", cwd=repository.root)
    assert found.paths == ["a.py"]
    assert [skip["reason"] for skip in found.json["skips"]] == ["too large"]


def test_a_reset_commit_is_still_in_the_reflog(repository, scan, key) -> None:
    repository.commit({"README": "hello"})
    lost = repository.commit({"a.py": key("github")})
    repository.git("reset", "-q", "--hard", "HEAD~1")
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    assert origin(entry) == ("a.py", 1, lost)


def test_unreachable_objects_are_found_on_request(repository, scan, key) -> None:
    repository.commit({"README": "hello"})
    repository.add("a.py", key("github"))
    repository.git("rm", "-q", "--cached", "a.py")
    assert scan("--history", cwd=repository.root).code == 0
    (entry,) = scan("--history", "--unreachable", cwd=repository.root).json["findings"]
    assert entry["location"]["path"].startswith("unreachable/")


def test_utf_16_in_the_history(repository, scan, key) -> None:
    repository.commit({"a.txt": f"ä\nkey = {key('github')}\n".encode("utf-16")})
    assert scan("--history", cwd=repository.root).places == [("github-pat", "a.txt", 2)]


# ---- kinds of repositories -----------------------------------------------------------------------------------------


def test_a_bare_repository(repository, scan, key, tmp_path) -> None:
    sha = repository.commit({"a.py": key("github")})
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    (entry,) = scan("--history", "bare.git").json["findings"]
    assert origin(entry) == ("a.py", 1, sha)


def test_a_bare_repository_has_nothing_staged(llmsecrets, tmp_path) -> None:
    bare = Repo(tmp_path / "bare.git", "--bare")
    outcome = llmsecrets("scan", "--staged", cwd=bare.root)
    assert outcome.code == 3
    assert "bare repository" in outcome.stderr


def test_an_empty_repository(repository, llmsecrets) -> None:
    outcome = llmsecrets("scan", "--history", cwd=repository.root)
    assert outcome.code == 0
    assert "Nothing was scanned" in outcome.stdout


def test_a_detached_head(repository, scan, key) -> None:
    sha = repository.commit({"a.py": key("github")})
    repository.commit({"b.py": key("npm")})
    repository.git("checkout", "-q", "--detach", sha)
    assert sorted(scan("--history", cwd=repository.root).paths) == ["a.py", "b.py"]


def test_a_worktree_shares_the_history(repository, scan, key, tmp_path) -> None:
    repository.commit({"a.py": key("github")})
    repository.git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "topic")
    assert scan("--history", cwd=tmp_path / "tree").paths == ["a.py"]


def test_a_submodule_has_a_history_of_its_own(repository, scan, key, tmp_path) -> None:
    inner = Repo(tmp_path / "inner")
    inner.commit({"a.py": key("github")})
    repository.commit({"b.py": key("npm")})
    repository.git("submodule", "--quiet", "add", str(inner.root), "lib")
    repository.commit()
    assert scan("--history", cwd=repository.root).paths == ["b.py"]
    assert scan("--history", cwd=repository.root / "lib").paths == ["a.py"]


def test_a_shallow_clone_says_what_it_lacks(repository, llmsecrets, key, tmp_path) -> None:
    repository.commit({"a.py": key("github")})
    repository.remove("a.py")
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.root}", str(tmp_path / "shallow"))
    outcome = llmsecrets("scan", "--history", cwd=tmp_path / "shallow")
    assert outcome.code == 0
    assert "shallow clone" in outcome.stderr


def test_a_missing_object_makes_the_scan_incomplete(repository, scan, key) -> None:
    repository.commit({"a.py": key("github"), "b.py": "b = 1\n"})
    blob = repository.git("rev-parse", "HEAD:b.py")
    (repository.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    found = scan("--history", cwd=repository.root)
    assert found.paths == ["a.py"]
    assert blob in str(found.json["skips"])
    assert not found.json["complete"]


def test_a_corrupt_object_makes_the_scan_incomplete(repository, scan, key) -> None:
    repository.commit({"a.py": key("github"), "b.py": "b = 1\n"})
    blob = repository.git("rev-parse", "HEAD:b.py")
    file = repository.root / ".git/objects" / blob[:2] / blob[2:]
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:2] + b"\xff" * 30)
    found = scan("--history", cwd=repository.root)
    assert found.paths == ["a.py"]
    assert not found.json["complete"]


def test_a_sha256_repository(tmp_path, scan, key) -> None:
    repo = Repo(tmp_path / "long-ids", "--object-format=sha256")
    sha = repo.commit({"a.py": key("github")})
    (entry,) = scan("--history", cwd=repo.root).json["findings"]
    assert origin(entry) == ("a.py", 1, sha)


@pytest.mark.parametrize("name", ["with\nnewline", "\n", "0" * 40, "tab\there", "umlaut ü", "-dash"])
def test_any_path_is_accepted(repository, scan, key, name) -> None:
    sha = repository.commit({name: key("github")})
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    assert entry["provenance"]["commit"]["sha"] == sha


def test_a_path_that_is_not_utf_8(repository, scan, key) -> None:
    blob = repository.git("hash-object", "-w", "--stdin", stdin=key("github").encode())
    tree = repository.git("mktree", "-z", stdin=b"100644 blob " + blob.encode() + b"\tlatin \xe9.py\0")
    repository.git("update-ref", "HEAD", repository.git("commit-tree", tree, "-m", "latin"))
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    assert entry["location"]["path"] == "latin \\xe9.py"


# ---- what is no repository -----------------------------------------------------------------------------------------


def test_not_a_repository(llmsecrets, tmp_path) -> None:
    for source in ("--history", "--staged", "--range=HEAD"):
        outcome = llmsecrets("scan", source)
        assert outcome.code == 3
        assert "not a git repository" in outcome.stderr
        assert outcome.stdout == ""


def test_a_missing_folder(llmsecrets) -> None:
    outcome = llmsecrets("scan", "--history", "nowhere")
    assert outcome.code == 2
    assert "no such folder" in outcome.stderr


def test_a_repository_of_another_user_is_refused_with_advice(repository, llmsecrets) -> None:
    repository.commit()
    outcome = llmsecrets("scan", "--history", cwd=repository.root, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert outcome.code == 0  # the variable is scrubbed as any other of git's …
    subprocess.run(["chown", "-R", "65534", repository.root], check=True)
    outcome = llmsecrets("scan", "--history", cwd=repository.root)
    assert outcome.code == 3
    assert "another user owns it" in outcome.stderr
    assert "safe.directory" in outcome.stderr


def test_git_not_installed(repository, llmsecrets) -> None:
    outcome = llmsecrets("scan", "--history", cwd=repository.root, PATH="/nowhere")
    assert outcome.code == 3
    assert "git is not installed" in outcome.stderr


def test_variables_of_another_repository_do_not_mislead(repository, scan, key, tmp_path) -> None:
    """A hook of one repository may scan another one: GIT_DIR then speaks of the wrong one."""
    other = Repo(tmp_path / "other")
    other.commit({"a.py": key("github")})
    repository.commit({"b.py": key("npm")})
    found = scan("--history", other.root, cwd=repository.root, GIT_DIR=str(repository.root / ".git"))
    assert found.paths == ["a.py"]


def test_what_was_not_scanned_is_told_with_its_path(repository, scan, key) -> None:
    broken = '{"cells": [{"cell_type": ' + key("github")
    repository.commit({"notes/broken.ipynb": broken})
    repository.remove("notes/broken.ipynb")
    (skip,) = scan("--history", cwd=repository.root).json["skips"]
    assert (skip["path"], skip["reason"]) == ("notes/broken.ipynb", "notebook read as plain text")
    assert skip["blob_id"] == repository.git("rev-parse", "HEAD~1:notes/broken.ipynb").strip()


def test_what_was_not_scanned_in_an_archive_is_told_with_the_path_of_both(repository, scan, key) -> None:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr("in/broken.ipynb", '{"cells": [{"cell_type": ')
    repository.commit({"data/box.zip": box.getvalue(), "a.py": key("github")})
    for _ in range(2):  # once anew, once remembered
        (skip,) = scan("--history", cwd=repository.root).json["skips"]
        assert (skip["path"], [one["name"] for one in skip["containers"]]) == ("data/box.zip", ["in/broken.ipynb"])
