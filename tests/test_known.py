"""What a baseline knows moves with its file; a copy is new. And baselines are brought up to date."""

from __future__ import annotations

from base64 import b64encode

import pytest

from llmsecrets import baseline
from llmsecrets.baseline import DEFAULT

KNOWN = ("--baseline", DEFAULT)


@pytest.fixture
def known(repository, llmsecrets, key):
    """A repository with one known secret in config/old.py, committed."""
    repository.commit({"config/old.py": f"a = '{key('github', 1)}'\n", "other.py": "pass\n" * 20})
    assert llmsecrets("baseline", "create", cwd=repository.root).code == 0
    repository.commit({DEFAULT: (repository.root / DEFAULT).read_text()})
    return repository


@pytest.fixture
def verdicts(known):
    """Sets the state of all entries, and reads (path, state) of them."""
    file = known.root / DEFAULT

    def change(**fields: str) -> list[tuple[str, str]]:
        held = baseline.load(file)
        if fields:
            file.write_text(baseline.dump(held._replace(entries=tuple(one._replace(**fields) for one in held.entries))))
        return [(one.path, one.state) for one in baseline.load(file).entries]

    return change


# ---- moved or copied -------------------------------------------------------------------------------------------------

VIEWS = {
    "all files": ((), "."),
    "one file": (("new.py",), "."),
    "from below": (("../new.py",), "config"),
    "staged": (("--staged",), "."),
    "commits": (("--range", "HEAD~1..HEAD"), "."),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("copied", [False, True], ids=["moved", "copied"])
def test_a_move_is_known_and_a_copy_is_new(known, scan, key, view, copied) -> None:
    if not copied:
        known.git("rm", "-q", "config/old.py")
        known.write("config/keep", "")
    known.add("new.py", "# other content\n" * 50 + f"TOKEN = '{key('github', 1)}'\n")
    if view == "commits":
        known.commit(message="move it")
    arguments, folder = VIEWS[view]
    file = known.root / DEFAULT
    outcome = scan("--baseline", file, *arguments, cwd=known.root / folder)
    assert outcome.paths == (["new.py"] if copied else [])
    if not copied:
        (decision,) = outcome.json["suppressed"]
        assert decision["detail"] == f"{DEFAULT} (moved from config/old.py)"


def test_a_secret_taken_from_a_file_that_stays_has_moved(known, scan, key) -> None:
    known.write("config/old.py", "nothing = ''\n")
    known.write("new.py", key("github", 1))
    assert scan(*KNOWN, cwd=known.root).paths == []


@pytest.mark.parametrize("encoded", ["base64", "utf-16"])
@pytest.mark.parametrize("view", [("--staged",), ("copy.yaml",), ("--range", "HEAD~1..HEAD")], ids=" ".join)
def test_a_copy_of_what_stands_encoded_is_new(known, scan, llmsecrets, key, view, encoded) -> None:
    """The recorded path holds the secret, though not as the bytes it is made of."""
    text = f"TOKEN={key('npm')}"
    content = text.encode(encoded) if encoded == "utf-16" else f"t: {b64encode(text.encode()).decode()}\n"
    known.commit({"deploy.yaml": content})
    assert llmsecrets("baseline", "update", cwd=known.root).code == 0
    known.add("copy.yaml", content)
    if "--range" in view:
        known.commit(message="copy it")
    assert scan(*view, *KNOWN, cwd=known.root).paths == ["copy.yaml"]


def test_one_place_is_given_up_for_one_new_path_only(known, scan, key) -> None:
    known.git("rm", "-q", "config/old.py")
    for path in ("a.py", "b/old.py", "c.py"):
        known.write(path, key("github", 1))
    assert scan(*KNOWN, cwd=known.root).paths == ["b/old.py", "c.py"]


def test_a_file_moved_twice_in_a_history(known, llmsecrets, scan) -> None:
    assert llmsecrets("baseline", "create", "--force", "--history", cwd=known.root).code == 0
    text = (known.root / "config/old.py").read_text()
    for number, (old, new) in enumerate([("config/old.py", "second.py"), ("second.py", "third.py")]):
        known.git("rm", "-q", old)
        known.commit({new: f"{text}# version {number}\n" * 20})
    assert scan("--history", *KNOWN, cwd=known.root).paths == []
    known.commit({"copy.py": text})
    assert scan("--history", *KNOWN, cwd=known.root).paths == ["copy.py"]


def test_an_archive_in_the_way_of_a_recorded_path_counts_as_holding_it(known, scan, key, verdicts) -> None:
    """What is inside cannot be looked at cheaply; better reported once too often than hidden."""
    verdicts(path="config/old.py/inner.py")
    known.write("new.py", key("github", 1))
    assert scan("new.py", *KNOWN, cwd=known.root).paths == ["new.py"]


@pytest.mark.parametrize("path", ["../outside.py", "link.py", "fifo"])
def test_recorded_paths_lead_nowhere_else(known, scan, key, verdicts, path) -> None:
    """A baseline comes with the repository, which may be a stranger's."""
    import os

    os.mkfifo(known.root / "fifo")
    (known.root / "link.py").symlink_to("new.py")
    verdicts(path=path)
    known.git("rm", "-q", "config/old.py")
    known.write("new.py", key("github", 1))
    assert scan("new.py", *KNOWN, cwd=known.root).paths == ([] if path == "link.py" else ["new.py"])


def test_what_has_expired_is_reported_with_its_day(known, scan, verdicts) -> None:
    verdicts(state="accepted", expires="2020-01-31")
    (finding,) = scan(*KNOWN, cwd=known.root).json["findings"]
    assert finding["facts"]["expired in the baseline"] == "2020-01-31"


# ---- bringing up to date ---------------------------------------------------------------------------------------------


def test_update_keeps_verdicts_adds_what_is_new_and_drops_what_is_gone(known, llmsecrets, key, verdicts) -> None:
    known.write("gone.py", key("npm", 1))
    llmsecrets("baseline", "update", cwd=known.root)
    verdicts(state="false-positive")
    (known.root / "gone.py").unlink()
    known.git("mv", "config/old.py", "new.py")
    known.write("fresh.py", key("gitlab", 1))
    outcome = llmsecrets("baseline", "update", cwd=known.root)
    assert (outcome.code, outcome.stdout.splitlines()) == (
        0,
        [
            "+ fresh.py: gitlab-pat",
            "> config/old.py: github-pat, now new.py",
            "- gone.py: npm-access-token, false-positive",
            f"{DEFAULT}: 1 added, 1 moved, 1 dropped, 2 findings in all",
        ],
    )
    assert verdicts() == [("fresh.py", "unreviewed"), ("new.py", "false-positive")]


def test_of_verdicts_in_baselines_made_apart_the_more_decided_holds(known, llmsecrets, verdicts) -> None:
    """Their digests have salts of their own, so that only a scan shows that both are on one finding."""
    for name, state in {"one": "real", "other": "unreviewed", "third": "false-positive"}.items():
        llmsecrets("baseline", "create", "--force", cwd=known.root)
        verdicts(state=state)
        (known.root / DEFAULT).rename(known.root / name)
    for order in (("one", "other", "third"), ("third", "other", "one")):
        llmsecrets("baseline", "merge", *order, "-o", DEFAULT, cwd=known.root)
        assert len(verdicts()) == 3
        llmsecrets("baseline", "update", cwd=known.root)
        assert verdicts() == [("config/old.py", "real")]


def test_nothing_changed_changes_no_byte(known, llmsecrets) -> None:
    before = (known.root / DEFAULT).read_bytes()
    assert llmsecrets("baseline", "diff", cwd=known.root).code == 0
    llmsecrets("baseline", "update", cwd=known.root)
    assert (known.root / DEFAULT).read_bytes() == before


def test_diff_says_and_prune_does(known, llmsecrets, key) -> None:
    known.write("config/old.py", "")
    known.write("fresh.py", key("gitlab", 1))
    before = (known.root / DEFAULT).read_bytes()
    outcome = llmsecrets("baseline", "diff", cwd=known.root)
    assert (outcome.code, "1 added, 0 moved, 1 dropped" in outcome.stdout) == (1, True)
    assert (known.root / DEFAULT).read_bytes() == before
    assert "0 added, 0 moved, 1 dropped, 0 findings" in llmsecrets("baseline", "prune", cwd=known.root).stdout
    assert baseline.load(known.root / DEFAULT).entries == ()


def test_prune_drops_what_has_expired_if_asked(known, llmsecrets, verdicts) -> None:
    verdicts(expires="2020-01-31")
    assert "0 dropped" in llmsecrets("baseline", "prune", cwd=known.root).stdout
    assert "1 dropped" in llmsecrets("baseline", "prune", "--expired", cwd=known.root).stdout


def test_an_update_of_a_part_leaves_the_rest_alone(known, llmsecrets, key, verdicts) -> None:
    (known.root / "config/old.py").unlink()
    known.write("part/fresh.py", key("gitlab", 1))
    llmsecrets("baseline", "update", "part", cwd=known.root)
    llmsecrets("baseline", "update", "--baseline", f"../{DEFAULT}", cwd=known.root / "part")
    assert [path for path, _ in verdicts()] == ["config/old.py", "part/fresh.py"]


@pytest.mark.parametrize("chosen", [("--enable", "npm-*"), ("--disable", "github-*")], ids=" ".join)
@pytest.mark.parametrize("command", ["update", "prune"])
def test_an_update_for_some_rules_leaves_the_others_alone(known, llmsecrets, verdicts, chosen, command) -> None:
    verdicts(state="false-positive")
    known.write("config/old.py", "nothing = ''\n")
    assert llmsecrets("baseline", command, *chosen, cwd=known.root).code == 0
    assert verdicts() == [("config/old.py", "false-positive")]
    assert llmsecrets("baseline", command, cwd=known.root).code == 0
    assert verdicts() == []


def test_what_was_not_read_is_not_dropped(known, llmsecrets, verdicts) -> None:
    (known.root / "config/old.py").write_bytes(b"x" * 200)
    (known.root / ".llmsecrets.yaml").write_text("max_file_size: 100\n")
    llmsecrets("baseline", "update", cwd=known.root)
    assert [path for path, _ in verdicts()] == ["config/old.py"]


def test_a_history_stays_one(known, llmsecrets, scan) -> None:
    assert llmsecrets("baseline", "create", "--force", "--history", cwd=known.root).code == 0
    known.remove("config/old.py")
    assert "0 dropped" in llmsecrets("baseline", "update", cwd=known.root).stdout


def test_stats_count_by_verdict_and_rule(known, llmsecrets, verdicts) -> None:
    verdicts(state="real", rotation="revoked", expires="2020-01-31")
    assert llmsecrets("baseline", "stats", "--json", cwd=known.root).json == {
        "findings": 1,
        "files": 1,
        "expired": 1,
        "states": {"real, revoked": 1},
        "rules": {"github-pat": 1},
    }
    assert "      1  github-pat" in llmsecrets("baseline", "stats", cwd=known.root).stdout


def test_the_line_for_git_is_added_once(known, llmsecrets) -> None:
    known.write(".gitattributes", "*.png binary\n")
    for _ in range(2):
        llmsecrets("baseline", "create", "--force", "--gitattributes", cwd=known.root)
    assert (known.root / ".gitattributes").read_text() == f"*.png binary\n{DEFAULT} merge=union\n"


def test_the_line_for_git_changes_nothing_else_of_its_file(known, llmsecrets) -> None:
    known.write(".gitattributes", b"\xe9.png binary\r\n\x0cb text")
    assert llmsecrets("baseline", "create", "--force", "--gitattributes", cwd=known.root).code == 0
    written = (known.root / ".gitattributes").read_bytes()
    assert written == b"\xe9.png binary\r\n\x0cb text\n" + f"{DEFAULT} merge=union\n".encode()
