"""Regular expressions of Go and RE2, rewritten for the engines here.

Other scanners' rules and ignore files are written in RE2's syntax, which `re` and `regex` read differently without a
word: a flag in the middle of a pattern, `$` before a last newline, `\\z`, `\\Q…\\E`, `\\pL`, `[[:alpha:]]`, `(?U)`. An
expression is parsed here as RE2 parses it (https://github.com/google/re2/wiki/Syntax) and written out anew, as bytes of
UTF-8, with nothing left that could be read in two ways: flags are worked into the characters, classes are spelled out.

What stays different, on purpose: a repeated class such as `.` or `[^"]` counts a character outside ASCII as its bytes,
and letters of ASCII have no case variants outside of it (RE2 lets `(?i)k` match the Kelvin sign).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

_TOP = 0x10FFFF
_MOST_REPEATS = 1000  # as RE2
_DEEPEST = 200
_FOLDABLE = 4096  # classes of more characters outside ASCII are taken to hold both cases already

Ranges = tuple[tuple[int, int], ...]


class Re2Error(ValueError):
    """The expression is not RE2's, or holds what cannot be rewritten. The message says what, and where."""


class Translated(NamedTuple):
    """`pattern` for `re` and `regex`, to be compiled as bytes; how many capturing groups the original has."""

    pattern: str
    groups: int


def translate(pattern: str, keep: int | None = None) -> Translated:
    """Rewrite an expression. Groups keep capturing; with `keep`, only the one of that number, as group 1.

    Raises Re2Error.
    """
    parser = _Parser(pattern)
    try:
        tree = parser.whole()
    except RecursionError as failure:  # pragma: no cover - _DEEPEST comes first
        raise Re2Error("nested too deep") from failure
    return Translated(_written(tree, keep), parser.groups)


# ---- the tree --------------------------------------------------------------------------------------------------


class _Class(NamedTuple):
    """One character of a set."""

    ranges: Ranges


class _Empty(NamedTuple):
    """A zero-width assertion, as `re` writes it."""

    text: str


class _Row(NamedTuple):
    """Nodes one behind the other."""

    items: tuple[Any, ...]


class _Choice(NamedTuple):
    """Alternatives."""

    items: tuple[Any, ...]


class _Group(NamedTuple):
    """A capturing group."""

    number: int
    body: Any


class _Repeat(NamedTuple):
    """`most` is None where there is no limit."""

    body: Any
    least: int
    most: int | None
    greedy: bool


class _Flags(NamedTuple):
    fold: bool = False
    many_lines: bool = False
    dot_all: bool = False
    lazy: bool = False


_FLAG_NAMES = {"i": "fold", "m": "many_lines", "s": "dot_all", "U": "lazy"}


# ---- classes ---------------------------------------------------------------------------------------------------


def _ranges(text: str) -> Ranges:
    """Ranges written as pairs: "azAZ09"."""
    return tuple((ord(first), ord(last)) for first, last in zip(text[::2], text[1::2], strict=True))


_PERL = {
    "d": _ranges("09"),
    "s": _ranges("\t\n\f\r  "),  # without \v, which `re` counts in
    "w": _ranges("azAZ09__"),
}
_POSIX = {
    "alnum": _ranges("azAZ09"),
    "alpha": _ranges("azAZ"),
    "ascii": _ranges("\x00\x7f"),
    "blank": _ranges("\t\t  "),
    "cntrl": _ranges("\x00\x1f\x7f\x7f"),
    "digit": _ranges("09"),
    "graph": _ranges("!~"),
    "lower": _ranges("az"),
    "print": _ranges(" ~"),
    "punct": _ranges("!/:@[`{~"),
    "space": _ranges("\t\r  "),
    "upper": _ranges("AZ"),
    "word": _PERL["w"],
    "xdigit": _ranges("09AFaf"),
}
_ESCAPES = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_ASSERTIONS = {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"\B"}
_EVERYTHING: Ranges = ((0, _TOP),)


def _united(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted, without overlaps."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def _without(ranges: Ranges) -> Ranges:
    """Every character that is not in the ranges."""
    left, start = [], 0
    for first, last in _united(ranges):
        if first > start:
            left.append((start, first - 1))
        start = last + 1
    return (*left, (start, _TOP)) if start <= _TOP else tuple(left)


def _clipped(ranges: Ranges, least: int, most: int) -> Ranges:
    return tuple((max(first, least), min(last, most)) for first, last in ranges if first <= most and last >= least)


def _folded(ranges: Ranges) -> Ranges:
    """The ranges with the other case of each letter."""
    more = [
        *((first + 32, last + 32) for first, last in _clipped(ranges, 65, 90)),
        *((first - 32, last - 32) for first, last in _clipped(ranges, 97, 122)),
    ]
    beyond = _clipped(ranges, 128, _TOP)
    if sum(last - first for first, last in beyond) < _FOLDABLE:
        characters = (chr(code) for first, last in beyond for code in range(first, last + 1))
        cases = (
            case for one in characters for case in (one.lower(), one.upper()) if len(case) == 1 and ord(case) > 127
        )
        more += [(ord(case), ord(case)) for case in cases]
    return _united((*ranges, *more))


@lru_cache(maxsize=32)
def _property(name: str) -> Ranges | None:
    """The characters of a Unicode category or script, or None where there is none of that name."""
    import regex

    if not name.replace("_", "").isalnum():
        return None
    try:
        member = regex.compile(rf"\p{{{name}}}+")
    except regex.error:
        return None
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, _TOP + 1))))
    found = []
    for run in member.finditer(every):
        first, last = ord(every[run.start()]), ord(every[run.end() - 1])
        found += [(first, last)] if last < 0xD800 or first > 0xDFFF else [(first, 0xD7FF), (0xE000, last)]
    return tuple(found)


# ---- reading ---------------------------------------------------------------------------------------------------


class _Parser:
    """Recursive descent over an expression; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.groups, self._depth = text, 0, 0, 0

    def whole(self) -> Any:
        tree, _ = self._choice(_Flags())
        if self.at < len(self.text):
            raise self._error("unexpected )")
        return tree

    def _error(self, what: str, at: int | None = None) -> Re2Error:
        return Re2Error(f"{what} at character {(self.at if at is None else at) + 1}")

    def _next(self, word: str) -> bool:
        """Step over a word if it stands here."""
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        return False

    def _choice(self, flags: _Flags) -> tuple[Any, _Flags]:
        """Alternatives up to the end of the group. Flags set in one count in those behind it, too."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("nested too deep")
        rows = []
        while True:
            row, flags = self._row(flags)
            rows.append(row)
            if not self._next("|"):
                break
        self._depth -= 1
        return (rows[0] if len(rows) == 1 else _Choice(tuple(rows))), flags

    def _row(self, flags: _Flags) -> tuple[Any, _Flags]:
        items: list[Any] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if self._next("(?") and not self.text.startswith(("P", "<", "'"), self.at):
                flags, inside = self._flagged_group(flags)
                if inside is not None:
                    items.append(self._repeated(inside, flags))
            elif self.text[self.at] == "(" or self.text[self.at - 2 : self.at] == "(?":
                items.append(self._repeated(self._capture(flags), flags))
            elif self._next(r"\Q"):
                items += self._quoted(flags)
            else:
                items.append(self._repeated(self._atom(flags), flags))
        return (items[0] if len(items) == 1 else _Row(tuple(items))), flags

    def _flagged_group(self, flags: _Flags) -> tuple[_Flags, Any]:
        """(flags from here on, the group if it was one): behind `(?`."""
        start, on, changed = self.at - 2, True, dict(flags._asdict())
        while self.at < len(self.text):
            letter = self.text[self.at]
            self.at += 1
            if letter in _FLAG_NAMES:
                changed[_FLAG_NAMES[letter]] = on
            elif letter == "-" and on:
                on = False
            elif letter == ")":
                return _Flags(**changed), None
            elif letter == ":":
                tree, _ = self._choice(_Flags(**changed))
                self._close(start)
                return flags, tree
            else:
                break
        raise self._error(f"{self.text[start : self.at]} is not RE2 syntax,", start)

    def _capture(self, flags: _Flags) -> Any:
        """A group that captures, by number or by name."""
        start = self.at
        if not self._next("("):
            start -= 2
            self._name(start)
        self.groups += 1
        number = self.groups
        tree, _ = self._choice(flags)
        self._close(start)
        return _Group(number, tree)

    def _name(self, start: int) -> None:
        named = self._next("P<") or (self._next("<") and self.text[self.at : self.at + 1] not in ("=", "!"))
        name, closed, _ = self.text[self.at :].partition(">")
        if not named or not closed or not name.isidentifier():
            raise self._error(f"{self.text[start : start + 4]} is not RE2 syntax,", start)
        self.at += len(name) + 1

    def _close(self, start: int) -> None:
        if not self._next(")"):
            raise self._error("( without its )", start)

    def _repeated(self, body: Any, flags: _Flags) -> Any:
        """A node with the repeat that follows it, if one does."""
        counts = self._counts()
        if counts is None:
            return body
        greedy = self._next("?") == flags.lazy
        start = self.at
        if self._counts() is not None:
            raise self._error(f"{self.text[start - 1 : self.at]} repeats a repeat, which RE2 refuses,", start - 1)
        repeat = _Repeat(body, *counts, greedy)
        if _copies(repeat) > _MOST_REPEATS:
            raise self._error(f"repeats within repeats come to more than {_MOST_REPEATS}", start - 1)
        return repeat

    def _counts(self) -> tuple[int, int | None] | None:
        for sign, counts in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._next(sign):
                return counts
        start = self.at
        if not self._next("{"):
            return None
        inside, closed, _ = self.text[self.at :].partition("}")
        least, comma, most = inside.partition(",")
        if not closed or not least.isdecimal() or not (most.isdecimal() or not most) or not inside.isascii():
            self.at = start  # then the brace stands for itself
            return None
        self.at += len(inside) + 1
        low, high = int(least), int(most) if most else (None if comma else int(least))
        if max(low, high or 0) > _MOST_REPEATS or (high is not None and high < low):
            raise self._error(f"bad repeat {{{inside}}}", start)
        return low, high

    def _quoted(self, flags: _Flags) -> list[Any]:
        r"""The characters of \Q…\E, the last with its repeat."""
        quoted, _, _ = self.text[self.at :].partition(r"\E")
        self.at += len(quoted)
        self._next(r"\E")
        items = [_literal(ord(one), flags) for one in quoted]
        return [*items[:-1], self._repeated(items[-1], flags)] if items else []

    def _atom(self, flags: _Flags) -> Any:
        start, letter = self.at, self.text[self.at]
        if letter in "*+?":
            raise self._error(f"{letter} has nothing to repeat")
        self.at += 1
        if letter == ".":
            return _Class(_EVERYTHING if flags.dot_all else _without(_ranges("\n\n")))
        if letter == "^":
            return _Empty("(?m:^)" if flags.many_lines else r"\A")
        if letter == "$":
            return _Empty("(?m:$)" if flags.many_lines else r"\Z")
        if letter == "[":
            return self._class(start, flags)
        if letter == "\\":
            return self._escape(start, flags)
        return _literal(ord(letter), flags)

    def _escape(self, start: int, flags: _Flags) -> Any:
        letter = self.text[self.at : self.at + 1]
        if letter in _ASSERTIONS and letter:
            self.at += 1
            return _Empty(_ASSERTIONS[letter])
        known = self._class_escape(start)
        if known is not None:
            return _Class(_folded(known) if flags.fold and letter in "pP" else known)
        return _literal(self._character(start), flags)

    def _class_escape(self, start: int) -> Ranges | None:
        r"""\d, \W, \pL, \P{Greek} behind the backslash; None where it is something else."""
        letter = self.text[self.at : self.at + 1]
        if letter.lower() in _PERL and letter:
            self.at += 1
            return _PERL[letter] if letter.islower() else _without(_PERL[letter.lower()])
        if letter not in ("p", "P"):
            return None
        self.at += 1
        name = self.text[self.at : self.at + 1]
        self.at += 1
        if name == "{":
            name, closed, _ = self.text[self.at :].partition("}")
            self.at += len(name) + 1
            name = name if closed else ""
        negated = (letter == "P") != name.startswith("^")
        found = _EVERYTHING if name == "Any" else _property(name.removeprefix("^"))
        if found is None:
            raise self._error(f"{self.text[start : self.at]} names no character class,", start)
        return _without(found) if negated else found

    def _character(self, start: int) -> int:
        """The character an escape stands for, behind the backslash."""
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        if letter in _ESCAPES and letter:
            return ord(_ESCAPES[letter])
        if letter == "x":
            return self._hexadecimal(start)
        if letter.isdecimal() and letter.isascii():
            return self._octal(start, letter)
        if not letter or letter.isalnum() or letter == "_":
            raise self._error(f"\\{letter} is not RE2 syntax,", start)
        return ord(letter)

    def _hexadecimal(self, start: int) -> int:
        digits = self.text[self.at : self.at + 2]
        if digits[:1] == "{":
            digits, _, _ = self.text[self.at + 1 :].partition("}")
            self.at += 2
        self.at += len(digits)
        try:
            code = int(digits, 16) if digits.isalnum() else -1
        except ValueError:
            code = -1
        if not 0 <= code <= _TOP or len(digits) < 2 > self.text.count("{", start, self.at):
            raise self._error(f"{self.text[start : self.at]} is no character,", start)
        return code

    def _octal(self, start: int, first: str) -> int:
        """\\0 and \\123; a single other digit would be a back reference, which RE2 has not."""
        digits = first
        while len(digits) < 3 and self.text[self.at : self.at + 1] in tuple("01234567"):
            digits += self.text[self.at]
            self.at += 1
        if first in "89" or (first != "0" and len(digits) < 2):
            raise self._error(f"\\{first} refers back to a group, which RE2 cannot,", start)
        return int(digits, 8)

    def _class(self, start: int, flags: _Flags) -> Any:
        negated = self._next("^")
        found: list[tuple[int, int]] = []
        first = True
        while first or not self._next("]"):
            if self.at >= len(self.text):
                raise self._error("[ without its ]", start)
            found += self._members()
            first = False
        ranges = _folded(_united(found)) if flags.fold else _united(found)
        return _Class(_without(ranges) if negated else ranges)

    def _members(self) -> Iterable[tuple[int, int]]:
        """One member of a class: a named class, a range, a character."""
        start = self.at
        if self.text.startswith("[:", start) and (end := self.text.find(":]", start)) > 0:
            self.at = end + 2
            name = self.text[start + 2 : end]
            known = _POSIX.get(name.removeprefix("^"))
            if known is None:
                raise self._error(f"[:{name}:] names no character class,", start)
            return _without(known) if name.startswith("^") else known
        if self._next("\\"):
            known = self._class_escape(start)
            if known is not None:
                return known
            self.at = start
        low = self._member_character()
        if self.text[self.at : self.at + 1] != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return ((low, low),)
        self.at += 1
        high = self._member_character()
        if high < low:
            raise self._error(f"bad range {self.text[start : self.at]}", start)
        return ((low, high),)

    def _member_character(self) -> int:
        start = self.at
        if self._next("\\"):
            return self._character(start)
        if self.at >= len(self.text):
            raise self._error("[ without its ]", start)
        self.at += 1
        return ord(self.text[start])


def _literal(code: int, flags: _Flags) -> _Class:
    return _Class(_folded(((code, code),)) if flags.fold else ((code, code),))


def _copies(node: Any) -> int:
    """How often the innermost of repeats within repeats is written out: what RE2 limits."""
    if isinstance(node, _Repeat):
        return max(node.least, node.most or 0, 1) * _copies(node.body)
    if isinstance(node, _Row | _Choice):
        return max(map(_copies, node.items), default=1)
    return _copies(node.body) if isinstance(node, _Group) else 1


# ---- writing ---------------------------------------------------------------------------------------------------


def _written(node: Any, keep: int | None) -> str:
    if isinstance(node, _Class):
        return _character_class(node.ranges)
    if isinstance(node, _Empty):
        return node.text
    if isinstance(node, _Row):
        return "".join(_written(one, keep) for one in node.items)
    if isinstance(node, _Choice):
        return f"(?:{'|'.join(_written(one, keep) for one in node.items)})"
    if isinstance(node, _Group):
        inside = _written(node.body, keep)
        return f"({inside})" if keep in (None, node.number) else f"(?:{inside})"
    return _repeat(node, keep)


def _repeat(node: _Repeat, keep: int | None) -> str:
    body = node.body
    inside = (
        _repeated_class(body.ranges) if isinstance(body, _Class) and node.most != 1 else f"(?:{_written(body, keep)})"
    )
    most = "" if node.most is None else str(node.most)
    signs = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    sign = signs.get((node.least, node.most)) or (
        f"{{{node.least}}}" if node.least == node.most else f"{{{node.least},{most}}}"
    )
    return inside + sign + ("" if node.greedy else "?")


def _repeated_class(ranges: Ranges) -> str:
    """A class that will be repeated: where it holds all that is beyond ASCII, a set of bytes will do."""
    if _clipped(ranges, 128, _TOP) == ((128, _TOP),):
        left_out = _without(ranges)
        return f"[^{_members_of(left_out)}]" if left_out else r"[\x00-\xff]"
    return f"(?:{_character_class(ranges)})" if _clipped(ranges, 128, _TOP) else _byte_set(ranges)


def _character_class(ranges: Ranges) -> str:
    """One character, as the bytes of its UTF-8. What is not UTF-8 counts byte by byte, as in Go."""
    plain, beyond = _clipped(ranges, 0, 127), _clipped(ranges, 128, _TOP)
    if not beyond:
        return _byte_set(plain)
    if beyond == ((128, _TOP),):
        rows = [r"[\xc2-\xf4][\x80-\xbf]{1,3}", r"[\x80-\xff]"]
    else:
        rows = ["".join(_byte_set([one]) for one in row) for part in beyond for row in _utf8(*part)]
    rows = [_byte_set(plain), *rows] if plain else rows
    return rows[0] if len(rows) == 1 else f"(?:{'|'.join(rows)})"


def _byte_set(ranges: Sequence[tuple[int, int]]) -> str:
    """A set of bytes, or the one byte it holds. Without any, what never matches."""
    if not ranges:
        return r"(?!)"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _byte(ranges[0][0], _SPECIAL)
    return f"[{_members_of(ranges)}]"


def _members_of(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(
        _byte(first, _SPECIAL_IN_SET) + ("" if first == last else f"-{_byte(last, _SPECIAL_IN_SET)}")
        for first, last in ranges
    )


_SPECIAL, _SPECIAL_IN_SET = frozenset(r"\.^$*+?{}[]|()"), frozenset(r"\]^-[&~|")
_CONTROLS = {9: r"\t", 10: r"\n", 13: r"\r"}


def _byte(code: int, special: Collection[str]) -> str:
    if code in _CONTROLS:
        return _CONTROLS[code]
    if not 32 <= code < 127:
        return f"\\x{code:02x}"
    return f"\\{chr(code)}" if chr(code) in special else chr(code)


_LENGTH_ENDS = (0x7F, 0x7FF, 0xFFFF, _TOP)


def _utf8(first: int, last: int) -> Iterator[list[tuple[int, int]]]:
    """Rows of byte ranges that together match the UTF-8 of every character from first to last."""
    for end in _LENGTH_ENDS:
        if first <= end < last:
            yield from _utf8(first, end)
            first = end + 1
    if first <= 0xDFFF and last >= 0xD800:  # surrogates have no UTF-8
        if first < 0xD800:
            yield from _utf8(first, 0xD7FF)
        if last > 0xDFFF:
            yield from _utf8(0xE000, last)
        return
    low, high = chr(first).encode(), chr(last).encode()
    for place in range(1, len(low)):  # cut where a later byte does not run through all its values
        rest = (1 << 6 * (len(low) - place)) - 1
        if first & ~rest != last & ~rest:
            if first & rest:
                yield from _utf8(first, first | rest)
                yield from _utf8((first | rest) + 1, last)
                return
            if last & rest != rest:
                yield from _utf8(first, (last & ~rest) - 1)
                yield from _utf8(last & ~rest, last)
                return
    yield list(zip(low, high, strict=True))
