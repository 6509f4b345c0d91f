"""Keys in archives are found at the member that holds them, and hostile archives cost little."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import pytest

from llmsecrets.inside import Limits, expand
from llmsecrets.model import Chunk, Provenance, Skip

Files = Mapping[str, bytes]


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: Files, mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


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
