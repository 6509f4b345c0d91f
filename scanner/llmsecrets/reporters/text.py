"""The text report, for people: the lines of `lines`, plainly, or in colour on a terminal.

rich is imported only for colour: the plain report is what a hook prints, and often.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TextIO

from llmsecrets.model import ScanReport
from llmsecrets.reporters import Options
from llmsecrets.reporters.lines import Line, report_lines
from llmsecrets.reporters.view import inert
from llmsecrets.rules import RuleSet

_NARROWEST = 20  # columns of text, however narrow the terminal


def write(report: ScanReport, rules: RuleSet, out: TextIO, options: Options) -> None:
    lines = report_lines(report, rules, options)
    if _colored(out, options):
        _write_colored(lines, out, options.width)
    else:
        _write_plain(lines, out)


def _colored(out: TextIO, options: Options) -> bool:
    """The user's choice, else what terminals and https://no-color.org agree on."""
    if options.color is not None:
        return options.color
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write_plain(lines: Iterable[Line], out: TextIO) -> None:
    """One line each, never wrapped: other programs read this."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    out.writelines(f"{_encodable(inert(line.text.rstrip()), encoding)}\n" for line in lines)


def _encodable(text: str, encoding: str) -> str:
    """The text with escapes for what the reader's encoding lacks: one odd name must not end the report."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _write_colored(lines: Iterable[Line], out: TextIO, width: int | None) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=out, force_terminal=True, color_system="standard", no_color=False, width=width, highlight=False
    )
    for line in lines:
        # Text, not a string: markup and emoji codes in a path stay what they are.
        text = Text.assemble(*line.segments)
        room = max(console.width - line.indent, _NARROWEST)
        for row in text.wrap(console, room, overflow="fold") if text.cell_len > room else (text,):
            row.rstrip()
            console.print(Text(" " * line.indent) + row, soft_wrap=True)
