"""The only module that talks to git.

Git is run as a program, without a shell, on repositories that may be hostile: configuration that starts programs is
overridden, nothing is fetched, replaced or grafted, and the environment's GIT_* variables are dropped but for those
that say which index and objects a hook is to look at. Output is always NUL-separated bytes.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import threading
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from llmsecrets.errors import ExitCode, SourceError
from llmsecrets.model import Commit
from llmsecrets.rules import path_matches

if TYPE_CHECKING:
    from llmsecrets.packs import ObjectStore

# What a hook's environment may say about the repository it runs for (an index being committed, quarantined objects).
_OF_THE_HOOK = frozenset(
    (
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_QUARANTINE_PATH",
    )
)
_OBJECTS_ELSEWHERE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
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
_SAFE_CONFIG = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    "core.quotePath=false",
    "diff.external=",
    "log.showSignature=false",
    "advice.graftFileDeprecated=false",
    "protocol.allow=never",
)


class RevisionError(SourceError):
    """The command line names a revision that is not there."""

    exit_code = ExitCode.USAGE


class Change(NamedTuple):
    """A path a commit (or the index) changed: its new blob and the blobs it had before, one a parent."""

    path: str
    mode: str
    blob_id: str
    before: tuple[str, ...]


class Facts(NamedTuple):
    """What a repository is. `root` is its work tree, or its git directory where it is bare."""

    bare: bool
    shallow: bool
    object_format: str
    git_dir: Path
    common_dir: Path
    root: Path


class Repository:
    """The repository that holds a folder. Git says whether there is one when it is first asked for something."""

    def __init__(self, start: Path, *, of_the_hook: bool = False) -> None:
        self._start = start
        self.environment = _environment(of_the_hook)

    @cached_property
    def facts(self) -> Facts:
        """Raises SourceError where there is no repository that git would open."""
        said = self._run(
            "rev-parse", "--is-bare-repository", "--is-shallow-repository", "--show-object-format",
            "--absolute-git-dir", "--git-common-dir", "--show-cdup",
        ).decode("utf-8", "surrogateescape").split("\n")  # fmt: skip
        git_dir, bare = Path(said[3]), said[0] == "true"
        return Facts(
            bare=bare,
            shallow=said[1] == "true",
            object_format=said[2],
            git_dir=git_dir,
            common_dir=Path(self._start, said[4]) if said[4] else git_dir,
            root=git_dir if bare else Path(os.path.normpath(Path(self._start, said[5]).absolute())),
        )

    # ---- running git

    def command(self, *arguments: str, config: Sequence[str] = ()) -> list[str]:
        """The command line of a git call on this repository."""
        options = [word for setting in (*_SAFE_CONFIG, *config) for word in ("-c", setting)]
        return ["git", "-C", os.fspath(self._start), "--no-pager", *options, *arguments]

    def _run(self, *arguments: str, stdin: bytes | None = None, accept: Sequence[int] = (0,)) -> bytes:
        try:
            done = subprocess.run(
                self.command(*arguments), input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                capture_output=True, env=self.environment, check=False,
            )  # fmt: skip
        except FileNotFoundError as failure:
            raise SourceError("git is not installed, or not on PATH", "Install git.") from failure
        if done.returncode not in accept:
            raise _refusal(self._start, arguments, done.stderr)
        return done.stdout

    def start(self, *arguments: str, config: Sequence[str] = (), feed: bool = False) -> subprocess.Popen[bytes]:
        """A running git whose output is read as it comes; with `feed`, its input is written."""
        return subprocess.Popen(
            self.command(*arguments, config=config), stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.environment, pipesize=1 << 20,
        )  # fmt: skip

    # ---- objects

    def blobs(self, ids: Iterable[str], limit: int) -> Iterator[tuple[str, bytes | None, str]]:
        """(id, content, "") for each id in order; content is None with the reason where it cannot be had."""
        blocks = ("\n".join(block).encode() for block in _blocks(ids, 1000))
        with BlobReader(self, blocks) as reader:
            for found in reader:
                if found.size is None:
                    yield found.id, None, f"{found.type} object"
                elif found.size > limit:
                    reader.discard(found.size)
                    yield found.id, None, f"larger than {limit} bytes"
                else:
                    yield found.id, reader.read(found.size), ""

    def every_object(self, types: Sequence[str]) -> list[bytes]:
        """Blocks of ids (one a line) of all objects of the types, in the order of the packs.

        Git gives that order up, and not the listing, where a pack cannot be opened.
        """
        wanted = _listed(types)
        for order in (("--unordered",), ()):
            listing = self.start("cat-file", "--batch-all-objects", *order, "--batch-check=%(objecttype) %(objectname)")
            assert listing.stdout is not None
            blocks, rest = [], b""
            with listing:
                while piece := listing.stdout.read(1 << 18):
                    lines, _, rest = (rest + piece).rpartition(b"\n")
                    if ids := wanted.findall(lines):
                        blocks.append(b"\n".join(ids))
            if not listing.returncode:
                return blocks
        raise SourceError(f"{self._start}: git could not list all objects", "Check the repository: git fsck")

    def object_store(self) -> ObjectStore | None:
        """Packs and loose objects as they lie on disk; None where only git can tell what there is."""
        if any(name in self.environment for name in _OBJECTS_ELSEWHERE):
            return None
        from llmsecrets.packs import ObjectStore

        return ObjectStore.open(self.facts.common_dir / "objects", 32 if self.facts.object_format == "sha256" else 20)

    def walk(self, *revisions: str, stdin: bytes = b"") -> Walk:
        """Start walking from the oldest commit on: which commit brought each object in, at which path."""
        return Walk(self, revisions, stdin)

    def refs(self) -> bytes:
        """All refs, a line each: the id of what it names, and its name."""
        return self._run("for-each-ref", "--format=%(objectname) %(refname)")

    def named(self, refs: bytes) -> list[str]:
        """Ids of everything that `refs`, reflogs, HEAD and other worktrees' HEADs name, sorted."""
        ids = (line.split(b" ")[0].decode() for line in refs.splitlines())
        return sorted({*ids, *self.commits("--ignore-missing", "--all", "--reflog", "--no-walk=unsorted")})

    def remote(self) -> str:
        """The address of the remote `origin`, as configured: it may hold a password. Empty if there is none."""
        return self._run("config", "--get", "remote.origin.url", accept=(0, 1)).decode("utf-8", "replace").strip()

    def head(self) -> str:
        """The commit that is checked out; empty in a repository without one."""
        return self._run("rev-parse", "--quiet", "--verify", "HEAD", accept=(0, 1)).decode().strip()

    def boundary(self) -> str:
        """The commits at which a shallow clone's history is cut off, as git lists them."""
        file = self.facts.common_dir / "shallow"
        return file.read_text("ascii", "replace") if self.facts.shallow and file.exists() else ""

    def has_all(self, ids: Sequence[str]) -> bool:
        """Whether all of these objects exist."""
        raw = self._run("cat-file", "--batch-check=%(objectname)", stdin="\n".join(ids).encode() + b"\n")
        return b" missing" not in raw

    def types(self, ids: Sequence[str], *, peeled: bool = False) -> list[tuple[str, str]]:
        """(id, type) of those objects that are here; with `peeled`, of what tags lead to instead of the tags."""
        words = "".join(f"{object_id}^{{}}\n" if peeled else f"{object_id}\n" for object_id in ids)
        raw = self._run("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=words.encode()).decode()
        pairs = (line.split(" ") for line in raw.splitlines())
        return [(found, kind) for found, kind in pairs if kind in ("blob", "tree", "commit", "tag")]

    def of_types(self, ids: Sequence[bytes], types: Sequence[str]) -> Iterator[bytes]:
        """Blocks of those ids that are objects of the types (or cannot be looked at, which reading will tell)."""
        raw = self._run("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=b"\n".join(ids) + b"\n")
        found = _listed(types).findall(raw)
        return iter((b"\n".join(found),) if found else ())

    def dates(self, *revisions: str, stdin: bytes = b"") -> list[int]:
        """Commit dates (seconds since 1970) of the commits a rev-list call names."""
        raw = self._run("rev-list", "--ignore-missing", "--format=%ct", *revisions, "--stdin", stdin=stdin)
        return [int(line) for line in raw.split(b"\n") if line.isdigit()]

    # ---- changes

    def staged(self) -> list[Change]:
        """What the index changes against HEAD (against nothing, before the first commit).

        Raises SourceError, too, for a bare repository. Whether it is one is asked where nothing came: a hook waits for
        every git that runs.
        """
        try:
            changed = self._run(
                "diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-ext-diff", "--no-textconv",
                "--ignore-submodules", "--find-renames", "--diff-filter=ACMRT",
            )  # fmt: skip
        except SourceError:
            _ = self.facts  # tells what is wrong where there is no repository, which git diff does not
            raise
        if not changed and self.facts.bare:
            raise SourceError("a bare repository has nothing staged", "Scan its history: llmsecrets scan --history")
        return list(_parse_raw(changed.split(b"\0")))

    def commits(self, *arguments: str, ids: Sequence[str] = (), paths: Collection[str] = ()) -> list[str]:
        """Ids of the commits a rev-list call names, newest first. Raises SourceError for a bad revision.

        `ids` are further revisions, as many as you like: ids, or ^ids to leave out. With `paths`, only those that
        changed one of them.
        """
        words = [*(("--stdin",) if ids else ()), *arguments, *(("--full-history",) if paths else ()), "--"]
        words += [f":(top,literal){path}" for path in paths]
        return self._run("rev-list", *words, stdin="".join(f"{word}\n" for word in ids).encode()).decode().split()

    def blob_ids(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """(commit, path) → the id of the file's blob; without those that are not there, or no file."""
        asked = [(commit, path) for commit, path in places if _COMMIT_ID.fullmatch(commit) and not {*"\n\0"} & {*path}]
        names = "".join(f"{commit}:{path}\n" for commit, path in asked).encode("utf-8", "surrogateescape")
        raw = self._run("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=names)
        answers = (line.partition(b" ") for line in raw.split(b"\n"))
        return {
            place: blob_id.decode()
            for place, (kind, _, blob_id) in zip(asked, answers, strict=False)
            if kind == b"blob"
        }

    def versions_of(self, paths: Container[str]) -> dict[str, list[str]]:
        """Path → ids of the blobs that ever stood there, the newest first: one walk for any number of paths."""
        found: dict[str, list[str]] = {}
        for _, changes in self.changes(self.commits("--all", "--date-order")):
            for change in changes:
                if change.path in paths and change.blob_id not in found.setdefault(change.path, []):
                    found[change.path].append(change.blob_id)
        return found

    def changes(self, commit_ids: Sequence[str], *, renames: bool = False) -> Iterator[tuple[str, list[Change]]]:
        """What each commit changed: against nothing for a root, against all of its parents for a merge.

        With `renames`, a file that moved comes with its earlier blob instead of as a new one.
        """
        if not commit_ids:
            return
        import tempfile

        current = ""
        fields: list[bytes] = []
        size = len(commit_ids[0])
        with tempfile.TemporaryFile() as ids:
            ids.write("\n".join(commit_ids).encode() + b"\n")
            ids.seek(0)
            for field in self._fields(
                ids,
                "diff-tree",
                "--stdin",
                "-r",
                "-c",
                "--root",
                "--raw",
                "-z",
                "--no-abbrev",
                "--no-ext-diff",
                "--no-textconv",
                "--find-renames" if renames else "--no-renames",
                "--ignore-submodules",
            ):
                if len(field) == size and not field.startswith(b":") and not _awaits_path(fields):
                    if current:
                        yield current, list(_parse_raw(fields))
                    current, fields = field.decode(), []
                else:
                    fields.append(field)
        if current:
            yield current, list(_parse_raw(fields))

    def _fields(self, stdin: IO[bytes], *arguments: str) -> Iterator[bytes]:
        """The NUL-separated fields of a call's output, as they come."""
        process = subprocess.Popen(
            self.command(*arguments), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process:
            rest = b""
            while piece := process.stdout.read(1 << 16):
                *whole, rest = (rest + piece).split(b"\0")
                yield from whole
            trouble = process.stderr.read()
        if process.returncode:
            raise _refusal(self._start, arguments, trouble)

    def details(self, commit_ids: Iterable[str]) -> dict[str, Commit]:
        """Author, date and subject of commits. Ids that are no commit are left out."""
        found = {}
        for commit_id, content, _ in self.blobs(dict.fromkeys(commit_ids), 16 << 20):
            if content is not None:
                found[commit_id] = parse_commit(commit_id, content)
        return found

    def tree_paths(self, revision: str) -> dict[str, list[str]]:
        """Blob id → paths, of the tree of a revision; empty where the revision does not exist."""
        raw = self._run("ls-tree", "-r", "-z", "--full-tree", revision, accept=(0, 128))
        paths: dict[str, list[str]] = {}
        for entry in raw.split(b"\0"):
            meta, _, path = entry.partition(b"\t")
            if path:
                paths.setdefault(meta.split(b" ")[2].decode(), []).append(_text(path))
        return paths

    def files(self, revision: str) -> dict[str, str]:
        """Path → blob id, of the tree of a revision (empty where it does not exist), or of the index for ""."""
        if revision:
            return {path: blob_id for blob_id, paths in self.tree_paths(revision).items() for path in paths}
        entries = (
            entry.partition(b"\t") for entry in self._run("ls-files", "--stage", "-z", "--full-name", ":/").split(b"\0")
        )
        return {_text(path): meta.split(b" ")[1].decode() for meta, _, path in entries if path}

    def submodules(self) -> dict[str, str]:
        """Path → name of the submodules of HEAD, as its tree and `.gitmodules` say: both may be hostile."""
        raw = self._run("ls-tree", "-r", "-z", "--full-tree", "HEAD", accept=(0, 128))
        entries = (entry.partition(b"\t") for entry in raw.split(b"\0"))
        paths = [_text(path) for meta, _, path in entries if meta.startswith(b"160000 ")]
        if not paths:
            return {}
        asked = ("--blob", "HEAD:.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
        settings = self._run("config", *asked, accept=(0, 1, 128)).split(b"\0")
        pairs = (_text(setting).partition("\n") for setting in settings)
        names = {path: setting.removeprefix("submodule.").removesuffix(".path") for setting, _, path in pairs}
        return {path: names.get(path, path) for path in paths}

    def last_change(self, path: str, line: int) -> Commit | None:
        """The commit that gave a line of a file in the work tree its present form; None where none has."""
        place = os.path.relpath(self.facts.root / path, self._start)
        words = ("blame", "--porcelain", "--no-textconv", "-L", f"{line},{line}", "--", place)
        commit_id = self._run(*words, accept=(0, 128)).partition(b" ")[0].decode("ascii", "replace")
        return self.details([commit_id]).get(commit_id) if commit_id.strip("0") else None

    def author(self) -> str:
        """Who commits here, as git is configured: `Ann Author <ann@example.org>`, or nothing."""
        name, email = (
            self._run("config", "--get", key, accept=(0, 1)).decode("utf-8", "replace").strip()
            for key in ("user.name", "user.email")
        )
        return " ".join(filter(None, (name, f"<{email}>" if email else "")))

    def tips(self, most: int) -> Iterator[tuple[str, str]]:
        """(short name, id of the tree) of the newest refs that lead to a commit, no tree twice; none if one is lost."""
        raw = self._run(
            "for-each-ref", "--sort=-creatordate", "--format=%(refname:short)%00%(tree)%00%(*tree)", "refs/heads",
            "refs/remotes", "refs/tags", accept=(0, 128),
        )  # fmt: skip
        seen: set[bytes] = set()
        for line in raw.splitlines():
            name, own, peeled = line.split(b"\0")
            tree = own or peeled
            if tree and tree not in seen and len(seen) < most:
                seen.add(tree)
                yield _text(name), tree.decode()

    def places_of(
        self, blob_ids: Container[str], since: Sequence[str] = (), paths: Collection[str] = ()
    ) -> Iterator[tuple[str, str, str]]:
        """(commit id, blob id, path) of every place in history at which one of the blobs came in, oldest first.

        `since` are commits whose own history, and all that led there, is left out. With `paths`, only commits
        that changed one of them are gone through.
        """
        whole = ("--ignore-missing", "--all", "--reflog", "--date-order", "--reverse")
        commits = self.commits(*whole, ids=[f"^{tip}" for tip in since], paths=paths)
        for commit_id, changes in self.changes(commits):
            for change in changes:
                if change.blob_id in blob_ids:
                    yield commit_id, change.blob_id, change.path

    def hooks_folder(self) -> Path:
        """Where git looks for this repository's hooks; `core.hooksPath`, which we otherwise override, counts here."""
        command = ["git", "-C", os.fspath(self._start), "rev-parse", "--git-path", "hooks"]
        done = subprocess.run(command, capture_output=True, env=self.environment, check=False)
        if done.returncode:
            raise _refusal(self._start, ("rev-parse",), done.stderr)
        return Path(os.path.abspath(Path(self._start, _text(done.stdout).removesuffix("\n"))))

    def unignored(self) -> list[str]:
        """Paths below the start folder, relative to it, that are tracked or at least not ignored."""
        raw = self._run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return list(dict.fromkeys(_text(path) for path in raw.split(b"\0") if path))


def user_setting(name: str) -> str:
    """A path in the user's own git configuration, for all repositories; "" where it is not set."""
    command = ["git", "config", "--global", "--type=path", "--get", name]
    return _text(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout).removesuffix("\n")


def change_user_setting(name: str, value: str | None) -> None:
    """Set or, with None, unset a value in the user's own git configuration. Raises SourceError."""
    words = ["--unset", name] if value is None else [name, value]
    done = subprocess.run(["git", "config", "--global", *words], stderr=subprocess.PIPE, check=False)
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip()
        raise SourceError(f"git config --global {name}: {reason}", "Check your ~/.gitconfig.")


def _hint(glob: str) -> bytes:
    """The longest literal of a glob: what any path it matches must hold."""
    return max(re.split(r"[*?\[\]]+", glob), key=len).encode("utf-8", "surrogateescape")


def _listed(types: Sequence[str]) -> re.Pattern[bytes]:
    """Lines of a listing by type and id. An object whose header is damaged is listed as "<id> missing"."""
    return re.compile(rb"^(?:(?:" + "|".join(types).encode() + rb") )?([0-9a-f]+)(?: missing)?$", re.MULTILINE)


class Walk:
    """A `rev-list --objects` under way. Its output waits in an unnamed file, so that it needs nobody to read it."""

    def __init__(self, repository: Repository, revisions: Sequence[str], stdin: bytes) -> None:
        """`stdin` holds further revisions, one a line."""
        import tempfile  # a hook walks no history

        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - both live as long as the walk
        self._input = tempfile.TemporaryFile()  # noqa: SIM115
        self._input.write(stdin)
        self._input.seek(0)
        self._process = subprocess.Popen(
            repository.command(
                "rev-list", "--objects", "--in-commit-order", "--date-order", "--reverse", "--missing=print",
                "--ignore-missing", *revisions, *(("--stdin",) if stdin else ()),
            ),
            stdin=self._input, stdout=self._output, stderr=subprocess.PIPE, env=repository.environment,
        )  # fmt: skip

    def first_seen(
        self, wanted: Container[bytes], globs: Collection[str] = ()
    ) -> tuple[dict[str, tuple[str, str]], list[str], dict[str, set[str]]]:
        """(object id → (commit id, path) of those wanted, ids that are missing, glob → the paths it matches).

        Waits for the walk to end.
        """
        hinted = re.compile(b"|".join(sorted(re.escape(_hint(glob)) for glob in globs)) or b"(?!)")
        assert self._process.stderr is not None
        trouble = self._process.stderr.read().decode("utf-8", "replace").strip()
        self._process.wait()
        places: dict[str, tuple[str, str]] = {}
        missing: list[str] = []
        met: dict[str, set[str]] = {}
        commit = b""
        self._output.seek(0)
        for line in self._output:
            object_id, space, path = line[:-1].partition(b" ")
            if not space:
                if object_id.startswith(b"?"):
                    missing.append(object_id[1:].decode())
                    continue
                commit = object_id
            if object_id in wanted:
                places.setdefault(object_id.decode(), (commit.decode(), _text(path)))
            if hinted.search(path):
                for glob in globs:
                    if path_matches(_text(path), (glob,)):
                        met.setdefault(glob, set()).add(_text(path))
        self.close()
        if self._process.returncode:
            missing.append(trouble.splitlines()[-1] if trouble else "git rev-list failed")
        return places, missing, met

    def objects(self) -> list[bytes]:
        """Ids of all objects met, commits and trees included. Waits for the walk to end."""
        self._process.wait()
        self._output.seek(0)
        return [line.partition(b" ")[0] for line in self._output.read().splitlines() if not line.startswith(b"?")]

    def close(self) -> None:
        """End the walk, finished or not."""
        assert self._process.stderr is not None
        self._process.kill()
        self._process.wait()
        self._process.stderr.close()
        self._output.close()
        self._input.close()


class Header(NamedTuple):
    """The line before an object's content; size is None for an object that is missing or corrupt, as `type` says."""

    id: str
    type: str
    size: int | None


class Stretch(NamedTuple):
    """A piece of git's output that holds whole objects, in a buffer that is reused for the next one.

    `headers[i]` describes the object that starts at `starts[i]`; it ends `headers[i].size` bytes further on.
    """

    data: memoryview
    starts: list[int]
    headers: list[Header]


class BlobReader:
    """Objects streamed through one `git cat-file --batch`, from blocks of ids (one a line).

    Iterating gives headers; after each one its whole content must be read or discarded. `stretches` gives many small
    objects at a time. Git gives up at an object it cannot read: that one comes out as "corrupt", and a new git goes on
    behind it.
    """

    def __init__(self, repository: Repository, blocks: Iterable[bytes]) -> None:
        self._repository, self._blocks = repository, iter(blocks)
        self._asked: deque[list[bytes]] = deque()  # blocks of ids written to git and not all answered
        self._answered = 0  # of the first of them
        self._ahead = b""  # output already taken from the pipe, before what is still in it
        self._start()

    def __enter__(self) -> BlobReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._out.close()
        self._feeder.join()
        self._process.wait()

    def __iter__(self) -> Iterator[Header]:
        while True:
            while line := self._out.readline():
                self._count_answers(1)
                yield _header(line)
            lost = self._restart()
            if lost is None:
                return
            yield lost

    def stretches(self, size: int, most: int) -> Iterator[Stretch | Header]:
        """All objects, in pieces of `size` bytes; a Header alone for one larger than `most`, or that cannot be had.

        After a Header with a size, its content must be read or discarded.
        """
        buffer = bytearray(size + 256)
        view = memoryview(buffer)
        while True:
            filled = 0
            while count := self._read_into(view[filled:]):
                filled += count
                starts, headers, parsed = _parse_stretch(buffer, filled, most)
                self._count_answers(len(headers))
                if headers:
                    yield Stretch(view[:parsed], starts, headers)
                rest = bytes(view[parsed:filled])
                filled = len(rest)
                view[:filled] = rest
                large = _first_header(rest)
                if large and (large[0].size is None or large[0].size > most):
                    self._count_answers(1)
                    self._ahead, filled = rest[large[1] :], 0
                    yield large[0]
            lost = self._restart()
            if lost is None:
                return
            yield lost

    def read(self, size: int) -> bytes:
        """The content of the object just announced."""
        content = self.read_some(size)
        while len(content) < size and (piece := self.read_some(size - len(content))):
            content += piece
        self.end()
        return content

    def read_some(self, size: int) -> bytes:
        """A part of the content just announced. The caller counts, and calls `end` behind the last part."""
        if not self._ahead:
            return self._out.read(size)
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken

    def end(self) -> None:
        """Step over the newline that follows an object's content."""
        self.read_some(1)

    def discard(self, size: int) -> None:
        """Step over an object's content."""
        while size > 0 and (piece := self.read_some(min(size, 1 << 20))):
            size -= len(piece)
        self.end()

    def _read_into(self, view: memoryview) -> int:
        if not self._ahead:
            return self._out.readinto(view)  # type: ignore[attr-defined,no-any-return]
        taken, self._ahead = self._ahead[: len(view)], self._ahead[len(view) :]
        view[: len(taken)] = taken
        return len(taken)

    def _start(self) -> None:
        # The cache must hold the bases of a pack's delta chains, or git inflates them again for every version.
        config = ("core.deltaBaseCacheLimit=512m",)
        self._process = self._repository.start("cat-file", "--batch", "--buffer", config=config, feed=True)
        assert self._process.stdout is not None
        self._out: IO[bytes] = self._process.stdout
        self._feeder = threading.Thread(target=self._feed, args=(self._process.stdin,), daemon=True)
        self._feeder.start()

    def _feed(self, stdin: IO[bytes]) -> None:
        """Write ids for git to look up, in a thread of its own: git answers before it has read them all."""
        try:
            with stdin:
                for block in self._blocks:
                    self._asked.append(block.split())
                    stdin.write(block + b"\n")
        except (BrokenPipeError, ValueError):  # git has ended: the reader finds out which ids were left
            return

    def _restart(self) -> Header | None:
        """After git has ended: None if it answered everything, else the object it gave up at, a new git started."""
        self._feeder.join()
        left = [object_id for block in self._asked for object_id in block][self._answered :]
        if not left:
            return None
        self.__exit__()
        self._blocks = itertools.chain((b"\n".join(left[1:]),) if left[1:] else (), self._blocks)
        self._asked, self._answered, self._ahead = deque(), 0, b""
        self._start()
        return Header(left[0].decode(), "corrupt", None)

    def _count_answers(self, count: int) -> None:
        self._answered += count
        while self._asked and self._answered >= len(self._asked[0]):
            self._answered -= len(self._asked.popleft())


def _header(line: bytes) -> Header:
    fields = line.split()
    if len(fields) == 3 and fields[2].isdigit():
        return Header(fields[0].decode(), fields[1].decode(), int(fields[2]))
    return Header(fields[0].decode() if fields else "", "missing", None)


def _first_header(data: bytes) -> tuple[Header, int] | None:
    """The header at the start of some output and where it ends, if it is there whole."""
    end = data.find(b"\n", 0, 256)
    return (_header(data[:end]), end + 1) if end >= 0 else None


def _parse_stretch(buffer: bytearray, filled: int, most: int) -> tuple[list[int], list[Header], int]:
    """(starts, headers, bytes used) of the objects of at most `most` bytes that lie whole in the first `filled`."""
    starts: list[int] = []
    headers: list[Header] = []
    position = 0
    while (end := buffer.find(b"\n", position, min(filled, position + 256))) >= 0:
        header = _header(bytes(buffer[position:end]))
        if header.size is None or header.size > most or end + 1 + header.size >= filled:
            break
        starts.append(end + 1)
        headers.append(header)
        position = end + header.size + 2
    return starts, headers, position


def _blocks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while block := list(itertools.islice(rest, size)):
        yield block


def parse_commit(commit_id: str, content: bytes) -> Commit:
    """A commit object's author, date and subject. Damaged fields come out empty."""
    head, _, message = content.partition(b"\n\n")
    headers = {name: value for name, _, value in (line.partition(b" ") for line in head.split(b"\n")) if name}
    encoding = headers.get(b"encoding", b"utf-8").decode("ascii", "replace")
    name, email, date = _actor(headers.get(b"author", b""))
    subject = message.strip(b"\n").split(b"\n", 1)[0]
    return Commit(commit_id, _decode(name, encoding), _decode(email, encoding), date, _decode(subject, encoding))


def _actor(line: bytes) -> tuple[bytes, bytes, str]:
    """(name, e-mail, ISO 8601 date) of an author line: `Name <mail> 1700000000 +0100`."""
    from datetime import datetime, timedelta, timezone

    who, _, when = line.rpartition(b"> ")
    name, _, email = who.partition(b" <")
    try:
        seconds, offset = when.split(b" ")
        minutes = int(offset[-4:-2]) * 60 + int(offset[-2:])
        zone = timezone(timedelta(minutes=-minutes if offset.startswith(b"-") else minutes))
        date = datetime.fromtimestamp(int(seconds), zone).isoformat()
    except (ValueError, OverflowError, OSError):
        date = ""
    return name, email, date


def _decode(text: bytes, encoding: str) -> str:
    try:
        return text.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return text.decode("utf-8", "replace")


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _awaits_path(fields: Sequence[bytes]) -> bool:
    """Whether the next field of a raw diff must be a path (which may look like anything, an id included)."""
    if not fields:
        return False
    if fields[-1].startswith(b":"):
        return True
    return len(fields) >= 2 and fields[-2].startswith(b":") and fields[-2].split(b" ")[-1][:1] in (b"R", b"C")


def _parse_raw(fields: Iterable[bytes]) -> Iterator[Change]:
    """Records of `--raw -z`: a colon, mode and id for each parent, the new ones, a status, a path (two if renamed)."""
    rest = iter(fields)
    for field in rest:
        if not field.startswith(b":"):
            continue
        parents = len(field) - len(field.lstrip(b":"))
        words = field.lstrip(b":").decode().split(" ")
        mode, ids, status = words[parents], words[parents + 1 : -1], words[-1]
        path = next(rest)
        if status[0] in "RC" and parents == 1:
            path = next(rest)
        if mode != "160000" and ids[-1].strip("0"):
            yield Change(_text(path), mode, ids[-1], tuple(id for id in ids[:-1] if id.strip("0")))


def _environment(of_the_hook: bool) -> Mapping[str, str]:
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
_COMMIT_ID = re.compile("[0-9a-fA-F]{4,64}")
_BAD_REVISION = re.compile("bad revision|unknown revision|ambiguous argument|Invalid revision")


def _refusal(path: Path, arguments: Sequence[str], stderr: bytes) -> SourceError:
    text = stderr.decode("utf-8", "replace").strip()
    first = text.partition("\n")[0] or "no reason given"
    for sign, happened, advice in _REFUSALS:
        if sign in text:
            return SourceError(f"{path}: {happened}", advice)
    if _BAD_REVISION.search(text):
        return RevisionError(f"{path}: no such revision: {first}",
                             "Check its spelling. A shallow clone has few commits: git fetch --unshallow")  # fmt: skip
    return SourceError(f"{path}: git {arguments[0]} failed: {first}", "Check the repository: git fsck")
