"""What a rule file may say: the table that validates it, and makes its JSON Schema."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from llmsecrets.errors import RuleError
from llmsecrets.model import CONFIDENCES, SEVERITIES

# What a key's value may hold. A key must not be followed by a character of its alphabet, and may be by any other:
# a quote, a comma, a tag, NUL, an escape. Alphabets without "_" or "-" still end at letters and digits of any case.
ALPHABETS = {
    "alnum": r"(?![A-Za-z0-9])",
    "hex": r"(?![A-Za-z0-9])",
    "digits": r"(?![A-Za-z0-9])",
    "base32": r"(?![A-Za-z0-9])",
    "word": r"(?![A-Za-z0-9_])",
    "base64": r"(?![A-Za-z0-9+/=])",
    "base64url": r"(?![A-Za-z0-9_]|-(?!-))",  # "-->" closes a comment, it does not continue a key
    "any": "",
}


class Key(NamedTuple):
    """A key of a rule: its type, whether it must be there, what it means. `choices` limits a text."""

    type: str
    meaning: str
    required: bool = False
    choices: tuple[str, ...] = ()


KEYS = {
    "id": Key("text", "Unique kebab-case name, vendor first.", required=True),
    "name": Key("text", "What a person calls it.", required=True),
    "description": Key("text", "What it is and what it gives whoever holds it.", required=True),
    "pattern": Key(
        "text", "Regular expression of the value, without boundaries; group 1, if any, is the secret.", True
    ),
    "alphabet": Key("text", "What must not follow the value.", choices=tuple(ALPHABETS)),
    "names": Key("texts", "Regular expressions of names that must stand before a value too weak alone."),
    "width": Key("number", "The most bytes a match can span, where the pattern does not tell."),
    "secret_group": Key("number", "The group of `pattern` that is the secret, if not 1."),
    "anchor": Key("text", "Stage-one expression, where the one derived from the pattern is too weak."),
    "keywords": Key("texts", "Literals, one of which every match holds; derived where not given."),
    "paths": Key("texts", "Globs of the only files the rule looks at."),
    "exclude_paths": Key("texts", "Globs of files the rule does not look at."),
    "min_entropy": Key("number", "Least Shannon entropy of the secret, bits a character."),
    "min_digits": Key("number", "Least number of digits in the secret."),
    "score": Key("text", "Scored by the generic detector instead of taken at face value.", choices=("generic",)),
    "severity": Key("text", "How bad it is.", choices=SEVERITIES),
    "confidence": Key("text", "How sure the shape makes us.", choices=CONFIDENCES),
    "family": Key("text", "Sibling rules that can match the same secret share it; the first word of the id if absent."),
    "specificity": Key("number", "Of two rules that match the same bytes the higher wins."),
    "tags": Key("texts", "Free words; the first is the category."),
    "allow": Key("allow", "Values of this shape that are never a secret."),
    "checksum": Key("checksum", "Offline verifier and what its failure means."),
    "components": Key("components", "Second values that must or may stand nearby."),
    "remediation": Key("text", "How to revoke and rotate.", required=True),
    "revoke_url": Key("text", "The provider's page for it."),
    "references": Key("texts", "Where the facts come from."),
    "examples": Key("texts", "Templates of texts that hold one secret.", required=True),
    "negative_examples": Key("texts", "Templates of near misses."),
}
PART_KEYS = {
    "name": Key("text", "What the second value is.", required=True),
    "pattern": Key("text", "Regular expression of the value; group 1, if any, is what is reported.", required=True),
    "alphabet": KEYS["alphabet"],
    "names": KEYS["names"],
    "within": Key("number", "How many lines away it may stand."),
    "required": Key("truth", "Whether the rule finds nothing without it."),
}
ALLOW_KEYS = {
    "values": Key("texts", "Exact values."),
    "regexes": Key("texts", "Regular expressions found in the value."),
    "stopwords": Key("texts", "Words found in the value, in any case."),
    "sha256": Key("texts", "SHA-256 of exact values, hex."),
}
CHECKSUM_KEYS = {
    "name": Key("text", "The verifier's name.", required=True),
    "failed": Key("text", "What becomes of a token that fails.", choices=("drop", "lower")),
}
FILE_KEYS = {"rules": Key("rules", "The rules."), "fragments": Key("fragments", "Named pieces of patterns.")}
_TYPE_NAMES = {
    "text": "a text",
    "texts": "a list of texts",
    "number": "a number",
    "truth": "true or false",
    "allow": "a mapping",
    "checksum": "a mapping",
    "fragments": "a mapping",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "texts": (list,),
    "number": (int, float),
    "truth": (bool,),
    "allow": (dict,),
    "checksum": (dict,),
    "components": (list,),
    "rules": (list,),
    "fragments": (dict,),
}


def check_mapping(entry: Any, keys: Mapping[str, Key], origin: str, called: str) -> None:
    """Raises RuleError for the first key of an entry that is unknown, missing, or of another type than `keys` say."""
    if not isinstance(entry, dict):
        raise RuleError(f"{origin}: {called} must be a mapping")
    for name in entry:
        if name not in keys:
            advice = f"Known keys: {', '.join(keys)}."
            raise RuleError(f"{line_of(entry, name, origin)}: unknown key {name!r}", advice)
    for name, key in keys.items():
        if name in entry:
            _check_value(name, key, entry[name], line_of(entry, name, origin))
        elif key.required:
            named = f"rule {entry['id']!r}" if "id" in entry else called
            raise RuleError(f"{origin}: {named} has no {name!r}")


def _check_value(name: str, key: Key, value: Any, origin: str) -> None:
    fits = isinstance(value, _PYTHON_TYPES[key.type]) and (key.type == "truth" or not isinstance(value, bool))
    if not fits:
        raise RuleError(f"{origin}: {name!r} must be {_TYPE_NAMES.get(key.type, 'a list')}")
    if key.type == "texts" and not all(isinstance(text, str) for text in value):
        raise RuleError(f"{origin}: {name!r} must be a list of texts")
    if key.choices and value not in key.choices:
        raise RuleError(f"{origin}: {name!r} must be one of {', '.join(key.choices)}")


def line_of(entry: dict[str, Any], name: str, origin: str) -> str:
    """The file and line of one key of an entry; the entry's own where it is not known."""
    line = getattr(entry, "lines", {}).get(name)
    return f"{origin.rpartition(':')[0]}:{line}" if line else origin


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a rule file, made from the tables that validate it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "llmsecrets rule file",
        **_schema_of(FILE_KEYS),
    }


def _schema_of(keys: Mapping[str, Key]) -> dict[str, Any]:
    properties = {
        name: {
            **_schema_of_type(key.type),
            **({"enum": list(key.choices)} if key.choices else {}),
            "description": key.meaning,
        }
        for name, key in keys.items()
    }
    required = [name for name, key in keys.items() if key.required]
    return {
        "type": "object",
        "additionalProperties": False,
        **({"required": required} if required else {}),
        "properties": properties,
    }


def _schema_of_type(name: str) -> dict[str, Any]:
    if name in _NESTED:
        nested = _schema_of(_NESTED[name])
        return nested if _PYTHON_TYPES[name] == (dict,) else {"type": "array", "items": nested}
    return _SCHEMA_TYPES[name]


_NESTED: dict[str, Mapping[str, Key]] = {
    "rules": KEYS,
    "allow": ALLOW_KEYS,
    "checksum": CHECKSUM_KEYS,
    "components": PART_KEYS,
}
_SCHEMA_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "number": {"type": "number"},
    "truth": {"type": "boolean"},
    "fragments": {"type": "object", "additionalProperties": {"type": "string"}},
}
