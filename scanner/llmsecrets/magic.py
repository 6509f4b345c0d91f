"""What kind of thing content is, by its bytes: an archive, a compressed file, a notebook."""

from __future__ import annotations

from typing import BinaryIO

_MAGICS = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),  # one without members
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
)
_EVERY = tuple(magic for magic, _ in _MAGICS)
FIRST_BYTES = frozenset(magic[0] for magic in _EVERY)  # of all kinds but tar, which begins with a file's name
TAR_MAGIC, TAR_AT = b"ustar", 257  # POSIX.1-1988 and GNU alike
HEAD = 512  # bytes needed to tell
NOTEBOOK_HEAD = 1 << 14  # as many hold the mark of a notebook
_MANIFEST_HEAD = 1024  # bytes in which a manifest has its mark
_LAUNCHERS = (b"#!", b"MZ", b"\x7fELF")  # what stands before the zip in one that can be run
_ZIP_END, _ZIP_ENTRY = b"PK\x05\x06", b"PK\x01\x02"
_ZIP64_ENDS = 56 + 20  # bytes that stand between a directory and its end record in a zip of many members
ZIP_TAIL = (1 << 16) + 22  # where the end record of a zip starts at the latest: APPNOTE.TXT 4.3.16


def kind_of(data: bytes | bytearray | memoryview) -> str:
    """ "zip", "gzip", "bzip2", "xz", "zstd", "7z" or "tar"; "" for anything else."""
    head = bytes(data[:6])
    if head.startswith(_EVERY):
        return next(kind for magic, kind in _MAGICS if head.startswith(magic))
    return "tar" if bytes(data[TAR_AT : TAR_AT + len(TAR_MAGIC)]) == TAR_MAGIC else ""


def may_launch(data: bytes | bytearray | memoryview) -> bool:
    """Whether content begins like a program that can have a zip behind it."""
    return bytes(data[:4]).startswith(_LAUNCHERS)


def end_of_zip(tail: bytes) -> int:
    """Where the end record of a zip starts in its last bytes, or -1."""
    if tail[-22:].startswith(_ZIP_END):
        return len(tail) - 22
    at = tail.rfind(_ZIP_END)
    return at if at + 22 <= len(tail) else -1


def is_launcher(file: BinaryIO) -> bool:
    """Whether a program has a zip behind it, as a Python zipapp has.

    Programs that read zips hold the mark of an end record, too, but no directory of the size that it would tell.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - ZIP_TAIL))
    tail = file.read()
    at = end_of_zip(tail)
    if at < 0:
        return False
    directory = size - len(tail) + at - int.from_bytes(tail[at + 12 : at + 16], "little")
    return any(_stands_at(file, directory - gap, _ZIP_ENTRY) for gap in (0, _ZIP64_ENDS))


def _stands_at(file: BinaryIO, place: int, mark: bytes) -> bool:
    file.seek(max(0, place))
    return file.read(len(mark)) == mark


def is_manifest(data: bytes | bytearray | memoryview) -> bool:
    """Whether the content looks like Kubernetes manifests: their Secrets hold short values in base64."""
    return b"apiVersion" in bytes(data[:_MANIFEST_HEAD])


def is_notebook(data: bytes | bytearray | memoryview) -> bool:
    """Whether the content looks like a Jupyter notebook, or the beginning of one."""
    if b"{" not in bytes(data[:16]) or not bytes(data[:64]).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    text = data if isinstance(data, bytes) else bytes(data)
    return b'"cell_type"' in text or b'"nbformat"' in text
