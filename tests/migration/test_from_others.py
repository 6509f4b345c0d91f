"""Moving in from detect-secrets, ggshield, trufflehog, kingfisher and secretlint."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmsecrets.config import Config
from llmsecrets.errors import ConfigError
from llmsecrets.filters import excluder
from llmsecrets.migration import TOOLS, glob_of, take
from llmsecrets.rules.globs import path_matches

# ---- detect-secrets ------------------------------------------------------------------------------------------------


def detect_secrets(folder, *options: str) -> dict:
    """The baseline that detect-secrets makes of a folder."""
    pytest.importorskip("detect_secrets", reason="detect-secrets is not installed")
    command = [sys.executable, "-m", "detect_secrets", "scan", "--no-verify", *options, "."]
    return json.loads(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout)


def test_a_real_baseline_keeps_its_verdicts(repository, migrate, scan, key) -> None:
    keys = {"real.py": key("github", 1), "false.py": key("stripe", 1), "open.py": key("github", 2)}
    repository.commit({path: f"\n# a token\ntoken = '{value}'\n" for path, value in keys.items()})
    document = detect_secrets(repository.root, "--exclude-files", "^vendor/", "--exclude-secrets", "^sample")
    assert set(document["results"]) == set(keys)
    for path, verdict in (("real.py", True), ("false.py", False)):
        for entry in document["results"][path]:
            entry["is_secret"] = verdict
    repository.write(".secrets.baseline", json.dumps(document, indent=2))
    repository.commit({path: f"\n# moved\n\n\ntoken = '{value}'\n" for path, value in keys.items()})
    moved = migrate("detect-secrets", secrets=tuple(keys.values()))
    assert moved.states() == {"real.py": "real", "false.py": "false-positive", "open.py": "unreviewed"}
    configuration = yaml.safe_load(moved.configuration)
    assert configuration["exclude"] == ["re:^vendor/"]
    assert configuration["allow"][1]["regexes"] == ["^sample"]
    assert scan(cwd=repository.root).paths == []
    new = key("github", 9)
    repository.write("open.py", f"\n# moved\n\n\ntoken = '{new}'\n")
    repository.write("vendor/x.py", f"t = '{key('github', 8)}'\n")
    assert scan(cwd=repository.root).paths == ["open.py"]


def test_a_password_it_knows_by_the_name_before_it_is_carried_over(repository, migrate, scan) -> None:
    from llmsecrets.templates import expand

    password = expand("{{alnum:24}}", 3)
    repository.commit({"settings.py": f'db_password = "{password}"\n'})
    repository.write(".secrets.baseline", json.dumps(detect_secrets(repository.root)))
    assert "settings.py" in scan(cwd=repository.root).paths
    migrate("detect-secrets", secrets=(password,))
    assert scan(cwd=repository.root).paths == []


def test_filters_and_plugins_that_are_programs_are_left(repository, migrate) -> None:
    document = {
        "version": "1.5.0",
        "plugins_used": [{"name": "Mine", "path": "file:///x.py"}, {"name": "AWSKeyDetector"}],
        "filters_used": [
            {"path": "detect_secrets.filters.heuristic.is_potential_uuid"},
            {"path": "detect_secrets.filters.regex.should_exclude_line", "pattern": ["# fine", "("]},
            {"path": "detect_secrets.filters.wordlist.should_exclude_secret", "file_name": "words.txt"},
            {"path": "file:///my.py::filter"},
        ],
        "results": {},
    }
    repository.write(".secrets.baseline", json.dumps(document))
    repository.write("words.txt", "sample\nno\n")
    moved = migrate("detect-secrets")
    allow = yaml.safe_load(moved.configuration)["allow"]
    assert [(one.get("regexes"), one.get("target"), one.get("stopwords")) for one in allow[1:]] == [
        (["# fine"], "line", None),
        (None, None, ["sample"]),
    ]
    for words in ("plugins_used: Mine: a plugin is a program", "not an expression", "a filter of your own"):
        assert words in moved.said, moved.said


# ---- ggshield ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2])
def test_ggshields_matches_paths_and_detectors(repository, migrate, scan, key, version) -> None:
    keys = [key("github", seed) for seed in range(1, 6)]
    repository.commit({f"{name}.py": f"t = '{value}'\n" for name, value in zip("abcde", keys, strict=True)})
    repository.write("doc/x.py", f"t = '{keys[3]}'\n")
    repository.write("doc/deep/x.py", f"t = '{keys[4]}'\n")
    matches = [
        {"name": "by digest", "match": sha256(keys[0].encode()).hexdigest()},
        {"name": "as ggshield shows it", "match": sha256(f"{keys[1]},apikey".encode()).hexdigest()},
        {"name": "itself", "match": keys[2]},
        {"name": "gone", "match": sha256(b"nowhere").hexdigest()},
    ]
    if version == 2:
        secret = {
            "ignored_matches": matches,
            "ignored-paths": ["doc/*"],
            "ignored_detectors": ["Generic Password", "X"],
        }
        document = {"version": 2, "secret": secret, "exit_zero": False, "max_commits_for_hook": 50}
    else:
        document = {"matches-ignore": [*matches[:3], matches[3]["match"]], "paths-ignore": ["doc/*"],
                    "banlisted-detectors": ["Generic Password", "X"], "max-commits-for-hook": 50}  # fmt: skip
    repository.write(".gitguardian.yaml", yaml.safe_dump(document))
    moved = migrate("ggshield", secrets=tuple(keys))
    (repository.root / ".gitguardian.yaml").unlink()
    assert scan(cwd=repository.root).paths == ["d.py", "doc/deep/x.py", "e.py"]
    assert yaml.safe_load(moved.configuration)["disable"] == ["generic-*"]
    for words in ("ignored_matches[3]: no finding of ours", "ignored_detectors: X", "max_commits_for_hook: has no"):
        assert words in moved.said, moved.said


def test_a_match_that_stood_in_the_history_only_is_found(repository, migrate, scan, key) -> None:
    repository.commit({"a.env": f"TOKEN={key('github')}\n"})
    repository.remove("a.env")
    match = {"name": "old", "match": sha256(key("github").encode()).hexdigest()}
    repository.write(".gitguardian.yaml", yaml.safe_dump({"version": 2, "secret": {"ignored_matches": [match]}}))
    assert migrate("ggshield", secrets=(key("github"),)).entries[0]["reason"] == "ignored for ggshield: old"
    assert scan("--history", cwd=repository.root).paths == []


# Ignored matches of a public repository's .gitguardian.yaml whose comments say what they are: placeholders, no secrets.
SHOWN = {
    "postgres": "6e0d657eb1f0fbc40cf0b8f3c3873ef627cc9cb7c4108d1c07d979c04bc8a4bb",
    "text-davinci-003": "c489000cf6c7600cee0eefb80ad0965f82921cfb47ece880930eb7e7635cf1f1",
    "gcs_pub_sub_body": "75f377c456eede69e5f6e47399ccee6016a2a93cc5dd11db09cc5b1359ae569a",
}


@pytest.mark.parametrize("text", SHOWN)
def test_digests_that_ggshield_showed_to_others_are_understood(tmp_path, text) -> None:
    file = tmp_path / ".gitguardian.yaml"
    file.write_text(yaml.safe_dump({"version": 2, "secret": {"ignored_matches": [{"match": SHOWN[text]}]}}))
    (known,) = take("ggshield", [file]).known
    assert known.accepts(text.encode())
    assert not known.accepts(text.encode() + b"x")


@pytest.mark.parametrize(
    ("pattern", "anywhere", "below", "silent", "told"),
    [
        ("vendor", True, True, ["vendor/a", "x/vendor/a", "x/vendor"], ["vendors/a"]),
        ("vendor", False, True, ["vendor/a"], ["x/vendor/a"]),
        ("doc/*", True, False, ["doc/a", "x/doc/a"], ["doc/x/a", "doc2/a"]),
        ("doc/*", False, True, ["doc/a", "doc/x/a"], ["x/doc/a"]),
        ("**/a.md", True, False, ["a.md", "x/y/a.md"], ["a.md.txt", "xa.md"]),
        ("tests/**/*.txt", True, False, ["tests/a.txt", "tests/x/y/a.txt"], ["tests/a.py", "a.txt"]),
        ("docs/**", False, True, ["docs/a", "docs/x/a"], ["a/docs2"]),
        ("a?.[!p]y", True, True, ["ab.xy"], ["ab.py", "a/.xy", "abc.xy"]),
        ("build*/", True, True, ["build/a", "x/build-2/a"], ["build", "rebuild/a"]),
    ],
)
def test_globs_of_other_tools_mean_here_what_they_meant_there(pattern, anywhere, below, silent, told) -> None:
    excluded = excluder(Config(exclude=(glob_of(pattern, anywhere=anywhere, below=below),)))
    assert [path for path in (*silent, *told) if excluded(path)] == silent


# ---- trufflehog ----------------------------------------------------------------------------------------------------


def test_trufflehogs_exclusions_and_detectors(repository, migrate, scan, key) -> None:
    repository.write("exclude.txt", "# generated\n^gen/\n\\.lock$\n(?=x)\n")
    detector = {"name": "hog", "keywords": ["hog"], "regex": {"token": r"\b(HOG[0-9A-Z]{17})\b", "bad": "(?<=a)"},
                "verify": [{"endpoint": "http://localhost"}]}  # fmt: skip
    repository.write("config.yaml", yaml.safe_dump({"detectors": [detector], "concurrency": 8}))
    for number, path in enumerate(("gen/a.py", "b.lock", "src/gen/c.py"), 1):
        repository.write(path, f"t = '{key('github', number)}'\n")
    moved = migrate("trufflehog", "exclude.txt", "config.yaml")
    assert scan(cwd=repository.root).paths == ["src/gen/c.py"]
    for words in (
        "exclude.txt:4: not an expression: (?= is not RE2 syntax",
        "the expression bad is wrong",
        r"with the pattern \b(HOG",
        "`verify` has no counterpart",
        "concurrency: has no counterpart",
    ):
        assert words in moved.said, moved.said


# ---- kingfisher ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["version 1", "version 2", "report"])
def test_kingfishers_baselines_and_reports(repository, migrate, scan, key, form) -> None:
    repository.commit({"a.py": f"\nt = '{key('github')}'\n", "b.py": f"t = '{key('github', 2)}'\n"})
    commit = {"commit": {"id": repository.git("rev-parse", "HEAD")}}
    found = {"path": "a.py", "line": 2, "snippet": "x", "column_start": 5, "column_end": 45, "git_metadata": commit}
    rule = "kingfisher.github.1"
    entry = {"fingerprint": "389162583612032034", "lastupdated": "Mon, 14 Jul 2025 10:17:56 -0700"}
    documents = {
        "version 1": {"ExactFindings": {"matches": [{"filepath": "a.py/", "linenum": 2, **entry}]}},
        "version 2": {
            "version": 2,
            "fingerprint_algorithm": "kingfisher-v1",
            "repositories": [{"id": "local:///x", "findings": [{"path": "a.py", "line": 2, "rule_id": rule, **entry}]}],
        },
        "report": {"findings": [{"rule": {"id": rule, "name": "x"}, "finding": found}]},
    }
    file = "report.json" if form == "report" else "kingfisher-baseline.yaml"
    repository.write(file, json.dumps(documents[form]))
    assert migrate("kingfisher", file, secrets=(key("github"),)).states() == {"a.py": "unreviewed"}
    assert scan(cwd=repository.root).paths == ["b.py"]


def test_kingfishers_filters(repository, migrate, scan, key) -> None:
    filters = {"skip_words": ["SAMPLE"], "skip_regex": ["^DUMMY_[A-Z]+$", "("], "exclude": ["vendor/", "**/gen/**"]}
    repository.write("kingfisher.yaml", yaml.safe_dump({"filters": filters, "alerts": {"webhooks": []}}))
    for number, path in enumerate(("vendor/a.py", "x/gen/y/b.py", "c.py"), 1):
        repository.write(path, f"t = '{key('github', number)}'\n")
    moved = migrate("kingfisher")
    assert scan(cwd=repository.root).paths == ["c.py"]
    assert [one.get("stopwords") or one["regexes"] for one in yaml.safe_load(moved.configuration)["allow"]] == [
        ["SAMPLE"],
        ["^DUMMY_[A-Z]+$"],
    ]
    for words in ("alerts: has no counterpart", "skip_regex[1]: not an expression"):
        assert words in moved.said


# ---- secretlint ----------------------------------------------------------------------------------------------------


def test_secretlints_allows_and_ignores(repository, migrate, scan, key) -> None:
    rules = [
        {"id": "@secretlint/secretlint-rule-preset-recommend", "rules": [
            {"id": "@secretlint/secretlint-rule-github", "options": {"allows": ["/^SAMPLE-/i", "a.b", "/(?<n>x)/"]},
             "allowMessageIds": ["X"]}]},
        {"id": "@secretlint/secretlint-rule-pattern", "options": {"patterns": [{"name": "x", "pattern": "/x/"}]}},
    ]  # fmt: skip
    repository.write(".secretlintrc.json", json.dumps({"rules": rules}))
    repository.write(".secretlintignore", "# generated\nnode_modules\n/top.py\ndocs/*.md\n*.lock\n!keep.lock\nbuild/\n")
    silent = ("x/node_modules/a.py", "top.py", "docs/a.md", "x/y.lock", "x/build/a.py")
    told = ("a/top.py", "docs/deep/a.md", "rebuild/a.py")
    for number, path in enumerate((*silent, *told), 1):
        repository.write(path, f"t = '{key('github', number)}'\n")
    moved = migrate("secretlint")
    assert sorted(scan(cwd=repository.root).paths) == sorted(told)
    assert yaml.safe_load(moved.configuration)["allow"][0]["regexes"] == ["(?i:^SAMPLE-)", "a\\.b"]
    for words in ("allows[2]: JavaScript reads", "allowMessageIds: which of our rules", "patterns: has no counterpart",
                  ".secretlintignore:6: an exception"):  # fmt: skip
        assert words in moved.said, moved.said


# ---- files that are not what they should be ------------------------------------------------------------------------

BROKEN = [
    ("gitleaks", "x.json", "{", ":1: not valid JSON"),
    ("gitleaks", "x.json", "{}", "a report of gitleaks must be a list of mappings"),
    ("gitleaks", "x.json", "[7]", "must be a list of mappings"),
    ("gitleaks", "x.json", "[" * 100_000, "not valid JSON: nested too deep"),
    ("gitleaks", "x.toml", "a =", "not valid TOML"),
    ("gitleaks", "nowhere.json", None, "cannot be read"),
    ("gitleaks", ".", None, "cannot be read"),
    ("detect-secrets", "x", "[]", "must be a mapping"),
    ("detect-secrets", "x", '{"results": []}', "results must be a mapping"),
    ("detect-secrets", "x", '{"results": {"a": {}}}', "must be a list of mappings"),
    ("detect-secrets", "x", '{"filters_used": {}}', "filters_used must be a list"),
    ("ggshield", "x.yaml", "- a", "expected a mapping"),
    ("ggshield", "x.yaml", "version: 2\nsecret: []", "secret must be a mapping"),
    ("ggshield", "x.yaml", "version: 2\nsecret: {ignored_matches: {}}", "ignored_matches must be a list"),
    ("ggshield", "x.yaml", "version: 2\nsecret: {ignored_paths: [7]}", "ignored_paths must be a list of texts"),
    ("ggshield", "x.yaml", "a: &a [*a]", "YAML"),
    ("trufflehog", "x.yaml", "detectors: 7", "detectors must be a list"),
    ("trufflehog", "x.yaml", "detectors: [{regex: 7}]", "regex must be a mapping"),
    ("kingfisher", "x.yaml", "ExactFindings: []", "ExactFindings must be a mapping"),
    ("kingfisher", "x.yaml", "repositories: {}", "repositories must be a list"),
    ("kingfisher", "x.json", "7", "findings must be a list"),
    ("kingfisher", "x.json", '{"findings": [{"finding": 7}]}', "must be a mapping"),
    ("kingfisher", "x.yaml", "filters: {skip_words: 7}", "skip_words must be a list"),
    ("secretlint", "x.json", '{"rules": 7}', "rules must be a list"),
    ("secretlint", "x.json", '{"rules": [{"options": {"allows": [7]}}]}', "allows must be a list of texts"),
]


@pytest.mark.parametrize(("tool", "name", "content", "reason"), BROKEN)
def test_a_broken_file_ends_in_exit_2(repository, llmsecrets, tool, name, content, reason) -> None:
    if content is not None:
        repository.write(name, content)
    outcome = llmsecrets("migrate", tool, name, "--write", cwd=repository.root)
    assert outcome.code == 2, outcome
    assert reason in outcome.stderr
    assert name in outcome.stderr
    assert not (repository.root / ".llmsecrets.yaml").exists()


KEYS = st.sampled_from(
    "results hashed_secret filters_used plugins_used path pattern file_name ExactFindings matches filepath linenum "
    "repositories findings finding rule line git_metadata commit id filters skip_words skip_regex exclude rules "
    "options allows disabled detectors regex verify name secret version ignored_matches ignored-paths match "
    "ignored_detectors matches-ignore exit_zero File StartLine Secret Commit Fingerprint".split()
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.floats(0, 1) | st.text("ab*[(\\/.#0\0\ud800", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("tool", TOOLS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=VALUES)
def test_whatever_a_file_holds_is_read_or_refused(tmp_path, tool, document) -> None:
    for name in ("x.json", "x.yaml"):
        (tmp_path / name).write_text(json.dumps(document))
        try:
            taken = take(tool, [tmp_path / name])
        except ConfigError:
            continue
        assert all(isinstance(one, str) for one in (*taken.exclude, *taken.disable))
        assert all(known.path or known.accepts or not known.line for known in taken.known)


@pytest.mark.parametrize(
    ("tool", "document"),
    [
        ("gitleaks", [{"File": "a.py", "StartLine": 1, "Secret": "\ud800"}]),
        ("detect-secrets", {"results": {"a.py": [{"hashed_secret": "0", "is_secret": []}]}}),
        ("detect-secrets", {"filters_used": [{"path": "detect_secrets.filters.regex.x", "pattern": ["\ud800"]}]}),
    ],
)
def test_half_a_character_or_a_list_in_an_unusual_place_is_read(tmp_path, tool, document) -> None:
    (tmp_path / "x.json").write_text(json.dumps(document))
    taken = take(tool, [tmp_path / "x.json"])
    assert len(taken.known) + len(taken.left) == 1


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text("ab:/.#0 1*[(!\\\x1b", max_size=12), max_size=6))
def test_whatever_lines_an_ignore_file_holds_are_read(tmp_path, lines) -> None:
    for tool, name in (("gitleaks", ".gitleaksignore"), ("trufflehog", "x.txt"), ("secretlint", ".secretlintignore")):
        (tmp_path / name).write_text("\n".join(lines))
        taken = take(tool, [tmp_path / name])
        for glob in taken.exclude:
            path_matches("a/b.py", (glob,))


@pytest.mark.parametrize("tool", TOOLS)
def test_bytes_that_are_no_text_end_in_exit_2(repository, llmsecrets, tool) -> None:
    repository.write("x", b"\xff\xfe\x00")
    outcome = llmsecrets("migrate", tool, "x", cwd=repository.root)
    assert outcome.code == 2, outcome


def test_without_files_it_says_where_it_looked(repository, llmsecrets) -> None:
    outcome = llmsecrets("migrate", "gitleaks", cwd=repository.root)
    assert outcome.code == 2
    assert ".gitleaksignore" in outcome.stderr


def test_files_that_exist_are_never_replaced_unasked(repository, llmsecrets, key) -> None:
    repository.commit({"a.py": f"t = '{key('github')}'\n", ".gitleaksignore": "a.py:github-pat:1\n"})
    ours = repository.write(".llmsecrets.yaml", "exit_code: 7\n")
    outcome = llmsecrets("migrate", "gitleaks", "--write", cwd=repository.root)
    assert (outcome.code, ours.read_text()) == (2, "exit_code: 7\n")
    assert "--force" in outcome.stderr
    assert llmsecrets("migrate", "gitleaks", "--write", "--force", cwd=repository.root).code == 0
    assert "baseline:" in ours.read_text()


def test_outside_a_repository_files_are_looked_up_as_they_are(llmsecrets, scan, key, tmp_path) -> None:
    (tmp_path / "a.py").write_text(f"t = '{key('github')}'\n")
    (tmp_path / ".gitleaksignore").write_text(f"a.py:github-pat:1\n{'0' * 40}:a.py:github-pat:1\n")
    outcome = llmsecrets("migrate", "gitleaks", "--write")
    assert outcome.code == 0, outcome
    assert "a.py is not there in commit 000000000000" in outcome.stdout
    assert scan().paths == []


def test_from_a_folder_below_the_root_is_meant(repository, llmsecrets, scan, key) -> None:
    repository.commit({"src/a.py": f"t = '{key('github')}'\n", ".gitleaksignore": "src/a.py:github-pat:1\n"})
    assert llmsecrets("migrate", "gitleaks", "--write", cwd=repository.root / "src").code == 0
    assert scan(cwd=repository.root).paths == []
