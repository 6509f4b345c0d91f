"""Tokens whose structure decodes: what they must look like, and the facts they state."""

from __future__ import annotations

import pytest

from llmsecrets.proofs import Proof, verify
from llmsecrets.templates import expand


def made(template: str, seed: int = 7) -> bytes:
    return expand(f"{{{{make:{template}}}}}", seed).encode()


def text(template: str, seed: int = 7) -> bytes:
    return expand(template, seed).encode()


def test_an_aws_key_id_names_its_account() -> None:
    proof = verify("aws-key-id", made("aws-key-id:AKIA:112233445566"))
    assert proof == Proof(True, (("account id", "112233445566"),))


def test_aws_accounts_keep_leading_zeros_and_canaries_are_told() -> None:
    facts = verify("aws-key-id", made("aws-key-id:AKIA:052310077262")).facts
    assert facts == (("account id", "052310077262"), ("account kind", "canary tokens"))


@pytest.mark.parametrize("template", ["AKIAI{{base32:15}}", "ASIAJ{{base32:15}}"])
def test_aws_key_ids_of_the_old_kind_hold_no_account(template: str) -> None:
    assert verify("aws-key-id", text(template)).facts == (("issued", "before 2019"),)


def test_aws_key_ids_have_base32_digits_only() -> None:
    assert verify("aws-key-id", text("AKIA{{base32:10}}EXAMP8")).passed is False


def test_bedrock_short_term_keys_expire() -> None:
    facts = dict(verify("bedrock-short", made("bedrock-short:20240101T000000Z")).facts)
    assert facts["expires"] == "2024-01-01T12:00:00Z"
    assert facts["expired"] == "yes"
    assert facts["region"] == "us-east-1"


def test_a_jwt_states_algorithm_issuer_subject_and_expiry() -> None:
    payload = '{"iss":"https://issuer.example","sub":"auth0|123","exp":1700000000,"role":"anon"}'
    assert verify("jwt", made(f"jwt:RS256:{payload}")).facts == (
        ("algorithm", "RS256"),
        ("issuer", "https://issuer.example"),
        ("role", "anon"),
        ("subject kind", "auth0"),
        ("expires", "2023-11-14T22:13:20Z"),
        ("expired", "yes"),
    )


def test_a_kubernetes_token_names_its_service_account() -> None:
    token = made('jwt:RS256:{"sub":"system:serviceaccount:prod:deployer"}')
    assert ("service account", "prod:deployer") in verify("jwt", token).facts


@pytest.mark.parametrize(
    "template",
    [
        '{{b64url:{"alg":"none"}}}.{{b64url:{"sub":"1"}}}.{{base64url:43}}',
        '{{b64url:{"typ":"JWT"}}}.{{b64url:{"sub":"1"}}}.{{base64url:43}}',
        '{{b64url:{"alg":"HS256"}}}.{{b64url:["sub"]}}.{{base64url:43}}',
        '{{b64url:{"alg":"HS256"}}}.{{b64url:{"sub":"1"}}}.',
        '{{b64url:{"alg":"HS256"}}}.{{b64url:{"sub":"1"}}}.{{base64url:20}}',
        '{{b64url:{"alg":"HS256"}}}.{{b64url:{"sub":"1"}}}',
        "eyJ{{alnum:30}}.eyJ{{alnum:40}}.{{base64url:43}}",
    ],
    ids=["none", "no algorithm", "no object", "no signature", "short signature", "two parts", "no JSON"],
)
def test_what_is_no_jwt(template: str) -> None:
    assert verify("jwt", text(template)).passed is False


def test_an_encrypted_jwt_has_five_parts() -> None:
    header = '{{b64url:{"alg":"dir","enc":"A256GCM"}}}'
    proof = verify("jwt", text(header + "..{{base64url:16}}.{{base64url:200}}.{{base64url:22}}"))
    assert proof == Proof(True, (("algorithm", "dir"), ("encryption", "A256GCM")))


@pytest.mark.parametrize("value", ["1e400", "-5", "true", '"soon"', "99999999999999"])
def test_an_impossible_expiry_is_no_fact(value: str) -> None:
    facts = dict(verify("jwt", made(f'jwt:HS256:{{"exp":{value}}}')).facts)
    assert "expires" not in facts


@pytest.mark.parametrize("half", [20, 58, 74])
def test_openais_mark_stands_in_the_middle(half: int) -> None:
    assert verify("openai-marker", made(f"openai-marker:sk-svcacct-:{half}")).passed is True
    assert verify("openai-marker", made(f"openai-marker:sk-:{half}") + b"x").passed is False


def test_anthropic_bodies_end_in_aa_where_they_have_95_characters() -> None:
    assert verify("anthropic-aa", text("sk-ant-api03-{{alnum:93}}bA")).passed is False
    assert verify("anthropic-aa", text("sk-ant-oat01-{{alnum:80}}")).passed is None


@pytest.mark.parametrize("template", ["{{uuid}}", "{{uuid-hex}}", "jina_{{uuid-hex}}{{alnum:28}}"])
def test_random_uuids_in_all_spellings(template: str) -> None:
    assert verify("uuid4", text(template)).passed is True


@pytest.mark.parametrize("template", ["{{digit:8}}-0000-1000-8000-{{digit:12}}", "{{hex:12}}0{{hex:19}}", "{{hex:20}}"])
def test_other_uuids_are_not_random_ones(template: str) -> None:
    assert verify("uuid4", text(template)).passed is False


@pytest.mark.parametrize(
    "template",
    [
        "{{hex:32}}", "{{HEX:40}}", "{{lowernum:31}}", "{{uppernum:80}}", "{{alnum:43}}", "{{base64url:64}}",
        "sk_live_{{hex:40}}", "{{digit:12}}-{{alnum:40}}", "{{lowernum:8}}-{{lowernum:4}}-{{lowernum:20}}",
        "{{uuid}}", "{{uppernum:7}}-{{uppernum:6}}-{{uppernum:7}}-{{uppernum:7}}",
        "{{base64:86}}==", "{{make:jwt}}", "{{alnum:600}}",
    ],
)  # fmt: skip
def test_what_alphabets_give_can_have_been_drawn(template: str) -> None:
    assert [verify("drawn-token", expand(template, seed).encode()).passed for seed in range(20)] == [True] * 20


@pytest.mark.parametrize(
    "template",
    [
        "0b{{hex:29}}", "0b{{hex:16}}z{{hex:13}}", "{{uppernum:40}}x", "{{lower:20}}Q{{lowernum:19}}",
        "{{hex:8}}-{{hex:4}}-{{hex:5}}-{{hex:4}}-{{hex:12}}", "sk_0b{{hex:29}}", "{{digit:26}}-{{lower:40}}A",
        "eyJ{{alnum:20}}.eyJ{{alnum:30}}.signature", "sk_{{hex:8}}-{{hex:4}}-{{hex:4}}-{{hex:4}}-{{hex:11}}",
        "aA{{alnum:2}}-{{alnum:4}}-{{alnum:4}}-{{alnum:4}}-{{alnum:4}}-{{alnum:4}}",
    ],
)  # fmt: skip
def test_a_token_with_a_sign_too_many_or_of_another_alphabet_cannot(template: str) -> None:
    assert verify("drawn-token", text(template)).passed is False


def test_discord_tokens_name_the_bot() -> None:
    facts = dict(verify("discord-bot", made("discord-bot")).facts)
    assert facts["bot id"].isdigit()
    assert facts["issued"].startswith("2024-01-")


def test_a_pypi_token_cut_short_is_no_macaroon() -> None:
    token = made("pypi-macaroon:test.pypi.org")
    assert verify("pypi-macaroon", token).facts[0] == ("index", "test.pypi.org")
    assert verify("pypi-macaroon", token[:-8]).passed is False


def test_jfrog_tokens_say_when_they_end() -> None:
    assert verify("jfrog-reference", made("jfrog-reference")).facts == (("expires", "never"),)
    assert ("expired", "yes") in verify("jfrog-reference", made("jfrog-reference:1700000000")).facts


def test_a_sas_token_says_when_it_ends() -> None:
    token = made("sas-expiry:2024-06-30")
    expected = (("expires", "2024-06-30T00:00:00Z"), ("expired", "yes"), ("permissions", "rwdlac"))
    assert verify("sas-expiry", token).facts == expected
    assert verify("sas-expiry", token.replace(b"&", b"&amp;")).facts == expected


def test_slack_tokens_name_kind_and_team() -> None:
    assert dict(verify("slack-structure", made("slack-structure:xoxp")).facts)["token kind"] == "user"
    assert verify("slack-structure", made("slack-structure:xapp")).facts == (("token kind", "app-level"),)


def test_stripe_keys_are_live_or_test() -> None:
    facts = verify("stripe", made("stripe:rk_test_:24")).facts
    assert facts == (("mode", "test"), ("key kind", "restricted"))


def test_wireguards_preshared_keys_are_undecided() -> None:
    assert verify("wireguard-clamp", made("wireguard-clamp")).passed is True
    assert verify("wireguard-clamp", b"//" + text("{{alnum:40}}") + b"8=").passed is None
