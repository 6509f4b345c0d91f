"""The JSON formats keep to docs/schemas/report.schema.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llmsecrets.model import Provenance, Secret, Skip, Suppressed

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

PATHS = st.one_of(
    st.text(min_size=1, max_size=20),
    st.binary(min_size=1, max_size=20).map(lambda path: path.decode("utf-8", "surrogateescape")),
)


def part(name):
    return VALIDATOR.evolve(schema={"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("grouped", [False, True])
def test_every_key_is_in_the_schema(grouped, make, render):
    document = json.loads(render("json", make.everything(grouped=grouped)))
    VALIDATOR.validate(document)
    assert list(document) == list(SCHEMA["properties"])
    pairs = [("finding", document["findings"]), ("skip", document["skips"])]
    pairs += [("stats", [document["stats"]]), ("tool", [document["tool"]])]
    pairs += [("occurrence", document["findings"][1]["occurrences"])]
    pairs += [("provenance", [found["provenance"] for found in document["findings"]])]
    for name, values in pairs:
        assert all(set(value) == set(SCHEMA["$defs"][name]["properties"]) for value in values)


@settings(deadline=None)
@given(path=PATHS, text=st.text(max_size=30), value=st.binary(min_size=1, max_size=60), grouped=st.booleans())
def test_any_report_is_valid(path, text, value, grouped, make, render):
    commit = make.commit._replace(subject=text, author=text)
    finding = make.finding(Secret(value), path)._replace(provenance=Provenance(path, commit=commit))
    skips = (Skip(Provenance(path), "unreadable", text),)
    suppressed = (Suppressed(finding, "baseline", text),)
    report = make.report(finding, finding, skips=skips, suppressed=suppressed, grouped=grouped, notes=(text,))
    VALIDATOR.validate(json.loads(render("json", report)))
    VALIDATOR.validate(json.loads(render("json", report, show_secrets=True)))


def test_lines_are_findings_and_a_summary(make, render):
    *findings, last = map(json.loads, render("jsonl", make.everything(grouped=True)).splitlines())
    assert findings == json.loads(render("json", make.everything(grouped=True)))["findings"]
    for finding in findings:
        part("finding").validate(finding)
    part("summary").validate(last["summary"])
    assert last["summary"]["findings"] == len(findings) == 2


def test_an_empty_report_is_valid(make, render):
    document = json.loads(render("json", make.report()))
    VALIDATOR.validate(document)
    assert document["findings"] == []
    assert document["complete"] is True


def test_output_is_ascii(make, render):
    assert render("json", make.report(make.finding(make.secret(1), "naïve/漢字.env"))).isascii()


def test_occurrences_hold_the_other_places(make, render):
    findings = [make.finding(make.secret(1), f"{name}.env") for name in "abc"]
    (entry,) = json.loads(render("json", make.report(*findings, grouped=True)))["findings"]
    assert entry["location"]["path"] == "a.env"
    assert [place["location"]["path"] for place in entry["occurrences"]] == ["b.env", "c.env"]
