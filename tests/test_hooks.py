"""Git hooks of our own: real commits and pushes, refused with a key and accepted without."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Outcome, Repo

from llmsecrets import hooks
from llmsecrets.errors import ConfigError, SourceError
from llmsecrets.sources.pushes import Update, parse_pushed, parse_received

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the hooks are sh scripts; git for Windows brings its own sh")


class Push:
    """Somebody's clone, and the bare repository it pushes to."""

    def __init__(self, folder: Path, *, empty: bool = False) -> None:
        self.server = Repo(folder / "a server.git", "--bare")
        self.clone = Repo(folder / "my clone")
        self.clone.git("remote", "add", "origin", str(self.server.root))
        self.clone.commit({"README": "hello\n"})
        if not empty:
            self.clone.git("push", "-q", "origin", "main")

    def __call__(self, *refs: str, **environment: str) -> Outcome:
        """`git push origin …`"""
        done = subprocess.run(
            ["git", "-C", self.clone.root, "push", "origin", *refs],
            capture_output=True, env={**os.environ, **environment}, check=False, timeout=120,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def has(self, ref: str) -> bool:
        return bool(self.server.git("for-each-ref", ref))


@pytest.fixture(params=["pre-push", "pre-receive"])
def push(request, tmp_path, llmsecrets) -> Push:
    """A push with the hook installed, on its own side."""
    made = Push(tmp_path)
    side = made.clone if request.param == "pre-push" else made.server
    assert llmsecrets("hook", "install", request.param, side.root).code == 0
    return made


def refused(outcome: Outcome, *secrets: str) -> bool:
    said = outcome.stdout + outcome.stderr
    assert "Traceback" not in said
    assert [secret for secret in secrets if secret in said] == []
    return outcome.code != 0 and "this push is refused: it holds a secret" in said and "What to do: " in said


# ---- what is pushed ------------------------------------------------------------------------------------------------


def test_a_clean_push_is_accepted(push) -> None:
    push.clone.commit({"app.py": "a = 1\n"})
    assert push("main").code == 0
    assert push.server.git("rev-parse", "main") == push.clone.git("rev-parse", "main")


def test_a_key_is_refused_and_the_pusher_told_where_it_is(push, key) -> None:
    guilty = push.clone.commit({"src/a file.py": f"a = 1\nkey = '{key('github')}'\n"})
    outcome = push("main")
    assert refused(outcome, key("github"))
    said = outcome.stdout + outcome.stderr
    assert "src/a file.py:2:8" in said
    assert guilty[:10] in said
    assert push.server.git("rev-parse", "main") != push.clone.git("rev-parse", "main")


def test_a_key_that_a_later_commit_takes_out_is_pushed_all_the_same(push, key) -> None:
    push.clone.commit({"app.py": key("github")})
    push.clone.remove("app.py")
    assert refused(push("main"))


def test_a_new_branch_is_looked_at_from_where_it_leaves_what_is_there(push, key) -> None:
    push.clone.branch("topic")
    push.clone.commit({"app.py": "a = 1\n"})
    assert push("topic").code == 0
    push.clone.branch("worse")
    push.clone.commit({"app.py": key("github")})
    assert refused(push("worse"))
    assert not push.has("refs/heads/worse")


def test_what_is_there_already_is_not_looked_at_again(tmp_path, llmsecrets, key) -> None:
    push = Push(tmp_path)
    push.clone.commit({"old.py": key("github")})
    assert push("main").code == 0
    llmsecrets("hook", "install", "pre-push", push.clone.root)
    llmsecrets("hook", "install", "pre-receive", push.server.root)
    push.clone.commit({"app.py": "a = 1\n"})
    push.clone.branch("topic")
    assert push("main", "topic").code == 0


@pytest.mark.parametrize("kind", ["pre-push", "pre-receive"])
def test_the_first_push_into_an_empty_repository(tmp_path, llmsecrets, kind, key) -> None:
    push = Push(tmp_path, empty=True)
    llmsecrets("hook", "install", kind, (push.clone if kind == "pre-push" else push.server).root)
    push.clone.commit({"app.py": "a = 1\n"})
    assert push("main:refs/heads/clean").code == 0
    push.clone.commit({"app.py": key("npm")})
    assert refused(push("main"))


def test_a_remote_without_a_name_has_nothing_yet(tmp_path, llmsecrets, key) -> None:
    push = Push(tmp_path)
    push.clone.commit({"app.py": key("github")})
    assert push("main").code == 0
    llmsecrets("hook", "install", "pre-push", push.clone.root)
    other = Repo(tmp_path / "other.git", "--bare")
    assert "app.py:1:1" in push.clone.git("push", str(other.root), "main", check=False)
    assert other.git("for-each-ref") == ""


def test_a_merge_is_compared_with_all_its_parents(push, key) -> None:
    push.clone.branch("topic")
    push.clone.commit({"topic.py": "topic\n"})
    push.clone.switch("main")
    push.clone.commit({"main.py": "main\n"})
    push.clone.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
    assert push("main").code == 0
    push.clone.switch("topic")
    push.clone.commit({"topic.py": "topic 2\n"})
    push.clone.switch("main")
    push.clone.git("merge", "-q", "--no-ff", "--no-commit", "topic")
    push.clone.commit({"README": f"hello {key('github')}\n"}, "an evil merge")
    assert refused(push("main"), key("github"))


def test_tags_light_and_annotated(push, key) -> None:
    push.clone.git("tag", "light")
    push.clone.git("tag", "-a", "-m", "the first release", "v1")
    assert push("light", "v1").code == 0
    push.clone.branch("off")
    push.clone.commit({"app.py": key("github")})
    push.clone.git("tag", "-a", "-m", "the second", "v2")
    assert refused(push("v2"))
    assert not push.has("refs/tags/v2")


def test_messages_of_tags_and_commits_are_pushed_too(push, key) -> None:
    push.clone.git("tag", "-a", "-m", f"deployed with {key('github')}", "v1")
    push.clone.git("tag", "-a", "-m", "around it", "outer", "v1")
    assert refused(push("v1"), key("github"))
    assert refused(push("outer"), key("github"))
    push.clone.commit({"app.py": "a = 1\n"}, f"log in with {key('npm')}")
    assert refused(push("main"), key("npm"))


def test_a_tag_on_a_file_or_a_folder(push, key) -> None:
    push.clone.add("kept/app.py", key("github"))
    blob = push.clone.git("rev-parse", ":kept/app.py")
    push.clone.git("tag", "file", blob)
    push.clone.git("tag", "-a", "-m", "a folder", "folder", push.clone.git("write-tree"))
    assert refused(push("file"))
    outcome = push("folder")
    assert refused(outcome)
    assert "kept/app.py:1:1" in outcome.stdout + outcome.stderr


def test_a_deletion_brings_nothing_in(push) -> None:
    push.clone.branch("topic")
    assert push("topic").code == 0
    assert push("--delete", "topic").code == 0
    assert not push.has("refs/heads/topic")


def test_a_deletion_beside_a_key_does_not_hide_it(push, key) -> None:
    push.clone.branch("topic")
    assert push("topic").code == 0
    push.clone.commit({"app.py": key("github")})
    assert refused(push(":topic", "HEAD:refs/heads/other"))


def test_a_forced_push(push, key) -> None:
    push.clone.commit({"app.py": "a = 1\n"})
    assert push("main").code == 0
    push.clone.git("reset", "-q", "--hard", "HEAD~1")
    push.clone.commit({"app.py": "a = 2\n"})
    assert push("--force", "main").code == 0
    push.clone.git("reset", "-q", "--hard", "HEAD~1")
    push.clone.commit({"app.py": key("github")})
    assert refused(push("--force", "main"))


def test_a_forced_push_over_what_somebody_else_pushed(push, tmp_path, key) -> None:
    """Then the remote's tip is an object that is not here."""
    other = Repo(tmp_path / "other")
    other.git("pull", "-q", str(push.server.root), "main")
    other.commit({"other.py": "a = 1\n"})
    other.git("push", "-q", str(push.server.root), "HEAD:main")
    push.clone.commit({"app.py": "a = 1\n"})
    assert push("--force", "main").code == 0
    push.clone.commit({"app.py": key("github")})
    assert refused(push("--force", "main"))


def test_what_is_said_to_be_fine_is_accepted(push, key) -> None:
    push.clone.commit({"app.py": f"key = '{key('github')}'  # llmsecrets:ignore\n"})
    assert push("main").code == 0


def test_ci_accepts_what_brings_nothing_in(push) -> None:
    push.clone.branch("topic")
    assert push("topic", CI="true").code == 0


# ---- a commit ------------------------------------------------------------------------------------------------------


@pytest.fixture
def commit(repository) -> Callable[..., Outcome]:
    def run(**environment: str) -> Outcome:
        identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        done = subprocess.run(
            ["git", "-C", repository.root, *identity, "commit", "-m", "a change"],
            capture_output=True, env={**os.environ, **environment}, check=False, timeout=60,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def test_a_commit_with_a_key_is_refused(repository, llmsecrets, commit, key) -> None:
    llmsecrets("hook", "install", "pre-commit", cwd=repository.root)
    repository.add("app.py", f"key = '{key('github')}'\n")
    outcome = commit()
    assert outcome.code == 1
    assert "this commit is refused: it holds a secret" in outcome.stderr
    assert key("github") not in outcome.stdout + outcome.stderr
    repository.add("app.py", "a = 1\n")
    assert commit().code == 0


def test_a_repository_cannot_bring_its_own_llmsecrets(repository, llmsecrets, commit) -> None:
    llmsecrets("hook", "install", "pre-commit", cwd=repository.root)
    for name in ("llmsecrets/__init__.py", "llmsecrets/cli.py", "click.py", "platform.py"):
        repository.add(name, "raise SystemExit('taken over')\n")
    outcome = commit()
    assert outcome.code == 0
    assert "taken over" not in outcome.stderr


def test_a_linked_worktree_shares_its_repositorys_hooks(repository, tmp_path, llmsecrets, key) -> None:
    repository.commit()
    repository.git("worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked tree"))
    outcome = llmsecrets("hook", "install", "pre-commit", cwd=tmp_path / "linked tree")
    assert outcome.stdout.startswith(str(repository.root / ".git/hooks/pre-commit"))
    (tmp_path / "linked tree/app.py").write_text(key("github"))
    done = subprocess.run(
        "git add . && git -c user.name=A -c user.email=a@b commit -m x", shell=True, cwd=tmp_path / "linked tree",
        stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert b"this commit is refused" in done.stderr


# ---- an earlier hook -----------------------------------------------------------------------------------------------


def script(repository: Repo, name: str, text: str) -> Path:
    file = repository.root / ".git/hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_an_earlier_hook_runs_first_and_reads_the_same(tmp_path, llmsecrets, key) -> None:
    push = Push(tmp_path)
    script(push.clone, "pre-push", f"cat > '{tmp_path}/lines'; echo \"$1\" > '{tmp_path}/remote'")
    llmsecrets("hook", "install", "pre-push", push.clone.root)
    push.clone.commit({"app.py": key("github")})
    assert refused(push("main"))
    assert (tmp_path / "lines").read_text().startswith("refs/heads/main ")
    assert (tmp_path / "remote").read_text() == "origin\n"


def test_an_earlier_hooks_refusal_stands(repository, llmsecrets, commit) -> None:
    script(repository, "pre-commit", "echo not today >&2; exit 7")
    llmsecrets("hook", "install", "pre-commit", cwd=repository.root)
    repository.add("app.py", "a = 1\n")
    outcome = commit()
    assert outcome.code
    assert "not today" in outcome.stderr


def test_installing_twice_is_installing_once_and_uninstalling_restores(repository, llmsecrets) -> None:
    earlier = script(repository, "pre-commit", "echo earlier")
    before = earlier.read_bytes()
    llmsecrets("hook", "install", "pre-commit", cwd=repository.root)
    llmsecrets("hook", "install", "pre-commit", cwd=repository.root)
    assert (earlier.parent / "pre-commit.before-llmsecrets").read_bytes() == before
    assert earlier.read_bytes() != before
    outcome = llmsecrets("hook", "uninstall", "pre-commit", cwd=repository.root)
    assert (outcome.code, outcome.stdout) == (0, "pre-commit: uninstalled\n")
    assert earlier.read_bytes() == before
    outcome = llmsecrets("hook", "uninstall", "pre-commit", cwd=repository.root)
    assert (outcome.code, outcome.stdout) == (0, "pre-commit: no hook of llmsecrets is installed\n")
    assert earlier.read_bytes() == before
    assert sorted(file.name for file in earlier.parent.iterdir() if "pre-commit" in file.name) in (
        ["pre-commit"], ["pre-commit", "pre-commit.sample"],
    )  # fmt: skip


def test_a_hook_that_names_a_file_in_no_encoding_works_and_goes(repository, llmsecrets, commit, key) -> None:
    config_file = os.fsdecode(b"settings \xff.yaml")
    repository.write(config_file, "exclude: [samples]\n")
    assert llmsecrets("hook", "install", "pre-commit", "-c", config_file, cwd=repository.root).code == 0
    repository.add("samples/a.py", key("github"))
    assert commit().code == 0
    repository.add("a.py", key("github"))
    assert commit().code == 1
    assert "uninstalled" in llmsecrets("hook", "uninstall", "pre-commit", cwd=repository.root).stdout


def test_a_second_earlier_hook_is_not_lost(repository, llmsecrets) -> None:
    script(repository, "pre-commit", "echo first")
    llmsecrets("hook", "install", "pre-commit", cwd=repository.root)
    second = script(repository, "pre-commit", "echo second")
    outcome = llmsecrets("hook", "install", "pre-commit", cwd=repository.root)
    assert outcome.code == 2
    assert "is in the way" in outcome.stderr
    assert "second" in second.read_text()


def test_hooks_go_where_core_hookspath_says(repository, llmsecrets, commit, key) -> None:
    repository.git("config", "core.hooksPath", "team hooks")
    llmsecrets("hook", "install", "pre-commit", cwd=repository.root)
    assert (repository.root / "team hooks/pre-commit").exists()
    repository.add("app.py", key("github"))
    assert "this commit is refused" in commit().stderr


def test_no_repository_no_hook(tmp_path, llmsecrets) -> None:
    outcome = llmsecrets("hook", "install", "pre-commit", cwd=tmp_path)
    assert outcome.code == 3
    assert "not a git repository" in outcome.stderr


def test_an_interpreter_that_is_gone_is_told(repository, tmp_path, commit, monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "it's gone/python"))
    hooks.install(repository.root / ".git/hooks", "pre-commit")
    repository.add("app.py", "a = 1\n")
    outcome = commit()
    assert outcome.code
    assert "it's gone/python is gone. Install llmsecrets" in outcome.stderr


# ---- for all repositories ------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A user of their own, with no git configuration yet."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


def test_a_hook_for_all_repositories_leaves_their_own_running(home, repository, llmsecrets, commit, key) -> None:
    assert llmsecrets("hook", "install", "pre-commit", "--global").code == 0
    script(repository, "pre-commit", f"echo own >> '{home}/ran'")
    script(repository, "commit-msg", f"echo message >> '{home}/ran'")
    repository.add("app.py", "a = 1\n")
    assert commit().code == 0
    assert (home / "ran").read_text() == "own\nmessage\n"
    repository.add("app.py", key("github"))
    assert "this commit is refused" in commit().stderr


def test_a_repositorys_own_hook_stays_its_own_beside_a_global_one(home, repository, llmsecrets) -> None:
    """Git looks in the folder of the global ones then, which is not the place for those of one repository."""
    llmsecrets("hook", "install", "pre-commit", "--global")
    llmsecrets("hook", "install", "pre-push", cwd=repository.root)
    assert (repository.root / ".git/hooks/pre-push").exists()
    assert "no hook of llmsecrets" in llmsecrets("hook", "uninstall", "pre-commit", cwd=repository.root).stdout
    assert "pre-push: uninstalled" in llmsecrets("hook", "uninstall", "pre-push", cwd=repository.root).stdout
    assert "pre-commit: uninstalled" in llmsecrets("hook", "uninstall", "pre-commit", "--global").stdout
    assert llmsecrets("hook", "install", "pre-commit", str(repository.root), "--global").code == 2


def test_with_the_last_global_hook_gits_setting_goes(home, repository, llmsecrets, commit, key) -> None:
    llmsecrets("hook", "install", "pre-commit", "--global")
    llmsecrets("hook", "install", "pre-push", "--global")
    assert "hooksPath" in (home / ".gitconfig").read_text()
    llmsecrets("hook", "uninstall", "pre-push", "--global")
    repository.add("app.py", key("github"))
    assert "this commit is refused" in commit().stderr
    llmsecrets("hook", "uninstall", "pre-commit", "--global")
    assert "hooksPath" not in (home / ".gitconfig").read_text()
    assert commit().code == 0


def test_a_users_own_folder_of_hooks_is_used_and_left(home, repository, llmsecrets, commit, key) -> None:
    repository.git("config", "--global", "core.hooksPath", "~/my hooks")
    llmsecrets("hook", "install", "pre-commit", "--global")
    assert [file.name for file in (home / "my hooks").iterdir()] == ["pre-commit"]
    repository.add("app.py", key("github"))
    assert "this commit is refused" in commit().stderr
    llmsecrets("hook", "uninstall", "pre-commit", "--global")
    assert "my hooks" in (home / ".gitconfig").read_text()
    assert commit().code == 0


# ---- a time limit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "code"), [("refuse", 3), ("accept", 0)])
def test_a_push_the_time_was_not_enough_for(tmp_path, llmsecrets, policy, code) -> None:
    push = Push(tmp_path)
    install = ("hook", "install", "pre-receive", push.server.root, "--budget", "0.000001", "--over-budget", policy)
    assert llmsecrets(*install).code == 0
    push.clone.commit({"app.py": "a = 1\n"})
    outcome = push("main")
    assert bool(outcome.code) == bool(code)
    assert "out of time" in outcome.stderr
    assert ("accepted all the same" in outcome.stderr) == (policy == "accept")
    assert ("this push is refused: not all" in outcome.stderr) == (policy == "refuse")


def test_findings_made_in_time_are_refused_whatever_the_policy(tmp_path, llmsecrets, key) -> None:
    push = Push(tmp_path)
    install = ("hook", "install", "pre-receive", push.server.root, "--over-budget", "accept", "--budget", "60")
    assert llmsecrets(*install).code == 0
    push.clone.commit({"app.py": key("github")})
    outcome = push("main")
    assert refused(outcome)
    assert "accepted" not in outcome.stderr


def test_a_server_may_have_a_work_tree(tmp_path, repository, llmsecrets, key) -> None:
    repository.commit({"README": "hello\n"})
    repository.git("config", "receive.denyCurrentBranch", "updateInstead")
    clone = Repo(tmp_path / "clone")
    clone.git("pull", "-q", str(repository.root), "main")
    llmsecrets("hook", "install", "pre-receive", cwd=repository.root)
    clone.commit({"app.py": "a = 1\n"})
    clone.git("push", "-q", str(repository.root), "main")
    assert (repository.root / "app.py").exists()
    clone.commit({"app.py": key("github")})
    done = subprocess.run(
        ["git", "-C", clone.root, "push", repository.root, "main"], capture_output=True, text=True, check=False
    )
    assert "this push is refused: it holds a secret" in done.stderr
    assert (repository.root / "app.py").read_text() == "a = 1\n"


def test_a_push_from_a_shallow_clone_ends_where_the_clone_does(tmp_path, repository, llmsecrets, key) -> None:
    """The server takes the clone's boundary in with the push; until then it is in a file that git names."""
    for number in range(3):
        repository.commit({"app.py": f"a = {number}\n"})
    server = Repo(tmp_path / "server", "--bare")
    server.git("config", "receive.shallowUpdate", "true")
    llmsecrets("hook", "install", "pre-receive", server.root)
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--depth=2", f"file://{repository.root}", str(clone))
    push = ["git", "-C", clone, "push", server.root, "HEAD:refs/heads/main"]
    (clone / "app.py").write_text(key("github"))
    repository.git("-C", str(clone), "commit", "-qam", "a key")
    refusal = subprocess.run(push, capture_output=True, text=True, check=False)
    assert "this push is refused: it holds a secret" in refusal.stderr
    repository.git("-C", str(clone), "reset", "-q", "--hard", "HEAD~1")
    subprocess.run(push, capture_output=True, check=True)


def test_a_push_is_judged_by_the_servers_configuration_not_by_what_it_brings(tmp_path, llmsecrets, key) -> None:
    push = Push(tmp_path)
    llmsecrets("hook", "install", "pre-receive", push.server.root)
    push.clone.commit({".llmsecrets.yaml": "exit_zero: true\nexclude: ['*']\n", "app.py": key("github")})
    assert refused(push("main"))
    (push.server.root / ".llmsecrets.yaml").write_text("exclude: [app.py]\n")
    assert push("main").code == 0


# ---- what git tells a hook -----------------------------------------------------------------------------------------


def test_what_git_tells_a_hook() -> None:
    one, two, none = "1" * 40, "2" * 40, "0" * 40
    assert parse_pushed(f"refs/heads/a {one} refs/heads/b {two}\n(delete) {none} refs/heads/c {one}\n") == [
        ("refs/heads/b", two, one),
        ("refs/heads/c", one, ""),
    ]
    assert parse_received(f"{none} {one} refs/heads/ä\n") == [("refs/heads/ä", "", one)]
    assert parse_received("") == []


_IDS = st.text("0123456789abcdef", min_size=40, max_size=40).filter(lambda text: text.strip("0"))
_UPDATES = st.lists(
    st.builds(
        Update,
        st.from_regex(r"refs/[a-z]+/[^\x00-\x20\x7f~^:?*\[\\]+", fullmatch=True),
        st.just("") | _IDS,
        st.just("") | _IDS,
    )
)


@given(_UPDATES)
def test_what_git_says_is_read_as_it_is_meant(updates) -> None:
    none = "0" * 40
    pushed = "".join(f"HEAD~1 {one.new or none} {one.ref} {one.old or none}\n" for one in updates)
    received = "".join(f"{one.old or none} {one.new or none} {one.ref}\n" for one in updates)
    assert parse_pushed(pushed) == parse_received(received) == updates


@given(st.text())
def test_anything_else_is_an_error_never_a_word_for_git(text) -> None:
    for parse in (parse_pushed, parse_received):
        try:
            found = parse(text)
        except SourceError:
            continue
        assert all(set(one.old + one.new) <= set("0123456789abcdef") for one in found)


@pytest.mark.parametrize("line", [" ", "x", "--output=x y z", f"{'1' * 40} --all refs/heads/a", f"{'1' * 39} a b"])
def test_other_words_are_not_taken_for_it(line) -> None:
    for parse in (parse_pushed, parse_received):
        with pytest.raises(SourceError):
            parse(f"{line}\n")


def test_a_folder_that_cannot_be_written_is_told(tmp_path) -> None:
    (tmp_path / "hooks").write_text("a file\n")
    with pytest.raises(ConfigError, match="cannot be written"):
        hooks.install(tmp_path / "hooks", "pre-commit")
