"""Standard input, read to its end in windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from llmsecrets.model import Chunk, Provenance, Skip
from llmsecrets.sources.windows import chunks


class StdinSource:
    """What is piped in, under the name the user gives it."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name = stream, name

    def shards(self, jobs: int) -> Sequence[Iterator[Chunk | Skip]]:
        return [chunks(self._stream.read, Provenance(self._name, kind="stdin"))]
