"""Keys in encoded strings are found, once, at the string that holds them; encoded pictures are left alone."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmsecrets import templates
from llmsecrets.inside import Limits, encodings, expand
from llmsecrets.inside.encodings import may_hold, spans
from llmsecrets.model import Chunk, Provenance
from llmsecrets.sources import windows


def escaped(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(ord(one)) if one in "-_:=" else one for one in text)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "percent": escaped("%{:02X}"),
    "JSON": escaped("\\u{:04x}"),
    "HTML": escaped("&#{};"),
    "HTML in hex": escaped("&#x{:x};"),
}
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def texts(content: bytes, depth: int = 2) -> list[bytes]:
    found = expand(Chunk(content, Provenance("box")), Limits(decode_depth=depth))
    return [bytes(one.data) for one in found if isinstance(one, Chunk)]


@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoded_key_is_found_at_its_string(name, scan, key, tmp_path) -> None:
    secret = key("openai")
    encoded = ENCODINGS[name](f"id:{secret}")
    (tmp_path / "app.conf").write_text(f'# settings\n  value = "{encoded}" # on\n')
    (entry,) = scan().json["findings"]
    assert (entry["rule_id"], entry["location"]["start_line"]) == ("openai-project-key", 2)
    assert 12 <= entry["location"]["start_column"] <= 11 + len(encoded)
    assert [one["kind"] for one in entry["provenance"]["containers"]] == ["encoded"]


@pytest.mark.parametrize("encoding", WIDE)
def test_wide_characters_without_a_mark(encoding, scan, key, tmp_path) -> None:
    text = f"[settings]\r\nkey={key('openai')}\r\n"
    (tmp_path / "export.reg").write_bytes(b"\n" + text.encode(encoding) + b"\n")
    (entry,) = scan().json["findings"]
    assert (entry["location"]["start_line"], entry["provenance"]["containers"][0]["kind"]) == (3, "encoded")


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=20),
    st.sampled_from(WIDE),
    st.sampled_from([b"", b"\0", b"\0\0\0", b"\x80", b"\0\0\0\x80", b"\n"]),
    st.sampled_from([b"", b"\0\0\0\0", b"\x80"]),
)
def test_wide_text_comes_out_at_its_place_whatever_stands_around_it(text, encoding, before, after) -> None:
    encoded = text.encode(encoding)
    (span,) = (one for one in spans(before + encoded + after) if one.name.startswith("UTF"))
    assert text.encode() in span.text
    assert span.start - len(before) in range(-3, 4)
    assert span.end - len(before) - len(encoded) in range(-3, 4)


def test_zeros_and_nearly_wide_characters_are_no_text() -> None:
    for content in (bytes(100_000), (b"a\0" * 18 + b"a\x80") * 3000, (b"a\0\0\0" * 18 + b"ab") * 1500):
        assert spans(content) == []
        assert not may_hold(memoryview(content))


@pytest.mark.parametrize("encoding", WIDE)
def test_wide_text_is_a_sign_of_something_encoded(encoding) -> None:
    for before in (b"", b"\x80", bytes(70_000)):
        assert may_hold(memoryview(before + ("twenty letters, no less"[:20]).encode(encoding)))
        assert not may_hold(memoryview(before + ("twenty letters, no less"[:19]).encode(encoding)))


@pytest.mark.parametrize("width", [64, 76])
@pytest.mark.parametrize("end", ["\n", "\r\n    ", "\\n", "\\r\\n"])
@pytest.mark.parametrize("rest", range(57))
def test_base64_in_lines(width, end, rest) -> None:
    text = b"hello world, " * 20 + b"the key comes here" + b", hello again" * 20 + b"!" * rest
    encoded = base64.b64encode(text).decode()
    lines = end.join(encoded[at : at + width] for at in range(0, len(encoded), width))
    (span,) = spans(f"Content-Transfer-Encoding: base64\n\n{lines}\n--".encode())
    assert span.text == text


@pytest.mark.parametrize("form", ["%{:02x}", "\\u{:04x}", "&#{};", "&#x{:x};"])
def test_a_long_word_of_escapes_is_one(form) -> None:
    text = "".join(chr(33 + number * 7919 % 90) for number in range(9000))
    encoded = "".join(form.format(ord(one)) for one in text).encode()
    (span,) = spans(b'"' + encoded + b'"')
    assert (span.start, span.end, span.text) == (1, 1 + len(encoded), text.encode())
    assert span.at is not None
    assert encoded[span.at(5000) :].startswith(form.format(ord(text[5000])).encode())


@given(st.lists(st.integers(0, 9000), min_size=1, max_size=9))
def test_of_a_long_word_everything_within_2_kb_of_an_escape_is_decoded_once(gaps) -> None:
    text = b"".join(b"x" * gap + b"%41%41%41%41%41%41%41%41" for gap in gaps) + b"x" * 3000
    found = spans(text)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for escape in re.finditer(b"%41", text):
        first, last = max(0, escape.start() - 2040), min(len(text), escape.end() + 2040)
        assert any(one.start <= first and last <= one.end for one in found)


@pytest.mark.parametrize("name", ["base64", "base64url", "hex", "percent"])
def test_what_stands_encoded_at_a_windows_border_is_decoded_in_one_of_two(name, monkeypatch) -> None:
    monkeypatch.setattr(windows, "WINDOW", 4096)
    monkeypatch.setattr(windows, "OVERLAP", 512)
    monkeypatch.setattr(encodings, "OVERLAP", 512)
    text = "the-text:it-is-encoded=and-stands-at-a-border"
    encoded = ENCODINGS[name](text)
    for start in range(4096 - len(encoded) - 5, 4096 + 5):
        content = f"{' ' * (start - 1)}'{encoded}'{' ' * 4096}".encode()
        found = [one for chunk in windows.of_bytes(content, Provenance("")) for one in expand(chunk, Limits())]
        (inner,) = (bytes(one.data) for one in found if isinstance(one, Chunk) and one.origin)
        assert text.encode() in inner


def test_encodings_in_encodings_so_deep_and_no_deeper() -> None:
    nested = b"the treasure is buried here"
    for _ in range(3):
        nested = base64.b64encode(nested)
    assert not any(b"treasure" in text for text in texts(nested))
    assert b"treasure" in texts(nested, 3)[-1]
    assert texts(nested, 0) == [nested]


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters=">?~"), min_size=24),
    st.integers(0, 3),
)
def test_whatever_text_is_encoded_comes_out(text, before) -> None:
    """The three left out give `+` or `/`, which may interrupt the run of letters and digits that is looked for."""
    raw = b" " * before + b'"' + base64.b64encode(text.encode()) + b'"'
    assert any(text.encode() in span.text for span in spans(raw))


@given(data=st.binary(max_size=300))
def test_no_content_is_too_odd(data) -> None:
    for span in spans(data + b"%41" * 9 + data):
        assert 0 <= span.start < span.end <= 2 * len(data) + 27


def test_a_picture_decodes_to_next_to_nothing() -> None:
    picture = base64.b64encode(random.Random(1).randbytes(300_000))
    decoded = sum(len(span.text) for span in spans(b'<img src="data:image/png;base64,' + picture + b'">'))
    assert decoded < 3000


def test_a_key_that_stands_there_plainly_is_found_once(scan, key, tmp_path) -> None:
    (tmp_path / "link.txt").write_text(f"https://example.org/?a=%20b&key={key('openai')}&c=%20d\n")
    (entry,) = scan().json["findings"]
    assert entry["provenance"]["containers"] == []


def test_what_a_name_says_of_an_encoded_value_counts(scan, tmp_path) -> None:
    password = base64.b64encode(templates.expand("{{alnum:12}}!{{alnum:10}}-{{alnum:8}}", 1).encode()).decode()
    (tmp_path / "settings.ini").write_text(f"[smtp]\npassword = {password}\n")
    assert len(scan().json["findings"]) == 1
