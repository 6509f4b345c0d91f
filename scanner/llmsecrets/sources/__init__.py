"""Sources: what yields the content to scan, one file each.

`shards(jobs)` gives up to so many iterators of Chunks and Skips, each to be consumed by one thread, or by a process if
the source is `separable`: nothing of it changes meanwhile. A chunk's data may be overwritten when the next one is asked
for. The history source scans content before it knows its place; it is asked afterwards, by `places`. A source whose
later content tells something of the earlier, as an image's layers do, has a `conclude` that gets all candidates and
gives them back. `notes` of a source go into the report, and whether content is `remembered` by an earlier scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from llmsecrets.model import Commit, Content, Provenance, Standing

WINDOW = 16 << 20  # bytes held of one blob at a time
OVERLAP = 1 << 16  # bytes of a window seen again in the next, more than the widest match

# (path, the commit that is looked at) → pieces of what stands there; nothing where nothing does, None where that is not
# to be told. Sources that can be asked have one as `content_at`.
ContentAt = Callable[[str, "Commit | None"], "Iterator[bytes] | None"]
Excluded = Callable[[str], str]  # path → why it is not to be scanned, or ""
ANYWHERE = "**"  # the glob of all paths
REFS_NAMED = 5  # of those whose tips hold a secret


class Place(NamedTuple):
    """One place a blob of the history stood at, with what became of it since."""

    provenance: Provenance
    standing: Standing


class Source(Protocol):
    """Where content comes from."""

    def shards(self, jobs: int) -> Sequence[Iterator[Content]]:
        """Iterators over all content, for as many threads at most."""
