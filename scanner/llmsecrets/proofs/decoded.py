"""Tokens that are base64 of JSON or of text in a known form: decoding them tells the issuer's from look-alikes."""

from __future__ import annotations

import re

from llmsecrets.proofs import Proof
from llmsecrets.proofs.encodings import base58, base64
from llmsecrets.proofs.factual import expiry, issued, json_object, text_facts

_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _text(secret: bytes, prefix: bytes, form: bytes) -> re.Match[bytes] | None:
    """What the base64 text behind the prefix decodes to, where it has that form."""
    data = base64(secret[len(prefix) :]) if secret.startswith(prefix) else None
    return None if data is None else re.fullmatch(form, data, re.DOTALL)


def _members(encoded: bytes, *needed: str) -> dict[str, object] | None:
    """The JSON object in base64 text, where it has all needed members."""
    data = base64(encoded)
    found = None if data is None else json_object(data)
    return found if found is not None and all(name in found for name in needed) else None


def _json_proof(found: dict[str, object] | None, **facts: str) -> Proof:
    return Proof(False) if found is None else Proof(True, text_facts(found, facts))


def letta(secret: bytes) -> Proof:
    """Letta `sk-let-`: two UUIDs."""
    return Proof(bool(_text(secret, b"sk-let-", _UUID + b":" + _UUID)))


def elastic(secret: bytes) -> Proof:
    """Elasticsearch API keys: id and secret. The word `ApiKey` of a header may stand before it."""
    bare = secret.split()[-1] if secret.strip() else b""
    return Proof(bool(_text(bare, b"", rb"[A-Za-z0-9_-]{20}:[A-Za-z0-9_-]{22}")))


def devin(secret: bytes) -> Proof:
    """Devin `apk_`: organisation and secret. The organisation is half of the credential, so it is not shown."""
    return Proof(bool(_text(secret, b"apk_", rb"org-[0-9a-f]{32}:[0-9a-f]{32}")))


def nvidia_ngc(secret: bytes) -> Proof:
    """NVIDIA NGC keys of the older form: 26 characters and a UUID."""
    return Proof(bool(_text(secret, b"", rb"[a-z0-9]{26}:" + _UUID)))


def bitbucket_dc(secret: bytes) -> Proof:
    """Bitbucket and Jira Data Center: a number, a colon, and the secret."""
    prefix = b"BBDC-" if secret.startswith(b"BBDC-") else b""
    return Proof(bool(_text(secret, prefix, rb"[0-9]{4,20}:.+")))


def intercom(secret: bytes) -> Proof:
    """Intercom: text that starts with `tok:`."""
    return Proof(bool(_text(secret, b"", rb"tok:.+")))


def workos(secret: bytes) -> Proof:
    """WorkOS `sk_live_`, `sk_test_`: a key id (a ULID) and the secret."""
    for mode in (b"live", b"test"):
        if _text(secret, b"sk_" + mode + b"_", rb"key_[0-9A-HJKMNP-TV-Z]{26},.+"):
            return Proof(True, (("mode", mode.decode("ascii")),))
    return Proof(False)


def jfrog_reference(secret: bytes) -> Proof:
    """JFrog reference tokens: `reftkn:01:` and the time of expiry, zero for never."""
    parts = _text(secret, b"", rb"reftkn:[0-9]{2}:([0-9]{10}):.+")
    if not parts:
        return Proof(False)
    end = int(parts[1])
    return Proof(True, expiry(end) if end else (("expires", "never"),))


def jfrog_base58(secret: bytes) -> Proof:
    """JFrog `AKCp`: 54 bytes in base 58."""
    return Proof(len(base58(secret) or b"") == 54)


def chroma_base58(secret: bytes) -> Proof:
    """Chroma Cloud `ck-`: 32 bytes in base 58."""
    return Proof(secret.startswith(b"ck-") and len(base58(secret[3:]) or b"") == 32)


def wireguard(secret: bytes) -> Proof:
    """WireGuard private keys made by `wg genkey`: 32 bytes, clamped for Curve25519. Preshared keys are not clamped."""
    data = base64(secret.rpartition(b" ")[2].lstrip(b"=") if b" " in secret else secret)
    if data is None or len(data) != 32:
        return Proof(False)
    return Proof(True if data[0] & 7 == 0 and data[31] >> 6 == 1 else None)


def neptune(secret: bytes) -> Proof:
    """Neptune: JSON with the server's address and a UUID."""
    found = _members(secret, "api_address", "api_key")
    return _json_proof(found, api_address="server")


def sentry(secret: bytes) -> Proof:
    """Sentry `sntrys_`: JSON with time, URLs and organisation, an underscore, and the secret."""
    if not secret.startswith(b"sntrys_"):
        return Proof(False)
    found = _members(secret[7:].rpartition(b"_")[0], "iat", "url", "org")
    proof = _json_proof(found, org="organization", url="server", region_url="region")
    return proof._replace(facts=(*proof.facts, *issued(found["iat"]))) if found else proof


def onepassword(secret: bytes) -> Proof:
    """1Password `ops_`: JSON with the account's address and the key material."""
    found = _members(secret[4:], "signInAddress", "muk", "srpX") if secret.startswith(b"ops_") else None
    return _json_proof(found, signInAddress="account")


def grafana_cloud(secret: bytes) -> Proof:
    """Grafana Cloud `glc_`: JSON with organisation, name, secret and region."""
    found = _members(secret[4:], "o", "n", "k") if secret.startswith(b"glc_") else None
    return _json_proof(found, o="organization id", n="token name")


def grafana_legacy(secret: bytes) -> Proof:
    """Grafana API keys before service accounts: JSON with secret, name and organisation."""
    return _json_proof(_members(secret, "k", "n", "id"), id="organization id", n="token name")


def cloudflare_tunnel(secret: bytes) -> Proof:
    """Cloudflare tunnels: JSON with account, tunnel and secret."""
    return _json_proof(_members(secret, "a", "t", "s"), a="account id", t="tunnel id")


def mapbox(secret: bytes) -> Proof:
    """Mapbox `sk.`, `pk.`, `tk.`: the middle part is JSON with the user's name."""
    parts = secret.split(b".")
    found = _members(parts[1], "u") if len(parts) == 3 else None
    return _json_proof(found, u="user name")
