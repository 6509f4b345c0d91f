"""JSON Web Tokens: what header and payload say (RFC 7519). The signature cannot be checked without its key."""

from __future__ import annotations

from llmsecrets.proofs import Proof
from llmsecrets.proofs.encodings import base64
from llmsecrets.proofs.factual import Fact, expiry, json_object, shown, text_facts

# Characters of a signature, by algorithm. RSA's depend on the key.
SIGNATURE_SIZES = {"HS256": 43, "HS384": 64, "HS512": 86, "ES256": 86, "ES384": 128, "ES512": 176, "EdDSA": 86}

_CLAIMS = {"iss": "issuer", "role": "role", "ref": "project", "scope": "scope"}
_SERVICE_ACCOUNT = "system:serviceaccount:"


def jwt(secret: bytes) -> Proof:
    """Header and payload are JSON objects, the header names an algorithm. `none` makes it no secret at all."""
    parts = secret.split(b".")
    header = _part(parts[0])
    if header is None or not isinstance(header.get("alg"), str):
        return Proof(False)
    if len(parts) == 5:
        return Proof(True, text_facts(header, {"alg": "algorithm", "enc": "encryption", "iss": "issuer"}))
    return _signed(header, parts) if len(parts) == 3 else Proof(False)


def _part(text: bytes) -> dict[str, object] | None:
    data = base64(text)
    return None if data is None else json_object(data)


def _signed(header: dict[str, object], parts: list[bytes]) -> Proof:
    payload, algorithm = _part(parts[1]), str(header["alg"])
    if payload is None or algorithm.lower() == "none" or not parts[2]:
        return Proof(False)
    if len(parts[2]) != SIGNATURE_SIZES.get(algorithm, len(parts[2])):
        return Proof(False)
    return Proof(True, (("algorithm", shown(algorithm)), *_payload_facts(payload)))


def _payload_facts(payload: dict[str, object]) -> tuple[Fact, ...]:
    return (*text_facts(payload, _CLAIMS), *_subject_facts(payload), *expiry(payload.get("exp")))


def _subject_facts(payload: dict[str, object]) -> tuple[Fact, ...]:
    """What kind of subject it is; who a person is stays out of reports."""
    subject = payload.get("sub")
    if not isinstance(subject, str) or not subject:
        return ()
    if subject.startswith(_SERVICE_ACCOUNT):
        return (("service account", shown(subject[len(_SERVICE_ACCOUNT) :])),)
    return (("subject kind", _subject_kind(subject)),)


def _subject_kind(subject: str) -> str:
    if "@" in subject:
        return "e-mail address"
    if "|" in subject or ":" in subject:
        return shown(subject.replace("|", ":").split(":")[0])
    return "number" if subject.isdigit() else "identifier"
