"""What an image says of itself: the texts of its configuration, each by the instruction or key it stands under, and the
instruction that made each layer.

History lines are what builders leave in `created_by`. The classic builder and buildah write `/bin/sh -c #(nop) ENV …`
for instructions and `|1 TOKEN=… /bin/sh -c …` for a RUN with build arguments; BuildKit writes `ENV …` and
`RUN … # buildkit`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from llmsecrets.images.oci import listed, mapping, text

_NOP = re.compile(r"^/bin/sh -c #\(nop\)\s*")
_SHELL = re.compile(r"^(?:RUN\s+)?(?:\|(\d+)\s)?(.*)$", re.DOTALL)
_KEYWORD = re.compile(
    r"^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER"
    r"|VOLUME|WORKDIR)(?=\s|$)"
)
_WORDS = {
    "Cmd": "CMD",
    "Entrypoint": "ENTRYPOINT",
    "Healthcheck": "HEALTHCHECK",
    "OnBuild": "ONBUILD",
    "Shell": "SHELL",
}
_DIGESTS = ("rootfs", "parent", "container", "id", "parent_id", "layer_id")  # keys that hold nothing else
_TOLD = {"config": dict, "container_config": dict, "history": list}
_OF_STEP = {"created": str, "created_by": str, "empty_layer": bool}
_LONGEST = 200  # characters of a name made of those of objects within each other


class Step(NamedTuple):
    """One instruction of the history, counted from 1. `layer` is the number of the layer it made, 0 for none.

    `arguments` are the build arguments a RUN was given, `text` the instruction without them.
    """

    number: int
    keyword: str
    text: str
    arguments: str
    layer: int


class Said(NamedTuple):
    """A text of the configuration. `name` says where it stands; texts of one `topic` may repeat each other.

    `step` is the number of the instruction it comes from, 0 where that is not known.
    """

    name: str
    topic: str
    text: str
    step: int = 0


def steps(config: Mapping[str, Any], layers: int) -> list[Step]:
    """The history. Where it does not account for every layer, which step made which is unknown."""
    history = [mapping(one) for one in listed(config.get("history"))]
    making = sum(not one.get("empty_layer") for one in history)
    found, layer = [], 0
    for number, one in enumerate(history, 1):
        made = not one.get("empty_layer")
        layer += made
        keyword, instruction, arguments = _instruction(text(one.get("created_by")))
        found.append(Step(number, keyword, instruction, arguments, layer if made and making == layers else 0))
    return found


def _instruction(line: str) -> tuple[str, str, str]:
    """(keyword, instruction, build arguments) of a history line."""
    line = line.removesuffix(" # buildkit").strip()
    nop = _NOP.match(line)
    if nop:
        line = line[nop.end() :].strip()
    known = _KEYWORD.match(line)
    if known and known[1] != "RUN":
        return known[1], line, ""
    shell = _SHELL.match(line)
    assert shell  # it matches anything
    arguments, command = _parted(shell[2], int(shell[1][:3])) if shell[1] else ("", shell[2])
    is_run = bool(known or shell[1] or command.startswith("/bin/sh -c "))
    command = command.removeprefix("/bin/sh -c ").strip()
    return ("RUN", f"RUN {command}", arguments) if is_run else ("", command, "")


def _parted(line: str, count: int) -> tuple[str, str]:
    """Build arguments and the command behind them: values may hold blanks, so the shell is what ends them."""
    arguments, shell, command = line.partition(" /bin/sh -c ")
    if shell:
        return arguments, command
    words = line.split(" ")
    return " ".join(words[:count]), " ".join(words[count:])


def said(config: Mapping[str, Any], annotations: Mapping[str, str], history: Sequence[Step]) -> Iterator[Said]:
    """Every text of an image's configuration and its manifest's annotations, the most telling place first."""
    for key in ("config", "container_config"):
        yield from _settings(mapping(config.get(key)))
    yield from _history(config, history)
    rest = {key: value for key, value in _besides(config, _TOLD).items() if key not in _DIGESTS}
    yield from (Said(name, name, value) for name, value in _leaves(rest))
    yield from (Said(f"annotation {name}", "LABEL", f"{name}={value}") for name, value in annotations.items())


def _settings(settings: Mapping[str, Any]) -> Iterator[Said]:
    """What a container of the image would run with."""
    for entry in filter(None, _assignments(settings.get("Env"))):
        name, assigned, _ = entry.partition("=")
        yield Said(f"ENV {name}" if assigned else "ENV", "ENV", entry)
    for entry in filter(None, _assignments(settings.get("Labels"))):
        yield Said(f"LABEL {entry.partition('=')[0]}", "LABEL", entry)
    for key, keyword in _WORDS.items():
        words = [value for _, value in _leaves(settings.get(key))]
        if words:
            yield Said(keyword, keyword, " ".join(words))
    rest = {key: value for key, value in settings.items() if key not in ("Env", "Labels", *_WORDS)}
    yield from (Said(name, name, value) for name, value in _leaves(rest))


def _assignments(value: Any) -> Iterator[str]:
    """Names with what they are set to, whether an object holds them or, name=value each, a list."""
    return (f"{name}={one}" if name else one for name, one in _leaves(value))


def _besides(values: Mapping[str, Any], told: Mapping[str, type]) -> dict[str, Any]:
    """What is not told elsewhere: other keys, and those whose value is not of the type it should be."""
    return {key: value for key, value in values.items() if not isinstance(value, told.get(key, ()))}


def _history(config: Mapping[str, Any], history: Sequence[Step]) -> Iterator[Said]:
    for step, entry in zip(history, listed(config.get("history")), strict=True):
        if step.arguments:
            yield Said("ARG", "ARG", step.arguments, step.number)
        repeated = step.keyword in ("ENV", "LABEL", "ARG", *_WORDS.values())
        topic = step.keyword if repeated else f"{step.keyword} {step.number}"
        yield Said(step.keyword or "history", topic, step.text, step.number)
        rest = _besides(entry, _OF_STEP) if isinstance(entry, dict) else entry
        yield from (Said(f"history {name}".strip(), name, one, step.number) for name, one in _leaves(rest))


def setter(history: Sequence[Step], said: Said) -> Step | None:
    """The instruction a text comes from: its own, or the last one that set what it names."""
    if said.step:
        return history[said.step - 1]
    keyword, _, name = said.name.partition(" ")
    shown = re.compile(rf"[\s\"']{re.escape(name)}[\"']?[=\s]") if name else None
    setting = (one for one in reversed(history) if one.keyword == keyword)
    return next((one for one in setting if shown is None or shown.search(one.text)), None)


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """(name, text) of all strings in a JSON value, in order and however deep."""
    waiting = [(name, value)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, list):
            waiting += [(name, one) for one in reversed(value)]
        elif isinstance(value, dict):
            waiting += [(_below(name, key), one) for key, one in reversed(value.items())]


def _below(name: str, key: str) -> str:
    return f"{name}.{key}"[:_LONGEST] if name else key
