"""Anchors: the part of a pattern that stage one looks for, derived from the pattern itself.

Stage one scans every byte, so it should look for as little as will do: the pattern up to its first literal and a few
characters beyond. Whatever the pattern matches, its anchor matches too (it is a prefix of the pattern with zero-width
assertions left out); stage two tells the rest. `re`'s own parser does the parsing, so patterns must be readable by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

try:  # the parser moved in 3.11; it has no public name, but its tree has been stable since 2.0
    from re import _constants as sre  # type: ignore[attr-defined]
    from re import _parser as sre_parser  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover - Python 3.10
    import sre_constants as sre
    import sre_parse as sre_parser

LITERAL = 3  # characters that make a literal rare enough to anchor on
TAIL = 14  # characters wanted beyond a literal of the key's own before the rest is left to stage two
SHORT_TAIL = 64  # the same beyond a literal so short that base64 is full of it
NAMED_TAIL = 48  # the same where the literal is a name: only the value behind it makes it rare
_SHORT = 4
_UNBOUNDED = 1 << 16
_MOST_SPELLINGS = 64
_REPEAT = re.compile(r"\{(\d+),(\d+)\}")  # as `_sequence` writes it
# What nearly all keys are made of, and so many of it is more than most of what programs give to a name.
_OF_KEYS = "[A-Za-z0-9+/=_.:-]"
_ROUGH = 20
_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|[^]\\])*\]|\((?!\?)")  # that captures, behind escapes and classes
_RUN = 16  # bytes in a row that few texts hold by chance
_MANY = 4  # times, from which on a bound is costly to hold

_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


class Anchor(NamedTuple):
    """`expression` for stage one; the most bytes it spans; how far before its end a match can begin; the most bytes a
    match spans; literals one of which every match holds (lower case;
    bytes that are no UTF-8 as surrogate escapes)."""

    expression: str
    width: int
    reach: int
    pattern_width: int
    literals: tuple[str, ...]


class Run(NamedTuple):
    """Bytes of one kind that follow each other: at least `length` of those that `table` makes 1, and all others 0."""

    table: bytes
    length: int

    def within(self, data: bytes) -> bool:
        """Whether there are so many in a row."""
        return b"\1" * self.length in data.translate(self.table)


class AnchorError(ValueError):
    """The pattern holds no literal that stage one could look for, or has no upper width."""


def derive(pattern: str, override: str = "", width: int = 0, *, named: bool = False, before: str = "") -> Anchor:
    """The anchor of a pattern: `override`, found anywhere in what the pattern matches, or a prefix.

    `width` bounds a pattern that does not bound itself. `named`: it begins with a name. `before`: what stands before
    all its matches, for anchors that base64 would be full of without. Raises AnchorError.
    """
    tail = NAMED_TAIL if named else TAIL
    tree = sre_parser.parse(pattern.encode())
    pattern_width = width or tree.getwidth()[1]
    if pattern_width >= _UNBOUNDED:
        raise AnchorError("the pattern has no upper width; bound its repeats or give a width")
    literals = _required(tree)
    if not literals or min(map(len, literals)) < LITERAL:
        raise AnchorError(f"the pattern has no literal of {LITERAL} characters that every match holds")
    if override and _looks_around(sre_parser.parse(override.encode())):
        raise AnchorError("the anchor must say nothing of what stands around it")
    common = not named and any(len(literal) <= _SHORT or len(set(literal)) == 1 for literal in literals)
    expression = override or _shortest(_sequence(list(tree), _State(SHORT_TAIL if common else tail)))
    span = min(width_of(expression), pattern_width)
    if common and not override and before:
        expression, span = before + expression, width_of(before) + span
    return Anchor(expression, span, pattern_width if override else span, pattern_width, _as_text(literals))


@lru_cache(maxsize=64)  # what stands between name and value is the same for hundreds of rules
def width_of(pattern: str) -> int:
    """The most bytes a pattern can span."""
    width: int = sre_parser.parse(pattern.encode()).getwidth()[1]
    return width


def literals_of(pattern: str) -> tuple[str, ...]:
    """Literals one of which every match of a pattern holds, in lower case."""
    return _as_text(_required(sre_parser.parse(pattern.encode())))


def openings_of(pattern: str) -> tuple[str, ...]:
    """The least that every match of a pattern begins with, as expressions all of which hold where the match starts.

    Nothing is left to stretch at their ends. Beside the pattern's own there is one that ends with its first lookahead.
    """
    items = list(sre_parser.parse(pattern.encode()))
    found = [items, *filter(None, [_up_to_lookahead(items)])]
    return tuple(_sequence(_least(one), _State(_UNBOUNDED)) for one in found)


def rough_opening_of(pattern: str) -> str:
    """What every match of a pattern begins with up to its group, then `_ROUGH` characters such as keys have.

    Hundreds of patterns have the same. Empty where the group begins in another way, or cannot be told.
    """
    at = next((found.start() for found in _GROUP.finditer(pattern) if found[0] == "("), 0)
    before = _whole(pattern[:at])
    if not before or _leading(sre_parser.parse(pattern[at:].encode()), _codes(_OF_KEYS))[0] < _ROUGH:
        return ""
    return f"{before}{_OF_KEYS}{{{_ROUGH}}}"


@lru_cache(maxsize=64)
def _whole(pattern: str) -> str:
    """What every match of a pattern matches, assertions left out; empty where that cannot be told."""
    try:
        return _sequence(list(sre_parser.parse(pattern.encode())), _State(_UNBOUNDED))
    except (AnchorError, re.error):  # the group is part of another one
        return ""


@lru_cache(maxsize=1024)
def run_of(pattern: str) -> Run | None:
    """The longest run in every match of a pattern; None where none of `_RUN` bytes can be told."""
    parsed = sre_parser.parse(pattern.encode())
    runs = () if parsed.state.flags & sre.SRE_FLAG_IGNORECASE else _runs(parsed)
    length, codes = max(runs, key=lambda run: run[0], default=(0, frozenset()))
    return Run(bytes(code in codes for code in range(256)), length) if length >= _RUN else None


def _runs(items: Any) -> Iterator[tuple[int, frozenset[int]]]:
    """(how many, which bytes) of what is repeated."""
    for operation, argument in items:
        if operation is sre.SUBPATTERN and not argument[1]:  # no flags of its own
            yield from _runs(argument[3])
        elif operation in (sre.MAX_REPEAT, sre.MIN_REPEAT) and len(argument[2]) == 1:
            inner, body = argument[2][0]
            if inner in (sre.LITERAL, sre.IN):
                yield argument[0], _codes(_single(inner, body))


def loosely(opening: str) -> str:
    """An opening without upper bounds to repeats of many: it compiles many times faster, and holds a little oftener."""
    return _REPEAT.sub(lambda repeat: repeat[0] if int(repeat[2]) < _MANY else f"{{{repeat[1]},}}", opening)


def _up_to_lookahead(items: list[Any]) -> list[Any]:
    """A sequence up to its first lookahead, with what that looks for; nothing where there is none."""
    for number, (operation, argument) in enumerate(items):
        inner: list[Any] = []
        if operation is sre.ASSERT and argument[0] > 0:
            inner = list(argument[1])
        elif operation is sre.SUBPATTERN:
            inner = _up_to_lookahead(list(argument[3]))
        if inner:
            return [*items[:number], *inner]
    return []


def _shortest(expression: str) -> str:
    """An expression with nothing left to stretch at its end: it is met wherever the whole is, and sooner."""
    return _sequence(_least(list(sre_parser.parse(expression.encode()))), _State(_UNBOUNDED))


def _least(items: list[Any]) -> list[Any]:
    """A sequence whose last repeats are as short as they may be."""
    while items:
        operation, argument = items[-1]
        shortest = [(operation, argument)]
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, _, body = argument
            shortest = [(operation, (least, least, body))] if least else []
        elif operation is sre.SUBPATTERN:
            shortest = [(operation, (*argument[:3], _least(list(argument[3]))))]
        elif operation is sre.BRANCH:
            shortest = [(operation, (None, [_least(list(one)) for one in argument[1]]))]
        elif operation in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            shortest = []
        items = [*items[:-1], *shortest]
        if shortest:
            break
    return items


def _leading(items: Any, characters: frozenset[int]) -> tuple[int, bool]:
    """How many of these characters every match begins with at least, and whether nothing else can be in it."""
    count = 0
    for operation, argument in items:
        least, only = _leading_in(operation, argument, characters)
        count += least
        if not only:
            return count, False
    return count, True


def _leading_in(operation: Any, argument: Any, characters: frozenset[int]) -> tuple[int, bool]:
    if operation in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
        return 0, True
    if operation is sre.SUBPATTERN:
        return _leading(argument[3], characters)
    if operation is sre.BRANCH:
        each = [_leading(alternative, characters) for alternative in argument[1]]
        return min(least for least, _ in each), all(only for _, only in each)
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        count, only = _leading(argument[2], characters)
        return (count * argument[0], True) if only else (count * bool(argument[0]), False)
    only = operation in (sre.LITERAL, sre.IN) and _codes(_single(operation, argument)) <= characters
    return int(only), only


@lru_cache(maxsize=256)
def _codes(one: str) -> frozenset[int]:
    """The bytes that an expression of one byte matches."""
    return frozenset(code for code in range(256) if re.match(one.encode(), bytes((code,))))


def _looks_around(items: Any) -> bool:
    """Whether an expression depends on more than the bytes it matches."""
    for operation, argument in items:
        inner: list[Any] = []
        if operation in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            return True
        if operation is sre.BRANCH:
            inner = argument[1]
        elif operation in (sre.SUBPATTERN, sre.MAX_REPEAT, sre.MIN_REPEAT):
            inner = [argument[-1]]
        if any(_looks_around(body) for body in inner):
            return True
    return False


# ---- the prefix --------------------------------------------------------------------------------------------------


class _State:
    """How much of an anchor has been emitted: literal characters in a row, found one, characters since."""

    def __init__(self, wanted: int, run: int = 0, found: bool = False, tail: int = 0) -> None:
        self.wanted, self.run, self.found, self.tail = wanted, run, found, tail

    def copy(self) -> _State:
        return _State(self.wanted, self.run, self.found, self.tail)

    @property
    def enough(self) -> bool:
        return self.found and self.tail >= self.wanted

    @property
    def may_end(self) -> bool:
        """Whether a part may be cut short, and all that follows with it."""
        return self.found and self.wanted < _UNBOUNDED

    def literal(self) -> None:
        if self.found:
            self.tail += 1
        else:
            self.run += 1
            self.found = self.run >= LITERAL

    def other(self, count: int) -> None:
        if self.found:
            self.tail += count
        elif count:
            self.run = 0


def _sequence(items: list[Any], state: _State) -> str:
    out = []
    for operation, argument in items:
        if state.enough:
            break
        out.append(_item(operation, argument, state))
    return "".join(out)


def _item(operation: Any, argument: Any, state: _State) -> str:
    if operation is sre.LITERAL:
        state.literal()
        return _char(argument)
    if operation in (sre.IN, sre.NOT_LITERAL, sre.ANY):
        if operation is sre.IN and _few(argument):
            state.literal()
        else:
            state.other(1)
        return _single(operation, argument)
    if operation in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
        return ""
    if operation is sre.SUBPATTERN:
        _, on, off, body = argument
        return f"(?{_flags(on, off)}:{_sequence(list(body), state)})"
    if operation is sre.BRANCH:
        return _branch(argument[1], state)
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, most, body = argument
        return _repeat(least, most, body, state)
    raise AnchorError(f"{str(operation).lower()} is not supported in a pattern")


def _branch(alternatives: list[Any], state: _State) -> str:
    """All alternatives. Where one may be cut short, nothing can follow, so each must have a literal by then."""
    parts, states = _alternatives(alternatives, state, state.wanted)
    if any(own.enough for own in states):
        if all(own.found for own in states):
            state.found, state.tail = True, state.wanted
            return f"(?:{'|'.join(parts)})"
        parts, states = _alternatives(alternatives, state, _UNBOUNDED)
    state.found = all(own.found for own in states)
    state.tail = min(own.tail for own in states)
    state.run = 0
    return f"(?:{'|'.join(parts)})"


def _alternatives(alternatives: list[Any], state: _State, wanted: int) -> tuple[list[str], list[_State]]:
    parts, states = [], []
    for alternative in alternatives:
        own = state.copy()
        own.wanted = wanted
        parts.append(_sequence(list(alternative), own))
        states.append(own)
    return parts, states


def _repeat(least: int, most: int, body: Any, state: _State) -> str:
    items = list(body)
    if len(items) == 1 and items[0][0] in (sre.IN, sre.NOT_LITERAL, sre.ANY, sre.LITERAL):
        return _repeat_single(least, most, items[0], state)
    if least and (state.may_end or most == 1):  # one round will do; what follows the rounds left out cannot be told
        inner = _sequence(items, state)
        if most > 1:
            state.tail = state.wanted
        return f"(?:{inner})"
    whole = _sequence(items, _State(_UNBOUNDED))  # nothing in it may be cut short: the next round follows, or the rest
    state.run = 0
    return f"(?:{whole})" + _count(least, most)


def _repeat_single(least: int, most: int, item: Any, state: _State) -> str:
    one = _single(*item)
    if state.may_end and least >= state.wanted - state.tail:
        least = most = state.wanted - state.tail
    elif state.may_end and most - least > 200:
        state.tail = state.wanted
        return one + _count(least, least) if least else ""
    state.other(least)
    return one + _count(least, most)


def _count(least: int, most: int) -> str:
    if (least, most) == (1, 1):
        return ""
    if (least, most) == (0, 1):
        return "?"
    if most >= _UNBOUNDED:
        return f"{{{least},}}"
    return f"{{{least}}}" if least == most else f"{{{least},{most}}}"


def _flags(on: int, off: int) -> str:
    ignore_case = sre.SRE_FLAG_IGNORECASE
    return ("i" if on & ignore_case else "") + ("-i" if off & ignore_case else "")


def _single(operation: Any, argument: Any) -> str:
    if operation is sre.ANY:
        return "."
    if operation is sre.LITERAL:
        return _char(argument)
    if operation is sre.NOT_LITERAL:
        return f"[^{_char(argument)}]"
    return "[" + "".join(_member(*member) for member in argument) + "]"


def _member(operation: Any, argument: Any) -> str:
    if operation is sre.NEGATE:
        return "^"
    if operation is sre.RANGE:
        return f"{_char(argument[0])}-{_char(argument[1])}"
    if operation is sre.CATEGORY:
        return _CATEGORIES[argument]
    return _char(argument)


def _char(code: int) -> str:
    character = chr(code)
    return character if code < 128 and character.isalnum() else f"\\x{code:02x}"


# ---- literals ----------------------------------------------------------------------------------------------------


def _lower(code: int) -> str:
    """A byte as a character, in the lower case of ASCII: engines know no other."""
    return chr(code | 32) if 65 <= code <= 90 else chr(code)


def _as_text(literals: tuple[str, ...]) -> tuple[str, ...]:
    """Literals of a character a byte, as the parser spells them, as the text those bytes are."""
    return tuple(literal.encode("latin-1").decode("utf-8", "surrogateescape") for literal in literals)


def _required(items: Any) -> tuple[str, ...]:
    """Literals one of which every match holds: the best set any stretch of the sequence offers."""
    candidates: list[tuple[str, ...]] = []
    runs: tuple[str, ...] = ("",)
    for operation, argument in items:
        if operation in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            continue
        spelled = _spelled(operation, argument)
        if spelled and len(runs) * len(spelled) <= _MOST_SPELLINGS:
            runs = tuple(run + one for run in runs for one in spelled)
            continue
        candidates += [runs, _required_in(operation, argument)]
        runs = ("",)
    candidates.append(runs)
    usable = [found for found in candidates if found and all(found)]
    return max(usable, key=lambda found: (min(map(len, found)), -len(found)), default=())


def _spelled(operation: Any, argument: Any) -> tuple[str, ...]:
    """All the texts an item can match, where they are few; else nothing."""
    if operation is sre.LITERAL:
        return (_lower(argument),)
    if operation is sre.IN:
        return _few(argument)
    if operation is sre.SUBPATTERN:
        return _spelled_sequence(argument[3])
    if operation is sre.BRANCH:
        spelled = [_spelled_sequence(alternative) for alternative in argument[1]]
        return tuple(dict.fromkeys(sum(spelled, ()))) if all(spelled) else ()
    return ()


def _spelled_sequence(items: Any) -> tuple[str, ...]:
    texts: tuple[str, ...] = ("",)
    for item in items:
        spelled = _spelled(*item)
        texts = tuple(text + one for text in texts for one in spelled)
        if not texts or len(texts) > _MOST_SPELLINGS:
            return ()
    return texts


def _few(members: Any) -> tuple[str, ...]:
    """The characters of a class of ten at most: digits, or a few single ones."""
    codes: list[int] = []
    for operation, argument in members:
        if operation is sre.LITERAL:
            codes.append(argument)
        elif operation is sre.RANGE:
            codes += range(argument[0], min(argument[1], argument[0] + 10) + 1)
        elif operation is sre.CATEGORY and argument is sre.CATEGORY_DIGIT:
            codes += range(48, 58)
        else:
            return ()
    return tuple(dict.fromkeys(_lower(code) for code in codes)) if len(codes) <= 10 else ()


def _required_in(operation: Any, argument: Any) -> tuple[str, ...]:
    if operation is sre.SUBPATTERN:
        return _required(argument[3])
    if operation is sre.BRANCH:
        found = [_required(alternative) for alternative in argument[1]]
        return tuple(dict.fromkeys(sum(found, ()))) if all(found) else ()
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT) and argument[0] > 0:
        return _required(argument[2])
    return ()
