"""ggshield: `.gitguardian.yaml`, versions 1 and 2.

Format: docs.gitguardian.com, ggshield configuration. An ignored match is the secret itself, or the SHA-256 that
ggshield shows: that of its matches with their types, mostly one match of one of a few types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from llmsecrets import yamlfile
from llmsecrets.migration import Known, Left, Taken, glob_of, is_list_of, is_mapping

NAMES = (".gitguardian.yaml", ".gitguardian.yml")
_DIGEST = re.compile("[0-9a-f]{64}")
_TYPES = (
    "apikey", "password", "client_secret", "client_id", "token", "connection_uri", "username", "database", "host",
    "secret", "privatekey", "private_key", "key", "access_token", "webhook_url", "url",
)  # fmt: skip
_DETECTORS = {
    "generic high entropy secret": ("generic-*",),
    "generic password": ("generic-*",),
    "generic database assignment": ("database-url-password",),
}
# Names of version 1, and what version 2 calls them.
_RENAMED = {
    "matches_ignore": "ignored_matches",
    "paths_ignore": "ignored_paths",
    "banlisted_detectors": "ignored_detectors",
    "blacklisted_detectors": "ignored_detectors",
}
_SECRET_KEYS = ("ignored_matches", "ignored_paths", "ignored_detectors")
_WITHOUT_MEANING = ("version", "instance", "api_url", "instances", "verbose", "all_policies", "show_secrets", "secret")


def read(path: Path) -> Taken:
    """A configuration of either version."""
    document = _renamed(yamlfile.load(path))
    version_2 = document.get("version") == 2
    secret = _renamed(is_mapping(document.get("secret", {}), f"{path}: secret")) if version_2 else document
    taken = Taken(
        exclude=tuple(
            glob_of(one, anywhere=not one.startswith("/"), below=False)
            for one in is_list_of(str, secret.get("ignored_paths"), f"{path}: ignored_paths")
        ),
        settings={"exit_zero": True} if document.get("exit_zero") is True else {},
        known=tuple(_known(secret, path)),
        left=tuple(_left(document, secret, path, version_2)),
    )
    for name in is_list_of(str, secret.get("ignored_detectors"), f"{path}: ignored_detectors"):
        globs = _DETECTORS.get(name.lower(), ())
        why = "which of our rules do the same is not known"
        taken = taken.plus(
            Taken(disable=globs, left=() if globs else (Left(f"{path}: ignored_detectors: {name}", why),))
        )
    return taken


def _renamed(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The keys with underscores, as ggshield takes both, and by their newer names."""
    plain = {key.replace("-", "_"): value for key, value in mapping.items()}
    return {_RENAMED.get(key, key): value for key, value in plain.items()}


def _known(secret: Mapping[str, Any], path: Path) -> Iterator[Known]:
    value = secret.get("ignored_matches")
    if not isinstance(value, list | None):
        is_list_of(dict, value, f"{path}: ignored_matches")
    for number, entry in enumerate(value or []):
        origin = f"{path}: ignored_matches[{number}]"
        entry = {"match": entry} if isinstance(entry, str) else is_mapping(entry, origin)
        match, name = str(entry.get("match", "")), str(entry.get("name") or "")
        accepts = _hashes_to(match) if _DIGEST.fullmatch(match) else _is(match)
        yield Known(origin, accepts=accepts, reason=f"ignored for ggshield: {name}" if name else "ignored for ggshield")


def _is(match: str) -> Callable[[bytes], bool]:
    return lambda secret: secret == match.encode()


def _hashes_to(digest: str) -> Callable[[bytes], bool]:
    def accepts(secret: bytes) -> bool:
        forms = (secret, *(secret + b"," + kind.encode() for kind in _TYPES))
        return any(sha256(form).hexdigest() == digest for form in forms)

    return accepts


def _left(document: Mapping[str, Any], secret: Mapping[str, Any], path: Path, version_2: bool) -> Iterator[Left]:
    known = (*_WITHOUT_MEANING, *_SECRET_KEYS, "exit_zero")
    for place, mapping in ((path, document), (f"{path}: secret", secret)) if version_2 else ((path, document),):
        for key in mapping:
            if key not in known:
                yield Left(f"{place}: {key}", "has no counterpart here")
