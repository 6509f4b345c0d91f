"""Check values: published vectors, variants of a format, and forms that carry none."""

from __future__ import annotations

import pytest

from llmsecrets.proofs import Proof, verify
from llmsecrets.proofs.azure import SIGNATURES, marvin32
from llmsecrets.proofs.checksums import base62_crc
from llmsecrets.proofs.encodings import BASE32, base32, base58, base64, digits, number
from llmsecrets.proofs.pgp import crc24
from llmsecrets.templates import expand

SURE = sorted(name.decode() for name, signature in SIGNATURES.items() if signature.seeds)


def made(template: str, seed: int = 7) -> bytes:
    return expand(f"{{{{make:{template}}}}}", seed).encode()


@pytest.mark.parametrize(
    ("data", "expected"),  # dotnet/runtime, MarvinTests.cs
    [
        ("", 0x30ED35C100CD3C7D),
        ("af", 0x48E73FC77D75DDC1),
        ("e70f", 0xB5F6E1FC485DBFF8),
        ("37f495", 0xF0B07C789B8CF7E8),
        ("8642dc59", 0x7008F2E87E9CF556),
        ("153fb79826", 0xE6C08C6DA2AFA997),
        ("0932e6246c47", 0x6F04BF1A5EA24060),
        ("ab427ea8d10fc7", 0xE11847E4F0678C41),
    ],
)
def test_marvin32_agrees_with_dotnet(data: str, expected: int) -> None:
    seed = (0x4FB61A001BDBCC).to_bytes(8, "big")
    assert marvin32(seed, bytes.fromhex(data)) == (expected >> 32) ^ (expected & 0xFFFFFFFF)


def test_crc24_agrees_with_the_openpgp_check_vector() -> None:
    assert crc24(b"123456789") == 0x21CF02


@pytest.mark.parametrize("text", [b"A12UEL5L", b"a12uel5l"])
def test_bech32_agrees_with_bip173(text: bytes) -> None:
    assert verify("bech32", text).passed is True


@pytest.mark.parametrize("text", [b"A12uEL5L", b"A12UEL5M", b"", b"1", b"no separator"])
def test_bech32_refuses_mixed_case_and_wrong_sums(text: bytes) -> None:
    assert verify("bech32", text).passed is False


@pytest.mark.parametrize(
    "template", ["crc32-base62-6:npm_", "crc32-base62-6:vck_:50:base64url", "crc32-base62-6:ghr_:70"]
)
def test_crc32_base62_serves_all_its_issuers(template: str) -> None:
    assert verify("crc32-base62-6", made(template)).passed is True


def test_small_crcs_are_padded_with_zeros() -> None:
    assert base62_crc(b"").decode() == "000000"


def test_installation_tokens_with_a_jwt_are_read_as_jwts() -> None:
    proof = verify("crc32-base62-6", b"ghs_123_" + made("jwt:ES256"))
    assert proof.passed is True
    assert ("algorithm", "ES256") in proof.facts


def test_atlassian_tokens_are_proved_inside_urls_too() -> None:
    token = made("crc32-hex8-upper:ATATT3xFfGF0:180:=")
    assert verify("crc32-hex8-upper", token).passed is True
    assert verify("crc32-hex8-upper", token.replace(b"=", b"%3D")).passed is True


@pytest.mark.parametrize("template", ["gitlab-routable", "gitlab-routable:glrt-t1_", "gitlab-routable:glpat-:"])
def test_gitlab_tokens_name_their_user_and_organisation(template: str) -> None:
    proof = verify("gitlab-routable", made(template))
    assert proof.passed is True
    assert [label for label, _ in proof.facts] == ["organization id", "user id"]


@pytest.mark.parametrize("seed", range(20))  # every other payload holds a dash
def test_what_a_routable_token_says_is_read_whatever_stands_in_it(seed: int) -> None:
    assert {name for name, _ in verify("gitlab-routable", made("gitlab-routable", seed)).facts} == {
        "organization id",
        "user id",
    }


def test_gitlab_tokens_without_dots_cannot_be_proved() -> None:
    assert verify("gitlab-routable", expand("glpat-{{alnum:20}}", 1).encode()) == Proof(None)


@pytest.mark.parametrize("signature", SURE)
@pytest.mark.parametrize("seed_number", [0, 1, 2])
def test_azure_keys_of_all_services_and_kinds(signature: str, seed_number: int) -> None:
    proof = verify("azure-identifiable", made(f"azure-identifiable:{signature}:{seed_number}"))
    assert proof.passed is True
    assert proof.facts[0] == ("service", f"Azure {SIGNATURES[signature.encode()].service}")


@pytest.mark.parametrize("provider", ["ACOG", "AZDO"])
def test_azure_cask_keys_say_when_they_were_issued(provider: str) -> None:
    facts = dict(verify("azure-cask", made(f"azure-cask:{provider}")).facts)
    assert facts["issued"].startswith("2025-")


def test_a_stellar_seed_and_a_nats_seed_share_a_check() -> None:
    assert verify("nkey-crc16", made("nkey-crc16:stellar")) == Proof(True)
    assert verify("nkey-crc16", made("nkey-crc16:O")) == Proof(True, (("role", "operator"),))


def test_the_hosted_supabase_key_stays_undecided() -> None:
    assert verify("supabase-sha256", made("supabase-sha256:sb_secret_:abcdefghijklmnopqrst")) == Proof(None)


def test_encodings_refuse_what_is_not_in_their_alphabet() -> None:
    assert base64(b"AAAAA") is None
    assert base64(b"AA A") is None
    assert base32(b"A1") is None
    assert base58(b"0") is None
    assert base58(b"1" * 300) is None


def test_digits_and_number_are_each_others_inverse() -> None:
    assert number(digits(123456789, BASE32, 10), BASE32) == 123456789
    assert base58(b"112") == b"\0\0\x01"
