"""Makers: random tokens that pass the proof of the same name, for the examples of rules and for tests."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from binascii import b2a_base64, crc32, crc_hqx
from collections.abc import Callable, Sequence
from random import Random

from llmsecrets.proofs import azure, checksums, jwt
from llmsecrets.proofs.encodings import BASE32, BASE36, BASE58, CROCKFORD, digits
from llmsecrets.templates import key_makers
from llmsecrets.templates.randomness import characters, octets, uuid4

_YEAR_2024 = 1704067200
_YEAR_2040 = 2208988800
_SIGNATURE_SIZES = {**jwt.SIGNATURE_SIZES, "RS256": 342, "RS384": 342, "RS512": 342, "PS256": 342}

Maker = Callable[[Random, Sequence[str]], str]


def _argument(given: Sequence[str], place: int, default: str) -> str:
    return given[place] if len(given) > place and given[place] else default


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _json(members: dict[str, object]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


def _checked(body: str, check: bytes) -> str:
    return body + check.decode("ascii")


# --- check values


def _crc32_base62(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix, characters of the body, their class."""
    prefix = _argument(given, 0, "ghp_")
    body = characters(rng, _argument(given, 2, "alnum"), int(_argument(given, 1, "30")))
    return prefix + _checked(body, checksums.base62_crc(body.encode()))


def _github_fine_grained(rng: Random, _: Sequence[str]) -> str:
    body = "github_pat_" + characters(rng, "alnum", 22) + "_" + characters(rng, "alnum", 43)
    return _checked(body, checksums.fine_grained_check(body.encode())) + characters(rng, "alnum", 8)


def _crc32_le_hex(rng: Random, _: Sequence[str]) -> str:
    body = "glsa_" + characters(rng, "alnum", 32)
    return body + "_" + checksums.little_endian_crc(body.encode()).hex()


def _crc32_hex_upper(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix, characters of the body, what stands before the check value (`=` for Atlassian)."""
    tail = _argument(given, 2, "")
    name = "base64url" if tail else "alnum"
    body = _argument(given, 0, "ATBB") + characters(rng, name, int(_argument(given, 1, "24"))) + tail
    return f"{body}{crc32(body.encode()):08X}"


def _crc32_hex(rng: Random, given: Sequence[str]) -> str:
    body = characters(rng, "lowernum", 32)
    return f"{_argument(given, 0, 'zpka_')}{body}_{crc32(body.encode()):08x}"


def _crc32_le_base64(rng: Random, _: Sequence[str]) -> str:
    body = characters(rng, "base64", 54)
    return "cflt" + _checked(body, b2a_base64(checksums.little_endian_crc(body.encode()))[:6])


def _gitlab_routable(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix, format version (`01`; empty text gives the form without one)."""
    user, organization = (digits(rng.randrange(1, 10**8), BASE36).decode("ascii") for _ in range(2))
    payload = _base64url(octets(rng, 16) + f"o:{organization}\nu:{user}".encode() + b"\x10")
    version = given[1] if len(given) > 1 else "01"
    length = digits(len(payload), BASE36, 2).decode("ascii")
    body = ".".join((_argument(given, 0, "glpat-") + payload, *((version,) if version else ()), length))
    return _checked(body, digits(crc32(body.encode()), BASE36, 7))


def _supabase(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix, project reference."""
    body = _argument(given, 0, "sb_secret_") + characters(rng, "base64url", 22)
    project = _argument(given, 1, "supabase-self-hosted")
    return body + "_" + checksums.supabase_check(project.encode(), body.encode()).decode("ascii")


def _bech32(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix up to the one, characters of data."""
    prefix = _argument(given, 0, "AGE-SECRET-KEY-")
    data = [rng.randrange(32) for _ in range(int(_argument(given, 1, "52")))]
    expanded = checksums.bech32_expanded(prefix.lower().encode())
    check = checksums.bech32_polymod([*expanded, *data, *[0] * 6]) ^ 1
    values = [*data, *(check >> 5 * (5 - place) & 31 for place in range(6))]
    text = "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[value] for value in values)
    return prefix + "1" + (text.upper() if prefix.isupper() else text)


def _base58check(rng: Random, given: Sequence[str]) -> str:
    """Arguments: `uncompressed` for the 51-character form of a wallet key."""
    tail = b"" if _argument(given, 0, "") == "uncompressed" else b"\x01"
    payload = b"\x80" + octets(rng, 32) + tail
    data = payload + checksums.double_sha256(payload)[:4]
    return digits(int.from_bytes(data, "big"), BASE58).decode("ascii")


def _nkey(rng: Random, given: Sequence[str]) -> str:
    """Arguments: the role's letter (U, A, N, C, O, X), or `stellar`."""
    role = _argument(given, 0, "U")
    if role == "stellar":
        start = b"\x90" + octets(rng, 32)
    else:
        kind = BASE32.index(role.encode()) << 3
        start = bytes((18 << 3 | kind >> 5, (kind & 31) << 3)) + octets(rng, 32)
    data = start + crc_hqx(start, 0).to_bytes(2, "little")
    spare = -8 * len(data) % 5
    return digits(int.from_bytes(data, "big") << spare, BASE32, (8 * len(data) + spare) // 5).decode("ascii")


# --- Azure

_AZURE_SIZES = {"+ASt": 86, "ACDb": 86, "+ABa": 86, "+AMC": 86, "APIM": 86, "+ACR": 52, "AzSe": 52, "AzFu": 54}
_AZURE_DATA = {86: 64, 54: 40, 52: 39, 43: 32}  # bytes in a key of that many characters
_AZURE_PLACES = {86: 76, 54: 44, 52: 42, 43: 33}


def _azure_identifiable(rng: Random, given: Sequence[str]) -> str:
    """Arguments: signature, number of the seed where a service has several kinds of keys."""
    signature = _argument(given, 0, "+ASt")
    seeds = azure.SIGNATURES[signature.encode()].seeds
    if not seeds:
        raise ValueError(f"the seed of {signature} is not published")
    seed = seeds[int(_argument(given, 1, "0")) % len(seeds)][0]
    key = _identifiable(rng, signature, seed)
    while signature == "AzSe" and not key.isalnum():  # search keys have letters and digits only
        key = _identifiable(rng, signature, seed)
    return key.replace("+", "-").replace("/", "_") if signature == "AzFu" else key


def _identifiable(rng: Random, signature: str, seed: bytes) -> str:
    size = _AZURE_SIZES.get(signature, 43)
    place = _AZURE_PLACES[size]
    start = characters(rng, "base64", place) + signature
    filled = start + "A" * (size - len(start))
    data = _decoded(filled)[: _AZURE_DATA[size] - 4]
    return _base64(data + azure.marvin32(seed, data).to_bytes(4, "little"))


def _decoded(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4))


def _azure_cask(rng: Random, given: Sequence[str]) -> str:
    """Arguments: provider signature (ACOG, AZDO…), resource code."""
    provider, resource = _argument(given, 0, "ACOG"), _argument(given, 1, "AAAB")
    month = rng.choice("ABCDEFGHIJKL")
    body = characters(rng, "alnum", 52) + "JQQJ99B" + month + characters(rng, "alnum", 12) + resource + provider
    return _checked(body, azure.cask_checks(_decoded(body))[0])


def _azure_devops(rng: Random, _: Sequence[str]) -> str:
    data = bytearray(octets(rng, 32))
    check = crc32(azure.devops_covered(bytes(data))) ^ 0xE0B9692D
    for place, value in zip((22, 8, 7, 2), check.to_bytes(4, "little"), strict=True):
        data[place] = value
    return digits(int.from_bytes(data, "big") << 4, BASE32, 52).decode("ascii").lower()


def _entra(rng: Random, _: Sequence[str]) -> str:
    body = characters(rng, "alnum", 3) + "8Q~" + characters(rng, "base64url", 31)
    return _checked(body, azure.entra_check(body.encode()))


# --- Amazon


def _aws_key_id(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix, account number."""
    account = int(_argument(given, 1, str(rng.randrange(10**11, 10**12))))
    value = (1 << 47 | account << 7 | rng.getrandbits(7)) << 32 | rng.getrandbits(32)
    return _argument(given, 0, "AKIA") + digits(value, BASE32, 16).decode("ascii")


def _bedrock_long(rng: Random, _: Sequence[str]) -> str:
    account = rng.randrange(10**11, 10**12)
    name = f"BedrockAPIKey-{characters(rng, 'lowernum', 4)}-at-{account}:{characters(rng, 'base64', 44)}"
    return "ABSK" + _base64(name.encode())


def _bedrock_short(rng: Random, given: Sequence[str]) -> str:
    """Arguments: date of issue as 20300131T120000Z."""
    when = _argument(given, 0, "20390101T000000Z")
    query = (
        "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={_aws_key_id(rng, ['ASIA'])}%2F{when[:8]}%2Fus-east-1%2Fbedrock%2Faws4_request"
        f"&X-Amz-Date={when}&X-Amz-Expires=43200&X-Amz-Security-Token={characters(rng, 'alnum', 300)}"
        f"&X-Amz-Signature={characters(rng, 'hex', 64)}&X-Amz-SignedHeaders=host&Version=1"
    )
    return "bedrock-api-key-" + _base64(query.encode())


def _aws_presigned(rng: Random, _: Sequence[str]) -> str:
    return (
        f"https://{characters(rng, 'lower', 12)}.s3.amazonaws.com/{characters(rng, 'lower', 8)}"
        f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={_aws_key_id(rng, [])}%2F20390101%2Fus-east-1%2Fs3"
        f"%2Faws4_request&X-Amz-Date=20390101T000000Z&X-Amz-Expires=3600&X-Amz-Signature={characters(rng, 'hex', 64)}"
    )


# --- JSON and text inside


def _jwt(rng: Random, given: Sequence[str]) -> str:
    """Arguments: algorithm, payload as JSON (whose colons are its own)."""
    algorithm = _argument(given, 0, "HS256")
    payload = ":".join(given[1:]).encode() or _json({"sub": characters(rng, "digit", 10), "exp": _YEAR_2040})
    signature = characters(rng, "base64url", _SIGNATURE_SIZES.get(algorithm, 43))
    return ".".join((_base64url(_json({"alg": algorithm, "typ": "JWT"})), _base64url(payload), signature))


def _pypi(rng: Random, given: Sequence[str]) -> str:
    """Arguments: location of the index."""
    location = _argument(given, 0, "pypi.org").encode()
    caveat = _json({"version": 1, "permissions": "user"})
    packets = (
        b"\x02",
        *(_field(1, location), _field(2, uuid4(rng).encode()), b"\0"),
        *(_field(2, caveat), b"\0", b"\0", _field(6, octets(rng, 32))),
    )
    return "pypi-" + _base64url(b"".join(packets))


def _field(kind: int, data: bytes) -> bytes:
    return bytes((kind, len(data))) + data


def _jfrog_reference(rng: Random, given: Sequence[str]) -> str:
    """Arguments: time of expiry in seconds since 1970, 0 for never."""
    end = int(_argument(given, 0, "0"))
    return _base64(f"reftkn:01:{end:010}:{characters(rng, 'alnum', 27)}".encode())


def _elastic(rng: Random, _: Sequence[str]) -> str:
    return _base64(f"{characters(rng, 'base64url', 20)}:{characters(rng, 'base64url', 22)}".encode())


def _letta(rng: Random, _: Sequence[str]) -> str:
    return "sk-let-" + _base64(f"{uuid4(rng)}:{uuid4(rng)}".encode())


def _neptune(rng: Random, _: Sequence[str]) -> str:
    address = "https://app.neptune.ai"
    return _base64(_json({"api_address": address, "api_url": address, "api_key": uuid4(rng)}))


def _sentry(rng: Random, given: Sequence[str]) -> str:
    """Arguments: organisation."""
    urls = {"url": "https://sentry.io", "region_url": "https://us.sentry.io"}
    body = _json({"iat": _YEAR_2024 + rng.randrange(10**6), **urls, "org": _argument(given, 0, "acme")})
    return f"sntrys_{_base64(body)}_{characters(rng, 'base64', 43)}"


def _onepassword(rng: Random, _: Sequence[str]) -> str:
    key = {"alg": "A256GCM", "k": characters(rng, "base64url", 43), "kty": "oct"}
    who = {
        "signInAddress": "acme.1password.com",
        "email": f"{characters(rng, 'lower', 13)}@1passwordserviceaccounts.com",
    }
    made = {"srpX": characters(rng, "hex", 64), "muk": key, "secretKey": f"A3-{characters(rng, 'uppernum', 30)}"}
    return "ops_" + _base64url(_json({**who, **made, "deviceUuid": characters(rng, "lowernum", 26)}))


def _text64(form: str) -> Maker:
    """A maker for base64 of a text; `prefix|text`, `~class.n~` in it stands for random characters."""

    def make(rng: Random, _: Sequence[str]) -> str:
        prefix, body = form.split("|")
        parts = [part if at % 2 == 0 else _drawn(rng, part) for at, part in enumerate(body.split("~"))]
        return prefix + _base64("".join(parts).encode())

    return make


def _drawn(rng: Random, name: str) -> str:
    if name == "uuid":
        return uuid4(rng)
    kind, size = name.split(".")
    return characters(rng, kind, int(size))


def _mapbox(rng: Random, _: Sequence[str]) -> str:
    body = _json({"u": "acme", "a": characters(rng, "lowernum", 25)})
    return f"sk.{_base64url(body)}.{characters(rng, 'base64url', 22)}"


def _base58_of(prefix: str, size: int, first: bytes = b"") -> Maker:
    def make(rng: Random, _: Sequence[str]) -> str:
        return prefix + digits(int.from_bytes(first + octets(rng, size), "big"), BASE58).decode("ascii")

    return make


def _jfrog_base58(rng: Random, _: Sequence[str]) -> str:
    """Random tails behind `AKCp` nearly all decode to the same number of bytes."""
    return "AKCp" + characters(rng, "base58", 69)


def _wireguard(rng: Random, _: Sequence[str]) -> str:
    key = bytearray(octets(rng, 32))
    key[0] &= 248
    key[31] = key[31] & 127 | 64
    return _base64(bytes(key))


# --- marks and places


def _anthropic(rng: Random, given: Sequence[str]) -> str:
    """Arguments: kind and version (api03, admin01, oat01)."""
    return f"sk-ant-{_argument(given, 0, 'api03')}-{characters(rng, 'base64url', 93)}AA"


def _openai(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix, characters on each side of the mark."""
    prefix, half = _argument(given, 0, "sk-proj-"), int(_argument(given, 1, "74"))
    name = "alnum" if prefix == "sk-" else "base64url"
    return f"{prefix}{characters(rng, name, half)}T3BlbkFJ{characters(rng, name, half)}"


def _groq(rng: Random, _: Sequence[str]) -> str:
    return f"gsk_{characters(rng, 'alnum', 20)}WGdyb3FY{characters(rng, 'alnum', 24)}"


def _shapeless(rng: Random, _: Sequence[str]) -> str:
    return characters(rng, "alnum", 32)


def _uuid4(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix."""
    return _argument(given, 0, "") + uuid4(rng)


def _discord(rng: Random, _: Sequence[str]) -> str:
    issued = _YEAR_2024 + rng.randrange(10**6)
    identifier = (issued - 1420070400 - 10**6) * 1000 << 22 | rng.getrandbits(22)
    when = _base64url((issued - 1293840000).to_bytes(4, "big"))
    return f"{_base64url(str(identifier).encode())}.{when}.{characters(rng, 'base64url', 38)}"


def _slack(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix (xoxb, xoxp, xapp)."""
    prefix, number = _argument(given, 0, "xoxb"), characters(rng, "digit", 12)
    if prefix == "xapp":
        return f"xapp-1-A{characters(rng, 'uppernum', 10)}-{number}-{characters(rng, 'hex', 64)}"
    if prefix == "xoxp":
        return (
            f"xoxp-{number}-{characters(rng, 'digit', 12)}-{characters(rng, 'digit', 13)}-{characters(rng, 'hex', 32)}"
        )
    return f"{prefix}-{number}-{characters(rng, 'digit', 13)}-{characters(rng, 'alnum', 24)}"


def _stripe(rng: Random, given: Sequence[str]) -> str:
    """Arguments: prefix, characters of the body."""
    return _argument(given, 0, "sk_live_") + characters(rng, "alnum", int(_argument(given, 1, "99")))


def _amp(rng: Random, _: Sequence[str]) -> str:
    when = digits((_YEAR_2024 + rng.randrange(10**6)) * 1000, CROCKFORD, 10).decode("ascii")
    tail = digits(rng.getrandbits(80), CROCKFORD, 16).decode("ascii")
    return f"sgamp_user_{when}{tail}_{characters(rng, 'hex', 64)}"


def _sas(rng: Random, given: Sequence[str]) -> str:
    """Arguments: end as 2039-01-01 (its time of day is midnight)."""
    end = _argument(given, 0, "2039-01-01")
    signature = _base64(octets(rng, 32)).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    times = f"se={end}T00%3A00%3A00Z&st=2023-01-01T00%3A00%3A00Z"
    return f"sv=2022-11-02&ss=b&srt=sco&sp=rwdlac&{times}&spr=https&sig={signature}"


def _copilot(rng: Random, given: Sequence[str]) -> str:
    """Arguments: end in seconds since 1970."""
    end = _argument(given, 0, str(_YEAR_2040))
    return f"tid={characters(rng, 'hex', 32)};exp={end};sku=free_limited_copilot;chat=1:{characters(rng, 'hex', 64)}"


MAKERS: dict[str, Maker] = {
    "aad-8q": _entra,
    "anthropic-aa": _anthropic,
    "aws-key-id": _aws_key_id,
    "aws-presigned": _aws_presigned,
    "azure-cask": _azure_cask,
    "azure-devops-legacy": _azure_devops,
    "azure-identifiable": _azure_identifiable,
    "base58check": _base58check,
    "basic-credentials": _text64("|app:~alnum.12~7~alnum.4~"),
    "bech32": _bech32,
    "bedrock-long": _bedrock_long,
    "bedrock-short": _bedrock_short,
    "bitbucket-dc": _text64("BBDC-|~digit.12~:~alnum.20~"),
    "chroma-base58": _base58_of("ck-", 31, b"\x80"),
    "cloudflare-tunnel": _text64('|{"a":"~hex.32~","t":"~uuid~","s":"~base64.64~"}'),
    "copilot-tid": _copilot,
    "crc32-base62-6": _crc32_base62,
    "crc32-hex8": _crc32_hex,
    "crc32-hex8-upper": _crc32_hex_upper,
    "crc32-le-b64": _crc32_le_base64,
    "crc32-le-hex": _crc32_le_hex,
    "devin-b64": _text64("apk_|org-~hex.32~:~hex.32~"),
    "discord-bot": _discord,
    "drawn-token": _shapeless,
    "elastic-b64": _elastic,
    "encoded-password": _text64("|~alnum.12~7~alnum.4~"),
    "gcp-service-account": key_makers.gcp_service_account,
    "github-pat-sha256": _github_fine_grained,
    "gitlab-routable": _gitlab_routable,
    "grafana-cloud": _text64('glc_|{"o":"~digit.7~","n":"stack-~digit.6~","k":"~alnum.24~","m":{"r":"us"}}'),
    "grafana-legacy": _text64('|{"k":"~alnum.32~","n":"build","id":1}'),
    "groq-marker": _groq,
    "intercom-b64": _text64("|tok:~hex.8~_~hex.4~_~hex.4~_~hex.4~_~hex.12~:1:0"),
    "jfrog-base58": _jfrog_base58,
    "jfrog-reference": _jfrog_reference,
    "jwt": _jwt,
    "letta": _letta,
    "mapbox-json": _mapbox,
    "neptune": _neptune,
    "nkey-crc16": _nkey,
    "nvidia-ngc-legacy": _text64("|~lowernum.26~:~uuid~"),
    "onepassword-ops": _onepassword,
    "openai-marker": _openai,
    "pem": key_makers.pem,
    "putty": key_makers.putty,
    "pypi-macaroon": _pypi,
    "sas-expiry": _sas,
    "sentry-json": _sentry,
    "slack-structure": _slack,
    "stripe": _stripe,
    "supabase-sha256": _supabase,
    "typed-password": _shapeless,
    "ulid-amp": _amp,
    "url-password": _shapeless,
    "uuid4": _uuid4,
    "wireguard-clamp": _wireguard,
    "workos-b64": _text64("sk_live_|key_01HZ~digit.22~,~alnum.25~"),
}
