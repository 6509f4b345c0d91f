"""Texts that quote what others wrote, as mistakes do: without what our rules take for a secret."""

from __future__ import annotations

from llmsecrets.engine import Engine
from llmsecrets.model import Chunk, Provenance

_MASK = "…"


def masked(text: str, engine: Engine) -> str:
    """A text to show, with whatever the engine's rules take for a secret left out."""
    for secret in sorted(secrets_in(text, engine), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


def secrets_in(text: str, engine: Engine) -> set[str]:
    """The secrets of a text, but for those of low confidence."""
    candidates, _ = engine.find(Chunk(text.encode("utf-8", "surrogateescape"), Provenance("settings.yaml")))
    confident = (one.finding for one in candidates if one.finding.confidence != "low")
    return {one.secret.reveal().decode("utf-8", "surrogateescape") for one in confident}
