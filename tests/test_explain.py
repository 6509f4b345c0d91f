"""`llmsecrets explain` says of a line which rules looked at it, and why each reports it or does not."""

from __future__ import annotations

import zipfile
from base64 import b64encode

import pytest

from llmsecrets.templates import expand

PASSWORD = expand("{{alnum:24}}", 7)


@pytest.fixture
def explain(tmp_path, llmsecrets):
    """What is said of line 2 of a file with this line: the verdict and the reason, by rule."""

    def run(line: str, *options: str, name: str = "app/settings.py", config: str = "") -> dict[str, tuple[str, str]]:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"first = 1\n{line}\nlast = 3\n")
        (tmp_path / ".llmsecrets.yaml").write_text(config)
        outcome = llmsecrets("explain", f"{name}:2", *options)
        assert outcome.code == 0, outcome.stderr
        head, *parts = outcome.stdout.split("\n\n")
        assert head.startswith(f"{name}:2")
        said = {}
        for part in parts:
            title, *rows = part.strip().splitlines()
            rule, _, verdict = title.partition(": ")
            said[rule] = (verdict, " ".join(row.strip() for row in rows))
        return said

    return run


def test_a_key_that_is_reported(explain, key) -> None:
    verdict, why = explain(f"token = '{key('github')}'")["github-pat"]
    assert verdict == "reported"
    assert "score    0.95" in why
    assert key("github") not in why


def test_a_generic_secret_with_the_features_that_decided(explain) -> None:
    verdict, why = explain(f"db_password = '{PASSWORD}'")["generic-secret"]
    assert verdict == "reported"
    assert "password of 20 to 128 +" in why


def test_what_a_filter_decided(explain, key) -> None:
    verdict, why = explain(f"token = '{key('github')}'  # gitleaks:allow")["github-pat"]
    assert (verdict, "inline ignore: gitleaks:allow" in why) == ("suppressed", True)
    config = "allow:\n  - reason: rotated long ago\n    paths: [app]\n"
    verdict, why = explain(f"token = '{key('github')}'", config=config)["github-pat"]
    assert (verdict, "allowlist: rotated long ago" in why) == ("suppressed", True)


def test_what_a_baseline_knows(explain, key, llmsecrets) -> None:
    explain(f"token = '{key('github')}'")
    llmsecrets("baseline", "create", "-o", "known.jsonl")
    verdict, why = explain(f"token = '{key('github')}'", "--baseline", "known.jsonl")["github-pat"]
    assert (verdict, "baseline: known.jsonl" in why) == ("suppressed", True)


RULES = """
rules:
  - id: corp-token
    name: Corp token
    description: Made for this test.
    pattern: 'corp_[0-9a-f]{20}'
    remediation: None.
    {more}
    examples: ['corp_{{hex:20}}']
"""


@pytest.mark.parametrize(
    ("more", "value", "why"),
    [
        ("min_entropy: 3.0", "corp_" + "ab" * 10, "not random enough"),
        ("min_digits: 6", "corp_" + "abcdefabcdefabcd1234", "too few digits"),
        ("paths: ['**/*.env']", expand("corp_{{hex:20}}", 1), "does not look at files of this path"),
        ("allow: {stopwords: [fade]}", "corp_" + "1fade938475a6b7c8d9e", "own allowlist"),
        ("min_entropy: 0", expand("corp_{{hex:20}}zz", 1), "its pattern does not match"),
    ],
)
def test_why_a_rule_that_looked_found_nothing(explain, tmp_path, more, value, why) -> None:
    (tmp_path / "rules.yaml").write_text(RULES.replace("{more}", more))
    verdict, said = explain(f"x = '{value}'", "--rules", "rules.yaml")["corp-token"]
    assert verdict == "no finding"
    assert why in said


def test_a_line_that_no_rule_looks_at(tmp_path, llmsecrets) -> None:
    (tmp_path / "a.txt").write_text("nothing\n")
    assert "No rule looks at anything here." in llmsecrets("explain", "a.txt:1").stdout
    beyond = llmsecrets("explain", "a.txt:2")
    assert (beyond.code, "a.txt has no line 2, its last is 1" in beyond.stderr) == (2, True)


def test_by_the_fingerprint_of_a_report(tmp_path, llmsecrets, scan, key) -> None:
    (tmp_path / "a.py").write_text(f"\n\ntoken = '{key('github')}'\n")
    (finding,) = scan().json["findings"]
    outcome = llmsecrets("explain", finding["fingerprint"][:12])
    assert outcome.stdout.startswith("a.py:3\n")
    assert llmsecrets("explain", "0" * 12).code == 2


def test_what_stands_inside_an_archive_or_encoded(tmp_path, llmsecrets, scan, key) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("deep.env", "\n" * 500 + f"KEY={key('github')}\n")
    (tmp_path / "b.yaml").write_text(f"password: {b64encode(key('npm').encode()).decode()}\n")
    expected = {"a.zip": (501, "github-pat", "member deep.env"), "b.yaml": (1, "npm-access-token", "encoded base64")}
    findings = scan().json["findings"]
    assert len(findings) == 2
    for finding in findings:
        line, rule, inside = expected[finding["location"]["path"]]
        outcome = llmsecrets("explain", finding["fingerprint"])
        assert outcome.stdout.startswith(f"{finding['location']['path']}:{line}\n\n{rule}: reported\n")
        assert f"  inside   {inside}\n" in outcome.stdout
        assert "is not asked for" not in outcome.stdout


@pytest.mark.parametrize("words", ["nowhere.py:3", "a.py:0", "what", "abc"])
def test_what_is_no_finding_is_refused(llmsecrets, words) -> None:
    assert llmsecrets("explain", words).code == 2
