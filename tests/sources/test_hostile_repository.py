"""A repository's own configuration names programs. Scanning it runs none of them."""

from __future__ import annotations

import os

import pytest

PROGRAMS = (
    "core.fsmonitor",
    "core.sshCommand",
    "core.pager",
    "core.editor",
    "core.askPass",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "diff.external",
    "diff.evil.textconv",
    "diff.evil.command",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "gpg.program",
    "interactive.diffFilter",
    "merge.evil.driver",
    "pager.log",
    "pager.diff",
    "pager.rev-list",
    "uploadpack.packObjectsHook",
    "credential.helper",
    "alias.cat-file",
    "alias.rev-list",
)
SCANS = (
    ("--history",),
    ("--history", "--unreachable"),
    ("--staged",),
    ("--range", "HEAD"),
    ("--use-gitignore", "."),
    (".",),
)


@pytest.fixture
def hostile(repository, key, tmp_path):
    """A repository whose every setting, hook and attribute would leave a marker behind."""
    marker = tmp_path / "marker"
    script = repository.write("evil.sh", f'#!/bin/sh\necho "$0 $@" >> "{marker}"\ncat\n')
    script.chmod(0o755)
    repository.commit({"a.py": key("github"), "b.py": "b = 1\n"})
    repository.commit({"b.py": "b = 2\n"})
    repository.branch("topic", "HEAD~1")
    repository.commit({"b.py": "b = 3\n"})
    repository.switch("main")
    repository.add("c.py", key("npm"))
    repository.write(".gitattributes", "* diff=evil filter=evil merge=evil\n")
    repository.write(".git/info/attributes", "* diff=evil filter=evil merge=evil\n")
    config = repository.root / ".git/config"
    with config.open("a") as file:
        for name in PROGRAMS:
            section, _, rest = name.partition(".")
            middle, _, last = rest.rpartition(".")
            head = f'[{section} "{middle}"]' if middle else f"[{section}]"
            command = "!" * (section == "alias") + str(script)
            file.write(f"{head}\n\t{last} = {command}\n")
        file.write(f'[core]\n\thooksPath = {repository.root}/hooks\n[filter "evil"]\n\trequired = true\n')
        file.write(f'[remote "origin"]\n\turl = ext::{script}\n\tpromisor = true\n\tpartialclonefilter = blob:none\n')
        file.write("[extensions]\n\tpartialClone = origin\n[protocol]\n\tallow = always\n")
        file.write("[log]\n\tshowSignature = true\n[diff]\n\tsubmodule = diff\n[core]\n\tuntrackedCache = true\n")
    for hook in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        repository.write(f"hooks/{hook}", script.read_bytes()).chmod(0o755)
        repository.write(f".git/hooks/{hook}", script.read_bytes()).chmod(0o755)
    os.utime(repository.root / "b.py", (1, 1))  # so that the index has to be refreshed
    return repository, marker


@pytest.mark.parametrize("arguments", SCANS, ids=" ".join)
def test_no_program_of_the_repository_runs(hostile, scan, arguments) -> None:
    repo, marker = hostile
    found = scan(*arguments, cwd=repo.root)
    assert not marker.exists(), marker.read_text()
    assert found.code == 1
    assert found.json["findings"]


@pytest.mark.parametrize("arguments", [("--history",), ("--range", "HEAD")], ids=" ".join)
def test_a_missing_object_is_not_fetched(hostile, scan, arguments) -> None:
    """In a partial clone git fetches what is missing, by a command the configuration names."""
    repo, marker = hostile
    blob = repo.git("rev-parse", "HEAD:b.py")
    (repo.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    scan(*arguments, cwd=repo.root)
    assert not marker.exists(), marker.read_text()


def test_the_trap_works(hostile) -> None:
    """Ordinary git does run these programs: the tests above can fail."""
    repo, marker = hostile
    repo.git("status", check=False)
    repo.git("diff", check=False)
    assert "evil.sh" in marker.read_text()


def test_alternates_outside_are_only_read(repository, scan, key, tmp_path) -> None:
    repository.commit({"a.py": key("github")})
    repository.write(".git/objects/info/alternates", "/nowhere\n../../../does/not/exist\n")
    assert scan("--history", cwd=repository.root).paths == ["a.py"]


def test_replaced_objects_are_seen_as_they_are(repository, scan, key) -> None:
    """`git replace` could hide a key from whoever looks at history."""
    repository.commit({"a.py": key("github")})
    clean = repository.git("hash-object", "-w", "--stdin", stdin=b"clean\n")
    repository.git("replace", repository.git("rev-parse", "HEAD:a.py"), clean)
    assert "a.py" in scan("--history", cwd=repository.root).paths
