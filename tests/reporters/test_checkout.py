"""Where a secret stands in the files as they are now, and GitHub's hash of that line."""

from __future__ import annotations

import os
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmsecrets.model import Container, Provenance
from llmsecrets.reporters.checkout import Checkout, LineHashes

GREETINGS = [
    "e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1", "b3edc88f2938467e:1",
    "c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1",
]  # fmt: skip


def hashes(content):
    made = LineHashes(content)
    return [made.of(line) for line in range(1, len(made._starts) + 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["c129715d7a2bc9a3:1"]),
        (" a\nb\n  \t\tc\n d", ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"]),
        (" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", GREETINGS),
        (" hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", GREETINGS),
        (" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n", GREETINGS),
        (" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", GREETINGS),
        (
            "Lorem ipsum dolor sit amet.\n" * 10,
            [*(f"a7f2ff13bc495cf2:{n}" for n in range(1, 7)), "a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1",
             "55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1", "c129715d7a2bc9a3:1"],
        ),
    ],
)  # fmt: skip
def test_hashes_are_those_of_githubs_action(text, expected):
    """Texts and hashes as in github/codeql-action's own tests of src/fingerprints.ts."""
    assert hashes(text.encode()) == expected


def rolling(text):
    """The action's way to the same: a rolling hash over a window of a hundred characters, character by character."""
    units = [int.from_bytes(pair, "little") for pair in zip(*[iter(text.encode("utf-16-le"))] * 2, strict=True)]
    window, owner, counts, found = [0] * 100, [None] * 100, {}, []
    value, number, at_start, after_return = 0, count(1), True, False
    position = 0

    def emit():
        if owner[position] is not None:
            counts[value] = counts.get(value, 0) + 1
            found.append(f"{value:x}:{counts[value]}")
            owner[position] = None

    for unit in [*units, 65535, *[None] * 100]:
        if unit in (32, 9) or (after_return and unit == 10):
            after_return = False
            continue
        after_return = unit == 13
        unit = 10 if unit == 13 else unit
        emit()
        if unit is not None:
            owner[position] = next(number) if at_start else None
            at_start = unit == 10
        value = (value * 37 + (unit or 0) - pow(37, 100) * window[position]) % (1 << 64)
        window[position] = unit or 0
        position = (position + 1) % 100
    return found


@given(text=st.text("ab \t\r\n\n\n😀é", max_size=250))
def test_hashes_are_those_of_a_rolling_window(text):
    assert hashes(text.encode()) == rolling(text)


@given(text=st.text("ab\n", max_size=120), lines=st.lists(st.integers(1, 130), max_size=8))
def test_the_order_of_questions_does_not_matter(text, lines):
    whole, made = hashes(text.encode()), LineHashes(text.encode())
    assert [made.of(line) for line in lines] == [whole[line - 1] if line <= len(whole) else None for line in lines]


def test_a_moved_secret_is_found(tmp_path, make):
    secret = make.secret(1)
    (tmp_path / "a.env").write_bytes(b"\n" * 50 + b"\xc3\xa9 KEY=" + secret.reveal() + b"\n")
    anchor = Checkout(str(tmp_path)).anchor(make.finding(secret, "a.env", 12))
    location = anchor.location
    assert (location.start_line, location.start_column, location.end_line) == (51, 7, 51)
    assert location.end_column == 7 + len(secret)
    assert anchor.line_hash == hashes((tmp_path / "a.env").read_bytes())[50]


def test_the_reported_place_wins_over_an_earlier_one(tmp_path, make):
    secret = make.secret(1)
    (tmp_path / "a.env").write_bytes(secret.reveal() + b"\n" * 260 + secret.reveal())
    finding = make.finding(secret, "a.env")
    assert (finding.location.start, len(secret)) == (300, 40)
    assert Checkout(str(tmp_path)).anchor(finding).location == finding.location


def test_of_several_places_in_a_history_the_first_is_taken_wherever_lines_are_inserted(tmp_path, make):
    """An old place may hit any of them by chance; found in trufflehog's own history."""
    secret = make.secret(1)
    finding = make.finding(secret, "a.env")
    hashes_seen = set()
    for above in (b"", b"\n" * 50):
        (tmp_path / "a.env").write_bytes(above + b"A=" + secret.reveal() + b"\nB=" + secret.reveal() + b"\n")
        for start in (len(above) + 2, len(above) + 5 + len(secret)):
            location = finding.location._replace(start=start, end=start + len(secret))
            anchor = Checkout(str(tmp_path), of_history=True).anchor(finding._replace(location=location))
            hashes_seen.add(anchor.line_hash)
    assert len(hashes_seen) == 1


def test_what_does_not_stand_there_has_no_anchor(tmp_path, make):
    secret = make.secret(1)
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "rotated.env").write_text("KEY=\n")
    (tmp_path / "repository" / "app.zip").write_bytes(secret.reveal())
    (tmp_path / "outside.env").write_bytes(secret.reveal())
    checkout = Checkout(str(tmp_path / "repository"))
    outside = ("../outside.env", str(tmp_path / "outside.env"))
    for path in ("gone.env", "rotated.env", *outside, "", ".", "a\0b", "x" * 999):
        assert checkout.anchor(make.finding(secret, path)) is None
    member = Provenance("app.zip", (Container("member", "a.env"),))
    assert checkout.anchor(make.finding(secret, provenance=member)) is None
    assert Checkout(None).anchor(make.finding(secret, "app.zip")) is None


@pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")
def test_links_out_and_pipes_are_not_read(tmp_path, make):
    secret = make.secret(1)
    (tmp_path / "repository").mkdir()
    (tmp_path / "outside.env").write_bytes(secret.reveal())
    (tmp_path / "repository" / "link.env").symlink_to(tmp_path / "outside.env")
    os.mkfifo(tmp_path / "repository" / "pipe.env")
    checkout = Checkout(str(tmp_path / "repository"))
    assert checkout.anchor(make.finding(secret, "link.env")) is None
    assert checkout.anchor(make.finding(secret, "pipe.env")) is None
