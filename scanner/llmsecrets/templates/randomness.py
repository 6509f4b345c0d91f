"""Random characters and bytes from a seeded generator, by the class names that templates use."""

from __future__ import annotations

import string
from random import Random
from uuid import UUID

_HEX = "0123456789abcdef"
_BASE32 = string.ascii_uppercase + "234567"
_ALNUM = string.ascii_letters + string.digits

CLASSES: dict[str, str] = {
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "letters": string.ascii_letters,
    "digit": string.digits,
    "hex": _HEX,
    "HEX": _HEX.upper(),
    "alnum": _ALNUM,
    "lowernum": string.ascii_lowercase + string.digits,
    "uppernum": string.ascii_uppercase + string.digits,
    "base32": _BASE32,
    "base32lower": _BASE32.lower(),
    "base58": "".join(char for char in _ALNUM if char not in "0OIl"),
    "base64": _ALNUM + "+/",
    "base64url": _ALNUM + "-_",
    "word": _ALNUM + "_",
}


def characters(rng: Random, name: str, size: int) -> str:
    return "".join(rng.choices(CLASSES[name], k=size))


def octets(rng: Random, size: int) -> bytes:
    return rng.getrandbits(8 * size).to_bytes(size, "big") if size else b""


def uuid4(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
