"""The text report: plain where it is not a terminal, harmless on one, honest about what was not seen."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmsecrets import reporters
from llmsecrets.model import Container, Excerpt, Provenance, Skip, Stats

ESCAPES = "\x1b[2J\x1b]0;owned\x07\r\n\x08\x9b31m\u202e"
MARKUP = "[bold red]x[/] :smile: [link=https://evil.test]y[/link]"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def hostile(make, text):
    commit = make.commit._replace(author=text, email=text, subject=text)
    provenance = Provenance(text, (Container("member", text), Container("layer", text, ((text, text),))), commit)
    finding = make.finding(make.secret(1), provenance=provenance, excerpt=Excerpt(text, text), facts=(("is", text),))
    return make.report(finding, skips=(Skip(provenance, "unreadable", text),), targets=(text,), notes=(text,))


@pytest.mark.parametrize("format", reporters.FORMATS)
@settings(deadline=None)
@given(text=st.text(st.sampled_from(ESCAPES + "ab"), min_size=1, max_size=12))
def test_no_control_character_gets_through(format, text, make, render):
    written = render(format, hostile(make, text), show_suppressed=True)
    assert all(char.isprintable() or char == "\n" for char in written)


def test_escapes_stay_visible(make, render):
    assert "\\x1b[2J" in render("text", hostile(make, ESCAPES))


def test_markup_is_not_interpreted(make, render):
    written = render("text", hostile(make, MARKUP), color=True, width=1000)
    assert MARKUP in written
    assert "\x1b]8" not in written


@pytest.mark.parametrize("command", ["::stop-commands::x", "##[add-mask]x", "##vso[task.prependpath]/tmp"])
@pytest.mark.parametrize("format", ["text", "json", "jsonl", "sarif", "markdown", "gitlab", "codequality"])
def test_a_ci_service_that_keeps_the_log_is_not_commanded(format, command, make, render):
    written = render(format, hostile(make, command), show_suppressed=True)
    assert not [
        line for line in written.splitlines() if line.lstrip().startswith("::") or "##[" in line or "##vso[" in line
    ]
    if format == "json":
        assert json.loads(written)["notes"] == [command]


def test_the_user_has_the_last_word_on_colour(make, rules, render, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    reporters.write("text", make.everything(), rules, terminal, reporters.Options(color=False))
    assert "\x1b" not in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" in render("text", make.everything(), color=True)


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_a_terminal_decides_unless_told(environment, colored, make, rules, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    reporters.write("text", make.everything(), rules, terminal)
    assert ("\x1b[" in terminal.getvalue()) is colored


def test_colour_says_the_same_as_plain_text(make, render):
    colored = render("text", make.everything(), color=True, width=1000)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render("text", make.everything())


def test_plain_text_is_never_cut(make, render):
    path = "/".join(["folder"] * 60) + "/key.env"
    assert f"  {path}:12:15\n" in render("text", make.report(make.finding(make.secret(1), path)), width=40)


def test_an_encoding_without_the_character_is_no_failure(make, rules):
    buffer = io.BytesIO()
    out = io.TextIOWrapper(buffer, encoding="ascii")
    reporters.write("text", make.report(make.finding(make.secret(1), "漢字\udcff.env")), rules, out)
    out.flush()
    assert b"\\u6f22\\u5b57\\xff.env:12:15" in buffer.getvalue()


def test_a_clean_result_is_one_line(make, render):
    expected = "No secrets found · 1,234 files, 56.7 MB, 812 commits in 1.2 s\n"
    assert render("text", make.report()) == expected


def test_an_incomplete_result_is_not_called_clean(make, render):
    report = make.report(skips=(Skip(Provenance("a.zip"), "unreadable", "encrypted"),))
    assert "No secrets found in what could be scanned · " in render("text", report)


def test_nothing_looked_at_is_said(make, render):
    report = make.report(stats=Stats(), targets=("empty folder",))
    assert render("text", report) == "Nothing was scanned: no content in empty folder\n"


@pytest.mark.parametrize(
    ("provenance", "said"),
    [
        (Provenance("", blob_id="ab" * 20), "blob " + "ab" * 20),
        (Provenance("notes.txt", kind="stdin"), "stdin notes.txt"),
        (Provenance("stdin", kind="stdin"), "stdin"),
        (Provenance("", kind="commit message"), "commit message"),
    ],
)
def test_what_is_not_a_file_is_named(provenance, said, make, render):
    assert f"  {said}:12:15\n" in render("text", make.report(make.finding(make.secret(1), provenance=provenance)))


def test_numbers_agree_with_nouns(make, render):
    written = render("text", make.report(make.finding(make.secret(1)), stats=Stats(1, 1, 0, 0.04)))
    assert "1 secret in 1 place (1 high) · 1 file, 1 byte in 0.0 s\n" in written


def test_the_most_severe_comes_first(make, render):
    findings = [make.finding(make.secret(n), severity=name) for n, name in enumerate(("low", "critical", "medium"))]
    heads = [line.split()[0] for line in render("text", make.report(*findings)).splitlines() if "[acme-key]" in line]
    assert heads == ["CRITICAL", "MEDIUM", "LOW"]


def test_plain_text_does_not_import_rich():
    program = (
        "import io, sys; from llmsecrets import model, reporters, rules;"
        "report = model.ScanReport((), (), (), model.Stats(1, 1), ());"
        "reporters.write('text', report, rules.RuleSet.of(()), io.StringIO());"
        "sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
