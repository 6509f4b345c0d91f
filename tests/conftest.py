"""What all tests share: clean surroundings, and the fixtures made of `support`."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support import ENGINES, Outcome, Repo, make_key, run_llmsecrets

from llmsecrets import matching
from llmsecrets.engine import Engine
from llmsecrets.matching import Matcher
from llmsecrets.rules import RuleSet, load_rules


@pytest.fixture(scope="session", autouse=True)
def _clean_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of our own, no CI, no GIT_… variables, no git configuration of the user's, no network."""
    home = tmp_path_factory.mktemp("home")
    cache = tmp_path_factory.getbasetemp() / "cache"
    if "PYTEST_XDIST_WORKER" in os.environ:  # one for all workers: they fill it together
        cache = cache.parent.parent / "cache"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("GIT_", "LLMSECRETS_"))]:
            patch.delenv(name)
        patch.delenv("CI", raising=False)
        patch.setenv("LLMSECRETS_CACHE_DIR", str(cache))
        patch.setenv("HOME", str(home))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setattr(socket.socket, "connect", _no_network)
        patch.setattr(socket, "getaddrinfo", _no_network)
        matching.compile_rules(load_rules())  # into the cache, as a user who has scanned before
        yield


def _no_network(*_: object) -> None:
    raise AssertionError("a test reached for the network")


# ---- keys and texts ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def key() -> Callable[..., str]:
    return make_key


# ---- the engine ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def builtin_rules() -> RuleSet:
    return load_rules()


@pytest.fixture(scope="session")
def builtin_matchers(builtin_rules: RuleSet) -> Mapping[str, Matcher]:
    return {name: matching.compile_rules(builtin_rules, name) for name in ENGINES}


@pytest.fixture(scope="session")
def builtin_engines(builtin_rules: RuleSet, builtin_matchers: Mapping[str, Matcher]) -> Mapping[str, Engine]:
    return {name: Engine(builtin_rules, matcher) for name, matcher in builtin_matchers.items()}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, builtin_engines: Mapping[str, Engine]) -> Engine:
    """The built-in rules on one engine, then on the other."""
    return builtin_engines[request.param]


# ---- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def llmsecrets(tmp_path: Path) -> Callable[..., Outcome]:
    """The command, run in `tmp_path` unless a `cwd` says otherwise; further names are environment variables."""

    def run(*arguments: str | Path, cwd: Path = tmp_path, **more: Any) -> Outcome:
        return run_llmsecrets(*arguments, cwd=cwd, **more)

    return run


@pytest.fixture
def scan(llmsecrets: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """`llmsecrets scan -f json …`"""

    def run(*arguments: str | Path, **more: Any) -> Outcome:
        return llmsecrets("scan", "-f", "json", *arguments, **more)

    return run


# ---- repositories --------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Repo:
    """An empty repository."""
    return Repo(tmp_path / "repository")
