"""The only package that talks to git.

Git is run as a program, without a shell, on repositories that may be hostile: configuration that starts programs is
overridden, nothing is fetched, replaced or grafted, and the environment's GIT_* variables are dropped but for those
that say which index and objects a hook is to look at. Output is always NUL-separated bytes.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from llmsecrets.errors import SourceError
from llmsecrets.git.calls import OBJECTS_ELSEWHERE, SAFE_CONFIG, environment, refusal, text_of
from llmsecrets.git.changes import Change, by_commit, parse_raw
from llmsecrets.git.commits import parse_commit, parse_links, parse_target
from llmsecrets.git.objects import BlobReader
from llmsecrets.model import Commit

if TYPE_CHECKING:
    from llmsecrets.git.walk import Seen, Walk
    from llmsecrets.packs import ObjectStore

_LARGEST_COMMIT = 16 << 20  # bytes
# Files that moved are told by their contents; where some are not here, as in a partial clone, by their ids alone.
_MOVED, _MOVED_UNCHANGED = "--find-renames", "--find-renames=100%"
_COMMIT_ID = re.compile("[0-9a-fA-F]{4,64}")


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
        self.environment = environment(of_the_hook)

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
        options = [word for setting in (*SAFE_CONFIG, *config) for word in ("-c", setting)]
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
            raise refusal(self._start, arguments, done.stderr)
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
                    if reader.discard(found.size):
                        yield found.id, None, f"larger than {limit} bytes"
                elif (content := reader.read(found.size)) is not None:
                    yield found.id, content, ""

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
        names = self._run("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
        return list(self.of_types(names.split(), types))  # one is of no type that git knows

    def every_id(self, types: Sequence[str]) -> Iterator[str]:
        """Ids of all objects of the types, damaged ones included."""
        return (object_id.decode() for block in self.every_object(types) for object_id in block.split())

    def object_store(self) -> ObjectStore | None:
        """Packs and loose objects as they lie on disk; None where only git can tell what there is."""
        if any(name in self.environment for name in OBJECTS_ELSEWHERE):
            return None
        from llmsecrets.packs import ObjectStore

        return ObjectStore.open(self.facts.common_dir / "objects", 32 if self.facts.object_format == "sha256" else 20)

    def walk(
        self,
        *revisions: str,
        stdin: bytes = b"",
        store: Callable[[], ObjectStore | None] | None = None,
        tagged: bool = True,
    ) -> Walk:
        """Start walking from the oldest commit on: which commit brought each object in, at which path.

        `stdin` holds further revisions, a line each. With a `store`, trees are read from there; `tagged` says whether
        anything but commits is named.
        """
        from llmsecrets.git.trees import by_trees  # late: a hook walks no history
        from llmsecrets.git.walk import Walk, by_git

        own = by_trees(self, revisions, store, tagged) if store else None
        return Walk(*filter(None, [own]), by_git(self, revisions, stdin))

    def salvage(self, wanted: Container[bytes], globs: Collection[str] = ()) -> Seen:
        """What a walk that did not break off at the first damaged object would have come by: slow, but from every
        commit on that can be read.
        """
        from llmsecrets.git import salvage, walk

        return walk.seen(salvage.lines(self), wanted, globs)

    @property
    def is_partial(self) -> bool:
        """Whether it is a clone that was to leave out some objects."""
        return any((self.facts.common_dir / "objects" / "pack").glob("*.promisor"))

    def refs(self) -> bytes:
        """All refs, a line each: the id of what it names, and its name."""
        return self._run("for-each-ref", "--format=%(objectname) %(refname)")

    def named(self, refs: bytes) -> list[str]:
        """Ids of everything that `refs`, reflogs, HEAD and other worktrees' HEADs name, sorted."""
        ids = (line.split(b" ")[0].decode() for line in refs.splitlines())
        # Of `--all` there are HEADs left: git need not open what thousands of refs name.
        rest = ("--ignore-missing", "--exclude=refs/*", "--all", "--reflog", "--no-walk=unsorted")
        try:
            return sorted({*ids, *self.commits(*rest)})
        except SourceError:  # one of them cannot be read, and git names none then
            return sorted({*ids, *filter(None, (self.head(),))})

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
        return b" missing" not in self._checked("%(objectname)", [object_id.encode() for object_id in ids])

    def types(self, ids: Sequence[str], *, peeled: bool = False) -> list[tuple[str, str]]:
        """(id, type) of those objects that are here; with `peeled`, of what tags lead to instead of the tags."""
        asked = [f"{object_id}^{{}}" if peeled else object_id for object_id in ids]
        raw = self._checked("%(objectname) %(objecttype)", [one.encode() for one in asked]).decode()
        pairs = (line.split(" ") for line in raw.splitlines())
        return [(found, kind) for found, kind in pairs if kind in ("blob", "tree", "commit", "tag")]

    def of_types(self, ids: Sequence[bytes], types: Sequence[str]) -> Iterator[bytes]:
        """Blocks of those ids that are objects of the types (or cannot be looked at, which reading will tell)."""
        found = _listed(types).findall(self._checked("%(objecttype) %(objectname)", ids))
        return iter((b"\n".join(found),) if found else ())

    def _checked(self, form: str, ids: Sequence[bytes]) -> bytes:
        """What git says of objects, a line each. Where one is of no type that git knows, it says no more: that one is
        told as missing, and a new git goes on behind it."""
        raw = b""
        while ids:
            words = self.command("cat-file", f"--batch-check={form}")
            done = subprocess.run(
                words, input=b"\n".join(ids) + b"\n", capture_output=True, env=self.environment, check=False
            )
            raw += done.stdout
            if not done.returncode:
                break
            answered = done.stdout.count(b"\n")
            raw += b"%s missing\n" % ids[answered] if answered < len(ids) else b""
            ids = ids[answered + 1 :]
        return raw

    # ---- changes

    def staged(self) -> list[Change]:
        """What the index changes against HEAD (against nothing, before the first commit).

        Raises SourceError, too, for a bare repository. Whether it is one is asked where nothing came: a hook waits for
        every git that runs.
        """
        command = ("diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-ext-diff", "--no-textconv",
                   "--ignore-submodules", "--diff-filter=ACMRT")  # fmt: skip
        try:
            changed = self._run(*command, _MOVED)
        except SourceError:
            _ = self.facts  # tells what is wrong where there is no repository, which git diff does not
            changed = self._run(*command, _MOVED_UNCHANGED)
        if not changed and self.facts.bare:
            raise SourceError("a bare repository has nothing staged", "Scan its history: llmsecrets scan --history")
        return parse_raw(changed.split(b"\0"))

    def commits(self, *arguments: str, ids: Sequence[str] = (), paths: Collection[str] = ()) -> list[str]:
        """Ids of the commits a rev-list call names, newest first. Raises SourceError for a bad revision.

        `ids` are further revisions, as many as you like: ids, or ^ids to leave out. With `paths`, only those that
        changed one of them.
        """
        words = [*(("--stdin",) if ids else ()), *arguments, *(("--full-history",) if paths else ()), "--"]
        words += [f":(top,literal){path}" for path in paths]
        return self._run("rev-list", *words, stdin="".join(f"{word}\n" for word in ids).encode()).decode().split()

    def time_of(self, date: str) -> int:
        """A date as git reads it, in seconds since 1970. What git makes nothing of is now."""
        return int(self._run("rev-parse", f"--since={date}").decode().partition("=")[2])

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

    def changes(
        self, commit_ids: Sequence[str], *, renames: bool = False, to: Container[str] | None = None
    ) -> Iterator[tuple[str, list[Change]]]:
        """What each commit changed: against nothing for a root, against all of its parents for a merge.

        With `renames`, a file that moved comes with its earlier blob instead of as a new one; with `to`, only changes
        to these blobs are told.
        """
        if not commit_ids:
            return
        if not renames:
            yield from self._changes(commit_ids, "--no-renames", to)
            return
        plain = list(self._changes(commit_ids, "--no-renames"))
        new = [commit_id for commit_id, changes in plain if any(one.is_new for one in changes)]
        moved = dict(self._moved(new)) if new else {}  # which takes twenty times as long
        yield from ((commit_id, moved.get(commit_id, changes)) for commit_id, changes in plain)

    def _moved(self, commit_ids: Sequence[str]) -> list[tuple[str, list[Change]]]:
        """As `changes`, with renames."""
        try:
            return list(self._changes(commit_ids, _MOVED))
        except SourceError:
            return list(self._changes(commit_ids, _MOVED_UNCHANGED))

    def _changes(
        self, commit_ids: Sequence[str], renames: str, to: Container[str] | None = None
    ) -> Iterator[tuple[str, list[Change]]]:
        import tempfile

        with tempfile.TemporaryFile() as ids:
            ids.write("\n".join(commit_ids).encode() + b"\n")
            ids.seek(0)
            fields = self._fields(
                ids, "diff-tree", "--stdin", "-r", "-c", "--root", "--raw", "-z", "--no-abbrev", "--no-ext-diff",
                "--no-textconv", "--ignore-submodules", renames,
            )  # fmt: skip
            yield from by_commit(fields, to)

    def readable_changes(self, commit_ids: Sequence[str], to: Container[str]) -> Iterator[tuple[str, list[Change]]]:
        """As `changes`, of those commits whose trees can be read: git ends at the first that cannot."""
        try:
            yield from list(self.changes(commit_ids, to=to))
        except SourceError:
            half = len(commit_ids) // 2
            for part in (commit_ids[:half], commit_ids[half:]) if half else ():
                yield from self.readable_changes(part, to)

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
            raise refusal(self._start, arguments, trouble)

    def details(self, commit_ids: Iterable[str]) -> dict[str, Commit]:
        """Author, date and subject of commits. Ids that are no commit are left out."""
        found = {}
        for commit_id, content, _ in self.blobs(dict.fromkeys(commit_ids), _LARGEST_COMMIT):
            if content is not None:
                found[commit_id] = parse_commit(commit_id, content)
        return found

    def tree_paths(self, revision: str, blob_ids: Container[str] | None = None) -> dict[str, list[str]]:
        """Blob id → paths, of all or of some blobs in the tree of a revision; empty where that does not exist."""
        raw = self._run("ls-tree", "-r", "-z", "--full-tree", revision, accept=(0, 1, 128))
        paths: dict[str, list[str]] = {}
        for entry in raw.split(b"\0"):
            meta, _, path = entry.partition(b"\t")
            blob_id = meta[meta.rfind(b" ") + 1 :].decode()
            if path and (blob_ids is None or blob_id in blob_ids):
                paths.setdefault(blob_id, []).append(text_of(path))
        return paths

    def files(self, revision: str) -> dict[str, str]:
        """Path → blob id, of the tree of a revision (empty where it does not exist), or of the index for ""."""
        if revision:
            return {path: blob_id for blob_id, paths in self.tree_paths(revision).items() for path in paths}
        entries = (
            entry.partition(b"\t") for entry in self._run("ls-files", "--stage", "-z", "--full-name", ":/").split(b"\0")
        )
        return {text_of(path): meta.split(b" ")[1].decode() for meta, _, path in entries if path}

    def submodules(self) -> dict[str, str]:
        """Path → name of the submodules of HEAD, as its tree and `.gitmodules` say: both may be hostile."""
        raw = self._run("ls-tree", "-r", "-z", "--full-tree", "HEAD", accept=(0, 1, 128))
        entries = (entry.partition(b"\t") for entry in raw.split(b"\0"))
        paths = [text_of(path) for meta, _, path in entries if meta.startswith(b"160000 ")]
        if not paths:
            return {}
        asked = ("--blob", "HEAD:.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
        settings = self._run("config", *asked, accept=(0, 1, 128)).split(b"\0")
        pairs = (text_of(setting).partition("\n") for setting in settings)
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

    def peeled(self, tags: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Tag id → (id, type) of what it leads to, be it through other tags; without those that cannot be read."""
        found = {tag: (tag, "tag") for tag in tags}
        while waiting := [tag for tag, (_, kind) in found.items() if kind == "tag"]:
            contents = self.blobs(dict.fromkeys(found[tag][0] for tag in waiting), _LARGEST_COMMIT)
            targets = {object_id: parse_target(content or b"") for object_id, content, _ in contents}
            for tag in waiting:
                target = targets.get(found.pop(tag)[0])
                if target:
                    found[tag] = target
        return found

    def tips(self, most: int) -> Iterator[tuple[str, str]]:
        """(short name, id of the tree) of the newest refs that lead to a commit, no tree twice.

        Git is asked for no more than names: it would tell of no ref where one is lost, or a date is odd.
        """
        raw = self._run(
            "for-each-ref", "--format=%(objectname) %(refname:short)", "refs/heads", "refs/remotes", "refs/tags"
        )
        named = [line.decode("utf-8", "surrogateescape").split(" ", 1) for line in raw.split(b"\n") if line]
        kinds = dict(self.types(list(dict.fromkeys(object_id for object_id, _ in named))))
        led = self.peeled(object_id for object_id, kind in kinds.items() if kind == "tag")
        commits = [(led.get(object_id, (object_id, ""))[0], name) for object_id, name in named]
        links = {
            commit_id: parse_links(content or b"")
            for commit_id, content, _ in self.blobs(dict.fromkeys(one for one, _ in commits), _LARGEST_COMMIT)
        }
        newest = [(found, name) for commit_id, name in commits if (found := links.get(commit_id))]
        newest.sort(key=lambda one: one[0].date, reverse=True)
        trees: dict[str, str] = {}
        for found, name in newest:
            trees.setdefault(found.tree, name)
        return ((name, tree) for tree, name in itertools.islice(trees.items(), most))

    def places_of(
        self, blob_ids: Container[str], since: Sequence[str] = (), paths: Collection[str] = ()
    ) -> Iterator[tuple[str, str, str]]:
        """(commit id, blob id, path) of every place in history at which one of the blobs came in, oldest first.

        `since` are commits whose own history, and all that led there, is left out. With `paths`, only commits
        that changed one of them are gone through.
        """
        from llmsecrets.git.walk import ORDER  # late, as above

        commits = self.commits(*ORDER, "--all", "--reflog", ids=[f"^{tip}" for tip in since], paths=paths)
        for commit_id, changes in self.changes(commits, to=blob_ids):
            for change in changes:
                yield commit_id, change.blob_id, change.path

    def hooks_folder(self) -> Path:
        """Where git looks for this repository's hooks; `core.hooksPath`, which we otherwise override, counts here."""
        command = ["git", "-C", os.fspath(self._start), "rev-parse", "--git-path", "hooks"]
        done = subprocess.run(command, capture_output=True, env=self.environment, check=False)
        if done.returncode:
            raise refusal(self._start, ("rev-parse",), done.stderr)
        return Path(os.path.abspath(Path(self._start, text_of(done.stdout).removesuffix("\n"))))

    def unignored(self) -> list[str]:
        """Paths below the start folder, relative to it, that are tracked or at least not ignored."""
        raw = self._run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return list(dict.fromkeys(text_of(path) for path in raw.split(b"\0") if path))


def user_setting(name: str) -> str:
    """A path in the user's own git configuration, for all repositories; "" where it is not set."""
    command = ["git", "config", "--global", "--type=path", "--get", name]
    return text_of(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout).removesuffix("\n")


def change_user_setting(name: str, value: str | None) -> None:
    """Set or, with None, unset a value in the user's own git configuration. Raises SourceError."""
    words = ["--unset", name] if value is None else [name, value]
    done = subprocess.run(["git", "config", "--global", *words], stderr=subprocess.PIPE, check=False)
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip()
        raise SourceError(f"git config --global {name}: {reason}", "Check your ~/.gitconfig.")


def _listed(types: Sequence[str]) -> re.Pattern[bytes]:
    """Lines of a listing by type and id. An object whose header is damaged is listed as "<id> missing"."""
    return re.compile(rb"^(?:(?:" + "|".join(types).encode() + rb") )?([0-9a-f]+)(?: missing)?$", re.MULTILINE)


def _blocks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while block := list(itertools.islice(rest, size)):
        yield block
