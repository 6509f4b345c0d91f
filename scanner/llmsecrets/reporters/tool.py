"""How this tool names itself in the reports that machines read."""

from __future__ import annotations

NAME = "llmsecrets"
URI = "https://pypi.org/project/llmsecrets/"


def version() -> str:
    """The installed version; "0" where the package runs without being installed."""
    from importlib import metadata  # late: costs the text report more than its own work

    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return "0"
