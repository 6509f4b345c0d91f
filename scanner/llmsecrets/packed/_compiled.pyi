from array import array
from collections.abc import Callable, Sequence
from mmap import mmap

from llmsecrets.packed import applied as applied
from llmsecrets.packed import arrange as arrange
from llmsecrets.packed import classify as classify
from llmsecrets.packed import head as head

class Trees:
    def __init__(
        self,
        packs: Sequence[tuple[mmap, array[int], bytearray, bytes]],
        loose: bytes,
        id_size: int,
        inflate: Callable[[bytes, int], bytes],
        read: Callable[[bytes], bytes],
        /,
    ) -> None: ...
    def brought(self, line: bytes, /) -> bytes: ...
