"""What a value says of itself: length, alphabet, chance, shapes, and the letters of words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise

from llmsecrets.proofs.drawn import KIND_OF_BYTE
from llmsecrets.scoring.model import model

Facts = Iterator[tuple[str, float]]  # names of features and how far they apply: 1 for those that just do

_UUID_LIKE = (
    rb"(?<![0-9a-f])[0-9a-f]{8}-(?!(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-z]))(?:[0-9a-f]{3,5}-){3}[0-9a-z]{8,14}"
)
_SHAPES = tuple(
    (label, re.compile(shape))
    for label, shape in (
        ("identifier", rb"^[A-Za-z_$@][A-Za-z_$]*(?:[.\->:]+[A-Za-z_$]+)*(?:\(\)?)?$"),
        ("identifier with a number", rb"^[A-Za-z_$@][A-Za-z_$]*(?:[.\->:_]+[A-Za-z_$]+)*[_\-]?\d{1,12}$"),
        ("constant", rb"^[A-Z][A-Z\d]*(?:_+[A-Z\d]+)+$"),
        ("words joined", rb"^(?i:[a-z]+\d{0,2}(?:[_\-. /:](?:[a-z]+\d{0,2}|\d{1,2}))+\d{0,4})$"),
        ("path or address", rb"^(?:\.{0,2}/|~/|[A-Za-z]:\\|[a-z][a-z0-9+.\-]{1,20}://)|/[\w.\-]+/|^[\w.\-]+@[\w\-]+\.[a-z]+$|\.(?:com|org|net|io|dev|py|js|ts|json|ya?ml|txt|pem|html|go|rb|php|md)$"),
        ("version or date", rb"^(?!.{33})v?\d+(?:[.\-:/ T_]\d+)+[\w.\-+:]*$"),
        ("number", rb"^[+\-]?(?:0x)?[\d._,+\-]+(?:[eE][+\-]?\d+)?[a-zA-Z%]{0,2}$"),
        ("UUID", rb"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"),
        ("code", rb"[(){}\[\]<>]|::|->|\\[nrt\w]|%[sdr]|&&|\|\||^[&*^]|\+\+|=>|==|^\w=\w"),
        ("blanks", rb"\s"),
        ("hex", rb"^[0-9a-f]+$|^[0-9A-F]+$"),
        ("hex of less than 24 digits", rb"^[0-9a-fA-F]{1,23}$"),
        ("hex of an odd length", rb"^(?:[0-9a-f]{2})*[0-9a-f]$|^(?:[0-9A-F]{2})*[0-9A-F]$"),
        ("hex but for a letter or two", rb"^(?=.{20})[0-9a-f]+(?:[g-z][0-9a-f]*){1,2}$"),
        ("UUID of a wrong length", _UUID_LIKE),
        ("digest with its algorithm", rb"^(?i:sha\d+|md5)[-:=]"),
        ("begins like a word and a sign", rb"^[A-Za-z]{2,12}[_\-]"),
        ("other letters than Latin", rb"[\x80-\xff]"),
    )
)  # fmt: skip
_TEST_WORDS = b"""
    test tests testing tester example sample demo dummy fake mock foo bar baz foobar user admin root pass password
    passwd secret token key apikey my your some insert default invalid wrong bad old new none null true false hello
    world qwerty changeme letmein hunter guest public local localhost string value random private super todo xxx+
"""
_TESTED = re.compile(b"(?i)(?:^|[^a-z])(?:" + b"|".join(_TEST_WORDS.split()) + b")(?=$|[^a-z])")
_TEST_STARTS = rb"""
    test example sample demo dummy fake mock foo my your some password passwd passw0rd p@ss pass(?=\W|\d) secret token
    admin root qwerty welcome changeme letmein hunter
"""
_TESTED_START = re.compile(b"(?i)^(?:" + b"|".join(_TEST_STARTS.split()) + b")")
_UNUSUAL = re.compile(rb"[^A-Za-z0-9_\-.+/=:~|]|(?<=\+)=(?=[^=])")
_CHUNK = re.compile(rb"[A-Z]?[a-z]{4,}|[A-Z]{5,}")


def value_facts(value: bytes, password: bool) -> Facts:
    """The features of a value, given to the name of a password or of something that is issued."""
    size = len(value)
    yield from _size_facts(size, password)
    for label, shape in _SHAPES:
        yield label, float(shape.search(value) is not None)
    kinds = value.translate(KIND_OF_BYTE)
    digits, upper, lower = kinds.count(b"0"), kinds.count(b"A"), kinds.count(b"a")
    yield "begins like a vendor's token, but is none", float(value.lower().startswith(model().prefixes))
    unusual = len(_UNUSUAL.findall(value))
    yield _alphabet(digits, upper, lower), 1.0
    yield "a sign in a password", float(password and unusual + digits > 0 and upper + lower + digits < size)
    yield "a sign that tokens do not hold", float(not password and unusual > 0)
    yield "changes between letters, cases and digits", min(1.0, _changes(kinds) / size * 2)
    yield "less varied than random", max(0.0, _random_entropy(size, digits, upper, lower) - entropy(value) - 0.3)
    yield "reads like words", _wordiness(value)
    yield "letter pairs as in words", _familiarity(value)
    yield "typed in order", in_order(value)
    yield "test word", float(_TESTED.search(value) is not None)
    yield "begins with a test word", float(_TESTED_START.search(value) is not None)


def _size_facts(size: int, password: bool) -> Facts:
    whose = "password" if password else "token"
    if size < 8:
        yield f"{whose} shorter than 8", 1.0
    elif size < 12:
        yield f"{whose} of 8 to 11", 1.0
    elif size < 16:
        yield f"{whose} of 12 to 15", 1.0
    elif size < 20:
        yield f"{whose} of 16 to 19", 1.0
    elif size < 129:
        yield f"{whose} of 20 to 128", 1.0
    else:
        yield f"{whose} longer than 128", 1.0


def _alphabet(digits: int, upper: int, lower: int) -> str:
    kinds = [kind for kind, count in (("digits", digits), ("capitals", upper), ("small letters", lower)) if count]
    return " and ".join(kinds) if kinds else "signs only"


def _random_entropy(size: int, digits: int, upper: int, lower: int) -> float:
    """About how many bits a byte a random string of this length over the kinds of characters present would show."""
    letters = 10 * (digits > 0) + 26 * (upper > 0) + 26 * (lower > 0) or 10
    if upper + lower and digits and size > 12:  # hex, perhaps: do not ask for more than 16 symbols give
        letters = 16 if not (upper and lower) else letters
    return math.log2(letters) + math.log2(-math.expm1(-size / letters) or 1e-9) if size > 1 else 0.0


def _changes(kinds: bytes) -> int:
    """How often the kind of character changes; a capital before small letters is one word."""
    joined = kinds.replace(b"Aa", b"aa")
    return sum(before != after for before, after in pairwise(joined))


def _familiarity(text: bytes) -> float:
    """Bits a pair by which the letter pairs are likelier in words than by chance; 0 where too few to tell."""
    pairs, lower = model().pairs, text.lower()
    known = [pairs[pair] for pair in pairwise(lower) if pair in pairs]
    return max(-2.0, min(2.0, sum(known) / len(known))) if len(known) >= 3 else 0.0


def _wordiness(value: bytes) -> float:
    """The share of the value that stands in runs of letters with the letter pairs of words."""
    return sum(len(chunk) for chunk in _CHUNK.findall(value) if _familiarity(chunk) > 0.5) / len(value)


def in_order(value: bytes) -> float:
    """The share of characters that follow one another in order: 1234, abcd, and a1b2c3 as well."""
    text = value.lower()
    steps = [after - before for gap in (1, 2) for before, after in zip(text, text[gap:], strict=False)]
    return min(1.0, steps.count(1) / len(text))


def entropy(data: bytes) -> float:
    """Shannon entropy in bits a byte."""
    if not data:
        return 0.0
    total = len(data)
    counts = (data.count(byte) for byte in set(data))
    return -sum(count / total * math.log2(count / total) for count in counts)
