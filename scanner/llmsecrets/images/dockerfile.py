"""Which line of a Dockerfile made which step of an image's history.

Builders write instructions down in their own words: variables replaced, files by their digests. So both are gone
through from their ends, and an instruction goes with the last line before that can be meant. The syntax:
https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llmsecrets.images.configuration import Step

_ESCAPE = re.compile(r"#\s*escape\s*=\s*([\\`])\s*$", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)([A-Za-z_]\w*)\1")
_FLAGS = re.compile(r"^(?:--[a-z]+(?:=\S*)?\s+)+")
_NAME = re.compile(r"([\w.\-/]+)[\"']?(?:=|\s)")
_BEGINNING = 40  # characters by which long commands are known: builders differ in how they write the rest
_BY_COMMAND, _BY_TARGET, _BY_NAME = ("RUN",), ("COPY", "ADD"), ("ENV", "LABEL", "ARG")


class Instruction(NamedTuple):
    """An instruction, from the line it starts at (the first is 1), its continued lines joined."""

    line: int
    keyword: str
    text: str


def instructions(dockerfile: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, comments left out."""
    lines = dockerfile.splitlines()
    directive = _ESCAPE.match(lines[0]) if lines else None
    escape = directive[1] if directive else "\\"
    numbered = iter(enumerate(lines, 1))
    for number, line in numbered:
        text = line.strip() if _counts(line) else ""
        while text.endswith(escape):
            text = f"{text[:-1].strip()} {next((more for _, more in numbered if _counts(more)), '').strip()}"
        if text.strip():
            for heredoc in _HEREDOC.finditer(text):
                text += "".join(f"\n{body}" for body in _body(numbered, heredoc[2]))
            keyword, _, rest = text.strip().partition(" ")
            yield Instruction(number, keyword.upper(), rest.strip())


def _counts(line: str) -> bool:
    """Whether a line continues the one before: comments and empty lines in between do not."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _body(numbered: Iterator[tuple[int, str]], end: str) -> Iterator[str]:
    for _, line in numbered:
        if line.strip() == end:
            return
        yield line


def last_stage(found: Sequence[Instruction]) -> list[Instruction]:
    """The instructions that the image is made of: the last stage's, behind those of the stages it is built on."""
    stages: list[list[Instruction]] = []
    named: dict[str, int] = {}
    made_of: list[list[Instruction]] = []
    for one in found:
        if one.keyword == "FROM":
            words = _FLAGS.sub("", one.text).split()
            base = named.get(words[0].lower()) if words else None
            made_of.append([] if base is None else list(made_of[base]))
            stages.append(made_of[-1])
            named[str(len(stages) - 1)] = len(stages) - 1
            if len(words) == 3 and words[1].lower() == "as":
                named[words[2].lower()] = len(stages) - 1
        elif made_of:
            made_of[-1].append(one)
    return made_of[-1] if made_of else []


def lines_of(history: Sequence[Step], dockerfile: str) -> dict[int, int]:
    """Number of a step → the line of its instruction, for those that a line can be told for."""
    found = last_stage(list(instructions(dockerfile)))
    lines: dict[int, int] = {}
    for step in reversed(history):
        at = next((at for at in range(len(found) - 1, -1, -1) if _means(found[at], step)), None)
        if at is not None:
            lines[step.number] = found[at].line
            found = found[:at] if not _shared(found[at], history, step) else found[: at + 1]
    return lines


def _shared(instruction: Instruction, history: Sequence[Step], step: Step) -> bool:
    """Whether the step before may be of the same line: some builders make a step of each name of an ENV or LABEL."""
    before = history[step.number - 2] if step.number > 1 else None
    return before is not None and instruction.keyword in _BY_NAME and _means(instruction, before)


def _means(instruction: Instruction, step: Step) -> bool:
    """Whether a line of the Dockerfile can be what the history calls so."""
    if instruction.keyword != step.keyword:
        return False
    written, done = _plain(instruction.text), _plain(step.text.partition(" ")[2])
    if instruction.keyword in _BY_COMMAND:
        return written[:_BEGINNING] == done[:_BEGINNING]
    if "$" in written:
        return True
    if instruction.keyword in _BY_TARGET:
        return written.split()[-1:] == done.split()[-1:]
    if instruction.keyword in _BY_NAME:
        return bool(set(_NAME.findall(f"{written} ")) & set(_NAME.findall(f"{done} ")))
    return True


def _plain(text: str) -> str:
    return " ".join(_FLAGS.sub("", text).split())
