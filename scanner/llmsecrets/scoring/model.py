"""What the generic detector has learned, as it ships with the package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple


class Model(NamedTuple):
    """What `bench/train_generic.py` has learned: `weights` of features by name; `pairs`: how much likelier than by
    chance one letter follows another in words, in bits; `prefixes` by which vendors' own rules know their tokens."""

    weights: Mapping[str, float]
    pairs: Mapping[tuple[int, int], float]
    prefixes: tuple[bytes, ...]


@lru_cache(maxsize=1)
def model() -> Model:
    """The model that ships with the package: letter pairs are written as one character for each tenth of a bit."""
    stored = json.loads((Path(__file__).parent / "generic-model.json").read_bytes())
    pairs = {
        (97 + first, 97 + second): (ord(row[second]) - ord("P")) / 10
        for first, row in enumerate(stored["pairs"])
        for second in range(26)
    }
    return Model(stored["weights"], pairs, tuple(prefix.encode() for prefix in stored["prefixes"]))
