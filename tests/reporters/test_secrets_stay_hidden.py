"""No format prints a secret's value, wherever in the report it stands, unless the user asks for it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import string
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmsecrets.model import (
    Commit,
    Component,
    Container,
    Excerpt,
    Location,
    Provenance,
    Secret,
    Skip,
    Standing,
    Suppressed,
)
from llmsecrets.reporters import FORMATS
from llmsecrets.reporters.view import printable

ALPHABET = string.ascii_letters + string.digits + '-_+/=é漢\x1b\t\n"\\[<&'
VALUES = st.one_of(
    st.text(ALPHABET, min_size=12, max_size=80).map(str.encode),
    st.binary(min_size=12, max_size=40).filter(lambda value: len(set(value)) > 4),
)
# What stands in every report, such as a key's name, is no secret: the mark keeps Hypothesis from drawing one.
VALUES = VALUES.map(lambda value: b"~~" + value)


def strings(value):
    """Every string of a JSON value, names included."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)
    elif isinstance(value, str):
        yield value


def printed(format, written):
    """What a reader of the output sees."""
    if format in ("json", "sarif", "gitlab", "codequality"):
        return "\0".join(strings(json.loads(written)))
    if format == "jsonl":
        return "\0".join(text for line in written.splitlines() for text in strings(json.loads(line)))
    if format == "markdown":
        return html.unescape(written)
    if format == "junit":
        return "\0".join(
            one for node in ElementTree.fromstring(written).iter() for one in node.attrib.values() if one
        ) + ("\0".join(ElementTree.fromstring(written).itertext()))
    if format == "csv":
        return "\0".join(cell for row in csv.reader(io.StringIO(written, newline="")) for cell in row)
    if format == "html":
        texts = re.findall(r'<script type="application/json" id="report">(.*?)</script>', written, re.DOTALL)
        return "\0".join([html.unescape(written), *(text for one in texts for text in strings(json.loads(one)))])
    if format == "github":
        return unquote(written)
    return written


def shapes(value):
    """The ways in which bytes turn into text and text into output."""
    texts = {value.decode("utf-8", errors) for errors in ("backslashreplace", "surrogateescape", "replace")}
    return texts | {printable(text) for text in texts}


def report_around(make, values, grouped):
    """A report of the secrets in which every field of free text also holds them all."""
    secrets = [Secret(value) for value in values]
    text = " ; ".join(value.decode("utf-8", "surrogateescape") for value in values)
    commit = Commit("ab" * 20, text, text, "2026-01-02T03:04:05Z", f"Remove {text} again")
    layer = Container("layer", f"RUN echo {text}", (("created", text),))
    part = Component("other half", secrets[-1], Location(1, 1, 1, 9, 0, 8))
    changes = {
        "provenance": Provenance("app.env", (layer,), commit),
        "excerpt": Excerpt(f"{text} = '", f"' # {text}"),
        "facts": (("seen", text),),
        "components": (part,),
        "standing": Standing(True, (f"refs/heads/{text}",), 2),
    }
    findings = [make.finding(secret, **changes) for secret in secrets]
    return make.report(
        *findings,
        suppressed=tuple(Suppressed(finding, "allowlist", text) for finding in findings[:1]),
        skips=(Skip(Provenance("x", (layer,)), "unreadable", text),),
        notes=(text,),
        grouped=grouped,
    )


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None)
@given(values=st.lists(VALUES, min_size=1, max_size=4), grouped=st.booleans())
def test_no_value_is_printed(format, values, grouped, make, render):
    report = report_around(make, values, grouped)
    seen = printed(format, render(format, report, show_suppressed=True))
    for value in values:
        assert not [shape for shape in shapes(value) if shape in seen]


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"text", "json", "jsonl"}))
@settings(deadline=None, max_examples=30)
@given(values=st.lists(VALUES, min_size=1, max_size=4))
def test_what_is_passed_on_holds_no_value_even_when_asked(format, values, make, render):
    report = report_around(make, values, True)
    assert render(format, report, show_secrets=True) == render(format, report)


@pytest.mark.parametrize("format", ["text", "json", "jsonl"])
@settings(deadline=None)
@given(value=VALUES)
def test_the_value_is_printed_on_request(format, value, make, render):
    report = make.report(make.finding(Secret(value)))
    seen = printed(format, render(format, report, show_secrets=True))
    assert any(shape in seen for shape in shapes(value))


@pytest.mark.parametrize("format", FORMATS)
def test_colour_changes_nothing(format, make, render):
    secret = make.secret(5)
    report = report_around(make, [secret.reveal()], False)
    assert secret.reveal().decode() not in render(format, report, color=True, show_suppressed=True, width=300)


def test_the_longer_of_two_secrets_is_masked_whole(make, render):
    short, long = make.secret(6, 20), Secret(make.secret(6, 20).reveal() + make.secret(7, 20).reveal())
    excerpt = Excerpt(f"{long.reveal().decode()} ", "")
    written = render("text", make.report(make.finding(short, excerpt=excerpt), make.finding(long)))
    assert long.reveal()[-20:].decode() not in written


def test_a_path_stays_whole(make, render):
    secret = make.secret(8)
    path = f"backup/{secret.reveal().decode()}.txt"
    assert path in render("text", make.report(make.finding(secret, path)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\\n", "\\r\\n", " ", ""])
def test_of_a_private_key_no_more_than_its_header_is_shown(end):
    header = "-----BEGIN EC " + "PRIVATE KEY-----"
    assert str(Secret(f"{header}{end}{'MHcC' * 20}".encode())) == f"{header}…"
    assert "MHcC" not in str(Secret(f"-----BEGIN{end}{'MHcC' * 20}".encode()))
