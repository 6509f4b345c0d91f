"""Azure's identifiable keys: a signature of four letters inside the key, and a Marvin32 check value at its end.

Algorithms and seeds are those of Microsoft's open security-utilities (IdentifiableSecrets, CommonAnnotatedSecurityKey).
"""

from __future__ import annotations

import re
from binascii import b2a_base64, crc32
from typing import NamedTuple

from llmsecrets.proofs import Proof
from llmsecrets.proofs.encodings import BASE62, base32, base64, digits
from llmsecrets.proofs.factual import Fact

_MASK = 0xFFFFFFFF
_BASE66 = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~"


class Signature(NamedTuple):
    """What a key signature says: the service, and the seed of each kind of key. `sure`: confirmed on real keys."""

    service: str
    seeds: tuple[tuple[bytes, str], ...]
    sure: bool = True


_SENDING = ((b"Send0000", "send"), (b"Listen00", "listen"), (b"Manage00", "manage"))
SIGNATURES: dict[bytes, Signature] = {
    b"+ASt": Signature("Storage", ((b"Default0", ""),)),
    b"ACDb": Signature("Cosmos DB", ((b"MastRW00", "read-write"), (b"MastRO00", "read-only"))),
    b"+ABa": Signature("Batch", ((b"AbAcct00", ""),)),
    b"+AMC": Signature("Machine Learning Classic", ((b"Classic0", ""),)),
    b"APIM": Signature(
        "API Management",
        ((b"IoTHub00", "subscription"), (b"Tenant00", "tenant"), (b"Gatewy00", "gateway"), (b"GitKey00", "git")),
    ),
    b"+ASb": Signature("Service Bus", _SENDING),
    b"+AEh": Signature("Event Hubs", _SENDING),
    b"+ARm": Signature("Relay", _SENDING),
    b"AIoT": Signature("IoT", ((b"IoTHub00", "hub"), (b"Device00", "device"), (b"DpsKey00", "provisioning"))),
    b"AzCa": Signature("Cache for Redis", ((b"Access00", ""),)),
    b"AzSe": Signature("AI Search", ((b"PAdmin00", "admin"), (b"Query000", "query"))),
    b"AzFu": Signature("Functions", ((b"Functi00", "function"), (b"System00", "system"), (b"Master00", "master"))),
    b"+ACR": Signature("Container Registry", ((b"ACRDflt0", ""),), sure=False),
    b"AZEG": Signature("Event Grid", (), sure=False),  # the seed is not published
}
# characters of a key without its padding: where the signature stands in it
_PLACES = {86: 76, 43: 33, 52: 42, 54: 44}

CASK_SERVICES = {
    b"ACOG": "AI Services",
    b"AZDO": "DevOps",
    b"AZAC": "App Configuration",
    b"AZCS": "Communication Services",
    b"AZMP": "Maps",
    b"AZMR": "Mixed Reality",
    b"AZEG": "Event Grid",
    b"AZFR": "Fluid Relay",
}
_CASK = re.compile(rb"[A-Za-z0-9+/_\-]{52}JQQJ9[9DH]([A-Za-z0-9])([A-L])[A-Za-z0-9+/_\-]{24}(?:[A-Za-z0-9+/_\-]{2}==)?")
_DEVOPS_KINDS = {0xE0B9692D: "user", 0x1019F92E: "app"}


def marvin32(seed: bytes, data: bytes) -> int:
    """Marvin32 as .NET has it, both halves of the result xored. `seed`: eight bytes, read big-endian."""
    high, low = int.from_bytes(seed[:4], "big"), int.from_bytes(seed[4:], "big")
    padded = data + b"\x80" + bytes(3 - len(data) % 4)
    for start in range(0, len(padded), 4):
        low = (low + int.from_bytes(padded[start : start + 4], "little")) & _MASK
        low, high = _mixed(low, high)
    low, high = _mixed(low, high)
    return low ^ high


def _mixed(low: int, high: int) -> tuple[int, int]:
    high ^= low
    low = (_rotated(low, 20) + high) & _MASK
    high = _rotated(high, 9) ^ low
    low = (_rotated(low, 27) + high) & _MASK
    return low, _rotated(high, 19)


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _MASK


def identifiable(secret: bytes) -> Proof:
    """Storage, Cosmos DB, Service Bus…: the last four bytes are Marvin32 of the rest, seeded by service and kind."""
    place = _PLACES.get(len(secret.rstrip(b"=")))
    signature = SIGNATURES.get(secret[place : place + 4]) if place is not None else None
    data = base64(secret)
    if signature is None or data is None:
        return Proof(None)
    for seed, kind in signature.seeds:
        if marvin32(seed, data[:-4]) == int.from_bytes(data[-4:], "little"):
            return Proof(True, _service_facts(signature.service, kind))
    return Proof(False if signature.sure else None)


def _service_facts(service: str, kind: str) -> tuple[Fact, ...]:
    return (("service", f"Azure {service}"), *((("key kind", kind),) if kind else ()))


def cask(secret: bytes) -> Proof:
    """Keys with `JQQJ99` (Azure OpenAI, DevOps, Maps…): Marvin32 over the first 60 bytes, four digits of it.

    Most issuers write the check value in base 62, some in base64. Year and month of issue are in the key.
    """
    parts = _CASK.fullmatch(secret)
    data = base64(secret[:80])
    if not parts or data is None:
        return Proof(None)
    if secret[80:84] not in cask_checks(data):
        return Proof(False)
    return Proof(True, _cask_facts(secret[76:80], parts[1], parts[2]))


def cask_checks(data: bytes) -> tuple[bytes, ...]:
    """The spellings of a check value, the usual one first. Whether short numbers are padded is not documented."""
    check = marvin32(b"Default0", data).to_bytes(4, "little")
    value = int.from_bytes(check, "big")
    return digits(value, BASE62, 6)[:4], digits(value, BASE62, 4)[:4], b2a_base64(check)[:4]


def _cask_facts(provider: bytes, year: bytes, month: bytes) -> tuple[Fact, ...]:
    service = CASK_SERVICES.get(provider)
    when = (("issued", f"{2024 + year[0] - ord('A')}-{month[0] - ord('A') + 1:02}"),) if b"A" <= year <= b"Z" else ()
    return (*((("service", f"Azure {service}"),) if service else ()), *when)


def devops_legacy(secret: bytes) -> Proof:
    """Azure DevOps tokens of 52 characters: a CRC-32 spread over the 32 bytes. Tried on made tokens only."""
    data = base32(secret)
    if data is None or len(secret) != 52:
        return Proof(None)
    check = int.from_bytes(bytes((data[22], data[8], data[7], data[2])), "little")
    kind = _DEVOPS_KINDS.get(crc32(devops_covered(data)) ^ check)
    return Proof(True, (("key kind", kind),)) if kind else Proof(False)


def devops_covered(data: bytes) -> bytes:
    return data[0:2] + data[3:7] + data[9:22] + data[23:32]


def entra_client_secret(secret: bytes) -> Proof:
    """Entra client secrets with `8Q~`: the last three characters are Marvin32 in base 66. Held on one sample."""
    if secret[3:6] != b"8Q~":
        return Proof(None)
    return Proof(entra_check(secret[:-3]) == secret[-3:])


def entra_check(text: bytes) -> bytes:
    return digits(marvin32(b"AadPwd00", text), _BASE66, 6)[:3]
