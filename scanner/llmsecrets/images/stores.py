"""Which store a target names: an image file or folder, the daemon, or a registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from llmsecrets.errors import ConfigError
from llmsecrets.images import Store


class Ways(NamedTuple):
    """How to reach a registry. `insecure`: plain HTTP, or a certificate that cannot be checked, will do."""

    insecure: bool = False


def open_store(target: str, ways: Ways) -> Store:
    """The store of a target: what its prefix says (skopeo's: docker://, oci:), a path that exists, or a registry."""
    for prefix, opener in _TRANSPORTS.items():
        if target.startswith(prefix):
            return opener(target[len(prefix) :], ways)
    if Path(target).exists():
        return _local(target, ways)
    if target.startswith((".", "/", "~")):
        raise ConfigError(f"{target}: no such file or folder", "Check the path.")
    return _registry(target, ways)


def _local(target: str, ways: Ways) -> Store:
    path = Path(target)
    if path.is_dir():
        from llmsecrets.images.layout import LayoutStore

        return LayoutStore(path)
    from llmsecrets.images.archive import ArchiveStore

    return ArchiveStore(target, lambda: path.open("rb", buffering=0))


def _registry(target: str, ways: Ways) -> Store:
    from llmsecrets.images.registry import RegistryStore

    return RegistryStore(target, insecure=ways.insecure)


_TRANSPORTS: dict[str, Callable[[str, Ways], Store]] = {
    "docker://": _registry,
    "oci:": _local,
    "oci-archive:": _local,
    "docker-archive:": _local,
}
