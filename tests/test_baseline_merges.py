"""Branches that each add findings merge without a conflict: with git's own union, and with our driver."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from llmsecrets import baseline, cli
from llmsecrets.baseline import DEFAULT

UNION = f"{DEFAULT} merge=union\n"
FILE = Path(DEFAULT)
DRIVER = f"{DEFAULT} merge=llmsecrets\n"


@pytest.fixture
def grown(repository, key, monkeypatch):
    """Makes a repository whose branches each add two secrets and record them, one of them in a file of all."""

    def grow(attributes: str, branches: int) -> list[str]:
        command = f"'{sys.executable}' -m llmsecrets baseline merge %A %B --base %O"
        repository.git("config", "merge.llmsecrets.driver", command)
        repository.commit({".gitattributes": attributes, "shared.env": f"TOKEN={key('github', 0)}\n"})
        monkeypatch.chdir(repository.root)
        assert cli.run(["baseline", "create"]) == 0
        repository.git("add", ".")
        repository.commit(message="a baseline")
        names = [f"branch-{number}" for number in range(1, branches + 1)]
        for number, name in enumerate(names, 1):
            repository.branch(name, "main")
            repository.write(f"{number}.env", f"TOKEN={key('github', number)}\n")
            repository.write("shared.env", f"TOKEN={key('github', 0)}\n")
            repository.write(f"shared/{number}.env", f"TOKEN={key('npm', number)}\n")
            assert cli.run(["baseline", "update"]) == 0
            repository.git("add", ".")
            repository.commit(message=f"findings {number}")
        repository.switch("main")
        return names

    return grow


def is_up_to_date(count: int) -> bool:
    """Whether the baseline here knows so many findings, and all there are."""
    return len(baseline.load(FILE).entries) == count and cli.run(["baseline", "diff"]) == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_branches_in_any_order(repository, grown, seed) -> None:
    names = grown(UNION, 20)
    random.Random(seed).shuffle(names)
    for name in names:
        repository.git("merge", "-q", "--no-edit", name)
    assert is_up_to_date(41)


def test_our_driver_leaves_the_file_as_an_update_would(repository, grown) -> None:
    names = grown(DRIVER, 4)
    for name in names:
        repository.git("merge", "-q", "--no-edit", name)
    before = FILE.read_bytes()
    assert cli.run(["baseline", "update"]) == 0
    assert FILE.read_bytes() == before
    assert is_up_to_date(9)


@pytest.mark.parametrize("attributes", [UNION, DRIVER], ids=["union", "driver"])
def test_rebase_and_cherry_pick(repository, grown, attributes) -> None:
    first, second, third = grown(attributes, 3)
    repository.git("rebase", "-q", first, second)
    repository.git("cherry-pick", third)
    assert is_up_to_date(7)


def test_a_verdict_is_merged_with_what_others_add(repository, grown) -> None:
    first, second = grown(UNION, 2)
    repository.switch(first)
    held = baseline.load(FILE)
    decided = tuple(one._replace(state="false-positive", author="Ann") for one in held.entries)
    FILE.write_text(baseline.dump(held._replace(entries=decided)))
    repository.commit({DEFAULT: FILE.read_bytes()})
    repository.git("merge", "-q", "--no-edit", second)
    states = {one.path: one.state for one in baseline.load(FILE).entries}
    assert states == {
        "shared.env": "false-positive",
        "1.env": "false-positive",
        "shared/1.env": "false-positive",
        "2.env": "unreviewed",
        "shared/2.env": "unreviewed",
    }


def test_baselines_made_apart_hold_together(repository, grown, scan, key) -> None:
    """Two heads, two salts: both are tried."""
    first, second = grown(UNION, 2)
    repository.switch(first)
    assert cli.run(["baseline", "create", "--force"]) == 0
    repository.commit({DEFAULT: FILE.read_bytes()})
    repository.git("merge", "-q", "--no-edit", second)
    assert len(baseline.load(FILE).salts) == 2
    assert scan("--baseline", DEFAULT, cwd=repository.root).paths == []
    repository.write("new.env", f"TOKEN={key('github', 99)}")
    assert scan("--baseline", DEFAULT, cwd=repository.root).paths == ["new.env"]


def test_what_one_side_dropped_stays_away_with_the_base(tmp_path, llmsecrets) -> None:
    def entry(number: int) -> baseline.Entry:
        return baseline.Entry(f"{number}.py", "aws", f"{number:032x}")

    known = baseline.new()
    for name, numbers in {"base": [1, 2], "ours": [1, 3], "theirs": [1, 2, 4]}.items():
        (tmp_path / name).write_text(baseline.dump(known._replace(entries=tuple(map(entry, numbers)))))
    llmsecrets("baseline", "merge", "ours", "theirs", "-o", "all")
    llmsecrets("baseline", "merge", "ours", "theirs", "--base", "base", "-o", "some")
    paths = {name: [one.path for one in baseline.load(tmp_path / name).entries] for name in ("all", "some")}
    missing = llmsecrets("baseline", "merge", "ours", "theirs", "--base", "nowhere")
    assert (missing.code, "nowhere: the baseline cannot be read" in missing.stderr) == (2, True)
    assert paths == {"all": ["1.py", "2.py", "3.py", "4.py"], "some": ["1.py", "3.py", "4.py"]}
