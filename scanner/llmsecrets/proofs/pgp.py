"""OpenPGP secret keys: the armour's CRC-24, and what the first packet says (RFC 4880, RFC 9580)."""

from __future__ import annotations

from llmsecrets.proofs import Proof
from llmsecrets.proofs.factual import Fact, issued, yes_no

_SECRET_KEY = 5
_ALGORITHMS = {
    **dict.fromkeys((1, 2, 3), "RSA"),
    **{16: "Elgamal", 17: "DSA", 18: "ECDH", 19: "ECDSA", 22: "EdDSA", 25: "X25519", 26: "X448"},
    **{27: "Ed25519", 28: "Ed448"},
}
_NUMBERS = {1: 2, 2: 2, 3: 2, 16: 3, 17: 4}  # public numbers by algorithm
_CURVES = (18, 19, 22)  # a curve identifier, then one number
_GNU_DUMMY = b"\x00GNU\x01"  # GnuPG's mark for a primary key whose secret part is kept elsewhere


def crc24(data: bytes) -> int:
    """The check value of the armour's last line (RFC 4880, section 6.1)."""
    check = 0xB704CE
    for byte in data:
        check ^= byte << 16
        for _ in range(8):
            check <<= 1
            check ^= 0x1864CFB if check & 0x1000000 else 0
    return check


def secret_key(data: bytes, check: bytes | None) -> Proof:
    """The block's check value must hold where there is one, and its first packet must be a secret key."""
    if check is not None and crc24(data) != int.from_bytes(check, "big"):
        return Proof(False)
    body = _first_packet(data)
    if body is None or len(body) < 6 or not 3 <= body[0] <= 6:
        return Proof(False)
    return Proof(True, _facts(body))


def _first_packet(data: bytes) -> bytes | None:
    """The content of the first packet, if it is a secret key, in the old or the new header format."""
    if len(data) < 3 or not data[0] & 0x80:
        return None
    if data[0] & 0x40:
        tag, start, size = data[0] & 0x3F, *_new_length(data)
    else:
        width = (1, 2, 4, 0)[data[0] & 3]
        tag, start, size = data[0] >> 2 & 0xF, 1 + width, int.from_bytes(data[1 : 1 + width], "big")
    return data[start : start + size] if tag == _SECRET_KEY and start + size <= len(data) else None


def _new_length(data: bytes) -> tuple[int, int]:
    """Where the content starts, and how long it is."""
    if data[1] < 192:
        return 2, data[1]
    if data[1] < 224:
        return 3, (data[1] - 192 << 8) + data[2] + 192
    return 6, int.from_bytes(data[2:6], "big")


def _facts(body: bytes) -> tuple[Fact, ...]:
    algorithm = body[5]
    named = (("key type", _ALGORITHMS[algorithm]),) if algorithm in _ALGORITHMS else ()
    made = issued(int.from_bytes(body[1:5], "big"))
    if body[0] != 4 or algorithm not in (*_NUMBERS, *_CURVES):
        return (*named, *made)
    return (*named, *_bits(body), *made, *_protection(body[_public_end(body) :]))


def _bits(body: bytes) -> tuple[Fact, ...]:
    return (("bits", str(int.from_bytes(body[6:8], "big"))),) if body[5] in _NUMBERS else ()


def _public_end(body: bytes) -> int:
    """Where the public part of a version 4 key ends."""
    algorithm, place = body[5], 6
    if algorithm in _CURVES:
        place += 1 + int.from_bytes(body[6:7], "big")
    for _ in range(_NUMBERS.get(algorithm, 1)):
        place += 2 + (int.from_bytes(body[place : place + 2], "big") + 7) // 8
    return place + 1 + int.from_bytes(body[place : place + 1], "big") if algorithm == 18 else place


def _protection(secret_part: bytes) -> tuple[Fact, ...]:
    """The S2K usage octet: zero means in the clear."""
    if not secret_part:
        return ()
    if _GNU_DUMMY in secret_part[:10]:
        return (("encrypted", "no secret part (stub)"),)
    return (("encrypted", yes_no(secret_part[0] != 0)),)
