"""Tokens that carry a check value over themselves: CRC-32, SHA-256, bech32, base58check and CRC-16.

The algorithms are those the issuers publish; where one was only found by trying it on public samples, the verifier
says so.
"""

from __future__ import annotations

import re
from binascii import b2a_base64, crc32, crc_hqx
from hashlib import sha256

from llmsecrets.proofs import Proof
from llmsecrets.proofs.encodings import BASE32, BASE36, BASE62, base32, base58, base64, digits, number
from llmsecrets.proofs.factual import Fact

_GITHUB_STATELESS = re.compile(rb"ghs_\d{1,20}_(eyJ.+)", re.DOTALL)
_FINE_GRAINED = re.compile(rb"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}")
_ROUTABLE = re.compile(
    rb"(.*?-(?:t\d_)?)([A-Za-z0-9_\-]{20,300})\.(?:[0-9a-z]{2}\.)?[0-9a-z]{2}([0-9a-z]{7})", re.DOTALL
)
_ROUTING_LINES = re.compile(rb"[a-z]:[0-9a-z]{1,13}(?:\n[a-z]:[0-9a-z]{1,13})*")
_ROUTING_NAMES = {b"c": "cell", b"o": "organization id", b"g": "group id", b"p": "project id", b"u": "user id"}
_SUPABASE = re.compile(rb"(sb_(?:secret|publishable)_[A-Za-z0-9_\-]{22})_([A-Za-z0-9_\-]{8})")

_BECH32_ALPHABET = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_NKEY_ROLES = {b"U": "user", b"A": "account", b"N": "server", b"C": "cluster", b"O": "operator", b"X": "curve"}


def crc32_base62(secret: bytes) -> Proof:
    """GitHub, npm, Vercel: the last six characters are the CRC-32 of the body, in base 62.

    GitHub described it in "Behind GitHub's new authentication token formats" (2021). Installation tokens that carry a
    JWT have no such check value, and are read as JWTs.
    """
    stateless = _GITHUB_STATELESS.fullmatch(secret)
    if stateless:
        from llmsecrets.proofs.jwt import jwt

        return jwt(stateless[1])
    _, underscore, rest = secret.partition(b"_")
    if not underscore or len(rest) <= 6:
        return Proof(None)
    return Proof(base62_crc(rest[:-6]) == rest[-6:])


def base62_crc(body: bytes) -> bytes:
    return digits(crc32(body), BASE62, 6)


def github_fine_grained(secret: bytes) -> Proof:
    """`github_pat_`: eight characters before the last eight are a SHA-256. Known from one public sample only."""
    if not _FINE_GRAINED.fullmatch(secret):
        return Proof(None)
    return Proof(fine_grained_check(secret[:-16]) == secret[-16:-8])


def fine_grained_check(text: bytes) -> bytes:
    return digits(int.from_bytes(sha256(text).digest()[:5], "big"), BASE32, 8)


def crc32_le_hex(secret: bytes) -> Proof:
    """Grafana `glsa_`: CRC-32 of prefix and secret, its bytes in little-endian order (Grafana's source)."""
    body, underscore, check = secret.rpartition(b"_")
    if not underscore or not body.startswith(b"glsa_"):
        return Proof(None)
    return Proof(little_endian_crc(body).hex().encode() == check)


def little_endian_crc(body: bytes) -> bytes:
    return crc32(body).to_bytes(4, "little")


def crc32_hex_upper(secret: bytes) -> Proof:
    """Atlassian and Bitbucket: CRC-32 of everything before the last eight characters, upper hex."""
    text = secret.replace(b"%3D", b"=").replace(b"%3d", b"=")  # tokens are found inside URLs too
    if len(text) <= 8:
        return Proof(None)
    return Proof(b"%08X" % crc32(text[:-8]) == text[-8:])


def crc32_hex(secret: bytes) -> Proof:
    """Zuplo `zpka_`: CRC-32 of the body between the underscores, lower hex."""
    parts = secret.split(b"_")
    if len(parts) != 3:
        return Proof(None)
    return Proof(b"%08x" % crc32(parts[1]) == parts[2])


def crc32_le_base64(secret: bytes) -> Proof:
    """Confluent `cflt`: the last six characters are base64 of the little-endian CRC-32 of the body."""
    if not secret.startswith(b"cflt") or len(secret) <= 10:
        return Proof(None)
    return Proof(b2a_base64(little_endian_crc(secret[4:-6]))[:6] == secret[-6:])


def gitlab_routable(secret: bytes) -> Proof:
    """GitLab tokens with dots: CRC-32 in base 36 over all that precedes it (Authn::TokenField::RoutableToken).

    The payload names the cell, organisation, project and user the token belongs to.
    """
    parts = _ROUTABLE.fullmatch(secret)
    if not parts:
        return Proof(None)
    if digits(crc32(secret[:-7]), BASE36, 7) != parts[3]:
        return Proof(False)
    return Proof(True, _routing_facts(base64(parts[2]) or b""))


def _routing_facts(payload: bytes) -> tuple[Fact, ...]:
    """The last byte says how many random bytes there are; they stood behind the routing lines, later before them."""
    size = payload[-1] if payload else 0
    for lines in (payload[: -1 - size], payload[size:-1]):
        if _ROUTING_LINES.fullmatch(lines):
            return tuple(fact for line in lines.split(b"\n") for fact in _routing_fact(*line.split(b":")))
    return ()


def _routing_fact(key: bytes, value: bytes) -> tuple[Fact, ...]:
    identifier = number(value, BASE36)
    return ((_ROUTING_NAMES[key], str(identifier)),) if key in _ROUTING_NAMES else ()


def supabase(secret: bytes) -> Proof:
    """`sb_secret_`: SHA-256 over project and token. The project is not in the token, so only the fixed name that
    self-hosted installations use can be tried; a mismatch says nothing."""
    parts = _SUPABASE.fullmatch(secret)
    if parts and supabase_check(b"supabase-self-hosted", parts[1]) == parts[2]:
        return Proof(True, (("project", "self-hosted"),))
    return Proof(None)


def supabase_check(project: bytes, body: bytes) -> bytes:
    encoded = b2a_base64(sha256(project + b"|" + body).digest())
    return encoded.replace(b"+", b"-").replace(b"/", b"_")[:8]


def bech32(secret: bytes) -> Proof:
    """age secret keys and others in bech32 (BIP-173): the polymod over prefix and data is one."""
    if secret != secret.upper() and secret != secret.lower():
        return Proof(False)  # BIP-173 forbids mixed case
    prefix, one, data = secret.lower().rpartition(b"1")
    values = [_BECH32_ALPHABET.find(char) for char in data]
    if not one or not prefix or len(data) < 6 or -1 in values:
        return Proof(False)
    return Proof(bech32_polymod([*bech32_expanded(prefix), *values]) == 1)


def bech32_expanded(prefix: bytes) -> list[int]:
    return [*(char >> 5 for char in prefix), 0, *(char & 31 for char in prefix)]


def bech32_polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check


def base58check(secret: bytes) -> Proof:
    """Wallet keys: the last four bytes are the double SHA-256 of the rest (Bitcoin's WIF and BIP-32)."""
    data = base58(secret)
    if data is None or len(data) < 5:
        return Proof(False)
    if double_sha256(data[:-4])[:4] != data[-4:]:
        return Proof(False)
    return Proof(True, _wallet_facts(data[:-4]))


def double_sha256(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


def _wallet_facts(payload: bytes) -> tuple[Fact, ...]:
    networks = {0x80: "Bitcoin", 0xEF: "Bitcoin test network"}
    if len(payload) in (33, 34) and payload[0] in networks:
        return (("network", networks[payload[0]]),)
    return ()


def nkey(secret: bytes) -> Proof:
    """NATS and Stellar seeds: base32, the last two bytes are the CRC-16/XMODEM of the rest, little-endian."""
    data = base32(secret)
    if data is None or len(data) < 3:
        return Proof(False)
    if crc_hqx(data[:-2], 0) != int.from_bytes(data[-2:], "little"):
        return Proof(False)
    role = _NKEY_ROLES.get(secret[1:2]) if len(secret) == 58 else None
    return Proof(True, (("role", role),) if role else ())
