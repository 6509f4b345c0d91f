"""Private keys of SSH programs: OpenSSH's own format (PROTOCOL.key), ssh.com's, and PuTTY's."""

from __future__ import annotations

import re
from binascii import b2a_base64
from hashlib import sha256

from llmsecrets.proofs import Proof
from llmsecrets.proofs.factual import Fact, shown, yes_no

OPENSSH_MAGIC = b"openssh-key-v1\0"
SSH2_MAGIC = 0x3F6FF9EB

_PUTTY = re.compile(
    rb"PuTTY-User-Key-File-[1-3]:\s{0,4}([a-z0-9\-@.]{3,60})\s{1,8}Encryption:\s{0,4}([a-z0-9\-]{2,20})"
)
_PUTTY_CIPHERS = (b"none", b"aes256-cbc")


class Reader:
    """Reads the length-prefixed strings of the SSH protocol (RFC 4251, section 5). `broken` once data ran out."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0
        self.broken = False

    def word(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def string(self) -> bytes:
        return self._take(self.word())

    def _take(self, size: int) -> bytes:
        taken = self._data[self._place : self._place + size]
        self.broken = self.broken or len(taken) < size
        self._place += size
        return taken


def openssh(data: bytes) -> Proof:
    """Cipher `none` means that anybody can use the key; then two equal check words open the private part."""
    if not data.startswith(OPENSSH_MAGIC):
        return Proof(False)
    reader = Reader(data[len(OPENSSH_MAGIC) :])
    cipher, _, _, keys = reader.string(), reader.string(), reader.string(), reader.word()
    public, private = reader.string(), reader.string()
    if reader.broken or keys != 1 or not cipher:
        return Proof(False)
    if cipher == b"none" and private[:4] != private[4:8]:
        return Proof(False)
    return Proof(True, (*public_key_facts(public), *_cipher_facts(cipher), ("fingerprint", _fingerprint(public))))


def public_key_facts(public: bytes) -> tuple[Fact, ...]:
    reader = Reader(public)
    kind, _, modulus = reader.string(), reader.string(), reader.string()
    bits = int.from_bytes(modulus, "big").bit_length() if kind == b"ssh-rsa" and not reader.broken else 0
    return (("key type", shown(kind.decode("ascii", "replace"))), *((("bits", str(bits)),) if bits else ()))


def _cipher_facts(cipher: bytes) -> tuple[Fact, ...]:
    encrypted = cipher != b"none"
    named = (("cipher", shown(cipher.decode("ascii", "replace"))),) if encrypted else ()
    return (("encrypted", yes_no(encrypted)), *named)


def _fingerprint(public: bytes) -> str:
    """As `ssh-keygen -l` prints it: it is public, and finds the key on servers."""
    return "SHA256:" + b2a_base64(sha256(public).digest()).rstrip(b"=\n").decode("ascii")


def ssh2(data: bytes) -> Proof:
    """ssh.com's format, whose label says encrypted even where the cipher is none."""
    reader = Reader(data)
    magic, _, kind, cipher = reader.word(), reader.word(), reader.string(), reader.string()
    if magic != SSH2_MAGIC or reader.broken:
        return Proof(False)
    return Proof(True, (("key type", shown(kind.decode("ascii", "replace"))), *_cipher_facts(cipher)))


def putty(text: bytes) -> Proof:
    """PuTTY: key type and cipher stand in the first two lines."""
    parts = _PUTTY.search(text)
    if not parts or parts[2] not in _PUTTY_CIPHERS:
        return Proof(False)
    return Proof(True, (("key type", parts[1].decode("ascii")), *_cipher_facts(parts[2])))
