"""The records that travel through a scan, from Chunk to ScanReport.

No I/O and no imports beyond the standard library. Records are immutable named tuples: they are created by the
thousand, and `dataclasses` would cost the hook ten milliseconds at start.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

SEVERITIES = ("critical", "high", "medium", "low", "info")  # most severe first
CONFIDENCES = ("high", "medium", "low")  # the tiers, surest first

# Reports made without a key of the user's own still separate our digests from anybody else's hash of the same bytes.
REPORT_KEY = b"llmsecrets/report/1"


class Secret:
    """The sensitive bytes. Printing one shows a redacted form; the value takes an explicit `reveal()`.

    Of several lines, as a private key, it is the same one whatever their ends and their indentation.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves. Call this only to match, digest, or show on the user's explicit request."""
        return self._value

    def redacted(self) -> str:
        """Enough to recognise a long token by (its public prefix), nothing of a short password."""
        text = self._value.decode("utf-8", "replace")
        if text.startswith("-----BEGIN"):
            header = text[: text.find("-----", 10) + 5]  # a key can follow it in the same line
            return header + "…" if len(header) <= 48 and header.isprintable() else "-----BEGIN…"
        shown = text[:6] if len(text) >= 32 else text[:3] if len(text) >= 20 else ""
        return "".join(c if c.isprintable() else "?" for c in shown) + "…" + f"({len(text)})"

    def digest(self, key: bytes, *context: bytes) -> str:
        """Keyed BLAKE2b-128 of the context strings and the secret, hex. Equal only for equal inputs and key."""
        from hashlib import blake2b  # late: a hook that finds nothing does without

        state = blake2b(digest_size=16, key=key[:64])
        for part in (*context, self._identity):
            state.update(len(part).to_bytes(8, "little"))
            state.update(part)
        return state.hexdigest()

    def __repr__(self) -> str:
        return f"Secret({self.redacted()})"

    def __str__(self) -> str:
        return self.redacted()

    def __format__(self, spec: str) -> str:
        return format(self.redacted(), spec)

    @property
    def _identity(self) -> bytes:
        lines = self._value.splitlines()
        return b"\n".join(line.strip() for line in lines) if len(lines) > 1 else self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __len__(self) -> int:
        return len(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")


class Commit(NamedTuple):
    """Who brought content in, when. `date` is ISO 8601 with the author's offset; `subject` the first line.

    `order` is how many commits came before it in the walk of a history: dates do not tell, for a rebase keeps the
    author's, and anybody may write any.
    """

    sha: str
    author: str
    email: str
    date: str
    subject: str
    order: int = 0


class Container(NamedTuple):
    """One thing a text was found inside: an archive member, a notebook cell, an image layer, an encoded span.

    `kind` is a word from a small set, `name` says which one, `facts` are (label, value) pairs a report shows.
    """

    kind: str
    name: str
    facts: tuple[tuple[str, str], ...] = ()


class Provenance(NamedTuple):
    """Where content came from. `path` uses surrogate escapes for bytes that are not UTF-8.

    `kind` is "file" for content of a file, else what it was instead ("commit message", "tag", "stdin").
    """

    path: str
    containers: tuple[Container, ...] = ()
    commit: Commit | None = None
    blob_id: str | None = None
    kind: str = "file"

    @property
    def whole_path(self) -> str:
        """The path, and behind it the archive members that lead to the content: `app.zip/config/settings.py`."""
        return "/".join((self.path, *(one.name for one in self.containers if one.kind == "member")))

    def dump(self) -> list[Any]:
        """As plain lists; of the commit its id only: what else it says may hold a secret."""
        return [self.path, self.containers, self.commit.sha if self.commit else "", self.blob_id, self.kind]

    @classmethod
    def parse(cls, dumped: Sequence[Any], commits: Mapping[str, Commit]) -> "Provenance":
        """What `dump` gave, with the commit from `commits`, by ids."""
        path, containers, commit_id, blob_id, kind = dumped
        inside = tuple(
            Container(one, name, tuple((label, value) for label, value in facts)) for one, name, facts in containers
        )
        return cls(path, inside, commits.get(commit_id), blob_id, kind)


class Spot(NamedTuple):
    """What bytes of a text found inside are in the text around it: their span there, and what they were found in."""

    start: int
    end: int
    containers: tuple[Container, ...] = ()


class Origin(NamedTuple):
    """How a text that was decoded or put together lies in the chunk it was made from.

    `locate(start, end)` tells where a span of it came from, as offsets in the data of `outer`. `parts` are the spans
    that were inside, in order, where the text also holds some of what stands around them: only secrets in these are
    its own.
    """

    outer: "Chunk"
    locate: Callable[[int, int], Spot]
    parts: Sequence[tuple[int, int]] | None = None

    def owns(self, start: int, end: int) -> bool:
        """Whether a span lies in what was inside."""
        if self.parts is None:
            return True
        before = bisect_left(self.parts, (end, 0)) - 1  # the last part that begins before the span ends
        return before >= 0 and start < self.parts[before][1]


class Chunk(NamedTuple):
    """Content to scan: a whole blob, or a window of one too large to hold.

    `offset`, `first_line` and `first_column` say where the window starts in its blob. Its first `seen` bytes were the
    previous window's last; `last` is False where a further window follows.
    `previous` yields the earlier contents of the same file, where only what was added since is to be reported.
    `reopen` gives a blob that is more than the chunk once more, as a file one can seek in, where that can be had.
    `origin` is there for text found inside other text: places are reported where it came from.
    """

    data: bytes | bytearray | memoryview
    provenance: Provenance
    offset: int = 0
    first_line: int = 1
    first_column: int = 1
    seen: int = 0
    last: bool = True
    previous: Callable[[], Iterable[bytes]] | None = None
    reopen: Callable[[], BinaryIO] | None = None
    origin: Origin | None = None

    @property
    def outermost(self) -> "Chunk":
        """What a text found inside other text is reported in; any other chunk itself."""
        return self.origin.outer.outermost if self.origin else self


class Batch(NamedTuple):
    """Many small blobs one behind the other, to be looked through at once. The data may be overwritten afterwards.

    Blob i lies from `starts[i]` to `ends[i]`; `chunk(i)` is the Chunk of it. Those `apart` are in another encoding than
    their chunks, or archives, and can only be looked through one by one. `files` are those that are no messages.
    """

    data: memoryview
    starts: list[int]
    ends: list[int]
    apart: list[int]
    files: list[int]
    chunk: Callable[[int], Chunk]


Copy = tuple[int, int, int]  # from where, to where, how many bytes


class Version(NamedTuple):
    """A blob of a family of them: its content, and how far below the family's first it is.

    `copies` are the stretches it shares with the version one above, the last that came before it at that height, in
    order of the place here. Not all need be told.
    """

    data: bytes
    blob_id: str
    depth: int
    copies: Sequence[Copy]

    def news(self, margin: int) -> bytes:
        """What it does not share, a line a stretch, each with so many bytes of what stands around it.

        Where nothing came but something went, what stands around that.
        """
        stretches: list[list[int]] = []
        known = done = 0  # how far the version above and this one are gone through
        for source, target, length in (*self.copies, (known, len(self.data), 0)):
            if target > done or (length and source != known):
                if stretches and done - margin <= stretches[-1][1]:
                    stretches[-1][1] = target + margin
                else:
                    stretches.append([max(0, done - margin), target + margin])
            known, done = source + length, target + length
        return b"\n".join([self.data[start:end] for start, end in stretches])


class Location(NamedTuple):
    """Lines and columns count from 1, columns in characters; `end_column` and `end` are one past the last."""

    start_line: int
    start_column: int
    end_line: int
    end_column: int
    start: int
    end: int


class Excerpt(NamedTuple):
    """The line around a secret, cut to a readable length: what stands before and after it, other secrets masked."""

    before: str
    after: str


class Component(NamedTuple):
    """A second half found near a secret, such as the access key id beside a secret access key."""

    name: str
    secret: Secret
    location: Location


class Standing(NamedTuple):
    """How a secret of the history stands today.

    `at_head`: it is in HEAD's tree. `refs`: a few refs whose tips hold it. `versions`: how many blobs hold it.
    """

    at_head: bool
    refs: tuple[str, ...]
    versions: int


class Finding(NamedTuple):
    """One occurrence of a secret. `score` (0 to 1) is the engine's confidence, `confidence` the tier it falls in."""

    rule_id: str
    family: str
    secret: Secret
    location: Location
    provenance: Provenance
    severity: str
    confidence: str
    score: float
    excerpt: Excerpt
    facts: tuple[tuple[str, str], ...] = ()
    components: tuple[Component, ...] = ()
    verification: str = "not_attempted"
    standing: Standing | None = None

    def secret_id(self, key: bytes = REPORT_KEY) -> str:
        """The same for the same secret anywhere: what occurrences are grouped by."""
        return identify(self.secret, self.family, key)

    def fingerprint(self, key: bytes = REPORT_KEY) -> str:
        """Stable identity of a secret in a file: no line, column or commit goes in."""
        path = self.provenance.whole_path.encode("utf-8", "surrogateescape")
        return self.secret.digest(key, b"finding", self.family.encode(), path)


class Context(NamedTuple):
    """The text around a finding that filters look at. It holds the secret, so it prints as redacted as one."""

    match: Secret
    line: Secret
    line_before: Secret


class Candidate(NamedTuple):
    """A finding the engine has confirmed, before filters, with what they need to judge it."""

    finding: Finding
    context: Context

    def dump(self) -> list[Any]:
        """As plain lists, for another process of the same scan: what is secret is in them. Not how it stands."""
        rule_id, family, secret, location, provenance, *rest, components, verification, _ = self.finding
        parts = [(one.name, _text_of(one.secret), one.location) for one in components]
        found = [rule_id, family, _text_of(secret), location, provenance.dump(), *rest, parts, verification]
        return [found, [_text_of(one) for one in self.context], self.finding.provenance.commit]

    @classmethod
    def parse(cls, dumped: Sequence[Any]) -> "Candidate":
        """What `dump` gave."""
        found, context, commit = dumped
        commits = {commit[0]: Commit(*commit)} if commit else {}
        rule_id, family, secret, place, provenance, severity, confidence, score, excerpt, facts, parts, verified = found
        finding = Finding(
            rule_id, family, _secret_of(secret), Location(*place), Provenance.parse(provenance, commits),
            severity, confidence, score, Excerpt(*excerpt), tuple((label, value) for label, value in facts),
            tuple(Component(name, _secret_of(text), Location(*at)) for name, text, at in parts), verified,
        )  # fmt: skip
        return cls(finding, Context(*map(_secret_of, context)))


def _text_of(secret: Secret) -> str:
    return secret.reveal().decode("latin-1")


def _secret_of(text: str) -> Secret:
    return Secret(text.encode("latin-1"))


def identify(secret: Secret, family: str, key: bytes = REPORT_KEY) -> str:
    """The id of a secret found by a family of rules."""
    return secret.digest(key, b"secret", family.encode())


class Suppressed(NamedTuple):
    """A finding that a filter decided against. `reason` is the filter's name, `detail` what made it decide."""

    finding: Finding
    reason: str
    detail: str


class Skip(NamedTuple):
    """Content that was not scanned, and why. `expected` skips were asked for and leave the result complete."""

    provenance: Provenance
    reason: str
    detail: str
    expected: bool = False

    def dump(self) -> list[Any]:
        """As plain lists."""
        return [self.provenance.dump(), *self[1:]]

    @classmethod
    def parse(cls, dumped: Sequence[Any]) -> "Skip":
        """What `dump` gave; of no commit."""
        provenance, *rest = dumped
        return cls(Provenance.parse(provenance, {}), *rest)


Content = Batch | Chunk | Skip | Version  # what a source yields


class Stats(NamedTuple):
    """What was looked at. `blobs` counts files and blobs, `size` their bytes, `seconds` wall time."""

    blobs: int = 0
    size: int = 0
    commits: int = 0
    seconds: float = 0.0


class ScanReport(NamedTuple):
    """The result of a scan. `grouped` says occurrences of one secret are to be shown as one (history scans).

    `remembered`: an earlier scan has looked at what was not read again.
    """

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    skips: tuple[Skip, ...]
    stats: Stats
    targets: tuple[str, ...]
    grouped: bool = False
    notes: tuple[str, ...] = ()
    remembered: bool = False

    @property
    def every_finding(self) -> tuple[Finding, ...]:
        """What was found, reported or not."""
        return (*self.findings, *(one.finding for one in self.suppressed))

    @property
    def complete(self) -> bool:
        """True where everything asked for was scanned."""
        return all(skip.expected for skip in self.skips)

    @property
    def looked(self) -> bool:
        """Whether anything was looked at, now or by an earlier scan whose result holds."""
        return bool(self.stats.blobs or self.stats.commits or self.remembered)


def display_path(path: str) -> str:
    """A path for people and JSON: bytes that are not UTF-8 and control characters shown as escapes."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
