"""What holds for all verifiers: total, no secret in the facts, and agreeing with the makers."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmsecrets import proofs
from llmsecrets.templates import MAKERS, expand

# `putty` makes what `pem` proves.
MADE_BY = {name: name for name in proofs.NAMES} | {"putty": "pem"}
STARTS = [expand(f"{{{{make:{maker}}}}}", 1).encode() for maker in sorted(MAKERS)]
ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("name", sorted(proofs.NAMES))
@given(secret=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_give_a_proof(name: str, secret: bytes) -> None:
    assert isinstance(proofs.verify(name, secret), proofs.Proof)


@pytest.mark.parametrize("name", sorted(proofs.NAMES))
@given(start=st.sampled_from(STARTS), at=st.integers(0, 2000), put=st.binary(max_size=8), cut=st.integers(0, 2000))
@settings(max_examples=150, deadline=None)
def test_damaged_tokens_of_any_kind_give_a_proof(name: str, start: bytes, at: int, put: bytes, cut: int) -> None:
    damaged = start[:at] + put + start[at : len(start) - cut]
    assert isinstance(proofs.verify(name, damaged), proofs.Proof)


@pytest.mark.parametrize("name", ["jwt", "neptune", "gcp-service-account"])
def test_deeply_nested_json_is_answered(name: str) -> None:
    text = b"[" * 100_000 if name == "gcp-service-account" else b"W1tb" * 40_000
    assert proofs.verify(name, text + (b".e30.AAAA" if name == "jwt" else b"")).passed is False


@pytest.mark.parametrize("name", sorted(proofs.NAMES))
@pytest.mark.parametrize("part", [b"A", b"-----BEGIN RSA PRIVATE KEY-----", b"a-", b"se=", b'"+', b"A."])
def test_long_text_is_answered_at_once(name: str, part: bytes) -> None:
    started = time.process_time()
    proofs.verify(name, part * (100_000 // len(part)))
    assert time.process_time() - started < 2  # quadratic work takes far longer


@pytest.mark.parametrize("maker", sorted(MAKERS))
@given(seed=st.integers(0, 10**9))
@settings(max_examples=15, deadline=None)
def test_every_made_token_passes_its_proof(maker: str, seed: int) -> None:
    token = expand(f"{{{{make:{maker}}}}}", seed)
    assert proofs.verify(MADE_BY[maker], token.encode()).passed is True


def test_every_proof_has_a_maker() -> None:
    assert set(MADE_BY) == set(MAKERS)


@pytest.mark.parametrize("name", sorted(proofs.ARITHMETIC))
@given(seed=st.integers(0, 10**9), place=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_one_changed_character_fails_a_check_value(name: str, seed: int, place: int) -> None:
    """Not passing is False, or None where the change made it another kind of token."""
    token = bytearray(expand(f"{{{{make:{name}}}}}", seed).encode())
    at = _covered(name, place, len(token))
    token[at] = next(char for char in ALPHABET if char not in (token[at], token[at] ^ 32))
    assert proofs.verify(name, bytes(token)).passed is not True


def _covered(name: str, place: int, size: int) -> int:
    """A place that the check value covers: prefixes and random tails are not."""
    start = {"crc32-base62-6": 4, "crc32-hex8": 5, "base58check": 0}.get(name, 6)
    end = {"github-pat-sha256": size - 8, "azure-identifiable": size - 3, "azure-devops-legacy": size - 1}.get(
        name, size
    )
    return start + place % (end - start)


def test_facts_are_readable_pairs() -> None:
    for maker, name in MADE_BY.items():
        token = expand(f"{{{{make:{maker}}}}}", 3)
        for label, value in proofs.verify(name, token.encode()).facts:
            assert label
            assert value.isprintable()
            assert token not in value


def test_topic_modules_are_imported_on_first_use() -> None:
    code = "import sys, llmsecrets.proofs; print([m for m in sys.modules if m.startswith('llmsecrets.proofs.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        proofs.verify("no-such-proof", b"")
