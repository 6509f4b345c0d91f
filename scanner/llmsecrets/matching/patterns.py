"""The expressions of stage two, compiled when first asked for and kept in the user's cache folder.

Compiling one takes milliseconds, all of them seconds; making one of what was compiled before takes microseconds. What
is kept is what the patterns give to be pickled, but as plain values: nothing is unpickled.
"""

from __future__ import annotations

import copyreg
import marshal
import sys
from typing import Any

import regex

from llmsecrets import cache


class Patterns:
    """Compiled expressions by their text. May be shared by threads: at worst one is compiled twice."""

    def __init__(self, digest: str) -> None:
        """`digest` is that of the rules which the expressions are of."""
        versions = f"{regex.__version__} {sys.version} {sys.byteorder}"
        self._name = f"{cache.key(digest.encode(), versions.encode())}.patterns"
        self._ready: dict[str, Any] = {}
        self._kept = self._read()
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
            cache.write(self._name, marshal.dumps({**self._read(), **compiled}))

    def _made(self, expression: str) -> Any:
        arguments = self._kept.get(expression)
        if arguments:
            make, _ = _reduced(regex.compile(b""))
            return make(*arguments)
        self._new = True
        return regex.compile(expression.encode())

    def _read(self) -> dict[str, tuple[Any, ...]]:
        stored = cache.read(self._name)
        if stored is None:
            return {}
        kept: dict[str, tuple[Any, ...]] = marshal.loads(stored)  # noqa: S302 - ours, by its checksum
        return kept


def _reduced(pattern: Any) -> tuple[Any, tuple[Any, ...]]:
    """The function that makes a compiled pattern, and what to give it."""
    reduced: tuple[Any, tuple[Any, ...]] = copyreg.dispatch_table[type(pattern)](pattern)  # type: ignore[assignment]
    return reduced
