"""What docker's own configuration says of a registry: `auths`, `credsStore` and `credHelpers` in ~/.docker/config.json,
or the folder in DOCKER_CONFIG, and podman's auth.json (REGISTRY_AUTH_FILE).

A helper program is run only if that file names it, as `docker-credential-NAME get` with the registry on its standard
input (github.com/docker/docker-credential-helpers). Nothing it prints reaches a message.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmsecrets.errors import ConfigError
from llmsecrets.images.reference import HUB
from llmsecrets.model import Secret

_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_HUB_KEY = "https://index.docker.io/v1/"  # what docker stores its hub's under
_PATIENCE = 30  # seconds for a helper, which may ask the user
_TOKEN_USER = "<token>"  # noqa: S105 - a helper's way to say that the secret is an identity token


class Login(NamedTuple):
    """A user and password, or an identity token where the user is ""."""

    user: str
    password: Secret


def login(host: str) -> Login | None:
    """What is stored for a registry, or None. Raises ConfigError where it cannot be read."""
    keys = (_HUB_KEY, HUB, "index.docker.io") if host == HUB else (host, f"https://{host}", f"http://{host}")
    for file in _files():
        found = _from(file, keys)
        if found:
            return found
    return None


def _files() -> Iterator[Path]:
    if os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(os.environ["REGISTRY_AUTH_FILE"])
    folder = os.environ.get("DOCKER_CONFIG")
    yield (Path(folder) if folder else Path.home() / ".docker") / "config.json"
    if os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(os.environ["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"


def _from(file: Path, keys: tuple[str, ...]) -> Login | None:
    try:
        config = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as failure:
        raise ConfigError(
            f"{file}: cannot be read as docker's configuration", "Check it, or set DOCKER_CONFIG."
        ) from failure
    if not isinstance(config, dict):
        return None
    helpers, auths = _object(config.get("credHelpers")), _object(config.get("auths"))
    for key in keys:
        helper = helpers.get(key) or config.get("credsStore")
        found = _ask(helper, key, file) if helper else _decoded(_object(auths.get(key)))
        if found:
            return found
    return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _decoded(entry: Mapping[str, Any]) -> Login | None:
    """An entry of `auths`: an identity token, or user:password in base64."""
    if isinstance(entry.get("identitytoken"), str) and entry["identitytoken"]:
        return Login("", Secret(entry["identitytoken"].encode()))
    try:
        user, _, password = base64.b64decode(str(entry.get("auth", ""))).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return Login(user.decode("utf-8", "replace"), Secret(password.rstrip(b"\0"))) if user else None


def _ask(helper: Any, key: str, file: Path) -> Login | None:
    """What a credential helper knows of a registry; nothing, where it knows nothing."""
    if not isinstance(helper, str) or not _HELPER.fullmatch(helper):
        raise ConfigError(f"{file}: {str(helper)[:80]!r} is no name of a credential helper", "Check the file.")
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run([program, "get"], input=key.encode(), capture_output=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise ConfigError(
            f"{program}, named in {file}, does not answer", "Install it, or log in without it."
        ) from failure
    try:
        answer = _object(json.loads(done.stdout)) if done.returncode == 0 else {}
    except ValueError:
        answer = {}
    user, secret = answer.get("Username"), answer.get("Secret")
    if not isinstance(user, str) or not isinstance(secret, str) or not secret:
        return None
    return Login("" if user == _TOKEN_USER else user, Secret(secret.encode()))
