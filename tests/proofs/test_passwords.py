"""What stands where passwords do, and is none."""

from __future__ import annotations

import base64

import pytest

from llmsecrets import proofs
from llmsecrets.templates import expand

TYPED = ["password", "Password1", "myPassword", "db-secret", "rpcpassword", "admin", "changeme", "testkey12", "null"]
REFERENCES = [
    "config.smtp.password", "Server::getPassword", "neo4j::getPassword", "client->password", ".Values.smtp.password",
    "PasswordFromVault", "passwordFromVault", "the-password-of-it", "ldap_password_here", "%DB_PASSWORD%", "!vault",
    "redirect:", "/run/secrets/db_password", "secrets/of/the-database",
]  # fmt: skip


@pytest.mark.parametrize("value", [*TYPED, *REFERENCES])
def test_a_word_or_a_reference_is_no_password(value: str) -> None:
    assert proofs.verify("typed-password", value.encode()).passed is False


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "template", ["{{alnum:14}}", "{{alnum:9}}!{{digit:2}}", "{{digit:2}}.{{alnum:12}}", "a/{{alnum:20}}"]
)
def test_a_drawn_password_is_one(template: str, seed: int) -> None:
    value = expand(template, seed).encode()
    assert proofs.verify("typed-password", value).passed is True
    assert proofs.verify("url-password", value).passed is True
    assert proofs.verify("encoded-password", base64.b64encode(value)).passed is True
    assert proofs.verify("basic-credentials", base64.b64encode(b"app:" + value)).passed is True


@pytest.mark.parametrize(
    "value",
    [
        "<password>",
        "[PASSWORD]",
        "password]",
        "%PASSWORD%",
        "P%40SSWORD",
        "p%C3%A4ssword",
        "pass%40host",
        "%4d^%70",
        "guest",
    ],
)
def test_a_placeholder_in_a_url_is_no_password(value: str) -> None:
    assert proofs.verify("url-password", value.encode()).passed is False


@pytest.mark.parametrize("value", ["user:password", "example:example", "customUser:customPass"])
def test_typed_basic_credentials_are_none(value: str) -> None:
    assert proofs.verify("basic-credentials", base64.b64encode(value.encode())).passed is False


@pytest.mark.parametrize(
    "value",
    ["password", "secure-password\n", "-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN KEY-----\n-----END KEY-----"],
)
def test_base64_of_no_password_is_none(value: str) -> None:
    assert proofs.verify("encoded-password", base64.b64encode(value.encode())).passed is False
