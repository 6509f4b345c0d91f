"""Objects streamed from a real git: in order, whole, however they are asked for."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest

from llmsecrets.git import Repository
from llmsecrets.git.objects import BlobReader, Header

_SIZES = (0, 1, 9, 100, 255, 4096, 5000, 70_000)


@pytest.fixture
def blobs(repository) -> dict[str, bytes]:
    """Id → content of blobs of many sizes; some end as git's answers do."""
    draw = random.Random(1)
    contents = [draw.randbytes(size) for size in _SIZES] + [b"\n", b"1 blob 5\n12345\n", b"missing\n" * 40]
    return {repository.git("hash-object", "-w", "--stdin", stdin=content): content for content in contents}


def _reader(repository, ids, block: int = 3) -> BlobReader:
    ids = list(ids)
    blocks = ("\n".join(ids[start : start + block]).encode() for start in range(0, len(ids), block))
    return BlobReader(Repository(Path(repository.root)), blocks)


def test_contents_come_whole_and_in_order(repository, blobs) -> None:
    with _reader(repository, blobs) as reader:
        assert [(one.id, reader.read(one.size)) for one in reader] == list(blobs.items())


@pytest.mark.parametrize("size", [16, 300, 4100, 1 << 17])
@pytest.mark.parametrize("most", [0, 100, 4096, 1 << 20])
def test_stretches_hold_the_same(repository, blobs, size, most) -> None:
    """Whatever a stretch holds, what is larger comes alone."""
    most = min(most, size)
    found: dict[str, bytes] = {}
    with _reader(repository, blobs) as reader:
        for item in reader.stretches(size, most):
            if isinstance(item, Header):
                assert item.size > most
                found[item.id] = reader.read(item.size)
            else:
                for start, header in zip(item.starts, item.headers, strict=True):
                    assert header.size <= most
                    found[header.id] = bytes(item.data[start : start + header.size])
    assert list(found.items()) == list(blobs.items())


def test_what_is_discarded_is_stepped_over(repository, blobs) -> None:
    with _reader(repository, blobs) as reader:
        kept = {}
        for number, one in enumerate(reader):
            if number % 2:
                reader.discard(one.size)
            else:
                kept[one.id] = reader.read(one.size)
    assert kept == dict(list(blobs.items())[::2])


def test_an_object_that_is_not_there_is_told_and_the_rest_read(repository, blobs) -> None:
    lost = "1" * 40
    with _reader(repository, [lost, *blobs, lost]) as reader:
        told = [(one.id, one.type, reader.read(one.size) if one.size is not None else None) for one in reader]
    assert told[0] == told[-1] == (lost, "missing", None)
    assert {object_id: content for object_id, _, content in told[1:-1]} == blobs


@pytest.mark.parametrize("way", ["one by one", "stretches"])
def test_git_gives_up_at_a_damaged_object_and_goes_on_behind_it(repository, blobs, way) -> None:
    """It has announced it by then: what comes of its content is not all."""
    damaged = list(blobs)[4]
    file = repository.root / ".git" / "objects" / damaged[:2] / damaged[2:]
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-9])
    found: list[str] = []
    with _reader(repository, blobs) as reader:
        for item in reader if way == "one by one" else reader.stretches(1 << 18, 1 << 18):
            if isinstance(item, Header) and item.size is None:
                assert (item.id, item.type) == (damaged, "corrupt")
            elif isinstance(item, Header):
                found += [item.id] * reader.discard(item.size)
            else:
                found += [header.id for header in item.headers]
    assert found == [one for one in blobs if one != damaged]


@pytest.mark.parametrize("way", ["one by one", "stretches"])
@pytest.mark.parametrize("more", [7, 60])
def test_an_object_shorter_than_git_says_hides_none_behind_it(repository, blobs, way, more) -> None:
    """Git believes a loose blob's header, and what comes next would be taken for the rest of the content."""
    damaged = list(blobs)[5]
    file = repository.root / ".git" / "objects" / damaged[:2] / damaged[2:]
    file.chmod(0o644)
    file.write_bytes(zlib.compress(b"blob %d\0" % (len(blobs[damaged]) + more) + blobs[damaged]))
    found, lost = [], []
    with _reader(repository, blobs) as reader:
        for item in reader if way == "one by one" else reader.stretches(1 << 18, 1 << 18):
            if isinstance(item, Header) and item.size is None:
                lost.append(item.id)
            elif isinstance(item, Header):
                found += [item.id] * reader.discard(item.size)
            else:
                found += [header.id for header in item.headers]
    assert found == [one for one in blobs if one != damaged]
    assert lost == [damaged]
