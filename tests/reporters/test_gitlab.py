"""GitLab's two reports hold what GitLab demands, whatever the repository holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from llmsecrets.model import Container, Provenance, Skip

SCHEMA = Path(__file__).parents[1] / "schemas" / "gitlab-secret-detection.json"
VALIDATOR = Draft7Validator(json.loads(SCHEMA.read_text("utf-8")))


@settings(deadline=None)
@given(path=st.text(max_size=20), text=st.text(max_size=30), severity=st.sampled_from(["high", "info", "unheard-of"]))
def test_any_secret_detection_report_is_valid(path, text, severity, make, render):
    provenance = Provenance(path, (Container("member", path),), make.commit._replace(subject=text, author=text))
    findings = [make.finding(make.secret(n), severity=severity)._replace(provenance=provenance) for n in range(2)]
    report = make.report(
        *findings, make.finding(make.secret(3)), skips=(Skip(provenance, "unreadable", text),), notes=(text,)
    )
    document = json.loads(render("gitlab", report))
    VALIDATOR.validate(document)
    assert document["scan"]["status"] == "failure"
    assert len(document["vulnerabilities"]) == 3


def test_what_has_no_commit_says_so_in_gitlabs_way(make, render):
    document = json.loads(render("gitlab", make.report(make.finding(make.secret(1)))))
    assert document["vulnerabilities"][0]["location"]["commit"] == {"sha": "0000000"}
    assert document["scan"]["status"] == "success"


def test_markup_in_a_name_stays_text(make, render):
    finding = make.finding(make.secret(1), "![x](https://evil.test/pixel)")
    (entry,) = json.loads(render("gitlab", make.report(finding)))["vulnerabilities"]
    assert "](" not in entry["description"]


@pytest.mark.parametrize("format", ["gitlab", "codequality"])
def test_the_same_secret_twice_in_a_file_has_two_identities(format, make, render):
    findings = [make.finding(make.secret(1), line=line) for line in (3, 9)]
    document = json.loads(render(format, make.report(*findings)))
    entries = document if format == "codequality" else document["vulnerabilities"]
    ids = [entry["fingerprint" if format == "codequality" else "id"] for entry in entries]
    assert ids[1] == f"{ids[0]}-2"


def test_code_quality_holds_what_gitlab_demands(make, render):
    for entry in json.loads(render("codequality", make.everything(), base="/repository")):
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert entry["location"]["lines"]["begin"] >= 1
        assert not entry["location"]["path"].startswith(("/", "./"))
    assert json.loads(render("codequality", make.report())) == []


def test_code_quality_names_the_line_of_today(tmp_path, make, render):
    secret = make.secret(1)
    (tmp_path / "a.env").write_bytes(b"\n" * 40 + secret.reveal())
    finding = make.finding(secret, provenance=Provenance(str(tmp_path / "a.env"), commit=make.commit))
    (entry,) = json.loads(render("codequality", make.report(finding), base=str(tmp_path)))
    assert entry["location"] == {"path": "a.env", "lines": {"begin": 41, "end": 41}}
