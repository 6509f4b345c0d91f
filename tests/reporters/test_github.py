"""Annotations: at the lines of the checkout, one command a line, nothing in a name starts another."""

from __future__ import annotations

import io
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from llmsecrets import reporters
from llmsecrets.model import Location, Provenance

COMMAND = re.compile(r"::(?:error|warning|notice) (?:[A-Za-z]+=[^,:\r\n]*,)*[A-Za-z]+=[^,:\r\n]*::[^\r\n]*")


@settings(deadline=None)
@given(path=st.text("a:,%\r\n= ☃", min_size=1, max_size=20), author=st.text("a:\r\n%", max_size=9))
def test_every_line_is_one_command(path, author, make, render):
    commit = make.commit._replace(author=author)
    found = [make.finding(make.secret(1), path), make.finding(make.secret(2), provenance=Provenance(path, (), commit))]
    lines = render("github", make.report(*found)).splitlines()
    assert len(lines) == 2
    assert all(COMMAND.fullmatch(line) for line in lines)


def test_separators_are_escaped(make, render):
    written = render("github", make.report(make.finding(make.secret(1), "a,b:100%.env")))
    assert written.startswith("::error file=a%2Cb%3A100%25.env,line=12,endLine=12,col=15,endColumn=55,title=")
    assert "in a,b:100%25.env:12:15." in written


def test_severities_become_levels(make, render):
    found = [make.finding(make.secret(n), severity=name) for n, name in enumerate(("info", "critical", "medium", "?"))]
    levels = [line.split()[0] for line in render("github", make.report(*found)).splitlines()]
    assert levels == ["::error", "::warning", "::notice", "::warning"]


def test_a_line_that_has_moved_is_annotated_where_it_is(tmp_path, make, render):
    secret = make.secret(1)
    (tmp_path / "a.env").write_bytes(b"\n" * 40 + secret.reveal())
    finding = make.finding(secret, provenance=Provenance("a.env", commit=make.commit))
    assert "file=a.env,line=41,endLine=41,col=1," in render("github", make.report(finding), base=str(tmp_path))


def test_a_line_that_is_gone_is_not_annotated(tmp_path, make, render):
    finding = make.finding(make.secret(1), provenance=Provenance("gone.env", commit=make.commit))
    written = render("github", make.report(finding), base=str(tmp_path))
    assert written.startswith("::error title=llmsecrets%3A Acme API key::")
    assert "gone.env:12:15, commit 0123456789 of 2026-01-02" in written


def test_columns_only_within_a_line(make, render):
    finding = make.finding(make.secret(1), location=Location(3, 5, 9, 2, 10, 500))
    assert "line=3,endLine=9,title=" in render("github", make.report(finding))


def test_more_than_github_shows_is_said(make, rules):
    found = [make.finding(make.secret(n), f"{n}.env") for n in range(11)]
    notes = reporters.write("github", make.report(*found), rules, io.StringIO())
    assert notes == ("GitHub shows 10 of 11 annotations of the level error; the log holds them all.",)
    assert reporters.write("github", make.report(*found[:10]), rules, io.StringIO()) == ()
