"""The text encodings that tokens are written in. Decoders return None for text that is not in their alphabet."""

from __future__ import annotations

import binascii
import re

BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE36 = b"0123456789abcdefghijklmnopqrstuvwxyz"
BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
CROCKFORD = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_LONGEST_BASE58 = 256  # base 58 takes quadratic time, and no key written in it is longer
_BASE64_TEXT = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


def digits(number: int, alphabet: bytes, width: int = 1) -> bytes:
    """A number in the base of the alphabet, most significant digit first, left-padded with its zero."""
    out = bytearray()
    while number:
        number, digit = divmod(number, len(alphabet))
        out.append(alphabet[digit])
    return bytes(out[::-1]).rjust(width, alphabet[:1])


def number(text: bytes, alphabet: bytes) -> int | None:
    """The value of digits in the base of the alphabet."""
    value = 0
    for char in text:
        digit = alphabet.find(char)
        if digit < 0:
            return None
        value = value * len(alphabet) + digit
    return value


def base64(text: bytes) -> bytes | None:
    """Standard or url-safe base64, padded or not. Line breaks are not base64."""
    plain = text.replace(b"-", b"+").replace(b"_", b"/")
    if not _BASE64_TEXT.fullmatch(plain):
        return None
    body = plain.rstrip(b"=")
    if len(body) % 4 == 1:
        return None
    return binascii.a2b_base64(body + b"=" * (-len(body) % 4))


def base32(text: bytes) -> bytes | None:
    """RFC 4648 base32, either case, without padding. Bits short of a byte at the end are left out."""
    value = number(text.upper(), BASE32)
    if value is None:
        return None
    size, spare = divmod(len(text) * 5, 8)
    return (value >> spare).to_bytes(size, "big")


def base58(text: bytes) -> bytes | None:
    """Bitcoin's base 58: leading 1s are leading zero bytes."""
    if len(text) > _LONGEST_BASE58:
        return None
    value = number(text, BASE58)
    if value is None:
        return None
    zeros = len(text) - len(text.lstrip(b"1"))
    return bytes(zeros) + value.to_bytes((value.bit_length() + 7) // 8, "big")
