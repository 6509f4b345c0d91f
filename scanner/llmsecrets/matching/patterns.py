"""The expressions of stage two, compiled when first asked for and kept in the user's cache folder.

Compiling one takes milliseconds, all of them seconds; making one of what was compiled before takes microseconds. What
is kept is what the patterns give to be pickled, but as plain values: nothing is unpickled.
"""

from __future__ import annotations

import sys
from typing import Any

from llmsecrets import cache

_Kept = dict[str, tuple[Any, ...]]  # expression → what its pattern is made of


class Patterns:
    """Compiled expressions by their text. May be shared by threads: at worst one is compiled twice."""

    def __init__(self, digest: str) -> None:
        """`digest` is that of the rules which the expressions are of."""
        self._digest = digest
        self._ready: dict[str, Any] = {}
        self._kept: _Kept | None = None
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
            compiled = {expression: _reduced(pattern)[1] for expression, pattern in self._ready.items()}
            cache.store(self._name, {**self._read(), **compiled})

    def _made(self, expression: str) -> Any:
        import regex  # late: most runs of a hook confirm nothing

        if self._kept is None:
            self._kept = self._read()
        arguments = self._kept.get(expression)
        if arguments:
            if self._make is None:
                self._make, _ = _reduced(regex.compile(b""))
            return self._make(*arguments)
        self._new = True
        return regex.compile(expression.encode())

    @property
    def _name(self) -> str:
        import regex

        versions = f"{regex.__version__} {sys.version} {sys.byteorder}"
        return f"{cache.key(self._digest.encode(), versions.encode())}.patterns"

    def _read(self) -> _Kept:
        kept: _Kept = cache.recall(self._name) or {}
        return kept


def _reduced(pattern: Any) -> tuple[Any, tuple[Any, ...]]:
    """The function that makes a compiled pattern, and what to give it."""
    import copyreg

    reduced: tuple[Any, tuple[Any, ...]] = copyreg.dispatch_table[type(pattern)](pattern)  # type: ignore[assignment]
    return reduced
