"""Keys in archives are found at the member that holds them, and hostile archives cost little."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packing import Files, tarred, zipped

from llmsecrets.inside import Limits, expand
from llmsecrets.model import Chunk, Provenance, Skip
from llmsecrets.sources import WINDOW


def only(files: Files) -> bytes:
    (content,) = files.values()
    return content


def zstandard(content: bytes) -> bytes:
    return pytest.importorskip("zstandard").compress(content)


def seven_zipped(files: Files) -> bytes:
    out = io.BytesIO()
    with pytest.importorskip("py7zr").SevenZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return out.getvalue()


PACKERS: dict[str, Callable[[Files], bytes]] = {
    "zip": zipped,
    "stored zip": lambda files: zipped(files, zipfile.ZIP_STORED),
    "tar": tarred,
    "tar.gz": lambda files: tarred(files, "w:gz"),
    "tar.bz2": lambda files: tarred(files, "w:bz2"),
    "tar.xz": lambda files: tarred(files, "w:xz"),
    "tar.zst": lambda files: zstandard(tarred(files)),
    "7z": seven_zipped,
}
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard,
}  # fmt: skip


def opened(content: bytes, limits: Limits | None = None) -> tuple[dict[str, bytes], list[Skip]]:
    """(path inside → text, skips) of an archive called `box`."""
    found = list(expand(Chunk(content, Provenance("box")), limits or Limits()))
    texts = {item.provenance.whole_path: bytes(item.data) for item in found if isinstance(item, Chunk)}
    return texts, [item for item in found if isinstance(item, Skip)]


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_every_member_is_read_and_named(pack) -> None:
    files = {"a.txt": b"first", "folder/b.txt": b"second" * 1000}
    texts, skips = opened(pack(files))
    assert (texts, skips) == ({f"box/{name}": content for name, content in files.items()}, [])


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_compressed_file_is_its_own_only_member(suffix, scan, key, tmp_path) -> None:
    text = f"\nINSERT INTO users VALUES ('{key('github')}')".encode()
    (tmp_path / f"dump.sql.{suffix}").write_bytes(COMPRESSORS[suffix](text))
    (entry,) = scan().json["findings"]
    assert entry["location"]["start_line"] == 2
    assert [one["name"] for one in entry["provenance"]["containers"]] == ["dump.sql"]


def test_archives_in_archives_are_opened_so_deep_and_no_deeper() -> None:
    nested = b"treasure"
    for level in range(6, 0, -1):
        nested = zipped({f"{level}": nested})
    texts, (skip,) = opened(nested)
    assert (list(texts), skip.reason, skip.expected) == (["box/1/2/3/4"], "limit reached", False)
    assert opened(nested, Limits(archive_depth=6)) == ({"box/1/2/3/4/5/6": b"treasure"}, [])


# ---- in a repository -------------------------------------------------------------------------------------------------


def test_a_history_names_the_member_and_the_commit(repository, scan, key) -> None:
    box = tarred({"deep/app.zip": zipped({"settings.py": f"a = 1\nkey = '{key('github')}'".encode()})}, "w:gz")
    first = repository.commit({"release.tgz": box})
    repository.remove("release.tgz")
    for _ in range(2):  # read, then remembered
        (entry,) = scan("--history", cwd=repository.root).json["findings"]
        assert [one["name"] for one in entry["provenance"]["containers"]] == ["deep/app.zip", "settings.py"]
        assert (entry["location"]["path"], entry["location"]["start_line"]) == ("release.tgz", 2)
        assert entry["provenance"]["commit"]["sha"] == first
    repository.git("checkout", "-q", first)
    (same,) = scan(cwd=repository.root).json["findings"]
    assert same["fingerprint"] == entry["fingerprint"]


def test_only_what_a_change_adds_to_an_archive_is_reported(repository, scan, key) -> None:
    old = {"old.py": key("github").encode()}
    repository.commit({"app.zip": zipped(old)})
    repository.add("app.zip", zipped({**old, "new.py": key("npm").encode()}))
    (entry,) = scan("--staged", cwd=repository.root).json["findings"]
    assert entry["provenance"]["containers"][0]["name"] == "new.py"


def test_a_large_archive_in_a_history_is_opened_too(repository, scan, key) -> None:
    noise = random.Random(1).randbytes(17 << 20)
    repository.commit({"data.zip": zipped({"noise": noise, "key.txt": key("github").encode()}, zipfile.ZIP_STORED)})
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    assert entry["provenance"]["containers"][0]["name"] == "key.txt"


# ---- hostile archives ------------------------------------------------------------------------------------------------


def test_a_bomb_is_cut() -> None:
    bomb = gzip.compress(bytes(200 << 20))
    for _ in range(2):
        bomb = gzip.compress(bomb)
    texts, (skip,) = opened(bomb)
    assert sum(map(len, texts.values())) <= 64 << 20
    assert (skip.reason, skip.expected, "--max-archive-ratio" in skip.detail) == ("limit reached", False, True)


def test_members_that_share_bytes_are_read_once() -> None:
    """As in zip bombs without nesting: many directory entries lead to the same compressed bytes."""
    box = bytearray(zipped({name: bytes(1000) for name in ("a", "b")}))
    second = box.rindex(b"PK\x01\x02")
    box[second + 42 : second + 46] = bytes(4)  # its content is said to be the first one's
    texts, (skip,) = opened(bytes(box))
    assert (list(texts), skip.reason) == (["box/a"], "damaged archive")


def test_millions_of_entries_are_not_even_listed() -> None:
    entry = b"PK\x01\x02" + bytes(42)
    directory = entry * 200_000
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65535, 65535, len(directory), 0, 0)
    _, (skip,) = opened(b"PK\x03\x04" + directory + end, Limits(members=1000))
    assert "--max-archive-members" in skip.detail


def test_more_members_than_allowed_are_cut() -> None:
    files = {f"{number}": b"x" for number in range(10)}
    for pack in (zipped, tarred):
        texts, (skip,) = opened(pack(files), Limits(members=4))
        assert (len(texts), "--max-archive-members" in skip.detail) == (4, True)


def test_what_can_be_read_of_a_truncated_file_is_read() -> None:
    lines = b"".join(b"line %d\n" % number for number in range(50_000))
    texts, (skip,) = opened(gzip.compress(lines)[:-5000])
    assert (skip.reason, skip.expected) == ("damaged archive", True)
    (text,) = texts.values()
    assert lines.startswith(text)
    assert len(text) > 100_000


def test_an_encrypted_member_is_a_skip(tmp_path) -> None:
    box = bytearray(zipped({"open.txt": b"hello", "shut.txt": b"hello"}))
    for at in (box.rindex(b"PK\x01\x02") + 8, box.rindex(b"PK\x03\x04") + 6):
        box[at] |= 1
    texts, (skip,) = opened(bytes(box))
    assert (list(texts), skip.reason, skip.provenance.whole_path) == (["box/open.txt"], "encrypted", "box/shut.txt")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/root/.ssh/id", "a\x1b[31m\nb", "C:\\x", "é\u202e"])
def test_a_name_is_only_a_name(name, tmp_path, llmsecrets, key) -> None:
    (tmp_path / "box.zip").write_bytes(zipped({name: key("github").encode()}))
    found = llmsecrets("scan", "box.zip")
    assert found.code == 1
    assert "\x1b" not in found.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["box.zip"]


def test_links_and_devices_are_passed_over() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"odd{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert opened(out.getvalue()) == ({}, [])


def test_a_member_that_claims_exabytes_is_not_waited_for() -> None:
    claim = tarfile.TarInfo("vast.bin")
    claim.size = 1 << 60
    _, skips = opened(tarred({"a.txt": b"text"})[:1024] + claim.tobuf(tarfile.GNU_FORMAT) + bytes(512))
    assert {skip.reason for skip in skips} == {"damaged archive"}


def test_a_header_that_claims_gigabytes_is_not_believed() -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 8 << 30
    start = header.tobuf(tarfile.GNU_FORMAT)
    _, (skip,) = opened(gzip.compress(start + bytes(30 << 20)))
    assert (skip.reason, "a header larger than a megabyte" in skip.detail) == ("not opened", True)


@pytest.mark.parametrize("content", [b"PK\x03\x04 said the zip", b"\x1f\x8b\x08" + bytes(40), b"BZh91AY&SY" + bytes(9)])
def test_what_only_looks_like_an_archive_is_read_as_it_is(content) -> None:
    texts, (skip,) = opened(content)
    assert (texts, skip.reason, skip.expected) == ({"box": content}, "not opened", True)


def test_a_member_without_a_name_ends_nothing() -> None:
    """A damaged directory may say so; Python before 3.13 does not expect it."""
    texts, _ = opened(zipped({"qz": b"x" * 99, "other": b"y"}).replace(b"qz", b"\0z"))
    assert texts["box/other"] == b"y"


def test_behind_a_damaged_header_a_tar_is_read_as_it_is() -> None:
    box = bytearray(tarred({"a": b"first", "b": b"second", "c": b"third"}))
    box[1024 + 5] ^= 1  # in the name of the second
    texts, (skip,) = opened(bytes(box))
    assert (texts["box/a"], b"second" in texts["box"], b"third" in texts["box"]) == (b"first", True, True)
    assert (skip.reason, skip.expected) == ("damaged archive", True)


def test_a_tar_that_ends_within_a_header_is_damaged() -> None:
    texts, (skip,) = opened(tarred({"a": b"first", "b": b"second"})[:1300])
    assert (texts, skip.reason) == ({"box/a": b"first"}, "damaged archive")


def test_what_stands_behind_a_tar_is_read() -> None:
    first, second = tarred({"a": b"first"}), tarred({"b": b"second"})
    assert opened(first + second) == ({"box/a": b"first", "box/b": b"second"}, [])
    assert opened(gzip.compress(first + b"more")) == ({"box/a": b"first", "box": b"more"}, [])


def test_what_a_tar_holds_is_counted_once() -> None:
    box = tarred({"a": b"x" * 100_000})
    for content in (box, gzip.compress(box)):
        assert opened(content, Limits(size=len(box)))[1] == []


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_compressed_data_that_break_off_or_go_on_as_something_else_are_damaged(suffix) -> None:
    packed = COMPRESSORS[suffix](random.Random(1).randbytes(2_000_000))
    for content in (packed[:-9], packed[: len(packed) * 2 // 3], packed + b"something else"):
        (skip,) = opened(content)[1]
        assert (skip.reason, skip.expected) == ("damaged archive", True)
    texts, skips = opened(packed + COMPRESSORS[suffix](b"more"), Limits(decode_depth=0))
    assert (len(texts["box/box"]), skips) == (2_000_004, [])


@settings(deadline=None)
@given(
    box=st.sampled_from([zipped({"a": b"x" * 99, "b": b"y"}), tarred({"a": b"x" * 99}, "w:gz"), tarred({"a": b"x"})])
    | st.sampled_from(list(COMPRESSORS.values())).map(lambda compress: compress(b"a line\n" * 9)),
    at=st.integers(0, 10_000),
    damage=st.binary(min_size=1, max_size=8),
)
def test_no_damage_ends_a_scan(box, at, damage) -> None:
    at %= len(box)
    opened(box[:at] + damage + box[at + len(damage) :])
    opened(box[:at])


def test_a_program_with_a_zip_behind_it_is_read_and_opened(key) -> None:
    program = b"#!/usr/bin/env python3\n# PK\x03\x04\n"
    whole = program + zipped({"__main__.py": b"print()"})
    assert opened(whole) == ({"box/__main__.py": b"print()", "box": program}, [])


def test_a_program_too_large_to_be_held_is_read_and_opened_too(scan, key, tmp_path) -> None:
    program = b"MZ" + bytes(WINDOW) + key("npm").encode() + b"\n"
    (tmp_path / "setup.exe").write_bytes(program + zipped({"settings.py": key("github").encode()}))
    found = {one["rule_id"]: one["provenance"]["containers"] for one in scan().json["findings"]}
    assert {rule: len(inside) for rule, inside in found.items()} == {"npm-access-token": 0, "github-pat": 1}


def test_a_file_that_went_before_it_was_opened_again_is_a_skip() -> None:
    def gone() -> BinaryIO:
        raise FileNotFoundError(2, "No such file or directory")

    (skip,) = expand(Chunk(b"x", Provenance("box"), last=False, reopen=gone), Limits())
    assert isinstance(skip, Skip)
    assert (skip.reason, skip.expected) == ("unreadable", False)


def test_a_program_that_reads_zips_is_none() -> None:
    """It holds the marks of one, as zip, sqlite3 and libminizip do."""
    for program in (b"\x7fELF PK\x05\x06 PK\x03\x04" + b"code " * 99, b"MZ" + b"PK\x05\x06" + b"\xff" * 18):
        assert opened(program) == ({"box": program}, [])


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("cut", [1, 300])
def test_a_zip_without_its_end_gives_what_is_left(method, cut) -> None:
    """The last member may lose some of its own; a zip within is opened as ever."""
    lines = b"".join(b"line %d\n" % number for number in range(500))
    files = {"a.txt": b"first " * 500, "in.zip": zipped({"b.txt": b"second"}), "c.txt": lines}
    box = zipped(files, method)
    texts, skips = opened(box[: zipfile.ZipFile(io.BytesIO(box)).start_dir - cut])
    assert {skip.reason for skip in skips} == {"damaged archive"}
    assert (texts["box/a.txt"], texts["box/in.zip/b.txt"]) == (files["a.txt"], b"second")
    assert files["c.txt"].startswith(texts.pop("box/c.txt"))
    assert len(texts) == 2


def test_members_written_to_a_pipe_are_salvaged_though_no_header_says_how_long_they_are() -> None:
    class Pipe(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, piece) -> int:
            self.written += bytes(piece)
            return len(piece)

    for method, expected in ((zipfile.ZIP_DEFLATED, {"box/a.txt": b"text " * 99}), (zipfile.ZIP_STORED, {})):
        pipe = Pipe()
        with zipfile.ZipFile(pipe, "w", method) as archive:  # type: ignore[type-var]
            archive.writestr("a.txt", b"text " * 99)
        texts, skips = opened(pipe.written[:-30])
        assert texts == expected
        assert {skip.detail for skip in skips} >= ({"nothing says where it ends"} if not expected else set())


def test_a_damaged_directory_is_done_without() -> None:
    box = zipped({"a.txt": b"first", "b.txt": b"second"})
    texts, (skip,) = opened(box.replace(b"PK\x01\x02", b"PK\x01\x03", 1))
    assert texts == {"box/a.txt": b"first", "box/b.txt": b"second"}
    assert (skip.reason, skip.provenance.whole_path) == ("damaged archive", "box")


def test_millions_of_marks_are_not_looked_at_one_by_one() -> None:
    box = zipped({"a.txt": b"text"})[:-22] + b"PK\x03\x04" * 50_000
    _, skips = opened(box, Limits(members=100))
    assert any("--max-archive-members" in skip.detail for skip in skips)
