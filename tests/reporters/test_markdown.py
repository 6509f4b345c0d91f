"""The Markdown summary: nothing from a repository is markup, and it fits where GitHub puts it."""

from __future__ import annotations

import io
import re
from html import unescape

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from llmsecrets import reporters
from llmsecrets.model import Container, Provenance, Skip
from llmsecrets.reporters.markdown import escaped
from llmsecrets.reporters.view import printable

READER = MarkdownIt("gfm-like", {"linkify": False})
MARKUP = (
    "<script>alert(1)</script> [x](https://evil.test) ![i](y) `c` **b** _u_ ~~s~~ | a | &lt; # h www.evil.test @ada"
)
OURS = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "ul", "li", "strong", "a", "blockquote"}


def tags(written):
    return set(re.findall(r"<([a-z0-9]+)", READER.render(written)))


@given(text=st.text("ab\\`*_{}[]<>()#+-.!|~&;:@/w\"'=^$", max_size=40))
@example(text=MARKUP)
def test_escaped_text_is_what_is_read(text):
    rendered = READER.render(f"x {escaped(text)} x")
    assert unescape(re.sub(r"</?p>\n?", "", rendered)) == f"x {text} x"


@settings(deadline=None)
@given(text=st.text(min_size=1, max_size=40))
@example(text=MARKUP)
def test_nothing_of_the_repository_is_markup(text, make, render):
    commit = make.commit._replace(author=text, subject=text)
    provenance = Provenance(text, (Container("layer", text),), commit)
    found = make.finding(make.secret(1), provenance=provenance)
    report = make.report(found, skips=(Skip(provenance, "unreadable", text),), notes=(text,), targets=(text,))
    written = render("markdown", report)
    assert tags(written) <= OURS
    assert READER.render(written).count("<tr>") == 2
    assert printable(text) in unescape(READER.render(written))
    assert re.findall('href="([^"]*)"', READER.render(written)) == ["https://acme.test/keys"]


def test_a_clean_result_is_short(make, render):
    expected = "## No secrets found\n\n1,234 files, 56.7 MB, 812 commits in 1.2 s\n"
    assert render("markdown", make.report()) == expected


def test_what_github_would_refuse_is_left_out_and_said(make, rules):
    findings = [make.finding(make.secret(n), f"{'folder/' * 60}{n}.env") for n in range(2000)]
    out = io.StringIO()
    (note,) = reporters.write("markdown", make.report(*findings), rules, out)
    shown = out.getvalue().count("\n| high")
    assert f"shows {shown:,} of 2,000 secrets" in note
    assert f"And {2000 - shown:,} more secrets." in out.getvalue()
    assert 500 < shown < 2000
    assert len(out.getvalue().encode()) < 1 << 20
