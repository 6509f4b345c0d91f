"""Packs read without git give what git gives, and say truly what a version shares with the one it descends from."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from support import Repo

from llmsecrets import packed, packs
from llmsecrets.packs import ObjectStore, Pack
from llmsecrets.sources.windows import WINDOW

ID_SIZE = {"sha1": 20, "sha256": 32}
LIMIT = WINDOW


@pytest.fixture(autouse=True, params=["compiled", "Python"])
def reading(request, monkeypatch) -> None:
    """What reads the bytes of packs, both ways."""
    if request.param == "Python":
        monkeypatch.setattr(packs, "packed", packed)
    elif packs.packed is packed:
        pytest.skip("there was no compiler where this was installed")


def edited(text: bytes, chance: random.Random) -> bytes:
    """The text with a few stretches taken out, put in and moved."""
    for _ in range(chance.randrange(1, 5)):
        at, length = chance.randrange(len(text)), chance.randrange(400)
        piece = chance.choice([b"", chance.randbytes(chance.randrange(200)), text[at : at + 3000]])
        text = text[:at] + piece + text[at + length :]
    return text + b"."


def fill(repo: Repo, seed: int) -> None:
    """Versions of a few files, large and small, that git will keep as deltas."""
    chance = random.Random(seed)
    texts = {f"file{number}": chance.randbytes(4000) * 3 + chance.randbytes(9000) for number in range(3)}
    for version in range(12):
        texts = {name: edited(text, chance) for name, text in texts.items()}
        repo.commit({**texts, f"once{version}": chance.randbytes(300)})
    repo.git("tag", "-a", f"v{seed}", "-m", "a tag")


def pack_of(repo: Repo) -> Path:
    (index,) = (repo.root / ".git/objects/pack").glob("*.idx")
    return index


def ids(repo: Repo, kind: str) -> set[str]:
    """Ids of all objects of a type, as git lists them."""
    listed = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
    return {line.split()[1] for line in listed.splitlines() if line.startswith(kind)}


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_versions_are_what_git_says_they_are(tmp_path, object_format) -> None:
    repo = Repo(tmp_path / "repo", f"--object-format={object_format}")
    fill(repo, 1)
    repo.git("gc", "-q", "--aggressive")
    pack = Pack(pack_of(repo), ID_SIZE[object_format])
    families = pack.families()
    versions = [version for family in families for version in family.versions(LIMIT, 1)]
    others = {block.type: dict(block.contents(LIMIT)) for block in pack.blocks()}
    assert {version.blob_id for version in versions}.isdisjoint(others["blob"])
    assert {version.blob_id for version in versions}.union(others["blob"]) == ids(repo, "blob")
    assert len(families) < len(versions), "git has kept nothing as a delta"
    for version in versions:
        assert repo.git("hash-object", "--stdin", stdin=version.data) == version.blob_id
    for kind in ("blob", "commit", "tag"):
        for object_id, content in others[kind].items():
            assert repo.git("hash-object", "--stdin", "-t", kind, stdin=content) == object_id
    assert set(others["commit"]) == ids(repo, "commit")
    assert set(others["tag"]) == ids(repo, "tag")


@pytest.mark.parametrize("seed", range(3))
def test_copies_are_the_same_bytes_in_the_version_above(repository, seed) -> None:
    fill(repository, seed)
    repository.git("gc", "-q", "--aggressive")
    told = 0
    for family in Pack(pack_of(repository), 20).families():
        path: list[bytes] = []
        for version in family.versions(LIMIT, 1):
            del path[version.depth :]
            done = 0
            for source, target, length in version.copies:
                assert path[-1][source : source + length] == version.data[target : target + length]
                assert target >= done, "copies are not in order of place"
                done = target + length
                told += 1
            path.append(version.data)
    assert told


def test_a_damaged_object_and_all_that_follow_from_it_are_left_to_git(repository) -> None:
    fill(repository, 4)
    repository.git("gc", "-q", "--aggressive")
    index = pack_of(repository)
    whole = {version.blob_id for family in Pack(index, 20).families() for version in family.versions(LIMIT, 1)}
    pack = index.with_suffix(".pack")
    pack.chmod(0o644)
    raw = bytearray(pack.read_bytes())
    for at in range(len(raw) // 3, len(raw) // 3 + 40):
        raw[at] ^= 0x55
    pack.write_bytes(raw)
    damaged = Pack(index, 20)
    items = [item for family in damaged.families() for item in family.versions(LIMIT, 1)]
    others = [item for block in damaged.blocks() for item in block.contents(LIMIT)]
    left = {item for item in [*items, *others] if isinstance(item, str)}
    read = {item.blob_id for item in items if not isinstance(item, str)}
    assert left
    assert not left & read
    assert read | left | set(Pack(index, 20).unclassed()) >= whole


def test_what_is_larger_than_the_limit_is_left_to_git_with_all_that_follow_from_it(repository) -> None:
    fill(repository, 5)
    repository.git("gc", "-q", "--aggressive")
    items = [item for family in Pack(pack_of(repository), 20).families() for item in family.versions(5000, 1)]
    assert all(len(item.data) <= 5000 for item in items if not isinstance(item, str))
    assert any(isinstance(item, str) for item in items)


def test_each_object_is_told_once_however_often_it_is_stored(repository, tmp_path) -> None:
    fill(repository, 6)
    repository.git("repack", "-q", "-d")
    fill(repository, 7)  # a second pack, some of it stored twice, and loose objects too
    kept = tmp_path / "kept"
    shutil.copytree(repository.root / ".git/objects", kept)
    repository.git("repack", "-q", "-a", "-d")
    for source in kept.rglob("*"):
        target = repository.root / ".git/objects" / source.relative_to(kept)
        if source.is_file() and not target.exists():
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    store = ObjectStore.open(repository.root / ".git/objects", 20)
    assert store
    versions = [item.blob_id for family in store.families() for item in family.versions(LIMIT, 1) if item.blob_id]
    others = [object_id for block in store.blocks() for object_id, _ in block.contents(LIMIT)]
    told = [*versions, *others, *store.unclassed()]
    assert len(told) == len(set(told))
    assert set(told) >= ids(repository, "blob") | ids(repository, "commit") | ids(repository, "tag")


def test_objects_of_an_alternate_belong_to_the_repository(repository, tmp_path) -> None:
    fill(repository, 8)
    repository.git("gc", "-q")
    borrower = Repo(tmp_path / "borrower")
    borrower.write(".git/objects/info/alternates", f"{repository.root / '.git/objects'}\n")
    store = ObjectStore.open(borrower.root / ".git/objects", 20)
    assert store
    assert len(list(store.families())) == len(Pack(pack_of(repository), 20).families())


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:900],
        lambda raw: b"\xfftOc\0\0\0\3" + raw[8:],
        lambda raw: raw[:1028] + b"\xff\xff\xff\xff" + raw[1032:],
        lambda raw: raw[:-45] + b"\xff" * 5 + raw[-40:],
    ],
)
def test_an_index_that_is_not_understood_leaves_all_to_git(repository, damage) -> None:
    fill(repository, 9)
    repository.git("gc", "-q")
    index = pack_of(repository)
    index.chmod(0o644)
    index.write_bytes(damage(index.read_bytes()))
    assert ObjectStore.open(repository.root / ".git/objects", 20) is None


def test_alternates_that_go_in_circles_leave_all_to_git(repository) -> None:
    objects = repository.root / ".git/objects"
    (objects / "info/alternates").write_text(f"{objects}\n")
    assert ObjectStore.open(objects, 20) is None
