"""Commit objects, those that nobody's git would write among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmsecrets.git import Repository
from llmsecrets.git.commits import parse_commit

_COMMIT = b"""\
tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author %b
committer Cem <cem@example.org> 1709283600 +0000
%b
%b
"""


def _parsed(author: bytes = b"Ann <ann@example.org> 0 +0000", headers: bytes = b"", message: bytes = b"a change"):
    return parse_commit("1" * 40, _COMMIT % (author, headers, message))


def test_what_git_writes_is_read(repository) -> None:
    commit_id = repository.commit({"a": "1"}, "One line\n\nand more\n")
    (commit,) = Repository(Path(repository.root)).details([commit_id]).values()
    assert (commit.sha, commit.author, commit.email) == (commit_id, "Ann Author", "ann@example.org")
    assert commit.date.startswith("2024-03-01T10:")
    assert commit.date.endswith("+01:00")
    assert commit.subject == "One line"


@pytest.mark.parametrize(
    ("zone", "offset"), [(b"+0000", "+00:00"), (b"-0330", "-03:30"), (b"+0545", "+05:45"), (b"-0000", "+00:00")]
)
def test_a_date_keeps_its_zone(zone, offset) -> None:
    assert _parsed(b"Ann <ann@example.org> 1709283600 " + zone).date.endswith(offset)


@pytest.mark.parametrize(
    "author",
    [b"", b"Ann", b"Ann <ann@example.org>", b"Ann <a> soon +0000", b"Ann <a> 99999999999999999999 +0000",
     b"Ann <a> 1709283600 +9999", b"Ann <a> 1709283600"],
)  # fmt: skip
def test_a_damaged_author_has_no_date(author) -> None:
    assert _parsed(author).date == ""


def test_a_name_may_hold_any_byte(repository) -> None:
    assert _parsed(b"\xff <ann@example.org> 0 +0000").author == "\ufffd"
    assert _parsed(b"J\xf6rg <j@example.org> 0 +0000", b"encoding ISO-8859-1\n").author == "Jörg"
    assert _parsed(b"J\xc3\xb6rg <j@example.org> 0 +0000", b"encoding nonsense\n").author == "Jörg"


def test_a_subject_is_the_first_line_that_is_not_empty() -> None:
    assert _parsed(message=b"\n\n\nfirst\nsecond").subject == "first"
    assert _parsed(message=b"").subject == ""


def test_bytes_that_are_no_commit_have_no_details() -> None:
    assert parse_commit("2" * 40, b"\0\1\2") == parse_commit("2" * 40, b"")
