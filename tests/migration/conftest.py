"""What tests of migrations share: a run of the command, and nothing of a secret in what it says or writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import Outcome, Repo

BASELINE = ".llmsecrets-baseline.jsonl"


class Moved(NamedTuple):
    """A repository after a migration: what the command said, and the files it wrote."""

    said: str
    configuration: str
    entries: list[dict[str, Any]]

    def states(self) -> dict[str, str]:
        """Path → state of its one entry."""
        return {entry["path"]: entry["state"] for entry in self.entries}


@pytest.fixture
def migrate(repository: Repo, llmsecrets: Callable[..., Outcome]) -> Callable[..., Moved]:
    """`llmsecrets migrate TOOL … --write` at the root; `secrets` must not be in anything it says or writes."""

    def run(tool: str, *arguments: str | Path, secrets: tuple[str, ...] = ()) -> Moved:
        dry = llmsecrets("migrate", tool, *arguments, cwd=repository.root)
        assert dry.code == 0, dry
        assert "Nothing was written." in dry.stdout
        assert not (repository.root / BASELINE).exists()
        wet = llmsecrets("migrate", tool, *arguments, "--write", cwd=repository.root)
        assert wet.code == 0, wet
        texts = {name: _text(repository.root / name) for name in (".llmsecrets.yaml", BASELINE)}
        for secret in secrets:
            assert all(secret not in text for text in (dry.stdout, dry.stderr, wet.stdout, wet.stderr, *texts.values()))
        entries = [json.loads(line) for line in texts[BASELINE].splitlines()[1:]]
        return Moved(wet.stdout, texts[".llmsecrets.yaml"], entries)

    return run


def _text(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""
