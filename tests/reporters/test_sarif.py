"""The SARIF report is valid, and within what GitHub code scanning accepts."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from llmsecrets import reporters
from llmsecrets.model import Container, Provenance, Secret, Skip, Suppressed
from llmsecrets.reporters import sarif
from llmsecrets.reporters.sarif import relative_uri

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
        assert re.fullmatch(r"[A-Za-z0-9._~%-][A-Za-z0-9._~/%-]*", physical["artifactLocation"]["uri"])
        assert physical["region"]["startLine"] >= 1


@settings(deadline=None)
@given(path=RELATIVE)
def test_a_relative_path_keeps_its_bytes(path):
    base, uri = relative_uri(path)
    assert base == "SRCROOT"
    assert unquote_to_bytes(uri) == path.encode("utf-8", "surrogateescape")
    assert ":" not in uri  # or it would read as a scheme


@pytest.mark.parametrize(
    ("path", "base", "separator", "uri"),
    [
        ("./a/b.env", None, "/", ("SRCROOT", "a/b.env")),
        ("/repo/a/b.env", "/repo", "/", ("SRCROOT", "a/b.env")),
        ("/elsewhere/b c.env", "/repo", "/", ("FSROOT", "elsewhere/b%20c.env")),
        ("a\\b.env", None, "\\", ("SRCROOT", "a/b.env")),
        ("a\\b.env", None, "/", ("SRCROOT", "a%5Cb.env")),
        ("C:\\repo\\b.env", None, "\\", ("FSROOT", "C%3A/repo/b.env")),
    ],
)
def test_paths_become_relative_addresses(path, base, separator, uri):
    assert relative_uri(path, base, separator) == uri


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


# ---- what GitHub knows an alert by ---------------------------------------------------------------------------------


def test_a_secret_that_stands_is_shown_where_it_stands_today(tmp_path, make, render):
    secret = make.secret(1)
    (tmp_path / "a.env").write_bytes(b"# later\n" * 30 + b"KEY=" + secret.reveal())
    finding = make.finding(secret, provenance=Provenance("a.env", commit=make.commit))
    (result,) = run_of(render("sarif", make.report(finding, grouped=True), base=str(tmp_path)))["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 31
    assert re.fullmatch("[0-9a-f]{1,16}:1", result["partialFingerprints"]["primaryLocationLineHash"])


def test_a_secret_that_is_gone_stays_where_it_came_in(tmp_path, make, render):
    finding = make.finding(make.secret(1), provenance=Provenance("gone.env", commit=make.commit))
    (result,) = run_of(render("sarif", make.report(finding, grouped=True), base=str(tmp_path)))["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 12
    own = result["partialFingerprints"]["llmsecretsFingerprint/v1"]
    assert result["partialFingerprints"]["primaryLocationLineHash"] == f"{own[:16]}:1"


def test_against_a_baseline_results_are_new_or_unchanged(make, render):
    suppressed = tuple(
        Suppressed(make.finding(make.secret(n)), why, "") for n, why in enumerate(("baseline", "allowlist"))
    )
    report = make.report(make.finding(make.secret(5)), suppressed=suppressed)
    results = run_of(render("sarif", report, baseline=True, show_suppressed=True))["results"]
    assert sorted(result["baselineState"] for result in results) == ["new", "new", "unchanged"]
    (known,) = (result for result in results if result["baselineState"] == "unchanged")
    assert known["suppressions"][0]["justification"].startswith("baseline")
    assert not [one for one in run_of(render("sarif", report))["results"] if "baselineState" in one]


def plant(repository, key):
    """300 keys in 50 files, a sixth of them removed again."""
    kinds = ("github", "gitlab", "npm", "openai", "anthropic", "slack")
    lines = [[f'{kind}_{number} = "{key(kind, number)}"\n' for kind in kinds] for number in range(50)]
    files = {f"src/part {number}.py": "".join(found) for number, found in enumerate(lines)}
    repository.commit(files, "keys")
    repository.commit({path: "".join(found[:-1]) for path, found in zip(files, lines, strict=True)}, "fewer keys")
    return list(files)


def identities(written):
    return sorted((one["ruleId"], *sorted(one["partialFingerprints"].items())) for one in run_of(written)["results"])


@pytest.mark.parametrize("scanned", [("--history",), ()], ids=["history", "files"])
def test_hundreds_of_alerts_keep_their_identity_when_lines_move(scanned, repository, key, llmsecrets):
    paths = plant(repository, key)
    scan = ("scan", *scanned, ".", "-f", "sarif")
    first, second = (llmsecrets(*scan, cwd=repository.root) for _ in range(2))
    assert identities(second.stdout) == identities(first.stdout)
    for path in paths:
        repository.write(path, "# a line\n" * 50 + (repository.root / path).read_text())
    repository.git("commit", "-qam", "fifty lines on top of every file")
    moved = llmsecrets(*scan, cwd=repository.root)
    assert identities(moved.stdout) == identities(first.stdout)
    assert len(identities(moved.stdout)) == (300 if scanned else 250)
    lines = [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in run_of(moved.stdout)["results"]]
    assert sorted(set(lines)) == ([6] if scanned else []) + [51, 52, 53, 54, 55]
    assert not [part for part in (key("openai", n)[8:40] for n in range(50)) if part in moved.stdout]


# ---- what GitHub accepts -------------------------------------------------------------------------------------------


def sizes(document):
    (run,) = document["runs"]
    return len(run["results"]), len(gzip.compress(json.dumps(document).encode()))


def test_the_most_severe_of_too_many_are_kept_and_that_is_said(make, rules):
    findings = [
        make.finding(make.secret(n, 8), f"{n}.env", severity=("low", "high")[n % 2], confidence="low")
        for n in range(25_100)
    ]
    out = io.StringIO()
    (note,) = reporters.write("sarif", make.report(*findings), rules, out)
    assert note.startswith("SARIF holds the 25,000 most severe of 25,100 results")
    document = json.loads(out.getvalue())
    count, size = sizes(document)
    assert (count, size < 10_000_000) == (25_000, True)
    (run,) = document["runs"]
    assert Counter(result["level"] for result in run["results"]) == {"error": 12_550, "note": 12_450}
    assert note in [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
    uris = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]]
    assert uris == sorted(uris)


def test_a_report_too_large_to_upload_is_cut(make, rules, monkeypatch):
    monkeypatch.setattr(sarif, "_GZIPPED", 20_000)
    findings = [make.finding(make.secret(n), f"{n}.env", severity=("low", "high")[n % 2]) for n in range(400)]
    out = io.StringIO()
    (note,) = reporters.write("sarif", make.report(*findings), rules, out)
    count, size = sizes(json.loads(out.getvalue()))
    assert f"the {count} most severe of 400" in note
    assert 20 < count < 400
    assert size < 21_000
    levels = Counter(result["level"] for result in json.loads(out.getvalue())["runs"][0]["results"])
    assert levels["error"] == min(count, 200)


def test_descriptions_keep_to_their_lengths(builtin_rules, make):
    found = [make.finding(make.secret(n), rule_id=rule.id) for n, rule in enumerate(builtin_rules)]
    out = io.StringIO()
    reporters.write("sarif", make.report(*found), builtin_rules, out)
    for rule in run_of(out.getvalue())["tool"]["driver"]["rules"]:
        assert len(rule["name"]) <= 255
        assert max(len(rule[part]["text"]) for part in ("shortDescription", "fullDescription")) <= 1024
        assert rule["help"]["markdown"].startswith(f"# {rule['name']}")
        assert {"tags", "precision", "security-severity"} <= set(rule["properties"])
