from array import array
from mmap import mmap

from llmsecrets.model import Copy

def arrange(names: bytes, offsets: array[int]) -> bytes: ...
def classify(
    pack: mmap,
    offsets: array[int],
    first: int,
    last: int,
    types: bytearray,
    child: array[int],
    sibling: array[int],
) -> list[int]: ...
def head(pack: mmap, start: int, end: int) -> tuple[int, int]: ...
def applied(delta: bytes, base: bytes, most: int, least: int) -> tuple[bytes, list[Copy]]: ...
