"""The bytes of a pack: the objects listed in its index, their heads, and the deltas that most of them are kept as.

All are loops over objects, bytes or instructions, of which a history has millions. `_compiled.c` holds the same
functions in C, which are taken instead of these where they could be compiled; tests hold both to the same answers.

Formats: https://git-scm.com/docs/gitformat-pack.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from mmap import mmap

from llmsecrets.model import Copy

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
_OFFSET_DELTA = 6
_LONGEST_NUMBER = 8  # bytes
_SORTED = 1 << 16  # ids put in order at once

# A byte that begins a copy → bytes of operands, mask of the offset in them, bits before the size. Operands that are
# zero bytes are left out; where that leaves a hole between others, the entry is empty.
_Operands = tuple[int, int, int] | None


def arrange(names: bytes, offsets: array[int]) -> bytes:
    """Put the offsets of objects in order. Returns the objects' ids, given one after the other, in the same order."""
    count = len(offsets)
    order, size = sorted(range(count), key=offsets.__getitem__), len(names) // max(1, count)
    offsets[:] = array("Q", [offsets[number] for number in order])
    # piece by piece: a list of all ids would take three times their room
    pieces = (order[start : start + _SORTED] for start in range(0, count, _SORTED))
    return b"".join(b"".join([names[i * size : (i + 1) * size] for i in piece]) for piece in pieces)


def classify(
    pack: mmap,
    offsets: array[int],
    first: int,
    last: int,
    types: bytearray,
    child: array[int],
    sibling: array[int],
) -> list[int]:
    """Enter types and descent of the objects from number `first` up to `last`; those before must have been entered.

    `offsets` says where each object begins, and where the last one ends. An object's type is its own, or that of the
    object at the end of its chain of deltas; it stays 0 where that is not known: where an object is not plainly in
    order, or names its base by id instead of by distance, as after a fetch of a few objects. An object's `child` is the
    last one that is a delta of it, whose `sibling` is the one before, down to -1; of trees that is not entered.

    Returns the numbers of the objects but trees that are stored whole.
    """
    whole = []
    for number in range(first, last):
        start, end = offsets[number], min(offsets[number + 1], len(pack))
        position = start
        while position < end and pack[position] & 0x80:
            position += 1
        if position >= end:
            continue
        kind = pack[start] >> 4 & 7
        if kind == _OFFSET_DELTA:
            base_at = start - _distance(pack, position + 1, end)
            base = bisect_left(offsets, base_at, 0, number)
            if base < number and offsets[base] == base_at:
                types[number] = types[base]
                if types[base] not in (0, TREE):
                    sibling[number], child[base] = child[base], number
        elif kind in (COMMIT, TREE, BLOB, TAG):
            types[number] = kind
            if kind != TREE:
                whole.append(number)
    return whole


def _distance(pack: mmap, position: int, end: int) -> int:
    """How far before a delta its base lies; 0, where none can be, if that is cut short."""
    distance = -1
    for byte in pack[position : min(position + _LONGEST_NUMBER, end)]:
        distance = ((distance + 1) << 7) | (byte & 127)
        if byte < 128:
            return distance
    return 0


def head(pack: mmap, start: int, end: int) -> tuple[int, int]:
    """The size that an object, or the delta it is kept as, says it has, and where what is packed begins."""
    size, position = _size(pack, start, end)
    if pack[start] >> 4 & 7 == _OFFSET_DELTA:
        while position < end and pack[position] & 0x80:
            position += 1
        position += 1
    if position >= end:
        raise ValueError("an object that is cut short")
    return size >> 7 << 4 | size & 15, position


def applied(delta: bytes, base: bytes, most: int, least: int) -> tuple[bytes, list[Copy]]:
    """The content a delta makes of its base, and the copies of at least so many bytes in it.

    Raises ValueError where the delta is not in order, of another base, or makes more than `most` bytes.
    """
    of, position = _size(delta, 0, len(delta))
    size, position = _size(delta, position, len(delta))
    if of != len(base) or size > most:
        raise ValueError("a delta of something else, or too large")
    table, from_bytes = _OPERANDS, int.from_bytes
    pieces: list[bytes | memoryview] = []
    view = memoryview(base)  # whose slices are not copied twice
    copies: list[Copy] = []
    add = pieces.append
    filled, end = 0, len(delta)
    while position < end:
        command = delta[position]
        position += 1
        if command < 128:
            add(delta[position : position + command])
            position += command
            filled += command
            if not command:
                raise ValueError("an instruction that is reserved")
            continue
        operands = table[command]
        if operands:
            count, mask, bits = operands
            value = from_bytes(delta[position : position + count], "little")
            start, length = value & mask, value >> bits or 65536
            position += count
        else:
            start, length, position = _sparse(command, delta, position)
        if length < least:
            add(base[start : start + length])
        else:
            add(view[start : start + length])
            copies.append((start, filled, length))
        filled += length
    content = b"".join(pieces)
    if len(content) != size or filled != size or position > end:
        raise ValueError("the delta makes something of another size")
    return content, copies


def _operands(command: int) -> _Operands:
    offset_bits, size_bits = command & 15, command >> 4 & 7
    if offset_bits & (offset_bits + 1) or size_bits & (size_bits + 1):
        return None
    offset_bytes = offset_bits.bit_count()
    return offset_bytes + size_bits.bit_count(), (1 << 8 * offset_bytes) - 1, 8 * offset_bytes


_OPERANDS = [_operands(command) for command in range(256)]


def _sparse(command: int, delta: bytes, position: int) -> tuple[int, int, int]:
    """The offset and size of a copy some of whose bytes are left out, and where the operands end."""
    value = 0
    for bit in range(7):
        if command & 1 << bit:
            value |= int.from_bytes(delta[position : position + 1], "little") << 8 * bit
            position += 1
    return value & 0xFFFFFFFF, value >> 32 or 65536, position


def _size(data: bytes | mmap, position: int, end: int) -> tuple[int, int]:
    """A size, seven bits a byte from the lowest on, and where it ends."""
    size = shift = 0
    for byte in data[position : min(position + _LONGEST_NUMBER, end)]:
        size |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return size, position
    raise ValueError("a size that is cut short")
