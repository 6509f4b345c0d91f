"""What is read of a pack byte by byte: the same by Python and compiled, whatever the bytes are."""

from __future__ import annotations

from array import array
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmsecrets import packed

compiled = pytest.importorskip("llmsecrets.packed._compiled", reason="there was no compiler where this was installed")

BASE = bytes(range(256)) * 300
BOTH = [packed, compiled]


def number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have the eighth."""
    more = b""
    while value > 127:
        more += bytes([value & 127 | 128])
        value >>= 7
    return more + bytes([value])


def copy(start: int, length: int, kept: int = 0) -> bytes:
    """The instruction; operands that are zero are left out but for those whose bits are `kept`."""
    operands = (start | length << 32).to_bytes(7, "little")
    bits = [bit for bit in range(7) if operands[bit] or kept >> bit & 1]
    return bytes([128 | sum(1 << bit for bit in bits), *(operands[bit] for bit in bits)])


def insert(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def delta(size: int, *instructions: bytes, of: int = len(BASE)) -> bytes:
    return number(of) + number(size) + b"".join(instructions)


def answer(module: ModuleType, name: str, *given: Any) -> Any:
    """What a function gives, or that it refuses."""
    try:
        return getattr(module, name)(*given)
    except ValueError:
        return "refused"


instructions = st.one_of(
    st.builds(copy, st.integers(0, len(BASE)), st.integers(1, 0x12000), st.integers(0, 127)),
    st.builds(insert, st.binary(min_size=1, max_size=127)),
)


@pytest.mark.parametrize("module", BOTH)
def test_a_delta_copies_and_inserts(module: ModuleType) -> None:
    told = delta(1005, copy(500, 600), insert(b"hello"), copy(0, 400))
    content = BASE[500:1100] + b"hello" + BASE[:400]
    assert module.applied(told, BASE, 2000, 500) == (content, [(500, 0, 600)])
    assert module.applied(told, BASE, 2000, 1) == (content, [(500, 0, 600), (0, 605, 400)])


@pytest.mark.parametrize("module", BOTH)
def test_a_copy_without_a_size_is_of_64_kibibytes(module: ModuleType) -> None:
    assert module.applied(delta(0x10000, copy(256, 0)), BASE, 1 << 20, 1) == (BASE[256:65792], [(256, 0, 65536)])


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(number(len(BASE)) + b"\x80", id="a size cut short"),
        pytest.param(number(len(BASE)) + b"\x80" * 9 + b"\1", id="a size without end"),
        pytest.param(delta(5, insert(b"hello"), of=7), id="another base"),
        pytest.param(delta(5000, copy(0, 5000)), id="larger than is read"),
        pytest.param(delta(4, insert(b"hello")), id="more than it says"),
        pytest.param(delta(6, insert(b"hello")), id="less than it says"),
        pytest.param(delta(5, insert(b"hello")[:-1]), id="an insertion cut short"),
        pytest.param(delta(5, insert(b"hello"), b"\0"), id="reserved"),
        pytest.param(delta(700, copy(len(BASE) - 600, 700)), id="over the end of the base"),
        pytest.param(delta(700, copy(0xFFFFFFFF, 700)), id="beyond the base"),
        pytest.param(delta(255, copy(0, 0xFF00FF)[:-1]), id="a copy cut short"),
    ],
)
@pytest.mark.parametrize("module", BOTH)
def test_a_delta_that_is_not_in_order_is_refused(module: ModuleType, refused: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        module.applied(refused, BASE, 4000, 1)


@given(st.lists(instructions), st.integers(-1, 1), st.integers(0, 300), st.data())
def test_deltas_are_carried_out_alike(told: list[bytes], wrong: int, least: int, data: st.DataObject) -> None:
    sizes = [len(one) - 1 if one[0] < 128 else _length(one) for one in told]
    whole = bytearray(delta(max(0, sum(sizes) + wrong), *told))
    for _ in range(data.draw(st.integers(0, 2))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    whole = whole[: data.draw(st.sampled_from([None, -1, -2]))]
    expected = answer(packed, "applied", bytes(whole), BASE, 1 << 20, least)
    assert answer(compiled, "applied", bytes(whole), BASE, 1 << 20, least) == expected


def _length(instruction: bytes) -> int:
    operands = iter(instruction[1:])
    values = [next(operands) if instruction[0] >> bit & 1 else 0 for bit in range(7)]
    return int.from_bytes(bytes(values[4:]), "little") or 0x10000


@given(st.binary(max_size=40))
@example(number(len(BASE)) + b"\x80\x80\x80\x80\x80\x80\x80\x80\1")
def test_any_bytes_are_carried_out_or_refused_alike(told: bytes) -> None:
    for start in (b"", number(len(BASE))):
        expected = answer(packed, "applied", start + told, BASE, 1 << 20, 1)
        assert answer(compiled, "applied", start + told, BASE, 1 << 20, 1) == expected


@given(st.lists(st.integers(0, 2**40), max_size=30), st.sampled_from([20, 32]))
def test_objects_are_put_in_the_order_of_the_pack(offsets: list[int], size: int) -> None:
    names = [bytes([entry]) * size for entry in range(len(offsets))]
    expected = sorted(zip(offsets, names, strict=True))
    for module in BOTH:
        arranged = array("Q", offsets)
        assert module.arrange(b"".join(names), arranged) == b"".join(name for _, name in expected)
        assert list(arranged) == sorted(offsets)


KINDS = st.sampled_from([0, 1, 2, 3, 3, 3, 4, 5, 6, 6, 6, 6, 7])


@given(st.lists(st.tuples(KINDS, st.integers(0, 5000), st.integers(0, 12), st.integers(-1, 1)), max_size=30), st.data())
def test_objects_are_classed_alike(objects: list[tuple[int, int, int, int]], data: st.DataObject) -> None:
    pack, offsets = bytearray(b"PACK"), array("Q")
    for kind, size, back, aside in objects:
        here = len(pack)
        offsets.append(here)
        low = kind << 4 | size & 15
        pack += bytes([low | 128]) + number(size >> 4) if size > 15 else bytes([low])
        if kind == 6:
            base = offsets[max(0, len(offsets) - 1 - back)] + aside
            pack += distance(max(0, here - base))
        pack += b"content"[: size % 7]
    offsets.append(len(pack) - data.draw(st.integers(0, 3)))
    for _ in range(data.draw(st.integers(0, 3))):
        pack[data.draw(st.integers(0, len(pack) - 1))] = data.draw(st.integers(0, 255))
    middle = data.draw(st.integers(0, len(objects)))
    told = []
    for module in BOTH:
        tables = bytearray(len(objects)), array("i", [-1]) * len(objects), array("i", [-1]) * len(objects)
        whole = module.classify(bytes(pack), offsets, 0, middle, *tables)
        whole += module.classify(bytes(pack), offsets, middle, len(objects), *tables)
        heads = [answer(module, "head", bytes(pack), *span) for span in pairwise(offsets)]
        told.append((whole, *tables, heads))
    assert told[0] == told[1]


def distance(value: int) -> bytes:
    """As git writes how far before a delta its base lies."""
    written = bytes([value & 127])
    while value > 127:
        value = (value >> 7) - 1
        written = bytes([value & 127 | 128]) + written
    return written


def test_nothing_is_written_beside_tables_that_are_too_short() -> None:
    with pytest.raises(ValueError, match="lengths"):
        compiled.classify(b"PACK", array("Q", [0]), 0, 1, bytearray(1), array("i", [-1]), array("i", [-1]))
