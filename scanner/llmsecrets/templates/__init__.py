"""Examples of secrets without any secret: templates in rule files, replaced by random tokens when a test needs them.

The repository holds no literal token, so that no scanner trips over it, this one included. Scanning never imports
this package.
"""

from __future__ import annotations

import random
import re
from base64 import b64encode, urlsafe_b64encode

from llmsecrets.templates.makers import MAKERS
from llmsecrets.templates.randomness import CLASSES, characters, uuid4

__all__ = ["CLASSES", "MAKERS", "TemplateError", "expand"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_COUNT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_INNER = re.compile(r"\[\[([^\[\]]*)\]\]")
_DIRECTIVES = ("uuid", "uuid-hex", "make", "b64", "b64url", "escaped")
_OPEN, _CLOSE = "{{", "}}"


class TemplateError(ValueError):
    """A template names a class or a maker that does not exist, or gives it arguments it cannot use."""


def expand(template: str, seed: int) -> str:
    """The text with every template replaced; the same for the same template and seed.

    Other text in double braces stays: `{{ secrets.X }}`, `{{API_KEY}}` and the like are Jinja's or Mustache's. What
    has the form `{{name:argument}}` must be known, so that a typing mistake does not become an example.
    """
    rng = random.Random(f"{seed}/{template}")  # noqa: S311 - test data has to be repeatable, not unpredictable
    return _expanded(template, rng)


def _expanded(text: str, rng: random.Random) -> str:
    out, place = [], 0
    while (start := _opening(text, place)) >= 0:
        end = _closing(text, start)
        if end < 0:
            break
        out.append(text[place:start])
        out.append(_replaced(text[start + 2 : end], text[start : end + 2], rng))
        place = end + 2
    return "".join(out) + text[place:]


def _opening(text: str, place: int) -> int:
    """The next pair of braces that no third one precedes the inside of: in `{{{a}}}` the inner pair is meant."""
    start = text.find(_OPEN, place)
    while start >= 0 and text.startswith("{", start + 2):
        start += 1
    return start


def _closing(text: str, start: int) -> int:
    """Where the pair ends. Braces inside are counted, because arguments may be JSON."""
    depth, place = 0, start + 2
    while place < len(text):
        if not depth and text.startswith(_CLOSE, place):
            return place
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth < 0:
            return -1
        place += 1
    return -1


def _replaced(inside: str, original: str, rng: random.Random) -> str:
    if not inside:
        return ""
    name, colon, argument = inside.partition(":")
    if not _NAME.fullmatch(name) or (not colon and not _known(name)):
        # Not ours. Templates may still stand inside, as in a Jinja expression with a literal key.
        return _OPEN + _expanded(inside, rng) + _CLOSE
    return _directive(name, argument, original, rng)


def _known(name: str) -> bool:
    return name in CLASSES or name in _DIRECTIVES


def _directive(name: str, argument: str, original: str, rng: random.Random) -> str:
    if name in CLASSES:
        return characters(rng, name, _size(argument, original, rng))
    if name in ("uuid", "uuid-hex") and not argument:
        return uuid4(rng).replace("-", "") if name == "uuid-hex" else uuid4(rng)
    if name in ("b64", "b64url"):
        return _encoded(name, _inner_expanded(argument, rng))
    if name == "escaped":  # a key of several lines, as it stands inside quotes
        return _inner_expanded(argument, rng).replace("\n", "\\n")
    if name == "make":
        return _made(_inner_expanded(argument, rng), original, rng)
    raise TemplateError(f"{original}: unknown character class {name!r}; known: {', '.join(sorted(CLASSES))}")


def _size(argument: str, original: str, rng: random.Random) -> int:
    count = _COUNT.fullmatch(argument)
    if not count:
        raise TemplateError(f"{original}: write a count after the class, as in {{{{alnum:20}}}} or {{{{alnum:20-30}}}}")
    least, most = int(count[1]), int(count[2] or count[1])
    if least > most:
        raise TemplateError(f"{original}: the range {argument} runs backwards")
    return rng.randint(least, most)


def _inner_expanded(argument: str, rng: random.Random) -> str:
    """Arguments hold templates in square brackets; brackets around anything else stay, JSON has them too."""
    return _INNER.sub(lambda found: _inner_replaced(found, rng), argument)


def _inner_replaced(found: re.Match[str], rng: random.Random) -> str:
    name, colon, argument = found[1].partition(":")
    if found[1] and (not _NAME.fullmatch(name) or (not colon and not _known(name))):
        return found[0]
    return _directive(name, argument, found[0], rng) if found[1] else ""


def _encoded(name: str, text: str) -> str:
    data = text.encode("utf-8")
    return urlsafe_b64encode(data).decode("ascii").rstrip("=") if name == "b64url" else b64encode(data).decode("ascii")


def _made(argument: str, original: str, rng: random.Random) -> str:
    name, *arguments = argument.split(":")
    if name not in MAKERS:
        raise TemplateError(f"{original}: unknown maker {name!r}; known: {', '.join(sorted(MAKERS))}")
    try:
        return MAKERS[name](rng, arguments)
    except (ValueError, KeyError) as error:
        raise TemplateError(f"{original}: the arguments do not fit: {error}") from error
