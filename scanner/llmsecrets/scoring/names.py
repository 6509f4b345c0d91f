"""What a name says of what it is given to."""

from __future__ import annotations

import re
from functools import lru_cache

# Names are judged in snake case. The first kind of which a piece is found says what is named; words of other languages
# stand where English ones do.
_KINDS = tuple(
    (kind, re.compile("|".join(pieces.split()).encode()))
    for kind, pieces in {
        "detail of one": r"""
            (?:ids?|names?|ur[li]s?|path|file|filename|type|length|size|count|format|prefix|suffix|policy|expires?|timeout)$
            (?:hash|version|algorithm|header|label|index|provider|class|field|limit)$
            (?:^|_)(?:host|port|region|model|dir|len|limit|max|min|field|label|hint|placeholder|title|text|message)$
            (?:^|_)(?:expiry|expiration|ttl|lifetime|enabled|required|hash|digest|version|algorithm|alg|header|param)$
            (?:^|_)(?:endpoint|class|input|regex|pattern|error|reset|strength|budget|usage|counts|tokens|tokenizer|arn)$
            (?:^|_)(?:ref|status|provider|manager|keys|index|codes?|events?|list|map|set|store|data|at|by|for)$
            (?:^|_)(?:sources?|scopes?|rule|checksum|sha\d*|md5|time|date|timestamp)$ (?:^|_)(?:sha\d*|md5|digest)_
            (?:^|_)(?:py[ic]?|jsx?|tsx?|html|css|f90|go|rs|rb|c|h|cpp|java|md)$
            keywords?$ boards?(?:_|$) (?:b?u?y|com|over|sur|tres|under)pass passive passage passenger
        """,
        "public thing": """
            public pub_?key (?:^|_)pub(?:_|$) publishable site_?key fingerprint integrity etag csrf xsrf nonce
            authenticity cache primary foreign partition idempoten ice_?pwd dedup continuation
            (?:request|change|lifecycle_?action|starting|backward|forward|update|resume|unit|lock)_?token
            cursor translation i18n locale
            identifier magic postman_?token (?:auth|authentication)_?tag oauth_?signature web_?socket_?key
            widget accessib (?:page|next|sync|special)_?token tokeniz author(?!i) authorit authorizer
            association hot_?key shortcut monkey donkey turkey keyframe keyboard keystroke
            (?:sort|storage|query|data|react|map|object|bucket|row|item|group|column|index|record|file|message)_?key
            (?:event|node|tree)_?key
        """,
        "password": r"""
            passw passphrase passcode pwd (?:^|_)pass(?:_|\d|$) pass$ (?:^|_)pw pw$ contrase clave senha
            mot_?de_?passe mdp kennwort wachtwoord haslo hasło парол parola heslo losenord lösenord sifre şifre salasana
            adgangskode lozinka 密码 密碼 口令 パスワード 비밀번호 암호
        """,
        "secret": "secret geheim segredo credential (?:^|_)creds?(?:_|$)",
        "token": "token bearer jeton 令牌 トークン токен",
        "key of its own": """
            (?:api|access|auth|private|secret|encryption|encrypt|signing|sign|master|service|account|client|app)_?key
            (?:admin|license|shared|crypt|cipher|deploy|storage|subscription|server|hmac|jwt|aes|webhook)_?key
            schluessel schlüssel chave 密钥 密鑰 秘密鍵 ключ
        """,
        "key": "key",
        "authorization": "auth login access cookie session salt",
    }.items()
)
_TESTED = re.compile(
    rb"(?:^|_)(?:tests?|testing|example|sample|dummy|fake|mock|invalid|wrong|bad|old|expected|demo|foo|bar)(?:_|$)"
)
# What belongs to a key or to a service, and is no key: a setting, or the id of one of many things that others see, too.
_DETAIL = re.compile(
    rb"(?:algorithm|class|endpoint|expir(?:y|es|ation)|field|file|header|hint|index|label|length|limit|path|policy"
    rb"|prefix|provider|size|ttl|type|ur[il]|version)s?$"
    rb"|(?:project|organi[sz]ation|org|zone|team|user|group|workspace|cluster|instance|tenant|region|server|image|volume"
    rb"|network|account|space|folder|site|device|message|request|trace|event|job|build|property|campaign)_?ids?$"
    rb"|^[ug]uid$"
)
_WORD = re.compile(rb"[a-z]{4,}")
_CAMEL = re.compile(rb"(?<=[a-z0-9\x80-\xff])(?=[A-Z])|[\-. ]+")


@lru_cache(maxsize=4096)
def _snake(name: bytes) -> bytes:
    snake = _CAMEL.sub(b"_", name.strip(b"-.$ ")).lower()
    return snake if snake.isascii() else snake.decode("utf-8", "replace").lower().encode()


@lru_cache(maxsize=4096)
def kind_of(name: bytes) -> str:
    """What kind of thing a name names: "password", "secret", "token", … or something else altogether."""
    return next((kind for kind, expression in _KINDS if expression.search(_snake(name))), "thing")


def is_of_a_request(name: bytes) -> bool:
    """Whether a name speaks of what tells a repeated request from another: a UUID of the client's own."""
    return _snake(name).endswith(b"client_token")


def is_of_a_test(name: bytes) -> bool:
    """Whether a name speaks of a test or an example."""
    return _TESTED.search(_snake(name)) is not None


def is_of_a_detail(name: bytes) -> bool:
    """Whether a name of a service or of its key goes on with a word for something else: `…_project_id`, `…_limit`."""
    return _DETAIL.search(_snake(name)) is not None


def repeats(name: bytes, value: bytes) -> bool:
    """Whether a word of the name stands in the value, as in `password = "mypassword1"`."""
    text = value.lower()
    return any(word in text for word in _WORD.findall(name.lower()))
