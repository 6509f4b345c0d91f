"""The table has a line a place, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def rows(written, delimiter=","):
    return list(csv.reader(io.StringIO(written, newline=""), delimiter=delimiter))


def test_every_place_has_a_line(make, render):
    report = make.everything(grouped=True)
    header, *lines = rows(render("csv", report))
    assert len(lines) == len(report.findings)
    places = {(line[header.index("path")], int(line[header.index("line")])) for line in lines}
    assert places == {(one.provenance.path, one.location.start_line) for one in report.findings}


@pytest.mark.parametrize("path", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "＝1+1", "a;=cmd|'/c calc'!A1", "a|=1"])
def test_a_formula_is_made_text(path, make, render):
    header, line = rows(render("csv", make.report(make.finding(make.secret(1), path))))
    cell = line[header.index("path")]
    assert cell != path
    assert cell.replace("'", "", 1) == path or cell.count("'") == path.count("'") + 1


@settings(deadline=None)
@given(text=st.text("=+-@;,|\"'a \t\r\n", min_size=1, max_size=12))
def test_no_cell_starts_a_formula_however_it_is_separated(text, make, render):
    commit = make.commit._replace(author=text, email=text, subject=text, date=text)
    finding = make.finding(make.secret(1), text)
    report = make.report(finding._replace(provenance=finding.provenance._replace(commit=commit)))
    written = render("csv", report)
    assert len({len(row) for row in rows(written)}) == 1
    for delimiter in ",;|":
        assert not [cell for row in rows(written, delimiter) for cell in row if re.match(r"\s*[=+\-@]", cell)]
