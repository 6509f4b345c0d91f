"""Private keys in textual armour: PEM, OpenSSH, PGP, PuTTY, and Google's service account files.

Keys are found in source code as often as in files of their own, so line breaks may be written out as escapes, lines
may be quoted, indented or joined by signs. A body that cannot be made out for that reason is left undecided.
"""

from __future__ import annotations

import re

from llmsecrets.proofs import Proof
from llmsecrets.proofs.encodings import base64
from llmsecrets.proofs.factual import Fact, json_object, json_string, text_facts

_ARMOUR = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----((?:(?!-----).)*)-----END [A-Z0-9 ]{0,40}-----", re.DOTALL
)
_OPENING = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_ESCAPED_BREAK = re.compile(rb"\\+[nrt]|%0[ADad]")
_ESCAPED_CODE = re.compile(rb"\\+u00([0-9A-Fa-f]{2})")
_HEADER = re.compile(rb"(Proc-Type|DEK-Info): ?(\S+)|[A-Z][A-Za-z-]{2,20}: [^\n]*")
_COMMENT_MARK = re.compile(rb"^(?:[#*>|]+|//+)(?:\s+|$)")
_CLOSING = re.compile(rb"[\"'`][ \t]*[+.,;&)]*[ \t\\]*$|[,;\\ \t]+$|^[\"'`+.&,;() \t\\]+$")
_OPENING_QUOTE = re.compile(rb"^(?:[\"'`] *[+.&,]? *[\"'`]|[+.&] *[\"'`]|[\"'`(])")
_PLACEHOLDER = re.compile(rb"\.\.\.|\xe2\x80\xa6|\*\*\*|[<\[{$]")
_PROSE = re.compile(rb"[a-z]+,? [a-z]+ [a-z]+ ")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]*=*")
_CHECK_LINE = re.compile(rb"=[A-Za-z0-9+/]{4}")
_LEAST_BLOCK = 8  # bytes that DES enciphers at once; the other ciphers of RFC 1421's heirs take 16
_FIRST_OF_WRAPPED = b"LS0tLS1CRUdJTi"  # base64 of "-----BEGIN"


def pem(secret: bytes) -> Proof:
    """Any private key in armour: does it decode to the key its label names, of which kind, and is it encrypted."""
    if b"PuTTY-User-Key-File-" in secret:
        from llmsecrets.proofs.openssh import putty

        return putty(_ESCAPED_BREAK.sub(b"\n", secret))
    if secret.startswith(_FIRST_OF_WRAPPED):
        unwrapped = base64(secret) or b""
        return Proof(False) if unwrapped.startswith(_FIRST_OF_WRAPPED) else pem(unwrapped)
    text = _ESCAPED_CODE.sub(_escaped_char, secret).replace(b"\\/", b"/")
    armour = _ARMOUR.search(_ESCAPED_BREAK.sub(b"\n", text))
    if not armour:
        return Proof(None if _OPENING.search(text) else False)
    return _armoured(armour[1], armour[2])


def _escaped_char(code: re.Match[bytes]) -> bytes:
    return bytes((int(code[1], 16),))


def _armoured(label: bytes, content: bytes) -> Proof:
    content = _unmarked(content)
    headers = {found[1]: found[2] for found in _HEADER.finditer(content) if found[1]}
    lines = [_line(line) for line in _HEADER.sub(b"", content).split(b"\n")]
    checks = [line for line in lines if _CHECK_LINE.fullmatch(line)]
    body = b"".join(line for line in lines if line not in checks)
    if not _BASE64_LINE.fullmatch(body):
        return Proof(False if _PLACEHOLDER.search(body) or _PROSE.search(content) else None)
    data = base64(body)
    if not data or _typed(body):
        return Proof(False)
    return _named(label, _decoded(label, headers, data, checks))


def _unmarked(content: bytes) -> bytes:
    """The body without what stands in front of each of its lines, as in a diff or a comment, and of the END line."""
    mark = content.rpartition(b"\n")[2]
    first, *lines = content.split(b"\n")
    if not all(line.startswith(mark) for line in lines):
        return content
    return b"\n".join((first, *(line[len(mark) :] for line in lines)))


def _typed(body: bytes) -> bool:
    """Whether a person typed the body: two fifths of what base64 makes of a key are capitals."""
    return len(body) >= 64 and 8 * sum(65 <= byte <= 90 for byte in body) < len(body)


def _line(line: bytes) -> bytes:
    """A line without what the surrounding source code adds: indent, quotes, joining signs, comment marks."""
    bare = _CLOSING.sub(b"", _COMMENT_MARK.sub(b"", line.strip()))
    return re.sub(rb"\s+", b"", _OPENING_QUOTE.sub(b"", bare))


def _named(label: bytes, proof: Proof) -> Proof:
    return proof._replace(facts=(("armour", label.decode("ascii")), *proof.facts))


def _decoded(label: bytes, headers: dict[bytes, bytes], data: bytes, checks: list[bytes]) -> Proof:
    """The armour's label tells who reads the data."""
    from llmsecrets.proofs import der, openssh, pgp

    if label.startswith(b"PGP"):
        return pgp.secret_key(data, base64(checks[-1][1:]) if checks else None)
    if label == b"OPENSSH PRIVATE KEY" or data.startswith(openssh.OPENSSH_MAGIC):
        return openssh.openssh(data)
    if label == b"SSH2 ENCRYPTED PRIVATE KEY":
        return openssh.ssh2(data)
    if b"ENCRYPTED" in headers.get(b"Proc-Type", b""):
        return Proof(len(data) % _LEAST_BLOCK == 0, _legacy_facts(headers))
    return der.private_key(data)


def _legacy_facts(headers: dict[bytes, bytes]) -> tuple[Fact, ...]:
    """Encrypted the old way (RFC 1421): the cipher stands in a header, the data looks random."""
    cipher = re.match(rb"[A-Za-z0-9-]{3,20}", headers.get(b"DEK-Info", b""))
    return (("encrypted", "yes"), *((("cipher", cipher[0].decode("ascii")),) if cipher else ()))


def gcp_service_account(secret: bytes) -> Proof:
    """Google service account files: JSON with a private key in PEM. They name the project and the account."""
    found = json_object(secret) or json_object(json_string(secret))
    if found is None:
        return pem(secret)  # JSON inside another language's string
    key = found.get("private_key")
    if found.get("type") != "service_account" or not isinstance(key, str):
        return Proof(False)
    names = {"project_id": "project", "client_email": "account", "private_key_id": "key id"}
    proof = pem(key.encode("utf-8", "replace"))
    return proof._replace(facts=(*text_facts(found, names), *proof.facts))
