"""The baseline: what is known is not reported again, wherever in its file it moves; what is new is."""

from __future__ import annotations

import json

import pytest
from support import findings_in

from llmsecrets import baseline

FILE = ".llmsecrets-baseline.jsonl"


@pytest.fixture
def known(tmp_path, llmsecrets, key):
    """A file with two keys and a baseline that knows them."""
    (tmp_path / "a.py").write_text(f"a = '{key('github', 1)}'\nb = '{key('npm', 1)}'\n")
    outcome = llmsecrets("baseline", "create")
    assert (outcome.code, outcome.stdout) == (0, f"{FILE}: 2 findings recorded\n")
    return tmp_path


def test_what_is_known_is_suppressed(known, llmsecrets) -> None:
    outcome = llmsecrets("scan", "--baseline", FILE, "--show-suppressed")
    assert outcome.code == 0
    assert "2 suppressed" in outcome.stdout
    assert f"baseline: {FILE}" in outcome.stdout


def test_what_is_new_is_reported(known, scan, key) -> None:
    (known / "a.py").write_text(f"{(known / 'a.py').read_text()}c = '{key('github', 2)}'\n")
    (known / "b.py").write_text(key("github", 1))  # known in a.py, not here
    assert scan("--baseline", FILE).places == [("github-pat", "a.py", 3), ("github-pat", "b.py", 1)]


def test_lines_inserted_above_change_nothing(known, scan) -> None:
    (known / "a.py").write_text("# new\n" * 10 + "  " + (known / "a.py").read_text())
    assert scan("--baseline", FILE).code == 0


def test_a_line_a_finding_sorted_and_nothing_that_changes_by_itself(known, key) -> None:
    text = (known / FILE).read_text()
    head, *entries = map(json.loads, text.splitlines())
    assert set(head) == {"llmsecrets_baseline", "salt"}
    assert entries == sorted(entries, key=lambda entry: (entry["path"], entry["family"], entry["digest"]))
    assert [set(entry) for entry in entries] == [{"path", "family", "digest", "occurrences", "state"}] * 2
    assert key("github", 1) not in text


def test_it_is_clean_itself(known, scan) -> None:
    """Digests beside a word like "secret" look like keys, to us and to others."""
    assert scan(FILE, "--min-confidence", "low").json["findings"] == []


def test_the_same_findings_and_salt_give_the_same_text(engine, key) -> None:
    text = f"{key('github')} {key('npm')} {key('aws')}".encode()
    here = [one.finding for one in findings_in(engine, text, "a.py")]
    below = [one.finding for one in findings_in(engine, b"\n\n  " + text, "a.py")]
    assert baseline.dump(here, b"s" * 16) == baseline.dump(reversed(below), b"s" * 16)


def test_digests_are_keyed_by_the_files_own_salt(known, llmsecrets) -> None:
    llmsecrets("baseline", "create", "-o", "second.jsonl")
    first, second = ((known / name).read_text().splitlines()[1:] for name in (FILE, "second.jsonl"))
    assert len(first) == len(second) == 2
    assert not set(first) & set(second)


def test_one_secret_twice_in_a_file_is_one_entry(tmp_path, llmsecrets, key) -> None:
    (tmp_path / "a.py").write_text(f"{key('github')}\n{key('github')}\n")
    llmsecrets("baseline", "create")
    (entry,) = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()[1:]]
    assert entry["occurrences"] == 2


def test_a_baseline_of_a_history(repository, llmsecrets, scan, key) -> None:
    repository.commit({"a.py": key("github")})
    repository.remove("a.py")
    assert llmsecrets("baseline", "create", "--history", cwd=repository.root).code == 0
    assert scan("--history", "--baseline", FILE, cwd=repository.root).code == 0


def test_an_existing_baseline_is_replaced_only_by_force(known, llmsecrets) -> None:
    before = (known / FILE).read_bytes()
    outcome = llmsecrets("baseline", "create")
    assert (outcome.code, "--force" in outcome.stderr) == (2, True)
    assert (known / FILE).read_bytes() == before
    assert llmsecrets("baseline", "create", "--force").code == 0
    assert (known / FILE).read_bytes() != before


def test_a_new_baseline_does_not_lean_on_the_configured_one(known, llmsecrets) -> None:
    (known / ".llmsecrets.yaml").write_text(f"baseline: {FILE}")
    assert "2 findings recorded" in llmsecrets("baseline", "create", "--force").stdout


def test_a_baseline_that_cannot_be_written(tmp_path, llmsecrets) -> None:
    outcome = llmsecrets("baseline", "create", "-o", "nowhere/known.jsonl")
    assert outcome.code == 2
    assert "nowhere/known.jsonl: cannot be written: No such file" in outcome.stderr


HEAD = '{"llmsecrets_baseline": 1, "salt": "000102030405060708090a0b0c0d0e0f"}\n'
BAD = {
    "empty": (b"", ":1: not a baseline of llmsecrets"),
    "another tool's": (b'{"version": "1.5.0", "results": {}}', ":1: not a baseline of llmsecrets"),
    "no JSON": (b"hello\n", ":1: not a baseline of llmsecrets"),
    "a list": (b"[]\n", ":1: not a baseline of llmsecrets"),
    "no UTF-8": (b"\xff\xfe", ": not a baseline: not UTF-8 text"),
    "another version": (HEAD.replace("1,", "2,").encode(), ":1: baseline version 2 is not known"),
    "a short salt": (b'{"llmsecrets_baseline": 1, "salt": "00"}', ":1: the salt must be 16 to 64 bytes"),
    "a salt that is none": (b'{"llmsecrets_baseline": 1, "salt": 7}', ":1: not a baseline of llmsecrets"),
    "a bad entry": (f"{HEAD}\n{{}}\n".encode(), ":3: not a baseline entry"),
    "a broken entry": (f"{HEAD}<<<<<<< HEAD\n".encode(), ":2: not a baseline entry"),
    "a deep entry": (HEAD.encode() + b"[" * 100_000, ":2: not a baseline entry"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_baseline_is_refused_with_its_line(llmsecrets, key, tmp_path, case) -> None:
    content, reason = BAD[case]
    (tmp_path / "known.jsonl").write_bytes(content)
    (tmp_path / "a.py").write_text(key("github"))
    outcome = llmsecrets("scan", "--baseline", "known.jsonl")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"known.jsonl{reason}" in outcome.stderr


def test_a_missing_baseline_is_refused(llmsecrets) -> None:
    outcome = llmsecrets("scan", "--baseline", "nowhere.jsonl")
    assert outcome.code == 2
    assert "nowhere.jsonl: the baseline cannot be read" in outcome.stderr
