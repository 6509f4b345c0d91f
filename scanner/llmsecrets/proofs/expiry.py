"""Signed links and tokens that say in the clear when they end."""

from __future__ import annotations

import re

from llmsecrets.proofs import Proof
from llmsecrets.proofs.factual import Fact, expiry, seconds_of, shown

_SAS_FORMS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d")
_AMZ_FORM = "%Y%m%dT%H%M%SZ"


def sas(secret: bytes) -> Proof:
    """Azure shared access signatures: `se` is the end, as a date or (Service Bus, IoT) in seconds since 1970."""
    end = _parameter(secret, b"se")
    if end is None or _parameter(secret, b"sig") is None:
        return Proof(None)
    facts = expiry(_sas_seconds(end))
    return Proof(bool(facts), (*facts, *_permission_facts(secret)) if facts else ())


def _sas_seconds(end: str) -> float | None:
    if end.isascii() and end.isdigit():
        return float(end[:12])
    parsed = (seconds_of(end, form) for form in _SAS_FORMS)
    return next((seconds for seconds in parsed if seconds is not None), None)


def _permission_facts(secret: bytes) -> tuple[Fact, ...]:
    permissions = _parameter(secret, b"sp")
    return (("permissions", shown(permissions)),) if permissions else ()


def aws_presigned(secret: bytes) -> Proof:
    """Presigned AWS URLs: `X-Amz-Date` and `X-Amz-Expires`."""
    facts = aws_query_facts(secret)
    return Proof(True, facts) if facts else Proof(None)


def aws_query_facts(url: bytes) -> tuple[Fact, ...]:
    """The end of a presigned URL: its date plus its life in seconds."""
    start = seconds_of(_parameter(url, b"X-Amz-Date") or "", _AMZ_FORM)
    life = _parameter(url, b"X-Amz-Expires") or ""
    if start is None or not re.fullmatch(r"[0-9]{1,7}", life):
        return ()
    return expiry(start + int(life))


def copilot(secret: bytes) -> Proof:
    """GitHub Copilot `tid=…;exp=…`: seconds since 1970."""
    end = re.search(rb"(?:^|;)exp=(\d{9,11})(?:;|:|$)", secret)
    return Proof(True, expiry(int(end[1]))) if end else Proof(None)


def _parameter(text: bytes, name: bytes) -> str | None:
    """The value of a query parameter, unquoted."""
    found = re.search(rb"(?:^|[?&;\s\"'])" + re.escape(name) + rb"=([^&\s\"']{1,100})", text)
    if not found:
        return None
    from urllib.parse import unquote

    return unquote(found[1].decode("latin-1"))
