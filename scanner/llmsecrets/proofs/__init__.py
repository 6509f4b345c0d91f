"""What a token proves about itself, offline: check values, decodable structure, and the facts written inside it.

A verifier takes the bytes of one secret and returns a `Proof`; it is total, so any bytes give an answer. The verifiers
live in topic modules that are imported when one of theirs is first asked for: a scan that finds nothing pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import NamedTuple


class Proof(NamedTuple):
    """The answer of a verifier: does the token hold together, and what does it say about itself.

    `passed` is None where the verifier cannot tell, e.g. for an older form without a check value. `facts` are shown in
    reports, so they never hold any secret part: account, issuer, expiry, key type.
    """

    passed: bool | None
    facts: tuple[tuple[str, str], ...] = ()


Verifier = Callable[[bytes], Proof]

# name: (topic module, function)
PROOFS: dict[str, tuple[str, str]] = {
    "aad-8q": ("azure", "entra_client_secret"),
    "anthropic-aa": ("structure", "anthropic_suffix"),
    "aws-key-id": ("aws", "key_id"),
    "aws-presigned": ("expiry", "aws_presigned"),
    "azure-cask": ("azure", "cask"),
    "azure-devops-legacy": ("azure", "devops_legacy"),
    "azure-identifiable": ("azure", "identifiable"),
    "base58check": ("checksums", "base58check"),
    "bech32": ("checksums", "bech32"),
    "bedrock-long": ("aws", "bedrock_long"),
    "bedrock-short": ("aws", "bedrock_short"),
    "basic-credentials": ("passwords", "basic"),
    "bitbucket-dc": ("decoded", "bitbucket_dc"),
    "chroma-base58": ("decoded", "chroma_base58"),
    "cloudflare-tunnel": ("decoded", "cloudflare_tunnel"),
    "copilot-tid": ("expiry", "copilot"),
    "crc32-base62-6": ("checksums", "crc32_base62"),
    "crc32-hex8": ("checksums", "crc32_hex"),
    "crc32-hex8-upper": ("checksums", "crc32_hex_upper"),
    "crc32-le-b64": ("checksums", "crc32_le_base64"),
    "crc32-le-hex": ("checksums", "crc32_le_hex"),
    "devin-b64": ("decoded", "devin"),
    "discord-bot": ("structure", "discord_bot"),
    "drawn-token": ("drawn", "drawn"),
    "elastic-b64": ("decoded", "elastic"),
    "encoded-password": ("passwords", "encoded"),
    "gcp-service-account": ("keys", "gcp_service_account"),
    "github-pat-sha256": ("checksums", "github_fine_grained"),
    "gitlab-routable": ("checksums", "gitlab_routable"),
    "grafana-cloud": ("decoded", "grafana_cloud"),
    "grafana-legacy": ("decoded", "grafana_legacy"),
    "groq-marker": ("structure", "groq_marker"),
    "intercom-b64": ("decoded", "intercom"),
    "jfrog-base58": ("decoded", "jfrog_base58"),
    "jfrog-reference": ("decoded", "jfrog_reference"),
    "jwt": ("jwt", "jwt"),
    "letta": ("decoded", "letta"),
    "mapbox-json": ("decoded", "mapbox"),
    "neptune": ("decoded", "neptune"),
    "nkey-crc16": ("checksums", "nkey"),
    "nvidia-ngc-legacy": ("decoded", "nvidia_ngc"),
    "onepassword-ops": ("decoded", "onepassword"),
    "openai-marker": ("structure", "openai_marker"),
    "pem": ("keys", "pem"),
    "pypi-macaroon": ("macaroon", "pypi"),
    "sas-expiry": ("expiry", "sas"),
    "sentry-json": ("decoded", "sentry"),
    "slack-structure": ("structure", "slack"),
    "stripe": ("structure", "stripe"),
    "supabase-sha256": ("checksums", "supabase"),
    "typed-password": ("passwords", "password"),
    "ulid-amp": ("structure", "amp_ulid"),
    "url-password": ("passwords", "url_password"),
    "uuid4": ("structure", "uuid4"),
    "wireguard-clamp": ("decoded", "wireguard"),
    "workos-b64": ("decoded", "workos"),
}
NAMES: frozenset[str] = frozenset(PROOFS)

# Of what people choose, in no vendor's shape: what looks typed there need not be taken for a damaged key.
OF_PASSWORDS: frozenset[str] = frozenset({"typed-password", "url-password"})

# Of tokens of any service: these have no shape in common.
OF_ANY_TOKEN: frozenset[str] = frozenset({"drawn-token"})

# Check values of 16 bits and more: random text does not pass these, so a pass outweighs what merely looks like a
# placeholder. For all others a pass says that the token is well formed, no more.
ARITHMETIC: frozenset[str] = frozenset(
    {
        *("aad-8q", "azure-cask", "azure-devops-legacy", "azure-identifiable", "base58check", "bech32"),
        *("crc32-base62-6", "crc32-hex8", "crc32-hex8-upper", "crc32-le-b64", "crc32-le-hex"),
        *("github-pat-sha256", "gitlab-routable", "nkey-crc16", "supabase-sha256"),
    }
)


def verify(name: str, secret: bytes) -> Proof:
    """Ask the verifier of that name about a secret. An unknown name is a KeyError: rule files are checked on load."""
    return verifier(name)(secret)


@cache
def verifier(name: str) -> Verifier:
    """The verifier function of that name, importing its topic module on first use."""
    module, function = PROOFS[name]
    found: Verifier = getattr(import_module(f"{__name__}.{module}"), function)
    return found
