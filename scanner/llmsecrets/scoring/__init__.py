"""The generic detector's judgement: how likely is it that this value, given to this name, in this place, is a secret?

For secrets without a shape of their own: passwords, home-made tokens, hex keys. Each feature adds to a sum of log odds,
whose logistic is the score. What a feature weighs, and which letters follow which in words, stands in
`generic-model.json`, made by `bench/train_generic.py`. `explain` lists what decided.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from llmsecrets.proofs.passwords import hides_word, is_word
from llmsecrets.rules.globs import path_matches
from llmsecrets.scoring.given import Given, given_at, is_text, name_of
from llmsecrets.scoring.model import model
from llmsecrets.scoring.names import is_of_a_detail, is_of_a_request, is_of_a_test, kind_of, repeats
from llmsecrets.scoring.values import Facts, entropy, in_order, value_facts

__all__ = ["LOW", "MEDIUM", "Feature", "Given", "best_place", "entropy", "explain", "facts", "features", "given_at",
           "hopeless", "is_lock_file", "is_of_a_detail", "is_text", "kind_of", "name_of", "place_features",
           "probability", "score", "shifted"]  # fmt: skip

MEDIUM, LOW = 0.7, 0.35  # score from which a finding falls in a tier; below LOW there is none

_TYPED_IN_ORDER = 0.8  # of a password's characters: it is a stretch of the alphabet, or of the digits
_SHORT, _SHORT_IN_ORDER = 20, 0.6  # of short values of any name: abc123xyz456
_NO_SECRETS = frozenset(("detail of one", "public thing", "thing"))  # kinds of names
# Parts of expressions: a sign before an operand, a comparison, a keyword argument, a join; an address.
_CODE = re.compile(rb"^[&*!^=]|[=!]==?[\w.]|\+\+|\|\||^\w[\w.]*=[\w.]|^[a-z][a-z0-9+.\-]*://|&#\d")
# A JWT with a word for a signature, or none; its header, which begins with "alg" or "typ", alone or before words.
_UNSIGNED = re.compile(rb"eyJ[\w\-]+\.eyJ[\w\-]+\.[a-z]{0,19}|eyJ(?:hbGci|0eXAi)[\w\-]*(?:\.[a-z]+){0,2}")
_TIMED = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")  # time and place as UUID
_FILE = re.compile(
    rb"(?:(?:[A-Za-z_.][\w.+\-]*/)+|(?:[\w.+\-]+/){3,})[\w.+\-]+\.[a-z]{1,5}:?"
)  # as in a log: `PASS: gdb.base/a-1.exp: …`
_FINGERPRINT = re.compile(rb"[0-9A-F]{16}|[0-9A-F]{40}")  # of a public key, as GnuPG writes them
_VERSION = re.compile(rb"v\d+\.\d+\.\d+(?:[\-+.][\w.\-+]*)?")
# Of an object: `flags->KEY`, `X509Flags.UserKeySet`; a number stands in few names.
_MEMBER = re.compile(rb"\w+(?:(?:->|::)\w+)+|[A-Za-z]+(?:\d{1,5}[A-Za-z]*)?(?:\.[A-Za-z]+(?:\d{1,5}[A-Za-z]+)?)+")
_ALGORITHM = re.compile(
    rb"(?i)(?:PBE|PBKDF2|Hmac|AES|DES|RSA|EC|SHA\d*|MD5)\w{0,12}(?:with|/)[\w/\-]{2,30}"
    rb"|(?:AES|RSA|HMAC|SHA|CHACHA20)(?:-[A-Z\d]{3,8}){1,3}"
)
_SIGNATURE = re.compile(rb"[a-z0-9]{3,24}:[A-Za-z0-9+/]{43}=?")  # of a request: `SharedKey account:…`
_ESCAPED = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")  # of a URL, and nothing else
_UUID = re.compile(rb"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
# One word, the name of a type that may be missing, a number, signs.
_FILLER = re.compile(rb"\+?[A-Za-z_$][A-Za-z_$.]*(?:\(\)?)?|[A-Z][A-Za-z]*\?|[\d.,:\-]+[lLuU]{0,2}|\W+")


class Feature(NamedTuple):
    """One reason for or against, in log odds."""

    name: str
    weight: float


def probability(features: Iterable[Feature]) -> float:
    """The logistic of the summed log odds."""
    return 1 / (1 + math.exp(-sum(feature.weight for feature in features)))


def shifted(score: float, more: Iterable[Feature]) -> float:
    """A score with further features added."""
    odds = math.log(max(score, 1e-9) / max(1 - score, 1e-9))
    return 1 / (1 + math.exp(-odds - sum(feature.weight for feature in more)))


def hopeless(name: bytes, value: bytes) -> bool:
    """Whether there is no need to weigh: the name means something else, or the value cannot be a secret."""
    kind = kind_of(name)
    return (
        len(value) < 6
        or kind in _NO_SECRETS
        or any(
            other.fullmatch(value)
            for other in (_FILLER, _FILE, _UNSIGNED, _TIMED, _VERSION, _MEMBER, _ALGORITHM, _SIGNATURE, _ESCAPED)
        )
        or _CODE.search(value) is not None
        or hides_word(value)
        or (kind == "password" and is_word(value))
        or _is_in_order(kind, value)
        or (
            (kind == "authorization" or is_of_a_request(name) or name == b"credentials")
            and _UUID.fullmatch(value) is not None
        )
        or (kind == "key" and _FINGERPRINT.fullmatch(value) is not None)
    )


def _is_in_order(kind: str, value: bytes) -> bool:
    """Whether a value was typed along the alphabet or the digits: of long ones, only passwords and keys."""
    if len(value) < _SHORT:
        return in_order(value) >= _SHORT_IN_ORDER
    return kind in ("password", "key") and in_order(value) >= _TYPED_IN_ORDER


@lru_cache(maxsize=1 << 12)  # the versions of a file give the same values again and again
def score(name: bytes, value: bytes, quoted: bool, manner: str) -> float:
    """How likely a secret is, wherever it stands."""
    return probability(features(name, value, quoted=quoted, manner=manner))


def features(name: bytes, value: bytes, *, quoted: bool = True, manner: str = "assigned") -> list[Feature]:
    """What name, value and manner say, wherever they stand."""
    return _weighed(facts(name, value, quoted=quoted, manner=manner))


def facts(name: bytes, value: bytes, *, quoted: bool = True, manner: str = "assigned") -> Facts:
    """The features that apply, unweighed: what a model is trained on."""
    kind = kind_of(name)
    yield "any name and value", 1.0
    yield f"{'quoted' if quoted else 'bare'} and {manner}", 1.0
    yield f"name of a {kind}", 1.0
    yield "name speaks of a test", float(is_of_a_test(name))
    yield from value_facts(value, kind == "password")
    yield "repeats its name", float(repeats(name, value))


def explain(
    name: bytes, value: bytes, path: str = "", *, quoted: bool = True, manner: str = "assigned"
) -> list[Feature]:
    """Everything that counts for or against a secret, the weightiest first. The score is their `probability`."""
    found = [*features(name, value, quoted=quoted, manner=manner), *place_features(path)]
    return sorted(found, key=lambda feature: -abs(feature.weight))


def _weighed(facts: Facts) -> list[Feature]:
    weights = model().weights
    return [Feature(name, weights.get(name, 0.0) * extent) for name, extent in facts if extent]


# ---- the place ---------------------------------------------------------------------------------------------------

_LOCKS = ("**/*.lock", "**/*lock.json", "**/*lock.yaml", "**/*.lock.hcl", "**/go.sum", "**/Package.resolved")
_GENERATED = (*_LOCKS, "**/*.min.js", "**/*.map", "**/*.svg",
              "**/*.ipynb", "**/tokenizer.json", "**/vocab.json", "**/*.po", "**/*.pot", "**/*.cast",
              "**/*.snap")  # fmt: skip
_TEST = ("**/test/*", "**/tests/*", "**/__tests__/*", "**/testdata/*", "**/fixtures/*", "**/mocks/*", "**/__mocks__/*",
         "**/example/*", "**/examples/*", "**/samples/*", "**/demo/*", "**/test_*", "*_test.*", "*.test.*", "*.spec.*",
         "*Test.java", "*Tests.cs")  # fmt: skip
_PROSE = ("**/*.md", "**/*.rst", "**/*.txt", "**/*.adoc", "**/*.html", "**/docs/*", "docs/*")
_SETTINGS = ("**/.env", "**/.env.*", "**/*.env", "**/*.ini", "**/*.cfg", "**/*.conf", "**/*.toml", "**/*.properties",
             "**/*.tfvars", "**/*secrets*", "**/*credentials*")  # fmt: skip
_PLACES = (
    ("generated file", _GENERATED),
    ("test or example", _TEST),
    ("documentation", _PROSE),
    ("settings file", _SETTINGS),
)


@lru_cache(maxsize=1 << 12)
def place_features(path: str) -> tuple[Feature, ...]:
    """What the file's path says. An unknown path says nothing."""
    return tuple(_weighed((place, 1.0) for place, globs in _PLACES if path_matches(path, globs)))


@lru_cache(maxsize=1 << 12)
def is_lock_file(path: str) -> bool:
    """Whether a file lists packages with their digests."""
    return path_matches(path, _LOCKS)


def best_place() -> list[Feature]:
    """What speaks most for a secret that a path can say."""
    return _weighed(iter([("settings file", 1.0)]))
