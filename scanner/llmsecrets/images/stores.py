"""Which store a target names: an image file or folder, the daemon, or a registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from llmsecrets.errors import ConfigError, SourceError
from llmsecrets.images import Store
from llmsecrets.images.reference import Reference


class Ways(NamedTuple):
    """How to reach a registry. `insecure`: plain HTTP, or a certificate that cannot be checked, will do."""

    insecure: bool = False


def open_store(target: str, ways: Ways) -> Store:
    """The store of a target: what its prefix says (those of skopeo), a path, a daemon's image, or a registry's."""
    for prefix, opener in _TRANSPORTS.items():
        if target.startswith(prefix):
            return opener(target[len(prefix) :], ways)
    if Path(target).exists() or target.startswith((".", "/", "~")):
        return _local(target, ways)
    Reference.parse(target)  # a name at all?
    from llmsecrets.images.daemon import daemon_store

    return daemon_store(target) or _registry(target, ways)


def _local(target: str, ways: Ways) -> Store:
    path = Path(target)
    if path.is_dir():
        from llmsecrets.images.layout import LayoutStore

        return LayoutStore(path)
    from llmsecrets.images.archive import ArchiveStore

    try:
        return ArchiveStore(target, lambda: path.open("rb", buffering=0))
    except OSError as failure:
        raise ConfigError(f"{target}: cannot be read: {failure.strerror}", "Check the path.") from failure


def _daemon(target: str, ways: Ways) -> Store:
    from llmsecrets.images.daemon import daemon_store

    store = daemon_store(target)
    if store is None:
        raise SourceError(f"{target}: no daemon of this machine has it", "Check its name, and access to its socket.")
    return store


def _registry(target: str, ways: Ways) -> Store:
    from llmsecrets.images.registry import RegistryStore

    return RegistryStore(target, insecure=ways.insecure)


_TRANSPORTS: dict[str, Callable[[str, Ways], Store]] = {
    "docker://": _registry,
    "docker-daemon:": _daemon,
    "oci:": _local,
    "oci-archive:": _local,
    "docker-archive:": _local,
}
