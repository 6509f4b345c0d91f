"""Allowlists of folders, of files that extend others, and entries that nothing needs any more."""

from __future__ import annotations

from pathlib import Path

import pytest

FILE = ".llmsecrets.yaml"


def allow(reason: str, more: str = "stopwords: [ghp_]") -> str:
    return f"allow: [{{reason: {reason}, {more}}}]\n"


@pytest.fixture
def tree(repository, key):
    """A repository with a key at the root, in app and in app/web, committed."""
    repository.commit({path: f"token = '{key('github')}'\n" for path in ("a.py", "app/a.py", "app/web/a.py")})
    return repository


@pytest.fixture
def suppressed(tree, scan):
    """The reason of the allowlist for each path that one holds for."""

    def run(*arguments: str | Path, cwd: str | Path = ".") -> dict[str, str]:
        outcome = scan(*arguments, cwd=tree.root / cwd)
        assert outcome.code in (0, 1), outcome.stderr
        decisions = outcome.json["suppressed"]
        return {one["location"]["path"]: one["detail"].partition(" (")[0] for one in decisions}

    return run


def test_the_nearest_file_counts_for_what_is_below_it(tree, suppressed) -> None:
    tree.write(FILE, allow("at the root"))
    assert suppressed() == dict.fromkeys(("a.py", "app/a.py", "app/web/a.py"), "at the root")
    tree.write(f"app/web/{FILE}", allow("in web"))
    assert suppressed() == {"a.py": "at the root", "app/a.py": "at the root", "app/web/a.py": "in web"}
    tree.write(f"app/{FILE}", allow("none", "paths: [nowhere]"))
    assert suppressed() == {"a.py": "at the root", "app/web/a.py": "in web"}


@pytest.mark.parametrize(
    ("arguments", "cwd"),
    [
        (("--history",), "."),
        (("--range", "HEAD"), "."),
        (("app/web/a.py", "app/a.py", "a.py"), "."),
        (("web/a.py", "a.py", "../a.py"), "app"),
    ],
)
def test_in_every_view_of_a_repository(tree, suppressed, arguments, cwd) -> None:
    tree.write(f"app/web/{FILE}", allow("in web", "paths: [a.py]"))
    assert suppressed(*arguments, cwd=cwd) == {"app/web/a.py": "in web"}


def test_wherever_the_scan_starts(tree, suppressed, tmp_path) -> None:
    """Also from the folder of the file, and for a target outside the current folder."""
    tree.write(f"app/web/{FILE}", allow("in web", "paths: [a.py]"))
    assert suppressed("../..", cwd="app/web") == {"app/web/a.py": "in web"}
    (tmp_path / "elsewhere").mkdir()
    for target in (tree.root, "../repository"):
        assert suppressed(target, cwd=tmp_path / "elsewhere") == {f"{target}/app/web/a.py": "in web"}


def test_a_file_named_sets_those_of_folders_aside(tree, suppressed) -> None:
    tree.write(f"app/web/{FILE}", allow("in web"))
    tree.write("own.yaml", allow("named", "paths: [app/a.py]"))
    assert suppressed("--config", "own.yaml") == {"app/a.py": "named"}


# ---- extends ---------------------------------------------------------------------------------------------------------


def test_a_file_extends_the_one_above(tree, suppressed) -> None:
    tree.write(FILE, allow("at the root", "paths: [app]"))
    tree.write(f"app/{FILE}", "extends: ../.llmsecrets.yaml\n" + allow("in app", "paths: [a.py]"))
    assert suppressed() == dict.fromkeys(("app/a.py", "app/web/a.py"), "at the root")
    assert suppressed(cwd="app") == dict.fromkeys(("app/a.py", "app/web/a.py"), "at the root")


def test_excludes_of_the_file_above_start_at_its_folder(tree, scan, key) -> None:
    """As entries do: those of the root are about the root, also where the scan starts further down."""
    for number, path in enumerate(("app/gen/a.py", "app/web/gen/a.py", "app/vendor/a.py", "app/web/b.py")):
        tree.write(path, key("npm", number))
    tree.write(FILE, "exclude: [vendor, app/gen, '**/b.py', 're:^app/web/gen/']\n")
    tree.write(f"app/{FILE}", f"extends: ../{FILE}\n")
    tree.write(f"app/web/{FILE}", f"extends: ../{FILE}\n")
    assert scan("app", cwd=tree.root).paths == ["app/a.py", "app/vendor/a.py", "app/web/a.py"]
    assert scan(cwd=tree.root / "app/web").paths == ["app/web/a.py"]
    tree.write(f"app/web/{FILE}", f"extends: ../{FILE}\nexclude: [a.py]\n")
    assert scan("app/web", cwd=tree.root).paths == []


def test_a_file_from_elsewhere_is_read_as_if_it_stood_here(tree, suppressed, scan) -> None:
    tree.write("shared/base.yaml", "exclude: [app]\nexit_code: 7\n" + allow("shared", "paths: [a.py]"))
    tree.write(FILE, "extends: [shared/base.yaml]\nexclude: [nothing]\n")
    assert suppressed() == {"a.py": "shared"}
    tree.write("new.py", (tree.root / "a.py").read_text())
    assert scan(cwd=tree.root).code == 7


@pytest.mark.parametrize(("first", "second"), [(FILE, "other.yaml"), ("other.yaml", FILE)])
def test_a_circle_is_refused(tree, scan, first, second) -> None:
    tree.write(FILE, f"extends: {first}\n")
    tree.write("other.yaml", f"extends: {second}\n")
    outcome = scan(cwd=tree.root)
    assert (outcome.code, "leads back to itself" in outcome.stderr) == (2, True)


def test_what_is_extended_must_be_there(tree, scan) -> None:
    tree.write(FILE, "extends: nowhere.yaml\n")
    outcome = scan(cwd=tree.root)
    assert (outcome.code, "nowhere.yaml: cannot be read" in outcome.stderr) == (2, True)


# ---- expired and unused ----------------------------------------------------------------------------------------------


def test_check_names_what_has_expired_and_what_nothing_needs(tree, llmsecrets) -> None:
    tree.write(
        FILE,
        "allow:\n"
        "  - {reason: needed, stopwords: [ghp_]}\n"
        "  - {reason: old, stopwords: [x], owner: team-a, expires: 2020-01-31}\n"
        "  - {reason: idle, paths: [nowhere]}\n",
    )
    tree.write(f"app/{FILE}", allow("needed below"))
    tree.write(f"app/web/{FILE}", allow("idle below", "paths: [b.py]"))
    outcome = llmsecrets("config", "check", cwd=tree.root)
    said = [line.replace(f"{tree.root}/", "") for line in outcome.stdout.splitlines()]
    assert said == [
        f"{FILE}:3: expired on 2020-01-31: old, team-a",
        f"{FILE}:4: unused: idle",
        f"app/web/{FILE}:1: unused: idle below",
        "3 entries of allowlists have expired or are unused",
    ]
    assert outcome.code == 0
    assert llmsecrets("config", "check", "--strict", cwd=tree.root).code == 1


def test_check_is_content_with_what_is_needed(tree, llmsecrets) -> None:
    tree.write(FILE, allow("needed", "rules: [github-*], owner: me"))
    assert llmsecrets("config", "check", "--strict", cwd=tree.root).code == 0
    tree.write(FILE, "allow: []\n")
    assert llmsecrets("config", "check", "--strict", cwd=tree.root).code == 0
