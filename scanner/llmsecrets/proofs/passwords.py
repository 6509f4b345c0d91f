"""Whether what stands in a password's place can be one: no word of a manual, reference, path or expression.

A pass proves nothing about a password; what fails is dropped by rules that know a password by its name only.
"""

from __future__ import annotations

import re

from llmsecrets.proofs import Proof
from llmsecrets.proofs.encodings import base64

_WORD = re.compile(
    rb"(?i)(?:[a-z]{1,16}[_\-.]?)?(?:pass|p(?:[a@]|\xc3\xa4)ssword|passwd|passwort|passphrase|pwd|pw|secret)"
    rb"(?:[_\-@][a-z]{1,16})?[_\-.]?\d{0,3}"
    rb"|(?:user|username|root|admin|postgres|mysql|mongo|redis|guest|test|foo|bar|baz|changeme|example|tiger|none|null|true|false|string"
    rb"|test[a-z]{1,12}"
    rb"|required|optional|default|does_?not_?exist|nonexistent|insecure|invalid|wrong|incorrect)\d{0,3}"
)
_SENTENCE = re.compile(rb"[A-Z]?[a-z]+,?(?: [A-Za-z]+,?){1,20}[.!?]?")
_MUCH_USED = re.compile(rb"(?i)p[a@]ssw[o0]rd\d{0,3}")
_OTHER = re.compile(
    rb"[A-Za-z_]+(?:(?:\.|->|::)[A-Za-z_]+)+|\w+(?:(?:->|::)\w+)+|\.\w+(?:\.\w+)*"  # members of objects and templates
    rb"|(?:[A-Z]+[a-z]{2,}){2,}|[a-z]{2,}(?:[A-Z]+[a-z]{2,})+|[a-z]+(?:[_\-][a-z]+)+(?:[_\-]?\d{1,3})?"  # names
    rb"|[A-Z]+(?:_[A-Z]+)+_?\d{0,3}"
    rb"|[A-Z][a-z]{2,15}"  # the first word of a sentence
    rb"|(?i:ldap|smtp|mail|email|neo4j|maria)[A-Za-z_]{3,40}"
    rb"|/?(?:[\w.\-]+/){2,}[\w.\-]+"  # a path
)
# A macro, a reference, the key or the variable of the next line.
_REFERENCE = re.compile(rb"[%@!&*].*|[\w.\-]+:|(?:[\w\-]+\.)+[\w\-]+=.*|[A-Z_][A-Z\d_]{3,}=.*")
_ADDRESS = re.compile(rb"[\w.\-]+@[\w\-]+(?:\.[a-z]+)+")
# In brackets, or of escapes and signs only, as in tests of URLs.
_IN_BRACKETS = re.compile(rb"[%<\[(].{0,100}[%>\])]|(?=%)(?:%[0-9A-Fa-f]{2}|[^\w%])+")
_NO_KEY = re.compile(rb"-----BEGIN (?:CERT|[A-Z ]+-----\s*-----END)")  # a certificate, or nothing between the lines


def password(secret: bytes) -> Proof:
    """A value given to a password's name."""
    return Proof(not (_is_typed(secret) or _REFERENCE.fullmatch(secret)))


def url_password(secret: bytes) -> Proof:
    """A password in a URL, with its escapes (RFC 3986, 2.1), or in the form of one: `redis://[:password]@host`."""
    from urllib.parse import unquote_to_bytes

    word = unquote_to_bytes(secret).rstrip(b"]")
    return Proof(not (_WORD.fullmatch(word) or _ADDRESS.fullmatch(word) or _IN_BRACKETS.fullmatch(secret)))


def basic(secret: bytes) -> Proof:
    """Base64 of `user:password` (RFC 7617). Other text may be a token that a service takes in its place."""
    user, colon, word = (base64(secret) or b"").partition(b":")
    return Proof(not (colon and (_WORD.fullmatch(word) or word == user)))


def encoded(secret: bytes) -> Proof:
    """A value that may be base64 of a password, as in a Kubernetes Secret. Certificates are public."""
    text = (base64(secret) or b"").strip()
    return Proof(not (_is_typed(text) or _is_typed(secret) or _NO_KEY.match(text)))


def is_word(secret: bytes) -> bool:
    """Whether the bytes are a word that manuals and tests put in a password's place."""
    return bool(_WORD.fullmatch(secret) or _MUCH_USED.fullmatch(secret))


def hides_word(secret: bytes) -> bool:
    """Whether the bytes are base64 of what somebody typed, behind a user's name perhaps."""
    text = (base64(secret) or b"").strip()
    return _is_typed(text.partition(b":")[2] or text) or _SENTENCE.fullmatch(text) is not None


def _is_typed(text: bytes) -> bool:
    return bool(_WORD.fullmatch(text) or _OTHER.fullmatch(text))
