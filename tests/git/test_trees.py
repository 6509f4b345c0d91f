"""The walk that reads trees itself prints what git prints, or fails and leaves it to git."""

from __future__ import annotations

import random
from array import array

import pytest
from support import Repo, random_history

from llmsecrets import forked
from llmsecrets.git import Repository
from llmsecrets.git.trees import by_trees
from llmsecrets.git.walk import Walk, Way, by_git

compiled = pytest.importorskip("llmsecrets.packed._compiled", reason="there was no compiler where this was installed")
pytestmark = pytest.mark.skipif(not forked.AVAILABLE, reason="this system does not fork")

EVERYTHING = ("--all", "--reflog")
LAYOUTS = {
    "loose": ["unpack-objects"],
    "as it came": [],
    "repacked": ["repack", "-adfq", "--depth=50"],
    "bases by their ids": ["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq"],
}


def walked(*ways: Way) -> tuple[bool, list[bytes], set[bytes]]:
    """Whether a walk broke off; its lines, and of them those for missing objects."""
    walk = Walk(*ways)
    broke_off = walk.broke_off
    walk._output.seek(0)
    lines = walk._output.read().splitlines()
    walk.close()
    return broke_off, [line for line in lines if line[:1] != b"?"], {line for line in lines if line[:1] == b"?"}


def own(repo: Repo, *revisions: str) -> Way:
    repository = Repository(repo.root)
    way = by_trees(repository, revisions or EVERYTHING, repository.object_store)
    assert way
    return way


def gits(repo: Repo) -> Way:
    return by_git(Repository(repo.root), EVERYTHING)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("seed", range(4))
def test_the_lines_are_those_of_git(repository, seed, layout) -> None:
    chance = random.Random(seed)
    unpack = ["-c", f"fastimport.unpackLimit={100_000 if layout == ['unpack-objects'] else 1}"]
    repository.git(*unpack, "fast-import", "--quiet", "--force", stdin=random_history(chance))
    if layout and layout != ["unpack-objects"]:
        repository.git(*layout)
    mine = walked(own(repository))
    assert mine == walked(gits(repository))
    assert len(mine[1]) > 150


def test_tags_come_with_the_first_commit(repository) -> None:
    repository.commit({"a": "1"})
    repository.git("tag", "-a", "-m", "one", "v1")
    repository.git("tag", "-a", "-m", "two", "v2", "v1")
    repository.commit({"a": "2"})
    (_, mine, _), (_, gits_own, _) = walked(own(repository)), walked(gits(repository))
    assert sorted(mine) == sorted(gits_own)
    assert mine[0] == gits_own[0]
    assert b" " not in mine[0]
    assert sum(line.endswith((b" v1", b" v2")) for line in mine) == 2


def test_ids_may_be_longer(tmp_path) -> None:
    repo = Repo(tmp_path / "sha256", "--object-format=sha256")
    repo.commit({"a/b": "1", "c": "2"})
    repo.commit({"a/b": "2"})
    repo.git("repack", "-adq")
    repo.commit({"a/d": "3"})  # loose
    assert walked(own(repo)) == walked(gits(repo))


def test_what_is_not_here_is_told(repository) -> None:
    repository.commit({"a/b": "1", "c": "2"})
    repository.commit({"a/b": "2"})
    tree, blob = repository.git("rev-parse", "HEAD~:a"), repository.git("rev-parse", "HEAD:c")
    for one in (tree, blob):
        (repository.root / ".git/objects" / one[:2] / one[2:]).unlink()
    mine = walked(own(repository))
    assert mine == walked(gits(repository))
    assert mine[2] == {b"?" + one.encode() for one in (tree, blob)}


def test_a_lost_commit_is_for_git_to_tell_of(repository) -> None:
    lost = repository.commit({"a": "1"})
    repository.commit({"a": "2"})
    (repository.root / ".git/objects" / lost[:2] / lost[2:]).unlink()
    assert walked(own(repository))[0]
    assert walked(own(repository), gits(repository)) == walked(gits(repository))


BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
HOSTILE = {
    "cut short": b"100644 a\0" + bytes.fromhex(BLOB)[:-1],
    "no name": b"100644 \0" + bytes.fromhex(BLOB),
    "no end of a name": b"100644 aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "no mode": b" a\0" + bytes.fromhex(BLOB),
    "a mode of letters": b"x00644 a\0" + bytes.fromhex(BLOB),
    "a file that is said to be a folder": b"40000 a\0" + bytes.fromhex(BLOB),
    "out of order, and twice": b"".join(b"100644 %s\0" % name + bytes.fromhex(BLOB) for name in (b"b", b"a", b"b")),
    "an odd mode": b"7777777777777 a\0" + bytes.fromhex(BLOB),
    "a name with a slash": b"100644 ../../a\0" + bytes.fromhex(BLOB),
}


@pytest.mark.parametrize("tree", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("packed", [False, True])
def test_a_tree_that_is_not_in_order_is_for_git_to_judge(repository, tree, packed) -> None:
    repository.git("hash-object", "-w", "-t", "blob", "--stdin", stdin=b"")
    made = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=tree)
    repository.git("update-ref", "refs/heads/main", repository.git("commit-tree", "-m", "x", made))
    if packed:
        repository.git(
            "pack-objects",
            "-q",
            ".git/objects/pack/pack",
            stdin=repository.git("rev-parse", "main", "main^{tree}").encode() + b"\n" + BLOB.encode() + b"\n",
        )
        repository.git("prune-packed", "-q")
    mine, gits_own = walked(own(repository)), walked(gits(repository))
    assert mine[0] or mine == gits_own
    assert walked(own(repository), gits(repository)) == gits_own


def test_folders_may_lie_deep_but_not_without_end(repository) -> None:
    def commit(path: str) -> None:
        head = "commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n"
        file = f"M 100644 inline {path}\ndata 0\n"
        repository.git("fast-import", "--quiet", "--force", stdin=(head + file).encode())

    commit("a/" * 900 + "b")
    assert walked(own(repository)) == walked(gits(repository))
    commit("a/" * 1500 + "c")
    assert walked(own(repository))[0]


@pytest.mark.parametrize("seed", range(8))
def test_damage_is_never_passed_over(repository, seed) -> None:
    """A walk of our own that comes to its end is git's, whatever bytes of a pack are changed."""
    chance = random.Random(seed)
    repository.git("-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--force", stdin=random_history(chance))
    (pack,) = (repository.root / ".git/objects/pack").glob("*.pack")
    pack.chmod(0o644)
    intact = pack.read_bytes()
    for _ in range(12):
        raw = bytearray(intact)
        for at in chance.sample(range(20, len(raw) - 20), 2):
            raw[at] ^= chance.randrange(1, 256)
        pack.write_bytes(raw)
        mine, gits_own = walked(own(repository)), walked(gits(repository))
        assert mine[0] or mine == gits_own


def trees(packs: list[tuple[object, ...]] | None = None, loose: bytes = b"", size: int = 20) -> compiled.Trees:
    return compiled.Trees(packs or [], loose, size, lambda packed, size: b"", lambda object_id: b"")


@pytest.mark.parametrize(
    "line", [b"x", b"0" * 40, b"0" * 40 + b" " + b"g" * 40, b"\0" * 81, b"0" * 40 + b" " + b"0" * 39]
)
def test_a_line_that_names_no_commit_is_refused(line) -> None:
    with pytest.raises(ValueError, match="commit"):
        trees(loose=bytes(20)).brought(line + b"\n")


def test_tables_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths"):
        trees([(b"PACK", array("Q", [0, 1]), bytearray(2), bytes(40))])
    with pytest.raises(ValueError, match="lengths"):
        trees([(b"PACK", array("Q", [0, 1, 2]), bytearray(2), bytes(39))])
    with pytest.raises(ValueError, match="size"):
        trees(size=64)


def test_offsets_outside_of_the_pack_are_not_followed() -> None:
    commit, tree = bytes([1] * 20), bytes([2] * 20)
    walk = trees([(b"PACK" * 3, array("Q", [0, 1 << 40, 1 << 41]), bytearray([1, 2]), commit + tree)])
    assert walk.brought(commit.hex().encode() + b" " + tree.hex().encode()).count(b"\n") == 2
