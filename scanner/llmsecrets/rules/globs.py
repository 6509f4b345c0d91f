"""Which paths a rule, an allowlist or an exclusion speaks of."""

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

PATH_EXPRESSION = "re:"  # what makes a glob a regular expression; in front of it, the folder that it starts in
_PATH_TIMEOUT = 1.0  # seconds for an expression on one path


@lru_cache(maxsize=1 << 16)  # a history asks for the same few paths with every version of a file
def path_matches(path: str, globs: tuple[str, ...]) -> bool:
    """Whether any glob matches. `*` stays within no folder bound; `**/x` also matches `x` at the top."""
    return any(
        fnmatchcase(path, glob)
        or (glob.startswith("**/") and fnmatchcase(path, glob[3:]))
        or (PATH_EXPRESSION in glob and _expression_matches(path, glob))
        for glob in globs
    )


def _expression_matches(path: str, glob: str) -> bool:
    """Whether the expression of `re:EXPRESSION`, or `folder/re:EXPRESSION`, is found in the path below the folder.

    It is about files: what it says of a folder's path tells nothing of the files in it.
    """
    if path.endswith("/"):
        return False
    folder, _, expression = glob.partition(PATH_EXPRESSION)
    if (folder and not folder.endswith("/")) or not path.startswith(folder):
        return False
    below = path[len(folder) :].encode("utf-8", "surrogateescape")
    try:
        return bool(_path_expression(expression).search(below, timeout=_PATH_TIMEOUT))
    except TimeoutError:
        return False


@lru_cache(maxsize=256)
def _path_expression(expression: str) -> Any:
    import regex

    return regex.compile(expression.encode())
