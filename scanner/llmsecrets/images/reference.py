"""Names of images, as docker reads them: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.

What has no host is at Docker Hub, what has no folder there in `library` (distribution/reference, normalize.go's rules).
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from llmsecrets.errors import ConfigError
from llmsecrets.images.streams import is_digest

HUB, _HUB_HOST = "docker.io", "registry-1.docker.io"
# The grammar of the distribution specification, "Pulling manifests".
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_HOST = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]{1,5})?", re.ASCII)
_LONGEST = 255


class Reference(NamedTuple):
    """A name in its parts. `host` is what credentials are stored for; `tag` or `digest` may be ""."""

    host: str
    path: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, name: str) -> Reference:
        """Raises ConfigError."""
        rest, _, digest = name.partition("@")
        host, slash, path = rest.partition("/")
        if not slash or not (host == "localhost" or set(".:[") & set(host)):
            host, path = HUB, rest
        path, _, tag = path.partition(":")
        host = HUB if host == "index.docker.io" else host
        path = f"library/{path}" if host == HUB and "/" not in path else path
        sound = (
            _HOST.fullmatch(host)
            and _PATH.fullmatch(path)
            and len(path) <= _LONGEST
            and (not tag or _TAG.fullmatch(tag))
            and (is_digest(digest) if "@" in name else True)
        )
        if not sound:
            raise ConfigError(
                f"{name!r} is no image: no such file or folder, and not a name such as ghcr.io/acme/app:1.0",
                "Check the path, or the name.",
            )
        return cls(host, path, tag if tag or digest else "latest", digest)

    def __str__(self) -> str:
        return f"{self.host}/{self.path}{self.tag and ':'}{self.tag}{self.digest and '@'}{self.digest}"

    @property
    def wanted(self) -> str:
        """What to ask the registry for: a digest is surer than a tag."""
        return self.digest or self.tag

    @property
    def address(self) -> str:
        """The host and port that serve the distribution API."""
        return _HUB_HOST if self.host == HUB else self.host


def is_loopback(address: str) -> bool:
    """Whether a host, with or without a port, is this machine."""
    host = address.rpartition(":")[0] if re.search(r":\d+$", address) else address
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
