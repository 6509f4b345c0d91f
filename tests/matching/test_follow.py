"""A version told from the one it descends from holds exactly what it holds looked at whole."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from support import ENGINES, KEYS, make_key

from llmsecrets.engine import Engine
from llmsecrets.model import Chunk, Copy, Provenance, Version
from llmsecrets.templates import expand

FILLER = "# nothing to see here, nor anywhere around it\n" * 40  # longer than what is looked through around a change
NAMES = ("api_key: ", "DEEPGRAM_API_KEY=", "password = ", '"client_secret": "', "authorization: bearer ", "auth(")
BLOCK = "-----BEGIN RSA PRIVATE KEY-----\n" + ("A" * 64 + "\n") * 20 + "-----END RSA PRIVATE KEY-----\n"


def a_piece(chance: random.Random) -> str:
    """Something a rule looks at."""
    kind = chance.choice(("key", "named", "block", "both"))
    value = "".join(chance.choices("abcdef0123456789", k=chance.randrange(20, 45)))
    key = f"key = '{make_key(chance.choice(sorted(KEYS)), chance.randrange(5))}'\n"
    named = f'{chance.choice(NAMES)}{value}"\n'
    return {"key": key, "named": named, "block": BLOCK, "both": named + key}[kind]


def a_text(chance: random.Random) -> bytes:
    return "".join(FILLER + a_piece(chance) for _ in range(4)).encode() + FILLER.encode()


def descendant(text: bytes, chance: random.Random) -> tuple[bytes, list[Copy]]:
    """The text with changes where something is to be found, its parts in another order; and what is copied."""
    spots = [at for line in re.finditer(rb"^[^#\n].*\n", text, re.MULTILINE) for at in range(*line.span())]
    cuts = sorted({0, len(text), *chance.choices(spots or [1], k=chance.randrange(1, 4))})
    parts = [(start, end) for start, end in itertools.pairwise(cuts) if end - start > 3]
    if chance.random() < 0.3:
        chance.shuffle(parts)
    content, copies = b"", []
    for start, end in parts:
        end -= chance.randrange(3)  # a few bytes are lost here and there
        copies.append((start, len(content), end - start))
        content += text[start:end] + chance.choice((b"", b"", b"x", b"'", a_piece(chance).encode()))
    return content, copies


def found_in(engine: Engine, content: bytes) -> object:
    return engine.clone().matches(Chunk(content, Provenance("")))


@pytest.mark.parametrize("seed", range(150))
def test_following_finds_what_looking_at_the_whole_finds(seed, builtin_engines) -> None:
    engine, chance = builtin_engines[ENGINES[0]], random.Random(seed)
    following, family = engine.clone(), [a_text(chance)]
    following.follow(Version(family[0], "", 0, ()))
    for _ in range(4):
        depth = chance.randrange(1, len(family) + 1)  # below the last version, or below one before it
        content, copies = descendant(family[depth - 1], chance)
        family[depth:] = [content]
        assert following.follow(Version(content, "", depth, copies))[:2] == found_in(engine, content)


def test_a_secret_that_changes_behind_its_unchanged_beginning_is_found_anew(engine) -> None:
    """The anchor lies in a copy, the end of the match does not."""
    following, filler = engine.clone(), FILLER.encode()
    first = filler + BLOCK.encode() + filler
    at = first.index(b"-----END")
    second = first[:at] + b"B" * 64 + b"\n" + first[at:]
    following.follow(Version(first, "1", 0, ()))
    copies = [(0, 0, at), (at, at + 65, len(first) - at)]
    assert following.follow(Version(second, "2", 1, copies))[:2] == found_in(engine, second)


def test_a_long_value_whose_quote_lies_behind_the_copy_is_found_anew(engine) -> None:
    following, filler = engine.clone(), FILLER.encode()
    first = filler + expand('secret_token = "{{base64:470}}', 1).encode()
    second = first + b'"\n'
    following.follow(Version(first, "1", 0, ()))
    found = following.follow(Version(second, "2", 1, [(0, 0, len(first))]))
    assert found[:2] == found_in(engine, second)
    assert len(found.matches) == 1
