"""What stands encoded in a history is found like what stands there plainly, however git keeps the blobs."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

import pytest
from support import Repo

from llmsecrets import templates
from llmsecrets.git import Repository
from llmsecrets.model import Version


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def prose(seed: int, lines: int = 120) -> list[str]:
    chance = random.Random(seed)
    words = "alpha beta gamma delta epsilon zeta eta theta".split()
    return [" ".join(chance.choices(words, k=9)) for _ in range(lines)]


def found(scan: Callable, repo: Repo, *options: str) -> list[tuple[str, str, int, bool]]:
    """(rule, path, line, whether it stands at HEAD) of each finding, all of them decoded."""
    entries = scan("--history", *options, cwd=repo.root).json["findings"]
    assert all(entry["provenance"]["containers"][-1]["kind"] == "encoded" for entry in entries)
    return sorted(
        (entry["rule_id"], entry["location"]["path"], entry["location"]["start_line"], entry["standing"]["at_head"])
        for entry in entries
    )


@pytest.mark.parametrize("packed", [False, True])
def test_base64_is_decoded_in_small_blobs(packed, repository, scan, key) -> None:
    settings = f"kind: settings\nfiles:\n  app.env: {encoded('token=' + key('github'))}\n"
    first = repository.commit({"settings.yaml": settings, "main.py": "a = 1\n"})
    repository.commit({"twice.txt": encoded(encoded(f"the key is {key('npm')}!"))})
    repository.remove("settings.yaml")
    if packed:
        repository.git("gc", "-q", "--aggressive")
    expected = [("github-pat", "settings.yaml", 3, False), ("npm-access-token", "twice.txt", 1, True)]
    assert found(scan, repository) == expected
    entry = next(one for one in scan("--history", cwd=repository.root).json["findings"] if one["rule_id"][0] == "g")
    assert entry["provenance"]["commit"]["sha"] == first
    assert found(scan, repository, "--max-decode-depth", "0") == []


def test_base64_is_decoded_in_versions_of_a_file(repository, scan, key) -> None:
    """One key comes and goes, one stays, one changes in its middle; each version is kept as what it changes."""
    lines, others = prose(1), prose(2)
    staying, passing = encoded(f"auth={key('github', 1)}"), encoded(f"auth={key('github', 2)}")
    before = encoded(f"{'a' * 29}={'?' * 40};{'z' * 30}")
    after = encoded(f"{'a' * 29}={key('npm'):?<40};{'z' * 30}")
    texts = [
        lines,
        [*lines[:40], f"x: {staying}", f"y: {before}", *lines[40:]],
        [*lines[:20], f"p: {passing}", *lines[20:40], f"x: {staying}", f"y: {before}", *lines[40:]],
        [*lines[:20], *others[:3], *lines[20:40], f"x: {staying}", f"y: {after}", *lines[40:]],
    ]
    for text in texts:
        repository.commit({"values.yaml": "\n".join(text)})
    repository.git("gc", "-q", "--aggressive")
    store = Repository(repository.root).object_store()
    assert store is not None
    assert any(store.families())
    expected = [
        ("github-pat", "values.yaml", 21, False),
        ("github-pat", "values.yaml", 41, True),
        ("npm-access-token", "values.yaml", 45, True),
    ]
    for _ in range(2):  # read, then remembered
        assert found(scan, repository) == expected


def test_what_stands_there_plainly_too_is_one_finding(repository, scan) -> None:
    password = encoded(templates.expand("{{alnum:12}}!{{alnum:10}}-{{alnum:8}}", 1))
    repository.commit({"settings.ini": f"[smtp]\npassword = {password}\n"})
    assert len(scan("--history", cwd=repository.root).json["findings"]) == 1


def test_a_notebook_is_opened_for_what_is_encoded_in_it(repository, scan, key) -> None:
    cell = f'{{"cell_type": "code", "source": ["x = 1\\n", "{encoded("id: " + key("github"))}"], "outputs": []}}'
    repository.commit({"nb.ipynb": f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4}}'})
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    assert [one["kind"] for one in entry["provenance"]["containers"]] == ["cell", "source", "encoded"]


ENCODINGS: tuple[Callable[[str], bytes], ...] = (
    lambda text: encoded(text).encode(),
    lambda text: encoded(encoded(text)).encode(),
    lambda text: text.encode().hex().encode(),
    lambda text: text.replace("_", "%5F").replace("-", "%2D").replace(":", "%3A").encode(),
    lambda text: text.replace("_", "\\u005f").replace("-", "\\u002d").encode(),
    lambda text: text.replace("_", "&#95;").replace("-", "&#x2d;").encode(),
    lambda text: f"\n{text}".encode("utf-16-le"),
    lambda text: f"\n{text}".encode("utf-32-be"),
)
KINDS = ("openai", "github", "npm", "gitlab", "slack")


@pytest.mark.parametrize("encode", ENCODINGS)
def test_every_encoding_is_decoded_in_small_blobs(encode, repository, scan, key) -> None:
    repository.commit(
        {"main.py": "a = 1\n", "app.conf": b'# settings\nvalue = "' + encode(f"id:{key('openai')} ok") + b'"\n'}
    )
    (entry,) = scan("--history", cwd=repository.root).json["findings"]
    assert (entry["rule_id"], entry["location"]["start_line"]) in (("openai-project-key", 2), ("openai-project-key", 3))


def test_a_blob_of_many_windows_is_decoded_to_its_end(repository, scan, key) -> None:
    """Each window holds another key, and one plainly."""
    filler = b"nothing to see here, nor anywhere around it\n" * 400_000  # 17 MiB
    lines = [b'value = "' + ENCODINGS[0](f"id:{key('github', number)} ok") + b'"\n' for number in range(3)]
    plain = f"token = {key('npm')}\n".encode()
    repository.commit({"large.log": filler + lines[0] + filler + plain + lines[1] + filler + lines[2]})
    entries = scan("--history", "--show-secrets", cwd=repository.root).json["findings"]
    assert {(one["secret"], one["location"]["start_line"]) for one in entries} == {
        (key("github", 0), 400_001), (key("npm"), 800_002), (key("github", 1), 800_003), (key("github", 2), 1_200_004),
    }  # fmt: skip


def edited(lines: list[bytes], chance: random.Random, key: Callable[..., str]) -> list[bytes]:
    """A few lines more, fewer or changed, and characters within what is encoded."""
    lines = list(lines)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(lines))
        match chance.choice(("insert", "insert", "delete", "damage", "move")):
            case "insert":
                secret = key(chance.choice(KINDS), chance.randrange(3))
                lines.insert(at, b'  value: "' + chance.choice(ENCODINGS)(f"id:{secret} {chance.random()}") + b'"')
            case "delete":
                del lines[at]
            case "damage":
                at = chance.choice([n for n, line in enumerate(lines) if b"value" in line] or [at])
                place = chance.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:place] + chance.choice((b"", b"x", b"M")) + lines[at][place + 1 :]
            case "move":
                lines.insert(chance.randrange(len(lines)), lines.pop(at))
    return lines


@pytest.mark.parametrize(("seed", "lines"), [(1, 120), (2, 150), (3, 1500), (4, 200)])
def test_a_history_tells_what_scans_of_all_versions_tell(seed, lines, repository, scan, key, tmp_path) -> None:
    """Each version descends from any before it. Of each secret, the number of versions that hold it is told."""
    chance = random.Random(seed)
    versions = [[line.encode() for line in prose(seed, lines)]]
    if seed == 4:
        versions[0].insert(0, b"apiVersion: v1")
    for _ in range(30):
        versions.append(edited(chance.choice(versions), chance, key))
    contents = dict.fromkeys(b"\n".join(version) for version in versions)
    for number, content in enumerate(contents):
        repository.commit({"values.yaml": content})
        (tmp_path / "versions" / str(number)).mkdir(parents=True)
        (tmp_path / "versions" / str(number) / "values.yaml").write_bytes(content)
    repository.git("gc", "-q", "--aggressive")
    options = ("--show-secrets", "--exit-zero")
    told = scan("--history", *options, cwd=repository.root).json["findings"]
    holders: dict[tuple[str, str], set[str]] = {}
    for entry in scan("versions", *options, cwd=tmp_path).json["findings"]:
        holders.setdefault((entry["rule_id"], entry["secret"]), set()).add(entry["location"]["path"])
    assert {(one["rule_id"], one["secret"]): one["standing"]["versions"] for one in told} == {
        secret: len(paths) for secret, paths in holders.items()
    }
    assert len(holders) > 8


@pytest.mark.parametrize(
    ("copies", "news"),
    [
        ([], b"0123456789"),
        ([(0, 0, 10)], b""),
        ([(0, 0, 4), (5, 5, 5)], b"345"),
        ([(0, 0, 4), (4, 4, 6)], b""),
        ([(0, 0, 4), (7, 4, 6)], b"34"),
        ([(3, 0, 10)], b"0"),
        ([(0, 2, 3)], b"012\n456789"),
        ([(0, 1, 2), (6, 4, 3)], b"01234\n6789"),
    ],
)
def test_the_news_of_a_version(copies, news) -> None:
    version = Version(b"0123456789", "", 1, copies)
    assert version.news(1) == news
