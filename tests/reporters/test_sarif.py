"""The SARIF report is valid, and within what GitHub code scanning accepts."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from llmsecrets.model import Container, Provenance, Secret, Skip, Suppressed
from llmsecrets.reporters.sarif import path_uri

SCHEMA = Path(__file__).parents[1] / "schemas" / "sarif-2.1.0.json"
VALIDATOR = Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))

NAMES = st.one_of(
    st.text(min_size=1, max_size=20),
    st.binary(min_size=1, max_size=20).map(lambda path: path.decode("utf-8", "surrogateescape")),
    st.sampled_from(["new\nline", "100%", "a b/c d", "naïve/漢字", "c:/x", "-", "\udcff\udcfe", "[a](b)", "a#b?c"]),
)
RELATIVE = NAMES.filter(lambda path: not path.startswith(("/", "./")) and "\\" not in path)


def run_of(written):
    document = json.loads(written)
    VALIDATOR.validate(document)
    (run,) = document["runs"]
    return run


@settings(deadline=None)
@given(path=NAMES, text=st.text(max_size=30), value=st.binary(min_size=1, max_size=60), grouped=st.booleans())
def test_any_report_is_valid(path, text, value, grouped, make, render):
    provenance = Provenance(path, (Container("member", path),), make.commit._replace(subject=text))
    finding = make.finding(Secret(value))._replace(provenance=provenance)
    skips = (Skip(provenance, "unreadable", text),)
    suppressed = (Suppressed(finding, "baseline", text),)
    report = make.report(finding, finding, skips=skips, suppressed=suppressed, grouped=grouped, notes=(text,))
    run = run_of(render("sarif", report, show_suppressed=True))
    for result in run["results"]:
        physical = result["locations"][0]["physicalLocation"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%:-]+", physical["artifactLocation"]["uri"])
        assert physical["region"]["startLine"] >= 1


@settings(deadline=None)
@given(path=RELATIVE)
def test_a_relative_path_keeps_its_bytes(path):
    uri = path_uri(path)
    assert unquote_to_bytes(uri) == path.encode("utf-8", "surrogateescape")
    assert ":" not in uri  # or it would read as a scheme


@pytest.mark.parametrize(
    ("path", "base", "separator", "uri"),
    [
        ("./a/b.env", None, "/", "a/b.env"),
        ("/repo/a/b.env", "/repo", "/", "a/b.env"),
        ("/elsewhere/b c.env", "/repo", "/", "file:///elsewhere/b%20c.env"),
        ("a\\b.env", None, "\\", "a/b.env"),
        ("a\\b.env", None, "/", "a%5Cb.env"),
        ("C:\\repo\\b.env", None, "\\", "file:///C:/repo/b.env"),
    ],
)
def test_paths_become_addresses(path, base, separator, uri):
    assert path_uri(path, base, separator) == uri


def test_only_rules_found_are_described_once(make, render):
    run = run_of(render("sarif", make.everything(), show_suppressed=True))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["acme-key", "acme-secret", "gone-rule"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert all(len(rule["properties"]["tags"]) <= 20 for rule in rules)


def test_the_order_is_that_of_places(make, render):
    findings = list(make.everything().findings)
    written = render("sarif", make.report(*findings))
    random.Random(1).shuffle(findings)
    assert render("sarif", make.report(*findings)) == written


def test_suppressed_findings_only_when_asked(make, render):
    report = make.everything()
    assert not [result for result in run_of(render("sarif", report))["results"] if "suppressions" in result]
    results = run_of(render("sarif", report, show_suppressed=True))["results"]
    kinds = [result["suppressions"][0]["kind"] for result in results if "suppressions" in result]
    assert kinds == ["inSource", "external"]


def test_limits_are_kept_and_said(make, render):
    secret = make.secret(1)
    findings = [make.finding(secret, f"{number}.env") for number in range(150)]
    skips = tuple(Skip(Provenance(f"{number}.bin"), "unreadable", "") for number in range(1200))
    run = run_of(render("sarif", make.report(*findings, skips=skips, grouped=True)))
    (result,) = run["results"]
    assert len(result["relatedLocations"]) == 100
    assert "149 other places" in result["message"]["text"]
    notifications = run["invocations"][0]["toolExecutionNotifications"]
    assert len(notifications) == 1001
    assert "200 more" in notifications[-1]["message"]["text"]


def test_expected_skips_leave_a_run_successful(make, render):
    skips = (Skip(Provenance("x"), "excluded", "", expected=True),)
    (invocation,) = run_of(render("sarif", make.report(skips=skips)))["invocations"]
    assert invocation == {"executionSuccessful": True, "toolExecutionNotifications": []}


def test_a_name_makes_no_link(make, render):
    finding = make.finding(make.secret(1), "[free money](https://evil.test)")
    (result,) = run_of(render("sarif", make.report(finding)))["results"]
    assert "[free money](" not in result["message"]["text"]


def test_what_is_not_a_file_has_an_address_too(make, render):
    finding = make.finding(make.secret(1), provenance=Provenance("", commit=make.commit, kind="commit message"))
    (result,) = run_of(render("sarif", make.report(finding)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "commit%20message"
