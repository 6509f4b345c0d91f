"""The baseline: what is known is not reported again, wherever in its file it moves; what is new is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import findings_in

from llmsecrets import baseline
from llmsecrets.baseline import ROTATIONS, STATES, Baseline, Entry, Index
from llmsecrets.templates import expand

FILE = baseline.DEFAULT
SALT = bytes(range(16))


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


@pytest.mark.parametrize(
    "edited",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "tls: |\n" + "".join(f"\t  {line}\n" for line in text.splitlines()),
    ],
    ids=["line ends", "old line ends", "indented"],
)
def test_a_key_of_several_lines_is_the_same_however_they_are_written(repository, llmsecrets, scan, edited) -> None:
    text = expand("{{make:pem:RSA PRIVATE KEY}}\n", 1)
    repository.commit({"deploy.yaml": text})
    assert "1 findings" in llmsecrets("baseline", "create", cwd=repository.root).stdout
    repository.add("deploy.yaml", edited(text).encode())
    assert scan("--baseline", FILE, cwd=repository.root).code == 0
    assert scan("--staged", cwd=repository.root).code == 0
    assert len(scan("deploy.yaml", cwd=repository.root).paths) == 1


def test_a_line_a_finding_sorted_and_nothing_that_changes_by_itself(known, key) -> None:
    text = (known / FILE).read_text()
    head, *entries = map(json.loads, text.splitlines())
    assert set(head) == {"llmsecrets_baseline", "salt", "scope"}
    assert text.splitlines() == sorted(text.splitlines())
    assert [set(entry) for entry in entries] == [{"path", "family", "digest", "rule", "occurrences", "state"}] * 2
    assert key("github", 1) not in text


def test_it_is_clean_itself(known, scan) -> None:
    """Digests beside a word like "secret" look like keys, to us and to others."""
    assert scan(FILE, "--min-confidence", "low").json["findings"] == []


def test_the_same_findings_and_salt_give_the_same_text(engine, key) -> None:
    text = f"{key('github')} {key('npm')} {key('aws')}".encode()
    here = [one.finding for one in findings_in(engine, text, "a.py")]
    below = [one.finding for one in findings_in(engine, b"\n\n  " + text, "a.py")]
    known = [Baseline((SALT,), baseline.entries_of(found, SALT)) for found in (here, below[::-1])]
    assert baseline.dump(known[0]) == baseline.dump(known[1])


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


def test_the_configured_baseline_is_the_one_that_is_made(tmp_path, llmsecrets, key) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text("baseline: known.jsonl")
    (tmp_path / "a.py").write_text(key("github"))
    assert llmsecrets("baseline", "create").code == 0
    assert llmsecrets("scan").code == 0
    assert not (tmp_path / FILE).exists()


def test_a_baseline_that_cannot_be_written(tmp_path, llmsecrets) -> None:
    outcome = llmsecrets("baseline", "create", "-o", "nowhere/known.jsonl")
    assert outcome.code == 2
    assert "nowhere/known.jsonl: cannot be written: No such file" in outcome.stderr


HEAD = '{"llmsecrets_baseline": 1, "salt": "000102030405060708090a0b0c0d0e0f"}\n'
ENTRY = '{"path": "b", "family": "aws", "digest": "%s", "state": "%%s"}' % ("0" * 32)
BAD = {
    "empty": (b"", ":1: not a baseline of llmsecrets"),
    "another tool's": (b'{"version": "1.5.0", "results": {}}', ":1: not a baseline of llmsecrets"),
    "no JSON": (b"hello\n", ":1: not a baseline of llmsecrets"),
    "a list": (b"[]\n", ":1: not a baseline of llmsecrets"),
    "no UTF-8": (b"\xff\xfe", ":1: not a baseline of llmsecrets"),
    "another version": (HEAD.replace("1,", "2,").encode(), ":1: baseline version 2 is not known"),
    "a short salt": (b'{"llmsecrets_baseline": 1, "salt": "00"}', ":1: the salt must be 16 to 64 bytes"),
    "a salt that is none": (b'{"llmsecrets_baseline": 1, "salt": 7}', ":1: not a baseline of llmsecrets"),
    "a scope that is none": (HEAD.replace("}", ', "scope": "x"}').encode(), ":1: baseline version 1 is not known"),
    "a bad entry": (f"{HEAD}\n{{}}\n".encode(), ":3: not a baseline entry"),
    "a broken entry": (f"{HEAD}<<<<<<< HEAD\n".encode(), ":2: not a baseline entry"),
    "a deep entry": (HEAD.encode() + b"[" * 100_000, ":2: not a baseline entry"),
    "an unknown state": (f"{HEAD}{ENTRY % 'fine'} \n".encode(), ":2: the baseline entry has a bad state"),
    "an unknown key": (f'{HEAD}{{"ticket": 7}}\n'.encode(), ":2: not a baseline entry"),
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


# ---- the format ------------------------------------------------------------------------------------------------------

texts = st.text(max_size=12)
digests = st.sampled_from([f"{number:032x}" for number in range(4)])
verdicts = st.one_of(
    st.tuples(st.sampled_from(STATES[:-1]), st.just("")), st.tuples(st.just("real"), st.sampled_from(ROTATIONS))
)
entries = st.builds(
    lambda path, digest, verdict, more: Entry(path, "aws", digest, "aws-key", more[0], *verdict, *more[1:]),
    texts,
    digests,
    verdicts,
    st.tuples(st.integers(1, 99), texts, texts, st.sampled_from(["", "2026-01-31", "2027-01-31"])),
)
salts = st.binary(min_size=16, max_size=16)
baselines = st.builds(
    lambda salt, some, scope: Baseline((salt,), baseline.settled(some), scope),
    salts,
    st.lists(entries, max_size=8),
    st.sampled_from(baseline.SCOPES),
)


@given(baselines)
def test_what_is_written_is_read(known) -> None:
    text = baseline.dump(known)
    assert text.isascii()
    assert text.splitlines() == sorted(text.splitlines())
    assert baseline.parse(text.encode(), "x") == known


def test_a_path_that_is_no_utf_8_is_kept(tmp_path) -> None:
    known = Baseline((SALT,), (Entry('caf\udce9/\n" \\.py', "aws", "0" * 32),))
    assert baseline.parse(baseline.dump(known).encode(), "x") == known


@given(baselines, baselines, st.booleans())
def test_a_union_of_lines_is_a_merge(ours, theirs, windows) -> None:
    """What git's merge=union makes of two files: all lines of both, in no order; on Windows with carriage returns."""
    text = baseline.dump(theirs) + "\n" + baseline.dump(ours)
    text = text.replace("\n", "\r\n") if windows else text
    assert baseline.parse(text.encode(), "x") == baseline.merge(ours, theirs) == baseline.merge(theirs, ours)


@given(baselines, baselines, baselines)
def test_merging_takes_what_one_side_changed(base, ours, theirs) -> None:
    assert baseline.merge(base, base, base) == base
    assert baseline.merge(base, theirs, base).entries == theirs.entries
    assert baseline.merge(ours, base, base).entries == ours.entries
    assert baseline.merge(ours, theirs, base) == baseline.merge(theirs, ours, base)


def test_the_more_decided_of_two_verdicts_holds() -> None:
    def held(*some: dict[str, str]) -> Entry:
        (entry,) = baseline.settled(Entry("a", "aws", "0" * 32, **fields) for fields in some)
        return entry

    assert held({"state": "unreviewed"}, {"state": "false-positive"}).state == "false-positive"
    assert held({"state": "real", "rotation": "open"}, {"state": "false-positive"}).state == "real"
    assert held({"state": "real", "rotation": "revoked"}, {"state": "real", "rotation": "open"}).rotation == "revoked"
    assert held({"state": "accepted", "expires": "2027-01-01"}, {"state": "accepted"}).expires == "2027-01-01"


@pytest.mark.parametrize("spaces", [", ", ","], ids=["as written", "by another hand"])
def test_the_index_finds_the_entries_of_a_secret(engine, key, spaces) -> None:
    (one,) = (found.finding for found in findings_in(engine, key("github", 1).encode(), "a.py"))
    (other,) = (found.finding for found in findings_in(engine, key("github", 2).encode(), "a.py"))
    moved = one._replace(provenance=one.provenance._replace(path="b.py"))
    known = Baseline((SALT, b"t" * 16), baseline.entries_of((one, moved, moved), b"t" * 16))
    index = Index(baseline.dump(known).replace(", ", spaces).encode(), "some/known.jsonl")
    assert [(entry.path, entry.occurrences) for entry in index.of(one)] == [("a.py", 1), ("b.py", 2)]
    assert index.of(other) == ()


def test_a_path_cannot_pose_as_an_entry(engine, key) -> None:
    (one,) = (found.finding for found in findings_in(engine, key("github", 1).encode(), "a.py"))
    digest = baseline.digest_of(one, SALT)
    path = f'a", "family": "github", "digest": "{digest}"\n{{"path": "a.py", "family": "github", "digest": "{digest}"}}'
    text = baseline.dump(Baseline((SALT,), (Entry(path, "github", "0" * 32),)))
    assert Index(text.encode(), "x").of(one) == ()


def test_an_expired_entry_reports_again(known, scan) -> None:
    held = baseline.load(known / FILE)
    first, second = held.entries
    dated = held._replace(entries=(first._replace(expires="2020-01-31"), second._replace(expires="2999-01-31")))
    (known / FILE).write_text(baseline.dump(dated))
    assert [rule for rule, _, _ in scan("--baseline", FILE).places] == [first.rule]
