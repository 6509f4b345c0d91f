"""Moving in from gitleaks: what was ignored stays silent, and nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONFIG = """
title = "ours"
[extend]
useDefault = true
disabledRules = ["generic-api-key", "some-other-rule"]
[allowlist]
description = "samples"
paths = ['''(^|/)samples/''']
commits = ["COMMIT"]
[[rules]]
id = "github-pat"
[[rules.allowlists]]
regexTarget = "line"
regexes = ['''# rotated$''']
"""


def reported(key: str, path: str, line: int, **more: Any) -> dict[str, Any]:
    """A finding as gitleaks writes it."""
    return {
        "RuleID": "github-pat", "Description": "a token", "StartLine": line, "EndLine": line, "StartColumn": 6,
        "EndColumn": 46, "Match": key, "Secret": key, "File": path, "SymlinkFile": "", "Commit": "", "Entropy": 4.5,
        "Author": "", "Email": "", "Date": "", "Message": "", "Tags": [], "Fingerprint": f"{path}:github-pat:{line}",
        **more,
    }  # fmt: skip


def test_what_was_ignored_by_place_stays_silent_and_a_new_secret_there_does_not(repository, migrate, scan, key) -> None:
    keys = [key("github", seed) for seed in range(1, 5)]
    first = repository.commit({"a.py": f"\nt = '{keys[0]}'\n", "b.py": f"t = '{keys[1]}'\n"})
    repository.commit({"a.py": f"\n\n\nt = '{keys[0]}'\n", "c.py": f"t = '{keys[2]}'\n"})
    repository.write(
        ".gitleaksignore", f"# why\n{first}:a.py:github-pat:2\nb.py:github-pat:1 # known\n\nnonsense\nz.py:x:3\n"
    )
    moved = migrate("gitleaks", secrets=tuple(keys))
    assert moved.states() == {"a.py": "accepted", "b.py": "accepted"}
    assert ".gitleaksignore:5: no fingerprint" in moved.said
    assert ".gitleaksignore:6: z.py is not there" in moved.said
    for source in ((), ("--history",)):
        assert scan(*source, cwd=repository.root).paths == ["c.py"], source
    repository.commit({"b.py": f"t = '{keys[3]}'\n"})
    for source in ((), ("--history",)):
        assert sorted(scan(*source, cwd=repository.root).paths) == ["b.py", "c.py"], source


def test_a_place_without_a_commit_is_looked_up_in_the_files_history_too(repository, migrate, scan, key) -> None:
    repository.commit({"gone.env": f"\nTOKEN={key('github')}\n"})
    repository.remove("gone.env")
    repository.write(".gitleaksignore", "gone.env:github-pat:2\n")
    assert migrate("gitleaks", secrets=(key("github"),)).states() == {"gone.env": "accepted"}
    assert scan("--history", cwd=repository.root).paths == []


@pytest.mark.parametrize("redacted", [False, True])
def test_a_report_is_a_baseline(repository, migrate, scan, key, redacted) -> None:
    keys = [key("github", seed) for seed in range(1, 4)]
    commit = repository.commit(
        {"a.py": f"t = '{keys[0]}'\n", "b.py": f"t = '{keys[1]}'\n", "c.py": f"t = '{keys[2]}'\n"}
    )
    report = [
        reported(keys[0], "a.py", 1, Commit=commit),
        reported(keys[1], "b.py", 1),
        reported(keys[2], "c.py", 7),
    ]
    if redacted:
        report = [{**one, "Secret": "REDACTED", "Match": "REDACTED"} for one in report]
    repository.write("report.json", json.dumps(report))
    moved = migrate("gitleaks", "report.json", secrets=tuple(keys))
    known = {"a.py": "unreviewed", "b.py": "unreviewed"}
    # A secret written out is found again wherever it went; one that is not, only where the report says.
    assert moved.states() == (known if redacted else {**known, "c.py": "unreviewed"})
    (repository.root / "report.json").unlink()
    assert scan(cwd=repository.root).paths == (["c.py"] if redacted else [])


def test_of_several_secrets_in_a_line_the_one_meant_is_taken_or_none(repository, migrate, key) -> None:
    one, other, third = key("github", 1), key("stripe", 1), key("github", 2)
    repository.commit({"a.py": f"x = '{one}', '{other}'\n", "b.py": f"x = '{one}', '{third}'\n"})
    repository.write(".gitleaksignore", "a.py:stripe-access-token:1\nb.py:github-pat:1\n")
    moved = migrate("gitleaks", secrets=(one, other, third))
    assert [(entry["path"], entry["family"]) for entry in moved.entries] == [("a.py", "stripe")]
    assert ".gitleaksignore:2: several secrets stand there" in moved.said


def test_a_report_of_a_folder_names_its_files_by_their_whole_path(repository, migrate, scan, key) -> None:
    repository.commit({"src/a.py": f"t = '{key('github')}'\n"})
    entry = reported("REDACTED", str(repository.root / "src/a.py"), 1)
    repository.write("report.json", json.dumps([entry, {**entry, "File": "./src/a.py"}, {**entry, "StartLine": 0}]))
    moved = migrate("gitleaks", "report.json", secrets=(key("github"),))
    assert moved.states() == {"src/a.py": "unreviewed"}
    assert "report.json[2]: neither a line nor a digest" in moved.said
    assert scan(cwd=repository.root).paths == []


def test_columns_of_a_report_tell_which_secret_is_meant(repository, migrate, key) -> None:
    one, other = key("github", 1), key("github", 2)
    line = f"x = '{one}', '{other}'\n"
    repository.commit({"a.py": line})
    column = line.index(other) + 1
    entry = reported("REDACTED", "a.py", 1, StartColumn=column, EndColumn=column + len(other) - 1)
    repository.write("report.json", json.dumps([entry]))
    moved = migrate("gitleaks", "report.json", secrets=(one, other))
    assert len(moved.entries) == 1


def test_a_configuration_without_rules_is_taken_over(repository, migrate, scan, key) -> None:
    keys = [key("github", seed) for seed in range(1, 5)]
    commit = repository.commit({"old.py": f"t = '{keys[0]}'\n"})
    repository.commit({"samples/a.py": f"t = '{keys[1]}'\n", "b.py": f"t = '{keys[2]}' # rotated\nu = '{keys[3]}'\n"})
    repository.write(".gitleaks.toml", CONFIG.replace("COMMIT", commit))
    before = scan("--history", cwd=repository.root).places
    moved = migrate("gitleaks", secrets=tuple(keys))
    assert "disabledRules: some-other-rule" in moved.said
    (repository.root / ".gitleaks.toml").unlink()
    assert scan("--history", cwd=repository.root).places == before
    assert [(path, line) for _, path, line in before] == [("b.py", 2)]


def test_a_configuration_with_rules_is_read_where_it_stands(repository, migrate, scan) -> None:
    rule = "[[rules]]\nid = 'acme'\nregex = '''acme_[0-9]{12}'''\n[[allowlists]]\npaths = ['^x']\n"
    repository.commit({".gitleaks.toml": rule, "a.py": "acme_417283954016 ", "x.py": "acme_417283954017 "})
    moved = migrate("gitleaks")
    assert "gitleaks_config: .gitleaks.toml" in moved.configuration
    assert scan(cwd=repository.root).paths == ["a.py"]


def test_a_secret_in_an_allowlist_becomes_a_digest(repository, migrate, scan, key) -> None:
    repository.commit({"a.py": f"t = '{key('github')}'\n", "b.py": f"t = '{key('github', 2)}'\n"})
    literal = f"[extend]\nuseDefault = true\n[allowlist]\nregexes = ['''^{key('github')}$''', '''^sample''']\n"
    repository.write(".gitleaks.toml", literal)
    moved = migrate("gitleaks", secrets=(key("github"), key("github", 2)))
    assert moved.states() == {".gitleaks.toml": "accepted", "a.py": "accepted"}
    assert "sample" in moved.configuration
    (repository.root / ".gitleaks.toml").unlink()
    assert scan(cwd=repository.root).paths == ["b.py"]


def test_what_is_inside_a_notebook_is_known_by_its_secret(repository, migrate, scan, key) -> None:
    cell = {"cell_type": "code", "metadata": {}, "source": [f"t = \"{key('github')}\"\n"], "outputs": [],
            "execution_count": 1}  # fmt: skip
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    text = json.dumps(notebook, indent=1)
    line = next(number for number, one in enumerate(text.splitlines(), 1) if key("github") in one)
    repository.commit({"n.ipynb": text})
    repository.write(".gitleaksignore", f"n.ipynb:github-pat:{line}\n")
    migrate("gitleaks", secrets=(key("github"),))
    assert scan(cwd=repository.root).paths == []


def test_paths_out_of_the_repository_and_odd_ones_are_left(repository, migrate, key, tmp_path) -> None:
    (tmp_path / "outside.py").write_text(f"t = '{key('github')}'\n")
    (repository.root / "link.py").symlink_to(tmp_path / "outside.py")
    repository.commit({"a.py": "x"})
    odd = ["../outside.py", str(tmp_path / "outside.py"), "link.py", "a.zip!b.py", "a\0b.py", "\x1b[31m.py", "-n", "."]
    repository.write(".gitleaksignore", "".join(f"{path}:github-pat:1\n" for path in odd))
    moved = migrate("gitleaks", secrets=(key("github"),))
    assert moved.entries == []
    assert moved.said.count("is not there") == len(odd)
    assert "\x1b" not in moved.said


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(st.integers(0, 3), min_size=1, max_size=4), after=st.integers(0, 5), fresh=st.integers(0, 3))
def test_wherever_lines_move_afterwards_the_same_is_known(tmp_path_factory, key, before, after, fresh) -> None:
    """Resolved by the library: each secret stands some lines below the last; some are ignored, then all move."""
    from llmsecrets import baseline, matching
    from llmsecrets.engine import Engine
    from llmsecrets.migration import take
    from llmsecrets.migration.plan import make
    from llmsecrets.migration.resolve import Resolver
    from llmsecrets.model import Chunk, Provenance
    from llmsecrets.rules import load_rules

    root = tmp_path_factory.mktemp("moved")
    lines: list[str] = []
    places = []
    for seed, gap in enumerate(before, 1):
        lines += ["pass"] * gap + [f"t = '{key('github', seed)}'"]
        places.append(len(lines))
    (root / "a.py").write_text("\n".join(lines))
    (root / ".gitleaksignore").write_text("".join(f"a.py:github-pat:{line}\n" for line in places))
    rules = load_rules()
    engine = Engine(rules, matching.compile_rules(rules))
    taken = take("gitleaks", [root / ".gitleaksignore"])
    plan = make(taken, engine, Resolver(root, None, engine, list, taken.known).answer, "gitleaks")
    index = baseline.Index(baseline.dump(plan.known).encode(), "known.jsonl")
    new = key("github", 100 + fresh)
    moved = ["#"] * after + lines[::-1] + [f"t = '{new}'"]
    candidates, _ = engine.find(Chunk("\n".join(moved).encode(), Provenance("a.py")))
    unknown = [one.finding.secret.reveal().decode() for one in candidates if not index.of(one.finding)]
    assert len(candidates) == len(before) + 1
    assert unknown == [new]
