"""Macaroons in the binary format, version 2, as PyPI issues them (libmacaroons' doc/format.txt)."""

from __future__ import annotations

from typing import NamedTuple

from llmsecrets.proofs import Proof
from llmsecrets.proofs.encodings import base64
from llmsecrets.proofs.factual import shown

_END, _LOCATION, _IDENTIFIER, _SIGNATURE = 0, 1, 2, 6
_VERSION = 2
_LONGEST = 4096  # a bound on work; PyPI's tokens have a few hundred bytes


class Packet(NamedTuple):
    """One field: its kind, and its data. `end` is where the next one starts."""

    kind: int
    data: bytes
    end: int


def pypi(secret: bytes) -> Proof:
    """`pypi-`: packets for location, identifier and caveats, closed by a signature of 32 bytes."""
    data = base64(secret[5:]) if secret.startswith(b"pypi-") else None
    packets = _packets(data) if data else None
    if not packets or packets[0].kind != _LOCATION or not _signed(packets):
        return Proof(False)
    caveats = sum(packet.kind == _IDENTIFIER for packet in packets) - 1
    return Proof(True, (("index", shown(packets[0].data.decode("utf-8", "replace"))), ("restrictions", str(caveats))))


def _signed(packets: list[Packet]) -> bool:
    kinds = [packet.kind for packet in packets]
    return _IDENTIFIER in kinds and kinds[-1] == _SIGNATURE and len(packets[-1].data) == 32


def _packets(data: bytes) -> list[Packet] | None:
    """All packets, or None where the data is not made of them to the last byte."""
    if data[0] != _VERSION or len(data) > _LONGEST:
        return None
    packets, place = [], 1
    while place < len(data):
        packet = _packet(data, place)
        if packet is None:
            return None
        packets.append(packet)
        place = packet.end
    return packets


def _packet(data: bytes, place: int) -> Packet | None:
    kind = data[place]
    if kind == _END:
        return Packet(kind, b"", place + 1)
    size, shift, at = 0, 0, place + 1
    while at < len(data):
        size |= (data[at] & 0x7F) << shift
        at, shift, more = at + 1, shift + 7, data[at] & 0x80
        if not more:
            return Packet(kind, data[at : at + size], at + size) if at + size <= len(data) else None
    return None
