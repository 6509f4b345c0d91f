"""The JUnit report is XML whatever the repository holds, and counts what it lists."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from llmsecrets.model import Container, Excerpt, Provenance, Skip


@settings(deadline=None)
@given(text=st.text(min_size=1, max_size=30))
def test_any_report_is_well_formed(text, make, render):
    commit = make.commit._replace(author=text, subject=text)
    provenance = Provenance(text, (Container("layer", text, ((text, text),)),), commit)
    finding = make.finding(make.secret(1), provenance=provenance, excerpt=Excerpt(text, text))
    report = make.report(finding, finding, skips=(Skip(provenance, "unreadable", text),))
    root = ElementTree.fromstring(render("junit", report))
    for counted in (root, *root):
        assert [counted.get(name) for name in ("tests", "failures", "errors")] == ["3", "2", "1"]
    cases = list(root.iter("testcase"))
    assert [case[0].tag for case in cases] == ["failure", "failure", "error"]
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == 3


def test_a_clean_result_is_a_passed_case(make, render):
    root = ElementTree.fromstring(render("junit", make.report()))
    (case,) = root.iter("testcase")
    assert (root.get("tests"), root.get("failures"), len(case)) == ("1", "0", 0)


def test_a_moved_line_is_the_same_case(make, render):
    names = [
        ElementTree.fromstring(render("junit", make.report(make.finding(make.secret(1), line=line))))[0][0].attrib
        for line in (3, 9)
    ]
    assert names[0] == names[1]


def test_expected_skips_are_no_errors(make, render):
    report = make.report(skips=(Skip(Provenance("x"), "excluded", "", expected=True),))
    assert ElementTree.fromstring(render("junit", report)).get("errors") == "0"
