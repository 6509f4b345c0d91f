"""Whether a token of no known shape can have been drawn at random: from an alphabet issuers use, and undamaged."""

from __future__ import annotations

import re
from math import comb

from llmsecrets.proofs import Proof

# Alphabets issuers draw from, as the share that each kind of character has of them: digits, small letters, capitals,
# the signs of base64 or base64url.
_KINDS = b"0aA+"
_ALPHABETS = tuple(
    tuple(size / sum(sizes) for size in sizes)
    for sizes in (
        (10, 0, 0, 0), (0, 26, 0, 0), (0, 0, 26, 0), (0, 26, 26, 0),
        (10, 6, 0, 0), (10, 0, 6, 0), (10, 26, 0, 0), (10, 0, 26, 0), (10, 26, 26, 0), (10, 26, 0, 2), (10, 26, 26, 2),
    )
)  # fmt: skip
KIND_OF_BYTE = bytes(  # a table for `bytes.translate`
    48 if 48 <= byte <= 57 else 97 if 97 <= byte <= 122 else 65 if 65 <= byte <= 90 else 43 for byte in range(256)
)
_UNLIKELY = 1e-4  # so few characters of a kind do not come up by chance
_LEAST_SIGNATURE = 40  # characters
_FEW = 3  # groups between dashes
_TOO_SHORT, _ENOUGH = 8, 256  # bytes: fewer tell nothing, more nothing new

_PREFIX = re.compile(rb"(?:[A-Za-z0-9]{1,12}_)*(?=[^_]{8})|")
_JSON = b"eyJ"  # what `{"` is in base64
_HEX_OF_ODD_LENGTH = re.compile(rb"(?=\d*[a-fA-F])(?:(?:[0-9a-f]{2})*[0-9a-f]|(?:[0-9A-F]{2})*[0-9A-F])")
_NEARLY_HEX = re.compile(rb"(?=.{20})(?:[0-9a-f]*(?:[g-zA-Z][0-9a-f]*){1,2}|[0-9A-F]*(?:[G-Za-z][0-9A-F]*){1,2})")
_GROUPS = re.compile(rb"[0-9A-Za-z]+(?:-[0-9A-Za-z]{3,5}){3}-[0-9A-Za-z]+")  # much like a UUID
_GROUPS_OF_FOUR = re.compile(rb"[0-9A-Za-z]+(?:-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]+")
_CUT_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-(?![0-9a-fA-F]{12}\Z)[0-9A-Za-z]{9,15}")


def drawn(secret: bytes) -> Proof:
    """Each part of the token has the characters an alphabet would have given it, and hex digits come in pairs."""
    body = secret.rstrip(b"=")
    prefix = _PREFIX.match(body)
    parts = body[prefix.end() if prefix else 0 :].split(b".")
    return Proof(all(map(_is_drawn, parts)) and not _is_cut_jwt(parts))


def _is_cut_jwt(parts: list[bytes]) -> bool:
    """Whether two parts are JSON, as header and claims of a JWT are, and what follows is too short to sign them."""
    return len(parts) == 3 and all(part.startswith(_JSON) for part in parts[:2]) and len(parts[2]) < _LEAST_SIGNATURE


def _is_drawn(part: bytes) -> bool:
    if part.startswith(_JSON):
        return True
    if _GROUPS.fullmatch(part):
        return _GROUPS_OF_FOUR.fullmatch(part) is not None and not _CUT_UUID.fullmatch(part)
    pieces = part.split(b"-")
    if len(pieces) > _FEW and max(map(len, pieces)) < _TOO_SHORT:  # a serial number, written in one case
        return part in (part.lower(), part.upper())
    return _fits(part) or (len(pieces) > 1 and all(map(_fits, pieces)))


def _fits(piece: bytes) -> bool:
    if len(piece) < _TOO_SHORT:
        return True
    if _HEX_OF_ODD_LENGTH.fullmatch(piece) or _NEARLY_HEX.fullmatch(piece):
        return False
    kinds = piece[:_ENOUGH].translate(KIND_OF_BYTE)
    counts = [kinds.count(kind) for kind in _KINDS]
    return any(
        all(_by_chance(count, share, len(kinds)) for count, share in zip(counts, shares, strict=True))
        for shares in _ALPHABETS
    )


def _by_chance(count: int, share: float, size: int) -> bool:
    """Whether characters with this share of an alphabet may come up so seldom in a text of this size."""
    if not share:
        return not count
    if count >= share * size:
        return True
    return sum(comb(size, k) * share**k * (1 - share) ** (size - k) for k in range(count + 1)) > _UNLIKELY
