"""Addresses of lines on the forges, of remotes as people write them and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmsecrets.model import Container, Location, Provenance
from llmsecrets.reporters.forge import Forge, forge_of

SHA = "ab" * 20


@pytest.mark.parametrize(
    ("remote", "kind", "url"),
    [
        ("https://github.com/acme/app.git", "github", "https://github.com/acme/app"),
        ("https://github.com/acme/app", "github", "https://github.com/acme/app"),
        ("git@github.com:acme/app.git", "github", "https://github.com/acme/app"),
        ("github.com:acme/app", "github", "https://github.com/acme/app"),
        ("ssh://git@gitlab.acme.example:2222/group/sub/app.git", "gitlab", "https://gitlab.acme.example/group/sub/app"),
        ("https://GitLab.com/group/app.git/", "gitlab", "https://gitlab.com/group/app"),
        ("https://git.gitlab.acme.example:8443/a/b", "gitlab", "https://git.gitlab.acme.example:8443/a/b"),
        ("https://bitbucket.org/acme/app.git", "bitbucket", "https://bitbucket.org/acme/app"),
        ("https://codeberg.org/acme/app.git", "codeberg", "https://codeberg.org/acme/app"),
    ],
)
def test_remotes_are_understood(remote, kind, url):
    assert forge_of(remote) == Forge(kind, url)


def test_a_password_in_a_remote_goes_nowhere():
    word = "hunter2secret"
    forge = forge_of(f"https://ada:{word}@github.com/acme/app.git", SHA)
    assert forge == Forge("github", "https://github.com/acme/app", SHA)


@pytest.mark.parametrize(
    "remote",
    ["", "/srv/git/app.git", "../app", "file:///srv/github/app", "https://example.org/acme/app",
     "javascript:github.com/a/b",
     "https://github.com/", "https://github.com/../x", 'https://github.com/a"onclick=x/b', "https://github.com/a b/c",
     "https://github.com<script>/a/b", "https://evil.test/github.com/app", "https://notgithub.test/a/b"],
)  # fmt: skip
def test_what_is_no_forge_has_no_address(remote):
    assert forge_of(remote) is None


@given(remote=st.text("https://@:.github/ab<>\"'%\\\n", max_size=60))
def test_an_address_holds_plain_characters_only(remote):
    forge = forge_of(remote)
    assert forge is None or set(forge.url) <= set("https://abgu.-~_:" + "abcdefghijklmnopqrstuvwxyz0123456789")


@pytest.mark.parametrize(
    ("kind", "tail"),
    [
        ("github", f"/blob/{SHA}/a%20b/%3Cx%3E.env?plain=1#L12-L12"),
        ("gitlab", f"/-/blob/{SHA}/a%20b/%3Cx%3E.env#L12-12"),
        ("bitbucket", f"/src/{SHA}/a%20b/%3Cx%3E.env#lines-12:12"),
        ("gitea", f"/src/commit/{SHA}/a%20b/%3Cx%3E.env#L12-L12"),
    ],
)
def test_lines_have_addresses(kind, tail, make):
    finding = make.finding(make.secret(1), "a b/<x>.env")
    assert Forge(kind, "https://forge.test/acme/app", SHA).line_url(finding) == f"https://forge.test/acme/app{tail}"


def test_the_commit_that_brought_it_in_goes_before_the_one_checked_out(make):
    finding = make.finding(make.secret(1), provenance=Provenance("a.env", (), make.commit))
    assert f"/blob/{make.commit.sha}/a.env" in Forge("github", "https://github.com/a/b", SHA).line_url(finding)


def test_a_member_has_the_address_of_its_archive(make):
    finding = make.finding(make.secret(1), provenance=Provenance("a.zip", (Container("member", "x.env"),)))
    assert (
        Forge("github", "https://github.com/a/b", SHA).line_url(finding) == f"https://github.com/a/b/blob/{SHA}/a.zip"
    )


@pytest.mark.parametrize(
    "provenance",
    [Provenance("COMMIT_EDITMSG", kind="commit message"), Provenance(""), Provenance("/etc/passwd")],
)
def test_what_is_no_file_of_the_repository_has_no_address(provenance, make):
    finding = make.finding(make.secret(1), provenance=provenance, location=Location(1, 1, 1, 2, 0, 1))
    assert Forge("github", "https://github.com/a/b", SHA).line_url(finding) == ""


@pytest.mark.parametrize("revision", ["", "HEAD", "main#", SHA + "0"])
def test_without_a_commit_there_is_no_address(revision, make):
    assert Forge("github", "https://github.com/a/b", revision).line_url(make.finding(make.secret(1))) == ""
