"""Amazon's credentials: the account inside a key id, and what Bedrock API keys hold."""

from __future__ import annotations

import re

from llmsecrets.proofs import Proof
from llmsecrets.proofs.encodings import BASE32, base64, number
from llmsecrets.proofs.expiry import aws_query_facts
from llmsecrets.proofs.factual import Fact

_KEY_ID = re.compile(rb"A[A-Z]{2}A([A-Z2-7]{16})")
_ACCOUNT_MASK = 0x7FFFFFFFFF80
_BEDROCK_LONG = re.compile(rb"BedrockAPIKey-.{0,200}?-at-(\d{12}):.+", re.DOTALL)
_BEDROCK_SHORT_PREFIX = b"bedrock-api-key-"

# Accounts that issue canary tokens (TruffleHog and Kingfisher publish both lists): using such a key raises an alarm.
_CANARY_ACCOUNTS = frozenset(
    {
        *(
            "052310077262",
            "171436882533",
            "266735846894",
            "528757803018",
            "534261010715",
            "538784191382",
            "595918472158",
        ),
        *(
            "717712589309",
            "729780141977",
            "730335385048",
            "819147034852",
            "893192397702",
            "992382622183",
            "044858866125",
        ),
        *(
            "251535659677",
            "344043088457",
            "351906852752",
            "390477818340",
            "426127672474",
            "427150556519",
            "439872796651",
        ),
        *(
            "445142720921",
            "465867158099",
            "637958123769",
            "693412236332",
            "732624840810",
            "735421457923",
            "959235150393",
        ),
        *("982842642351",),
    }
)
# The accounts AWS uses in its own documentation and examples.
_DOCUMENTATION_ACCOUNTS = frozenset(("111122223333", "123456789012", "444455556666", "777788889999", "999999999999"))


def key_id(secret: bytes) -> Proof:
    """`AKIA…`: the account number stands in the first six bytes behind the prefix (T. Be'ery, 2023).

    Ids that go on with I or J were issued before 2019 and hold no account.
    """
    parts = _KEY_ID.fullmatch(secret)
    if not parts:
        return Proof(False)
    if parts[1][:1] in (b"I", b"J"):
        return Proof(True, (("issued", "before 2019"),))
    return Proof(True, _account_facts(account_of(parts[1])))


def account_of(body: bytes) -> str:
    """The account number in the sixteen characters behind the prefix."""
    value = (number(body, BASE32) or 0) >> 32  # the first 48 of 80 bits
    return f"{(value & _ACCOUNT_MASK) >> 7:012}"


def _account_facts(account: str) -> tuple[Fact, ...]:
    if account in _CANARY_ACCOUNTS:
        return (("account id", account), ("account kind", "canary tokens"))
    if account in _DOCUMENTATION_ACCOUNTS:
        return (("account id", account), ("account kind", "documentation"))
    return (("account id", account),)


def bedrock_long(secret: bytes) -> Proof:
    """Bedrock `ABSK…`: base64 of a user name that holds the account number, a colon, and the secret."""
    data = base64(secret[4:]) if secret.startswith(b"ABSK") else None
    parts = _BEDROCK_LONG.fullmatch(data) if data else None
    return Proof(True, _account_facts(parts[1].decode("ascii"))) if parts else Proof(False)


def bedrock_short(secret: bytes) -> Proof:
    """`bedrock-api-key-…`: base64 of a presigned URL, which says when it was made and how long it holds."""
    if not secret.startswith(_BEDROCK_SHORT_PREFIX):
        return Proof(False)
    data = base64(secret[len(_BEDROCK_SHORT_PREFIX) :])
    facts = aws_query_facts(data) if data and data.startswith(b"bedrock.amazonaws.com") else ()
    return Proof(bool(facts), (*facts, *_credential_facts(data or b"")) if facts else ())


def _credential_facts(url: bytes) -> tuple[Fact, ...]:
    """The account and region of the temporary key that signed a URL."""
    found = re.search(rb"X-Amz-Credential=(A[A-Z]{2}A[A-Z2-7]{16})(?:/|%2F)\d{8}(?:/|%2F)([a-z0-9-]{5,20})", url)
    if not found:
        return ()
    return (*key_id(found[1]).facts, ("region", found[2].decode("ascii")))
