"""Git hooks: our scripts put where git looks for them, and taken away again.

A hook that was there before is kept beside ours and runs first. A script is a few lines of sh that start this very
interpreter, whatever PATH a git client has, and never import from the folder they run in.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from llmsecrets.errors import ConfigError
from llmsecrets.git import Repository, change_user_setting, user_setting

KINDS = ("pre-commit", "pre-push", "pre-receive")
_MARK = "# Written by llmsecrets hook install"
_KEPT = ".before-llmsecrets"

# "-c" puts the current folder in front of the path modules come from: a repository could bring its own "llmsecrets".
_START = "import sys; sys.path[:] = filter(None, sys.path); from llmsecrets.cli import main; main()"
_SCRIPT = """\
#!/bin/sh
{mark}. To take it away: llmsecrets hook uninstall {options}{kind}
python={python}
lines=$({read}echo .)
give() {{ printf %s "${{lines%.}}"; }}
earlier=${{0%/*}}/{kind}{kept}
if [ -x "$earlier" ]; then give | "$earlier" "$@" || exit; fi
{own}if [ ! -x "$python" ]; then
  echo "llmsecrets: $python is gone. Install llmsecrets and this hook again, or delete $0" >&2
  exit 1
fi
give | "$python" -c {start} hook run {arguments} -- "$@"
"""
_OWN = """\
own=$(git rev-parse --git-common-dir)/hooks/{kind}
if [ -x "$own" ] && [ ! "$own" -ef "$0" ]; then give | "$own" "$@" || exit; fi
"""

# With core.hooksPath set for the user, git looks for no hook in the repository any more: these lead there. Left out are
# hooks whose mere presence changes what git does (push-to-checkout, proc-receive), or that run all the time.
_PASSED_ON = (
    "applypatch-msg", "commit-msg", "post-applypatch", "post-checkout", "post-commit", "post-merge", "post-receive",
    "post-rewrite", "post-update", "pre-applypatch", "pre-auto-gc", "pre-commit", "pre-merge-commit", "pre-push",
    "pre-rebase", "pre-receive", "prepare-commit-msg", "sendemail-validate", "update",
)  # fmt: skip
_PASS_ON = f"""\
#!/bin/sh
{_MARK} --global, to run the repository's own hook
own=$(git rev-parse --git-common-dir)/hooks/${{0##*/}}
if [ -x "$own" ] && [ ! "$own" -ef "$0" ]; then exec "$own" "$@"; fi
"""


def folder_of(repository: Repository) -> Path:
    """Where a repository keeps hooks of its own. With `install_everywhere` git looks in our folder, whose hooks run
    these."""
    folder = repository.hooks_folder()
    return folder if folder != _own_folder() else Path(os.path.abspath(repository.facts.common_dir / "hooks"))


def install(folder: Path, kind: str, options: Sequence[str] = (), *, everywhere: bool = False) -> Path:
    """Write the hook of a kind into a folder of hooks, and return its place. `options` are for `llmsecrets hook run`.

    `everywhere` is for a folder that stands in for those of all repositories. Installing twice is installing once.
    Raises ConfigError where an earlier hook cannot be kept, or the folder not be written.
    """
    script = _SCRIPT.format(
        mark=_MARK,
        kind=kind,
        kept=_KEPT,
        options="--global " if everywhere else "",
        python=shlex.quote(Path(sys.executable).as_posix()),
        read="" if kind == "pre-commit" else "cat; ",  # git gives it no input, a terminal would never end
        own=_OWN.format(kind=kind) if everywhere else "",
        start=shlex.quote(_START),
        arguments=shlex.join((*options, kind)),
    )
    file, kept = folder / kind, folder / f"{kind}{_KEPT}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(file) and not _is_ours(file):
            if os.path.lexists(kept):
                raise ConfigError(f"{kept} is in the way", f"Delete it, or put it back as {file}, and try again.")
            file.rename(kept)
        _write(file, script)
    except OSError as failure:
        raise ConfigError(f"{file}: cannot be written: {failure.strerror}", "Check the folder.") from failure
    return file


def uninstall(folder: Path, kind: str) -> bool:
    """Take the hook of a kind away and put the earlier one back; False where ours is not there."""
    file, kept = folder / kind, folder / f"{kind}{_KEPT}"
    if not _is_ours(file) or _passes_on(file):
        return False
    file.unlink()
    if os.path.lexists(kept):
        kept.rename(file)
    return True


# ---- for all of a user's repositories ----------------------------------------------------------------------------


def install_everywhere(kind: str, options: Sequence[str] = ()) -> Path:
    """As `install`, for all repositories of the user that have no `core.hooksPath` of their own."""
    configured = user_setting("core.hooksPath")
    folder = Path(configured) if configured else _own_folder()
    file = install(folder, kind, options, everywhere=True)
    if folder == _own_folder():
        for name in _PASSED_ON:
            if not (folder / name).exists():
                _write(folder / name, _PASS_ON)
        change_user_setting("core.hooksPath", os.fspath(folder))
    return file


def uninstall_everywhere(kind: str) -> bool:
    """As `uninstall`, of what `install_everywhere` did. With the last of our hooks git's setting goes, too."""
    configured = user_setting("core.hooksPath")
    folder = Path(configured) if configured else _own_folder()
    removed = uninstall(folder, kind)
    if removed and folder == _own_folder():
        _write(folder / kind, _PASS_ON)
        ours = [name for name in KINDS if not _passes_on(folder / name)]
        if not ours:
            change_user_setting("core.hooksPath", None)
            for name in _PASSED_ON:
                (folder / name).unlink(missing_ok=True)
    return removed


def _own_folder() -> Path:
    from platformdirs import user_config_path

    return user_config_path("llmsecrets", appauthor=False) / "git-hooks"


def _is_ours(file: Path) -> bool:
    """Whether we wrote it: the second line says so."""
    if file.is_symlink() or not file.is_file():
        return False
    return _MARK.encode() in file.read_bytes()[:200]


def _passes_on(file: Path) -> bool:
    return file.read_bytes() == _PASS_ON.encode()


def _write(file: Path, script: str) -> None:
    """Whole, or not at all: git may start it at any time."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.write_bytes(script.encode("utf-8", "surrogateescape"))
    temporary.chmod(0o755)
    temporary.replace(file)
