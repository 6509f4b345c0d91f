"""How git is called: what a hostile repository or environment must not make it do, and what its refusals mean."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from llmsecrets.errors import ExitCode, SourceError

# What a hook's environment may say about the repository it runs for (an index being committed, quarantined objects).
_OF_THE_HOOK = frozenset(
    (
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_QUARANTINE_PATH",
        "GIT_SHALLOW_FILE",
    )
)
OBJECTS_ELSEWHERE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
_KEPT = frozenset(("GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES", "GIT_CONFIG_COUNT"))
_SAFE_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",  # a partial clone would fetch what is missing, by a command its config names
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
SAFE_CONFIG = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    "core.commitGraph=false",  # what it says of commits need not be so, nor they be there
    "core.quotePath=false",
    "diff.external=",
    "diff.relative=false",
    "log.showSignature=false",
    "advice.graftFileDeprecated=false",
    "protocol.allow=never",
)


class RevisionError(SourceError):
    """The command line names a revision that is not there."""

    exit_code = ExitCode.USAGE


def environment(of_the_hook: bool) -> Mapping[str, str]:
    """The environment git runs in; that of a hook says which index and objects it is to look at."""
    kept = _KEPT | _OF_THE_HOOK if of_the_hook else _KEPT
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in kept or name.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))
    }
    return {**inherited, **_SAFE_ENVIRONMENT}


# What git says → what happened, what to do. The path is put in front.
_REFUSALS = (
    ("dubious ownership", "git refuses this repository because another user owns it",
     "If you trust it: git config --global --add safe.directory <path>"),
    ("not a git repository", "not a git repository",
     "Name a folder inside one, or scan it as files: llmsecrets scan <path>"),
    ("unable to read current working", "the folder is gone", "Change to a folder that exists."),
    ("cannot change to", "no such folder", "Check the path."),
)  # fmt: skip
_BAD_REVISION = re.compile("bad revision|unknown revision|ambiguous argument|Invalid revision")


def refusal(path: Path, arguments: Sequence[str], stderr: bytes) -> SourceError:
    """What a failed call is reported as."""
    text = stderr.decode("utf-8", "replace").strip()
    first = text.partition("\n")[0] or "no reason given"
    for sign, happened, advice in _REFUSALS:
        if sign in text.lower():
            return SourceError(f"{path}: {happened}", advice)
    if _BAD_REVISION.search(text):
        return RevisionError(f"{path}: no such revision: {first}",
                             "Check its spelling. A shallow clone has few commits: git fetch --unshallow")  # fmt: skip
    return SourceError(f"{path}: git {arguments[0]} failed: {first}", "Check the repository: git fsck")


def text_of(said: bytes) -> str:
    """What git says, as text. Paths may hold any byte, and keep it."""
    return said.decode("utf-8", "surrogateescape")
