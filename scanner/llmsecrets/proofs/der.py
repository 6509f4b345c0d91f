"""Private keys in DER: as much ASN.1 as it takes to tell which key it is (RFC 5208, 5915, 5958, 8017, 8018)."""

from __future__ import annotations

from typing import NamedTuple

from llmsecrets.proofs import Proof
from llmsecrets.proofs.factual import Fact

INTEGER, OCTETS, OID, SEQUENCE = 0x02, 0x04, 0x06, 0x30
_MOST_CHILDREN = 64  # private keys have at most ten or so

_RSA = "1.2.840.113549.1.1.1"
_EC = "1.2.840.10045.2.1"
ALGORITHMS = {
    _RSA: "RSA",
    "1.2.840.113549.1.1.10": "RSA-PSS",
    "1.2.840.10040.4.1": "DSA",
    _EC: "EC",
    "1.2.840.113549.1.3.1": "DH",
    "1.3.101.110": "X25519",
    "1.3.101.111": "X448",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
}
CURVES = {
    "1.2.840.10045.3.1.1": "P-192",
    "1.3.132.0.33": "P-224",
    "1.2.840.10045.3.1.7": "P-256",
    "1.3.132.0.34": "P-384",
    "1.3.132.0.35": "P-521",
    "1.3.132.0.10": "secp256k1",
}
_PBES2 = "1.2.840.113549.1.5.13"
_PBKDF2 = "1.2.840.113549.1.5.12"


class Node(NamedTuple):
    """One ASN.1 value: its tag and its content."""

    tag: int
    content: bytes

    def integer(self) -> int:
        return int.from_bytes(self.content, "big", signed=True) if self.tag == INTEGER else 0


def private_key(data: bytes) -> Proof:
    """Which private key DER holds, told by the kinds of the values in its outer sequence."""
    parts = outer(data)
    if parts is None:
        return Proof(False)
    tags = [part.tag for part in parts]
    if tags[:3] == [INTEGER, SEQUENCE, OCTETS]:
        return _pkcs8(parts)
    if tags[:2] == [INTEGER, OCTETS]:
        return Proof(True, _ec_facts(parts))
    if tags == [SEQUENCE, OCTETS]:
        return _encrypted(parts)
    return _numbers(parts) if tags[:6] == [INTEGER] * 6 else Proof(False)


def outer(data: bytes) -> list[Node] | None:
    """The values in the one sequence that the data is, to the last byte."""
    nodes = children(data)
    return children(nodes[0].content) if nodes and len(nodes) == 1 and nodes[0].tag == SEQUENCE else None


def children(data: bytes) -> list[Node] | None:
    """The values that follow one another in the data, or None where it is not made of them."""
    nodes: list[Node] = []
    place = 0
    while place < len(data):
        header = _header(data, place)
        if header is None or len(nodes) >= _MOST_CHILDREN:
            return None
        start, end = header
        nodes.append(Node(data[place], data[start:end]))
        place = end
    return nodes


def _header(data: bytes, place: int) -> tuple[int, int] | None:
    """Where the content of the value at that place starts and ends."""
    if place + 2 > len(data):
        return None
    size, start = data[place + 1], place + 2
    if size & 0x80:
        width = size & 0x7F
        if not 1 <= width <= 4:
            return None
        size, start = int.from_bytes(data[start : start + width], "big"), start + width
    return (start, start + size) if start + size <= len(data) else None


def oid(node: Node) -> str:
    """An object identifier with dots, or nothing where the value is none."""
    if node.tag != OID or not node.content or len(node.content) > 32:
        return ""
    arcs, value = [], 0
    for byte in node.content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:]))) if arcs else ""


def _numbers(parts: list[Node]) -> Proof:
    """Keys that are numbers in a row: nine for RSA, six for DSA. An RSA modulus is the product of its primes."""
    values = [part.integer() for part in parts]
    if len(values) == 6:
        return Proof(True, _key_facts("DSA", values[1].bit_length()))
    if len(values) < 9:
        return Proof(False)
    modulus, first, second = values[1], values[4], values[5]
    whole = values[0] != 0 or first * second == modulus  # version 1 has more than two primes
    return Proof(whole, _key_facts("RSA", modulus.bit_length()))


def _key_facts(kind: str, bits: int = 0) -> tuple[Fact, ...]:
    return (("key type", kind), *((("bits", str(bits)),) if bits else ()), ("encrypted", "no"))


def _pkcs8(parts: list[Node]) -> Proof:
    """PKCS#8: the algorithm by its identifier; an RSA key inside is looked at too."""
    algorithm = children(parts[1].content)
    if not algorithm:
        return Proof(False)
    identifier = oid(algorithm[0])
    if identifier == _RSA:
        inner = outer(parts[2].content)
        return _numbers(inner) if inner else Proof(False)
    if identifier == _EC:
        return Proof(True, _curve_facts(algorithm[1:]))
    kind = ALGORITHMS.get(identifier, identifier)
    return Proof(True, _key_facts(kind)) if kind else Proof(False)


def _ec_facts(parts: list[Node]) -> tuple[Fact, ...]:
    """SEC 1 keys name their curve in the value tagged [0]."""
    tagged = next((children(part.content) for part in parts if part.tag == 0xA0), None)
    return _curve_facts(tagged or [])


def _curve_facts(nodes: list[Node]) -> tuple[Fact, ...]:
    curve = CURVES.get(oid(nodes[0]), "") if nodes else ""
    return (("key type", "EC"), *((("curve", curve),) if curve else ()), ("encrypted", "no"))


def _encrypted(parts: list[Node]) -> Proof:
    """PKCS#8 under a password: the scheme, and how many rounds a guess costs."""
    algorithm = children(parts[0].content)
    if not algorithm or not oid(algorithm[0]):
        return Proof(False)
    facts: tuple[Fact, ...] = (("encrypted", "yes"),)
    if oid(algorithm[0]) != _PBES2:
        return Proof(True, facts)
    rounds = _rounds(algorithm[1:])
    return Proof(True, (*facts, ("scheme", "PBES2"), *((("iterations", str(rounds)),) if rounds else ())))


def _rounds(parameters: list[Node]) -> int:
    """PBKDF2's iteration count, from the parameters of PBES2; zero where another derivation is used."""
    derivation = _inside(_inside(parameters))
    if len(derivation) < 2 or oid(derivation[0]) != _PBKDF2:
        return 0
    settings = _inside(derivation[1:])
    return settings[1].integer() if len(settings) > 1 and len(settings[1].content) <= 4 else 0


def _inside(nodes: list[Node]) -> list[Node]:
    return (children(nodes[0].content) or []) if nodes and nodes[0].tag == SEQUENCE else []
