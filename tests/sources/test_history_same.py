"""A history's report does not depend on who reads its objects, in how many processes, or how they are packed."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest
from support import Repo, make_key

from llmsecrets import packed, packs, scan_history
from llmsecrets.config import Config
from llmsecrets.model import ScanReport

WORDS = ["def", "token", "=", '"abc"', "return", "password", "self.key", "foo(bar)", "12345", "# note"]


def fill(repo: Repo, chance: random.Random) -> None:
    """Versions of files large and small, with keys that come, go and come back."""

    def line() -> str:
        secret = make_key(chance.choice(["github", "openai", "npm"]), chance.randrange(9))
        return secret if chance.random() < 0.02 else " ".join(chance.choices(WORDS, k=chance.randrange(2, 9)))

    files = {f"src/{n}.py": [line() for _ in range(chance.choice([3, 40, 400]))] for n in range(4)}
    for number in range(12):
        for name in chance.sample(sorted(files), chance.randrange(1, 4)):
            text, at = files[name], chance.randrange(len(files[name]))
            text[at : at + chance.randrange(3)] = [line() for _ in range(chance.randrange(1, 20))]
            text += text[: chance.randrange(len(text))][:60]
        repo.commit({name: "\n".join(text) + "\n" for name, text in files.items()}, f"change {number}: {line()}")
        if chance.random() < 0.2:
            repo.git("tag", "-a", f"v{number}", "-m", make_key("slack", number))
        if chance.random() < 0.3:
            repo.git("repack", "-dq")


def damage(repo: Repo, chance: random.Random) -> None:
    """Change a few bytes of a pack, behind its head and before its checksum."""
    pack = min((repo.root / ".git/objects/pack").glob("*.pack"))
    pack.chmod(0o644)
    raw = bytearray(pack.read_bytes())
    for at in chance.sample(range(20, len(raw) - 20), 3):
        raw[at] ^= chance.randrange(1, 256)
    pack.write_bytes(raw)


def report(root: Path, jobs: int = 1) -> ScanReport:
    found = scan_history(root, config=Config(min_confidence="low", jobs=jobs))
    assert found.findings
    return found._replace(stats=found.stats._replace(seconds=0, size=0))  # what stands between objects counts, too


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("layout", [("repack", "-adq"), ("gc", "-q", "--aggressive"), ()], ids=" ".join)
def test_the_same_is_found_whoever_reads(repository, monkeypatch, layout, seed) -> None:
    chance = random.Random(seed)
    fill(repository, chance)
    intact = report(repository.root)
    if layout:
        repository.git(*layout)
        assert report(repository.root) == intact
        if seed % 2:
            damage(repository, chance)
    compiled = report(repository.root)
    assert report(repository.root, jobs=2) == compiled
    monkeypatch.setattr(packs, "packed", packed)
    monkeypatch.setattr(packs, "zlib", zlib)
    assert report(repository.root) == compiled
    monkeypatch.setattr(packs.ObjectStore, "open", lambda folder, id_size: None)
    assert report(repository.root) == compiled
