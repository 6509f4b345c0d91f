"""Private keys: made ones of every kind, in every wrapping source code puts around them, and what is no key."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from llmsecrets.proofs import Proof, verify
from llmsecrets.templates import expand
from llmsecrets.templates.key_makers import LABELS


def made(*arguments: str, seed: int = 7) -> str:
    return expand(f"{{{{make:{':'.join(arguments)}}}}}", seed)


def facts(text: str) -> dict[str, str]:
    return dict(verify("pem", text.encode()).facts)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("RSA PRIVATE KEY",), {"key type": "RSA", "bits": "2048", "encrypted": "no"}),
        (("RSA PRIVATE KEY", "4096"), {"bits": "4096"}),
        (("RSA PRIVATE KEY", "encrypted"), {"encrypted": "yes", "cipher": "AES-256-CBC"}),
        (("EC PRIVATE KEY",), {"key type": "EC", "curve": "P-256", "encrypted": "no"}),
        (("DSA PRIVATE KEY",), {"key type": "DSA", "bits": "2048"}),
        (("PRIVATE KEY",), {"key type": "RSA", "bits": "2048"}),
        (("PRIVATE KEY", "ec"), {"key type": "EC", "curve": "P-256"}),
        (("PRIVATE KEY", "ed25519"), {"key type": "Ed25519"}),
        (("ENCRYPTED PRIVATE KEY",), {"encrypted": "yes", "scheme": "PBES2", "iterations": "2048"}),
        (("OPENSSH PRIVATE KEY",), {"key type": "ssh-ed25519", "encrypted": "no"}),
        (("OPENSSH PRIVATE KEY", "encrypted"), {"encrypted": "yes", "cipher": "aes256-ctr"}),
        (("SSH2 ENCRYPTED PRIVATE KEY",), {"encrypted": "yes", "cipher": "3des-cbc"}),
        (("PGP PRIVATE KEY BLOCK",), {"key type": "RSA", "bits": "2048", "encrypted": "no"}),
        (("PGP PRIVATE KEY BLOCK", "encrypted"), {"encrypted": "yes", "issued": "2024-01-01T00:00:00Z"}),
    ],
)
def test_a_key_states_type_and_encryption(arguments: tuple[str, ...], expected: dict[str, str]) -> None:
    found = facts(made("pem", *arguments))
    assert found["armour"] == arguments[0]
    assert expected.items() <= found.items()


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "escaped": lambda key: key.replace("\n", "\\n"),
    "escaped twice": lambda key: json.dumps(json.dumps(key)),
    "windows": lambda key: key.replace("\n", "\r\n"),
    "indented": lambda key: key.replace("\n", "\n      "),
    "quoted lines": lambda key: key.replace("\n", "\\n\"\n    '"),
    "joined with plus": lambda key: '"' + key.replace("\n", '\\n" +\n   "') + '"',
    "joined before": lambda key: '"' + key.replace("\n", '\\n"\n  + "') + '"',
    "joined on a line": lambda key: '"' + key.replace("\n", '\\n" + "') + '"',
    "a list": lambda key: '["' + key.replace("\n", '",\n "') + '"]',
    "continued": lambda key: key.replace("\n", "\\n\\\n"),
    "commented": lambda key: "# " + key.replace("\n", "\n# "),
    "commented in C": lambda key: "// " + key.replace("\n", "\n// "),
    "on a line": lambda key: key.replace("\n", " "),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "escaped signs": lambda key: key.replace("=", "\\u003d").replace("+", "\\u002B").replace("/", "\\/"),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("label", [label for label in LABELS if "PGP" not in label])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_wrapping_does_not_hide_a_key(wrapping: str, label: str, seed: int) -> None:
    key = made("pem", label, seed=seed)
    assert verify("pem", WRAPPINGS[wrapping](key).encode()) == verify("pem", key.encode())


@pytest.mark.parametrize("wrapping", ["escaped", "windows", "indented", "joined with plus"])
def test_wrapping_does_not_hide_a_pgp_key(wrapping: str) -> None:
    key = made("pem", "PGP PRIVATE KEY BLOCK")
    assert verify("pem", WRAPPINGS[wrapping](key).encode()) == verify("pem", key.encode())


def in_armour(body: str, label: str = "RSA PRIVATE KEY") -> bytes:
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----".encode()


@pytest.mark.parametrize(
    "body", ["", "...", "MIIEpAIBAAKCAQEA...", "<your key here>", "{{alnum:64}}", "MII{{alnum:61}}\n{{alnum:64}}"]
)
def test_what_is_no_key(body: str) -> None:
    assert verify("pem", in_armour(expand(body, 1))).passed is False


def test_what_cannot_be_made_out_is_undecided() -> None:
    assert verify("pem", in_armour(expand("{{alnum:64}}|{{alnum:64}}", 1))).passed is None
    assert verify("pem", made("pem").encode()[:400]).passed is None


def test_the_primes_of_an_rsa_key_make_its_modulus() -> None:
    lines = made("pem", "RSA PRIVATE KEY").split("\n")
    lines[3] = lines[3][::-1]
    assert verify("pem", "\n".join(lines).encode()).passed is False


def test_a_changed_pgp_block_fails_its_check_value() -> None:
    lines = made("pem", "PGP PRIVATE KEY BLOCK").split("\n")
    lines[8] = lines[8][::-1]
    assert verify("pem", "\n".join(lines).encode()).passed is False


@pytest.mark.parametrize(("cipher", "encrypted"), [("none", "no"), ("aes256-cbc", "yes")])
def test_putty_says_whether_a_key_is_encrypted(cipher: str, encrypted: str) -> None:
    assert facts(made("putty", cipher))["encrypted"] == encrypted
    assert facts(made("putty", cipher).replace("\n", "\\r\\n"))["encrypted"] == encrypted


def test_putty_with_another_cipher_is_no_key() -> None:
    assert verify("pem", made("putty", "rot13").encode()) == Proof(False)


def test_a_service_account_names_project_and_account() -> None:
    text = made("gcp-service-account", "my-project")
    for spelling in (text, json.dumps(text)[1:-1]):
        found = dict(verify("gcp-service-account", spelling.encode()).facts)
        assert found["project"] == "my-project"
        assert found["account"] == "builder@my-project.iam.gserviceaccount.com"
        assert found["bits"] == "2048"


def test_a_service_account_without_a_key_is_none() -> None:
    text = json.dumps({"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\n...\n"})
    assert verify("gcp-service-account", text.encode()).passed is not True
    assert verify("gcp-service-account", b'{"type": "authorized_user"}').passed is False


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("genpkey -algorithm ed25519", "Ed25519"),
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "RSA"),
        ("ecparam -name secp256k1 -genkey -noout", "EC"),
    ],
)
def test_keys_of_openssl(command: str, kind: str) -> None:
    key = subprocess.run(["openssl", *command.split()], capture_output=True, check=True).stdout
    proof = verify("pem", key)
    assert proof.passed is True
    assert ("key type", kind) in proof.facts


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs ssh-keygen")
@pytest.mark.parametrize(("password", "encrypted"), [("", "no"), ("made up", "yes")])
def test_keys_of_ssh_keygen(tmp_path: Path, password: str, encrypted: str) -> None:
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", password, "-f", path], check=True)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True).stdout
    found = facts(path.read_text())
    assert found["encrypted"] == encrypted
    assert found["fingerprint"] in shown
