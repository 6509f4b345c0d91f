"""Filters: each decides against what it names, says why, and leaves everything else alone."""

from __future__ import annotations

import base64
from datetime import date

import pytest
from support import findings_in, make_key

from llmsecrets import filters
from llmsecrets.config import AllowEntry, Config
from llmsecrets.model import Commit, Provenance

COMMIT = Commit("0123456789abcdef0123456789abcdef01234567", "A", "a@example.org", "2024-01-01T00:00:00+00:00", "x")


@pytest.fixture
def judged(engine):
    """What filters say of each key in a text: the reason, or "" where it stands."""

    def judge(text: str, *entries: AllowEntry, path: str = "app/a.py", commit: Commit | None = None) -> list[str]:
        chosen = filters.build(Config(allow=entries), today=date(2025, 6, 15))
        out = []
        for candidate in findings_in(engine, text.encode(), path):
            provenance = Provenance(path, commit=commit)
            decision = filters.decide(
                candidate._replace(finding=candidate.finding._replace(provenance=provenance)), chosen
            )
            out.append(decision.reason if decision else "")
        return out

    return judge


# ---- inline ignores ------------------------------------------------------------------------------------------------

COMMENTS = [
    "llmsecrets:ignore",
    "llmsecrets: ignore",
    "gitleaks:allow",
    "betterleaks:allow",
    "trufflehog:ignore",
    "kingfisher:ignore",
    "pragma: allowlist secret",
    "pragma: whitelist secret",
    "ggignore",
]
NEXT_LINE_COMMENTS = ["pragma: allowlist nextline secret", "llmsecrets:ignore-next-line"]


@pytest.mark.parametrize("comment", COMMENTS)
def test_a_comment_silences_its_own_line_only(judged, comment) -> None:
    first, second, third = (make_key("github", seed) for seed in (1, 2, 3))
    text = f"a = '{first}'\nb = '{second}'  # {comment}\nc = '{third}'\n"
    assert judged(text) == ["", "inline ignore", ""]


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize("style", ["// %s", "/* %s */", "<!-- %s -->", "-- %s", "; %s", "%% %s", "{# %s #}", "%s"])
def test_any_style_of_comment_will_do(judged, comment, style) -> None:
    assert judged(f"a = '{make_key('github')}' {style % comment}") == ["inline ignore"]


@pytest.mark.parametrize("comment", NEXT_LINE_COMMENTS)
def test_a_comment_for_the_next_line_silences_that_one_only(judged, comment) -> None:
    first, second, third = (make_key("github", seed) for seed in (1, 2, 3))
    text = f"a = '{first}'  # {comment}\nb = '{second}'\nc = '{third}'\n"
    assert judged(text) == ["", "inline ignore", ""]


def test_carriage_returns_end_lines_too(judged) -> None:
    first, second = make_key("github", 1), make_key("github", 2)
    assert judged(f"a = {first} # gitleaks:allow\r\nb = {second}\r\n") == ["inline ignore", ""]
    assert judged(f"# pragma: allowlist nextline secret\r\na = {first}\r\nb = {second}\r\n") == ["inline ignore", ""]


def test_a_line_ends_before_its_carriage_return(judged) -> None:
    entry = AllowEntry("x", regexes=("# sample$",), target="line")
    assert judged(f"a = {make_key('github')} # sample\r\nb = 1\r\n", entry) == ["allowlist"]


@pytest.mark.parametrize("comment", ["ignore", "allow", "secret", "noqa", "pragma: secret", "gitleaks", "llmsecrets"])
def test_other_words_silence_nothing(judged, comment) -> None:
    assert judged(f"a = '{make_key('github')}'  # {comment}") == [""]


@pytest.mark.parametrize("text", ["TOKEN={}", "user=me\nTOKEN={}\n"], ids=["a line", "lines"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_comment_counts_for_what_stands_encoded_in_a_line(scan, key, tmp_path, text, times) -> None:
    first, second, third = (text.format(key("github", seed)).encode() for seed in (1, 2, 3))
    for _ in range(times):
        first, second, third = map(base64.b64encode, (first, second, third))
    content = b"a: %b  # llmsecrets:ignore\nb: %b\n# llmsecrets:ignore-next-line\nc: %b\n" % (first, second, third)
    (tmp_path / "secret.yaml").write_bytes(content)
    assert [line for _, _, line in scan().places] == [2]


def test_a_comment_far_away_on_a_long_line_does_not_count(judged) -> None:
    """A minified file is one line: a comment at its end must not silence all of it."""
    assert judged(f"a='{make_key('github')}';{'x' * 5000} // gitleaks:allow") == [""]


# ---- allowlist -----------------------------------------------------------------------------------------------------

TEXT = f"token = '{make_key('github')}'  # of the robot"
HOLDS = {
    "path": {"paths": ("app",)},
    "glob": {"paths": ("**/*.py",)},
    "secret": {"regexes": ("^ghp_",)},
    "match": {"regexes": ("^ghp_",), "target": "match"},
    "line": {"regexes": ("of the robot$",), "target": "line"},
    "stopword": {"stopwords": (make_key("github")[10:16].upper(),)},
    "commit": {"commits": (COMMIT.sha[:8],)},
    "whole commit": {"commits": (COMMIT.sha.upper(),)},
    "rule": {"rules": ("github-*",)},
    "one of several": {"paths": ("lib", "app")},
    "all of several": {"paths": ("app",), "rules": ("github-pat",), "regexes": ("ghp",)},
}
HOLDS_NOT = {
    "path": {"paths": ("lib",)},
    "part of a path": {"paths": ("ap",)},
    "secret": {"regexes": ("of the robot",)},
    "match": {"regexes": ("of the robot",), "target": "match"},
    "line": {"regexes": ("^x",), "target": "line"},
    "stopword": {"stopwords": ("robot",)},
    "commit": {"commits": ("fedcba98",)},
    "too short a commit": {"commits": (COMMIT.sha[:6],)},
    "rule": {"rules": ("gitlab-*",)},
    "one of several criteria": {"paths": ("app",), "rules": ("gitlab-*",)},
}


@pytest.mark.parametrize("case", HOLDS)
def test_an_entry_allows_what_its_criteria_name(judged, case) -> None:
    assert judged(TEXT, AllowEntry("why not", **HOLDS[case]), commit=COMMIT) == ["allowlist"]


@pytest.mark.parametrize("case", HOLDS_NOT)
def test_and_nothing_else(judged, case) -> None:
    assert judged(TEXT, AllowEntry("why not", **HOLDS_NOT[case]), commit=COMMIT) == [""]


def test_what_has_no_commit_is_allowed_by_none(judged) -> None:
    assert judged(TEXT, AllowEntry("x", commits=(COMMIT.sha,))) == [""]


@pytest.mark.parametrize(("expires", "reason"), [("2025-06-14", ""), ("2025-06-15", "allowlist"), ("", "allowlist")])
def test_an_entry_counts_until_its_last_day(judged, expires, reason) -> None:
    assert judged(TEXT, AllowEntry("x", paths=("app",), expires=expires)) == [reason]


def test_a_pattern_that_takes_too_long_has_not_matched(judged, monkeypatch) -> None:
    monkeypatch.setattr(filters, "_TIMEOUT", 0.05)
    text = f"{TEXT} {'a' * 500}"
    assert judged(text, AllowEntry("x", regexes=("(?:a|aa)*c$",), target="line")) == [""]


def test_inline_comes_before_the_allowlist(judged) -> None:
    assert judged(f"{TEXT} gitleaks:allow", AllowEntry("x", paths=("app",))) == ["inline ignore"]


# ---- in a scan -----------------------------------------------------------------------------------------------------


def test_suppressed_findings_are_counted_and_shown_on_request(llmsecrets, key, tmp_path) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text("allow:\n  - reason: old samples\n    paths: [samples]\n")
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples/a.py").write_text(key("github"))
    (tmp_path / "b.py").write_text(f"{key('npm')}  # gitleaks:allow\n")
    outcome = llmsecrets("scan")
    assert outcome.code == 0
    assert "2 suppressed" in outcome.stdout
    assert "old samples" not in outcome.stdout
    shown = llmsecrets("scan", "--show-suppressed").stdout
    assert "samples/a.py:1:1" in shown
    assert "allowlist: old samples" in shown
    assert ".llmsecrets.yaml:2" in shown
    assert "inline ignore: gitleaks:allow" in shown
    report = llmsecrets("scan", "-f", "json").json
    assert sorted(one["reason"] for one in report["suppressed"]) == ["allowlist", "inline ignore"]


def test_an_expired_entry_lets_findings_through(scan, key, tmp_path) -> None:
    for expires, code in (("2001-01-01", 1), ("2999-01-01", 0)):
        text = f"allow:\n  - {{reason: x, paths: [a.py], expires: {expires}}}"
        (tmp_path / ".llmsecrets.yaml").write_text(text)
        (tmp_path / "a.py").write_text(key("github"))
        assert scan().code == code


def test_an_allowed_commit_is_allowed_in_history(repository, scan, key) -> None:
    allowed = repository.commit({"a.py": key("github", 1)})
    repository.commit({"b.py": key("github", 2)})
    repository.write(".llmsecrets.yaml", f"allow: [{{reason: rotated, commits: ['{allowed}']}}]")
    assert scan("--history", cwd=repository.root).paths == ["b.py"]


def test_a_commit_of_too_few_characters_is_refused(repository, scan, key) -> None:
    """It allowed nothing, and said nothing."""
    commit = repository.commit({"a.py": key("github")})
    for length, code in ((6, 2), (7, 0)):
        repository.write(".llmsecrets.yaml", f"allow: [{{reason: rotated, commits: ['{commit[:length]}']}}]")
        assert scan("--history", cwd=repository.root).code == code
