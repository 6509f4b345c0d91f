"""Where a line can be looked at in a browser: addresses of the forge that a repository's remote names.

The remote comes from the scanned repository's configuration, so nothing of it is trusted: only a host and a path of
plain characters get into an address, and never what stood there of a user or password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from llmsecrets.model import Finding

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)"
_PATH = r"(?P<path>[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)+)"
_REMOTES = (
    re.compile(rf"(?:https?|git)://(?:[^/@\s]*@)?{_HOST}(?P<port>:\d{{1,5}})?/{_PATH}"),
    re.compile(rf"(?:git\+)?ssh://(?:[^/@\s]*@)?{_HOST}(?::\d{{1,5}})?/{_PATH}"),  # the port is that of ssh
    re.compile(rf"(?:[^/@:\s]*@)?{_HOST}:/?{_PATH}"),
)
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

Lines = Callable[[int, int], str]


class _Kind(NamedTuple):
    """How a kind of forge writes addresses: what stands between repository and commit, and the fragment of lines."""

    middle: str
    lines: Lines


_KINDS: Mapping[str, _Kind] = {
    "github": _Kind("/blob/", lambda first, last: f"?plain=1#L{first}-L{last}"),
    "gitlab": _Kind("/-/blob/", lambda first, last: f"#L{first}-{last}"),
    "bitbucket": _Kind("/src/", lambda first, last: f"#lines-{first}:{last}"),
    "codeberg": _Kind("/src/commit/", lambda first, last: f"#L{first}-L{last}"),
    "gitea": _Kind("/src/commit/", lambda first, last: f"#L{first}-L{last}"),
    "forgejo": _Kind("/src/commit/", lambda first, last: f"#L{first}-L{last}"),
}


class Forge(NamedTuple):
    """A repository on a forge. `kind` is a name of _KINDS, `revision` the commit that is checked out, if known."""

    kind: str
    url: str
    revision: str = ""

    def line_url(self, finding: Finding) -> str:
        """Where the finding can be looked at; empty where no commit is known, or it is in no file of this one."""
        provenance = finding.provenance
        commit = provenance.commit.sha if provenance.commit else self.revision
        if provenance.kind != "file" or not provenance.path or provenance.path.startswith("/"):
            return ""
        if not _SHA.fullmatch(commit) or any(one.kind == "submodule" for one in provenance.containers):
            return ""
        kind, location = _KINDS[self.kind], finding.location
        path = quote(provenance.path.encode("utf-8", "surrogateescape"), safe="/")
        lines = "" if provenance.containers else kind.lines(location.start_line, location.end_line)
        return f"{self.url}{kind.middle}{commit}/{path}{lines}"


def forge_of(remote: str, revision: str = "") -> Forge | None:
    """The forge a remote's address names, or None for one we do not know: by the name of its host."""
    for form in _REMOTES:
        found = form.fullmatch(remote.strip().rstrip("/").removesuffix(".git"))
        if found:
            host, path = found["host"].lower(), found["path"]
            kind = next((kind for kind in _KINDS if any(label.startswith(kind) for label in host.split("."))), None)
            if kind is None or ".." in path.split("/") or "." in path.split("/"):
                return None
            port = found.groupdict().get("port") or ""
            return Forge(kind, f"https://{host}{port}/{path}", revision)
    return None
