"""An excerpt shows no secret of its line: not as it is, not encoded beside, not what its end leaves of it."""

from __future__ import annotations

import base64

import pytest

NAMES = ("openai", "gitlab", "npm", "anthropic")


def windows(text: str, size: int = 10) -> set[str]:
    """The pieces of a text by which it would be known again; its first characters are public."""
    return {text[start : start + size] for start in range(8, len(text) - size + 1)}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("view", [(".",), ("--history", ".")])
def test_secrets_encoded_in_one_line(view, scan, key, repository) -> None:
    values = [encoded(key(name)) for name in NAMES]
    listed = ",".join(f'"{name}":"{value}"' for name, value in zip(NAMES, values, strict=True))
    repository.commit({"secret.json": f'{{"kind":"Secret","data":{{{listed}}}}}'})
    found = scan(*view, cwd=repository.root).json["findings"]
    assert len(found) == len(NAMES)
    shown = "\n".join("\n".join(one["excerpt"].values()) for one in found)
    assert not [value for value in values if any(part in shown for part in windows(value))]


@pytest.mark.parametrize("view", [(".",), ("--history", ".")])
@pytest.mark.parametrize("gap", [0, 20, 50])
def test_one_as_it_is_beside_one_encoded(view, gap, scan, key, repository) -> None:
    plain, other = key("openai"), encoded(f"TOKEN={key('anthropic')}")
    blank = " " * gap
    repository.commit({"a.yaml": f'k: "{plain}"{blank}{other}\n', "b.yaml": f'{other}{blank}k: "{plain}"\n'})
    found = scan(*view, cwd=repository.root).json["findings"]
    places = [place for one in found for place in (one, *one["occurrences"])]
    assert len(places) == 4
    shown = "\n".join("\n".join(one["excerpt"].values()) for one in found)
    assert not any(part in shown for part in windows(plain) | windows(encoded(key("anthropic"))[8:]))
