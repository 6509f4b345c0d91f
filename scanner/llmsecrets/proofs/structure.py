"""Tokens recognised by fixed marks, by version digits or by plausible numbers in fixed places."""

from __future__ import annotations

import re

from llmsecrets.proofs import Proof
from llmsecrets.proofs.encodings import CROCKFORD, base64, number
from llmsecrets.proofs.factual import issued, plausible

_ANTHROPIC = re.compile(rb"sk-ant-[a-z]+\d{2}-([A-Za-z0-9_\-]+)")
_ANTHROPIC_BODY = 95
_OPENAI = re.compile(rb"sk-(?:[A-Za-z]{4,8}-)?([A-Za-z0-9_\-]{16,})")
_OPENAI_MARK = b"T3BlbkFJ"  # base64 of "OpenAI"
_GROQ = re.compile(rb"gsk_[A-Za-z0-9]{20}WGdyb3FY[A-Za-z0-9]{24}")
_UUID = re.compile(
    rb"[0-9a-f]{8}(-?)[0-9a-f]{4}\1([0-9a-f])[0-9a-f]{3}\1([0-9a-f])[0-9a-f]{3}\1[0-9a-f]{12}", re.IGNORECASE
)
_DISCORD_EPOCH = 1293840000  # 2011-01-01, from which newer tokens count
_SNOWFLAKE_EPOCH = 1420070400  # 2015-01-01, from which Discord's ids count
_SLACK_KINDS = {
    b"xoxb": "bot",
    b"xoxp": "user",
    b"xapp": "app-level",
    b"xoxe": "configuration",
    b"xoxc": "browser",
    b"xoxd": "browser cookie",
    b"xoxa": "workspace",
    b"xoxr": "refresh",
    b"xoxo": "legacy",
    b"xoxs": "legacy",
    b"xwfp": "workflow",
}
_SLACK = re.compile(rb"(xox[a-eoprs]|xapp|xwfp)(?:\.xox[bp])?-[A-Za-z0-9%/+=_\-]{10,600}")
_SLACK_TEAM = re.compile(rb"xox[bpc]-(\d{9,15})-")
_STRIPE = re.compile(rb"([sr]k)_(?:org_)?(live|test)_[A-Za-z0-9]{10,}")
_STRIPE_KINDS = {b"sk": "secret", b"rk": "restricted"}
_AMP = re.compile(rb"sgamp_user_([0-9A-Z]{26})_")


def anthropic_suffix(secret: bytes) -> Proof:
    """Anthropic: a body of 95 characters ends in AA, because its last byte is zero. Other lengths say nothing."""
    parts = _ANTHROPIC.fullmatch(secret)
    if not parts or len(parts[1]) != _ANTHROPIC_BODY:
        return Proof(None)
    return Proof(parts[1].endswith(b"AA"))


def openai_marker(secret: bytes) -> Proof:
    """OpenAI: where `T3BlbkFJ` stands, it is exactly in the middle of the body."""
    parts = _OPENAI.fullmatch(secret)
    if not parts or _OPENAI_MARK not in parts[1]:
        return Proof(None if parts else False)
    half, odd = divmod(len(parts[1]) - len(_OPENAI_MARK), 2)
    return Proof(not odd and parts[1].startswith(_OPENAI_MARK, half))


def groq_marker(secret: bytes) -> Proof:
    """Groq: `WGdyb3FY` (base64 of "XgroqX") stands at offset 24."""
    return Proof(bool(_GROQ.fullmatch(secret)))


def uuid4(secret: bytes) -> Proof:
    """A random UUID, with or without dashes or a prefix: the version digit is 4, the variant digit 8 to b."""
    parts = _UUID.search(secret)
    return Proof(bool(parts and parts[2] == b"4" and parts[3] in b"89abAB"))


def discord_bot(secret: bytes) -> Proof:
    """Discord: the first part is the bot's id in base64, the second the time of issue."""
    parts = secret.split(b".")
    identifier = base64(parts[0]) or b""
    if len(parts) != 3 or not re.fullmatch(rb"[0-9]{17,20}", identifier):
        return Proof(False)
    created = (int(identifier) >> 22) / 1000 + _SNOWFLAKE_EPOCH
    if not plausible(created, since=2015):
        return Proof(False)
    return Proof(True, (("bot id", identifier.decode("ascii")), *issued(_discord_time(parts[1], created))))


def _discord_time(text: bytes, created: float) -> float | None:
    """Newer tokens count from 2011, older ones from 1970: the one that lies between the bot's creation and now."""
    seconds = int.from_bytes(base64(text) or b"", "big")
    times = (seconds + _DISCORD_EPOCH, seconds)
    return next((moment for moment in times if created <= moment and plausible(moment)), None)


def slack(secret: bytes) -> Proof:
    """Slack: the prefix tells the kind of token, the first number the team it belongs to."""
    parts = _SLACK.fullmatch(secret)
    if not parts:
        return Proof(False)
    team = _SLACK_TEAM.match(secret)
    numbered = (("team number", team[1].decode("ascii")),) if team else ()
    return Proof(True, (("token kind", _SLACK_KINDS[parts[1]]), *numbered))


def stripe(secret: bytes) -> Proof:
    """Stripe: live or test, unrestricted or restricted, are in the prefix."""
    parts = _STRIPE.fullmatch(secret)
    if not parts:
        return Proof(None)
    return Proof(True, (("mode", parts[2].decode("ascii")), ("key kind", _STRIPE_KINDS[parts[1]])))


def amp_ulid(secret: bytes) -> Proof:
    """Amp: the middle part is a ULID, whose first ten characters are the time of issue in milliseconds."""
    parts = _AMP.match(secret)
    if not parts:
        return Proof(None)
    milliseconds = number(parts[1][:10], CROCKFORD)
    if milliseconds is None or not plausible(milliseconds / 1000, since=2023):
        return Proof(False)
    return Proof(True, issued(milliseconds / 1000))
