"""The expressions of stage two, compiled when first asked for and kept in the user's cache folder.

Compiling one takes milliseconds, all of them seconds; making one of what was compiled before takes microseconds. What
is kept is what the patterns give to be pickled, but as plain values: nothing is unpickled.
"""

from __future__ import annotations

import marshal
import sys
from typing import Any

from llmsecrets import cache


class Patterns:
    """Compiled expressions by their text. May be shared by threads: at worst one is compiled twice."""

    def __init__(self, digest: str) -> None:
        """`digest` is that of the rules which the expressions are of."""
        self._digest = digest
        self._ready: dict[str, Any] = {}
        self._kept: cache.Shelf | None = None
        self._make: Any = None
        self._new = False

    def __getitem__(self, expression: str) -> Any:
        pattern = self._ready.get(expression)
        if pattern is None:
            pattern = self._ready[expression] = self._made(expression)
        return pattern

    def keep(self) -> None:
        """Store what was compiled, for the next run. Of two that do at once, one may have to do so again."""
        if self._new:
            self._new = False
            kept = cache.shelf(self._name)
            compiled = {_key(expression): marshal.dumps(_reduced(one)[1]) for expression, one in self._ready.items()}
            cache.shelve(self._name, None, {**(kept.every() if kept else {}), **compiled})

    def _made(self, expression: str) -> Any:
        import regex  # late: most runs of a hook confirm nothing

        if self._make is None:
            self._kept = cache.shelf(self._name)
            self._make, _ = _reduced(regex.compile(b""))
        piece = self._kept.get(_key(expression)) if self._kept else None
        if piece:
            return self._make(*marshal.loads(piece))  # noqa: S302 - plain values, and ours by their checksum
        self._new = True
        return regex.compile(expression.encode())

    @property
    def _name(self) -> str:
        import regex

        versions = f"{regex.__version__} {sys.version} {sys.byteorder}"
        return f"{cache.key(self._digest.encode(), versions.encode())}.patterns"


def _key(expression: str) -> str:
    return cache.key(expression.encode())


def _reduced(pattern: Any) -> tuple[Any, tuple[Any, ...]]:
    """The function that makes a compiled pattern, and what to give it."""
    import copyreg

    reduced: tuple[Any, tuple[Any, ...]] = copyreg.dispatch_table[type(pattern)](pattern)  # type: ignore[assignment]
    return reduced
