"""What stands in base64 in a history is found like what stands there plainly, however git keeps the blobs."""

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


@pytest.mark.parametrize(
    ("copies", "news"),
    [
        ([], b"0123456789"),
        ([(0, 0, 10)], b""),
        ([(0, 0, 4), (5, 5, 5)], b"345"),
        ([(0, 2, 3)], b"012\n456789"),
        ([(0, 1, 2), (6, 4, 3)], b"01234\n6789"),
    ],
)
def test_the_news_of_a_version(copies, news) -> None:
    version = Version(b"0123456789", "", 1, copies)
    assert version.news(1, 99) == news
    assert version.news(1, 4) == news[:4]
