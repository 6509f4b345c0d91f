"""Private keys that decode like real ones and open nothing: their numbers are random, not primes."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from random import Random

from llmsecrets.proofs.der import INTEGER, OCTETS, OID, SEQUENCE
from llmsecrets.proofs.openssh import OPENSSH_MAGIC, SSH2_MAGIC
from llmsecrets.proofs.pgp import crc24
from llmsecrets.templates.randomness import characters, octets

_NULL = b"\x05\x00"
_OID_RSA = bytes.fromhex("2a864886f70d010101")
_OID_EC = bytes.fromhex("2a8648ce3d0201")
_OID_P256 = bytes.fromhex("2a8648ce3d030107")
_OID_ED25519 = bytes.fromhex("2b6570")
_OID_PBES2 = bytes.fromhex("2a864886f70d01050d")
_OID_PBKDF2 = bytes.fromhex("2a864886f70d01050c")
_OID_AES256 = bytes.fromhex("60864801650304012a")
_OID_SHA256 = bytes.fromhex("2a864886f70d0209")
_MADE = (1704067200).to_bytes(4, "big")


def pem(rng: Random, given: Sequence[str]) -> str:
    """Arguments: label; bits for RSA, kind (rsa, ec, ed25519) for PRIVATE KEY, or `encrypted` where both exist."""
    label = given[0] if given and given[0] else "PRIVATE KEY"
    detail = given[1] if len(given) > 1 else ""
    if label not in _MAKERS:
        raise ValueError(f"no maker for the label {label!r}; known: {', '.join(sorted(_MAKERS))}")
    headers, data = _headers_and_data(rng, label, detail)
    check = "=" + b64encode(crc24(data).to_bytes(3, "big")).decode("ascii") if label.startswith("PGP") else ""
    return "\n".join(
        (f"-----BEGIN {label}-----", *headers, *_lines(data), *filter(None, (check,)), f"-----END {label}-----")
    )


def _headers_and_data(rng: Random, label: str, detail: str) -> tuple[list[str], bytes]:
    if label.startswith("PGP"):
        return [""], _pgp(rng, detail)
    if detail == "encrypted" and label in ("RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"):
        cipher = f"DEK-Info: AES-256-CBC,{characters(rng, 'HEX', 32)}"
        return ["Proc-Type: 4,ENCRYPTED", cipher, ""], octets(rng, 1200)
    return [], _MAKERS[label](rng, detail)


def _lines(data: bytes) -> list[str]:
    text = b64encode(data).decode("ascii")
    return [text[at : at + 64] for at in range(0, len(text), 64)]


def putty(rng: Random, given: Sequence[str]) -> str:
    """Arguments: cipher (`none`, `aes256-cbc`)."""
    cipher = given[0] if given and given[0] else "none"
    public, private = _lines(_ssh_rsa_public(rng)), _lines(octets(rng, 600))
    counted = (f"Public-Lines: {len(public)}", *public, f"Private-Lines: {len(private)}", *private)
    head = ("PuTTY-User-Key-File-2: ssh-rsa", f"Encryption: {cipher}", "Comment: rsa-key")
    return "\n".join((*head, *counted, f"Private-MAC: {characters(rng, 'hex', 40)}"))


def gcp_service_account(rng: Random, given: Sequence[str]) -> str:
    """Arguments: project."""
    project = given[0] if given and given[0] else "acme-project"
    members = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": characters(rng, "hex", 40),
        "private_key": pem(rng, ["PRIVATE KEY"]) + "\n",
        "client_email": f"builder@{project}.iam.gserviceaccount.com",
        "client_id": characters(rng, "digit", 21),
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps(members, indent=2)


# --- DER


def _value(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width, "big") + content


def _integer(value: int) -> bytes:
    return _value(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _sized(rng: Random, bits: int) -> int:
    """An odd number of that many bits; its two top bits are set, so that a product has all bits."""
    return rng.getrandbits(bits) | 3 << (bits - 2) | 1


def _rsa(rng: Random, detail: str) -> bytes:
    half = int(detail or 2048) // 2
    first, second = _sized(rng, half), _sized(rng, half)
    rest = [_sized(rng, half) for _ in range(3)]
    numbers = (0, first * second, 65537, _sized(rng, 2 * half - 1), first, second, *rest)
    return _value(SEQUENCE, *map(_integer, numbers))


def _dsa(rng: Random, _: str) -> bytes:
    return _value(SEQUENCE, *map(_integer, (0, *(_sized(rng, bits) for bits in (2048, 256, 2047, 2046, 255)))))


def _point(rng: Random) -> bytes:
    return b"\0\x04" + octets(rng, 64)


def _ec(rng: Random, _: str) -> bytes:
    curve, public = _value(0xA0, _value(OID, _OID_P256)), _value(0xA1, _value(0x03, _point(rng)))
    return _value(SEQUENCE, _integer(1), _value(OCTETS, octets(rng, 32)), curve, public)


def _pkcs8(rng: Random, detail: str) -> bytes:
    if detail == "ed25519":
        algorithm, key = _value(OID, _OID_ED25519), _value(OCTETS, octets(rng, 32))
    elif detail == "ec":
        algorithm, key = _value(OID, _OID_EC) + _value(OID, _OID_P256), _ec(rng, "")
    else:
        algorithm, key = _value(OID, _OID_RSA) + _NULL, _rsa(rng, detail.removeprefix("rsa"))
    return _value(SEQUENCE, _integer(0), _value(SEQUENCE, algorithm), _value(OCTETS, key))


def _encrypted(rng: Random, _: str) -> bytes:
    function = _value(SEQUENCE, _value(OID, _OID_SHA256), _NULL)
    settings = _value(SEQUENCE, _value(OCTETS, octets(rng, 8)), _integer(2048), function)
    derivation = _value(SEQUENCE, _value(OID, _OID_PBKDF2), settings)
    cipher = _value(SEQUENCE, _value(OID, _OID_AES256), _value(OCTETS, octets(rng, 16)))
    scheme = _value(SEQUENCE, _value(OID, _OID_PBES2), _value(SEQUENCE, derivation, cipher))
    return _value(SEQUENCE, scheme, _value(OCTETS, octets(rng, 1232)))


# --- SSH and OpenPGP


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _ssh_rsa_public(rng: Random) -> bytes:
    modulus = b"\0" + _sized(rng, 3072).to_bytes(384, "big")
    return _string(b"ssh-rsa") + _string(b"\x01\x00\x01") + _string(modulus)


def _openssh(rng: Random, detail: str) -> bytes:
    encrypted = detail == "encrypted"
    public = _string(b"ssh-ed25519") + _string(octets(rng, 32))
    word = octets(rng, 4)
    private = octets(rng, 144) if encrypted else word + word + public + _string(octets(rng, 64)) + _string(b"")
    names = (b"aes256-ctr", b"bcrypt") if encrypted else (b"none", b"none")
    options = _string(octets(rng, 16)) + (16).to_bytes(4, "big") if encrypted else b""
    start = b"".join(map(_string, (*names, options))) + (1).to_bytes(4, "big")
    return OPENSSH_MAGIC + start + _string(public) + _string(private)


def _ssh2(rng: Random, _: str) -> bytes:
    body = _string(b"if-modn{sign{rsa-pkcs1-sha1}}") + _string(b"3des-cbc") + _string(octets(rng, 600))
    return SSH2_MAGIC.to_bytes(4, "big") + (len(body) + 8).to_bytes(4, "big") + body


def _pgp(rng: Random, detail: str) -> bytes:
    public = _number(rng, 2048) + _number(rng, 17)
    usage = b"\xfe\x07\x03\x08" + octets(rng, 9 + 16) if detail == "encrypted" else b"\0"
    body = b"\x04" + _MADE + b"\x01" + public + usage + octets(rng, 650)
    return b"\x95" + len(body).to_bytes(2, "big") + body


def _number(rng: Random, bits: int) -> bytes:
    return bits.to_bytes(2, "big") + _sized(rng, bits).to_bytes((bits + 7) // 8, "big")


_MAKERS = {
    "RSA PRIVATE KEY": _rsa,
    "EC PRIVATE KEY": _ec,
    "DSA PRIVATE KEY": _dsa,
    "PRIVATE KEY": _pkcs8,
    "ENCRYPTED PRIVATE KEY": _encrypted,
    "OPENSSH PRIVATE KEY": _openssh,
    "SSH2 ENCRYPTED PRIVATE KEY": _ssh2,
    "PGP PRIVATE KEY BLOCK": _pgp,
}
LABELS = tuple(_MAKERS)
