"""A source that ends when its time is over, and says that it did."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from llmsecrets.model import Content, Provenance, Skip
from llmsecrets.sources import Source

OUT_OF_TIME = "out of time"


class Deadline:
    """Another source's content, as far as it can be had within some seconds; then a Skip for all that is left."""

    def __init__(self, source: Source, seconds: float) -> None:
        self._source, self._seconds = source, seconds
        self._end = time.monotonic() + seconds
        self.commit_ids = getattr(source, "commit_ids", ())
        self.content_at = getattr(source, "content_at", None)

    def shards(self, jobs: int) -> Sequence[Iterator[Content]]:
        return [self._until_the_end(shard) for shard in self._source.shards(jobs)]

    def _until_the_end(self, shard: Iterator[Content]) -> Iterator[Content]:
        for item in shard:
            if time.monotonic() > self._end:
                yield Skip(Provenance(""), OUT_OF_TIME, f"not all could be looked at in {self._seconds:g} s")
                return
            yield item
