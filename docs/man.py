"""Writes docs/llmsecrets.1, the man page, from the commands' own help: python docs/man.py

The wheel brings it as share/man/man1/llmsecrets.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from llmsecrets.cli.commands import cli

PAGE = Path(__file__).with_name("llmsecrets.1")
_END = r"""
.SH EXIT STATUS
.TP
.B 0
nothing found, everything scanned
.TP
.B 1
findings (another with
.BR \-\-exit\-code )
.TP
.B 2
wrong usage, configuration, baseline or rule
.TP
.B 3
something could not be scanned, or a crash
.TP
.B 130
interrupted
.SH ENVIRONMENT
.TP
.BI LLMSECRETS_ KEY
a value for a key of the configuration, such as LLMSECRETS_EXCLUDE
.TP
.B LLMSECRETS_CACHE_DIR
where compiled rules and results of history scans are kept
.TP
.B LLMSECRETS_DEBUG
show the traceback of a crash, which may quote scanned content
.TP
.B CI
a scan that looked at nothing exits 3
.SH FILES
.TP
.I .llmsecrets.yaml
the configuration, looked for from the target's folder up to the root of its repository
.SH SEE ALSO
.BR git (1),
.BR githooks (5)
"""


def page() -> str:
    """The man page in the troff language of man(7)."""
    return "\n".join((*_start(), *_commands(cli, "llmsecrets"))) + _END


def _start() -> Iterator[str]:
    yield r".\" Written by docs/man.py: change the help of the commands, and run it again."
    yield '.TH LLMSECRETS 1 "" "llmsecrets" "User Commands"'
    yield ".SH NAME"
    yield r"llmsecrets \- find keys and passwords in files, changes and histories"
    yield ".SH SYNOPSIS"
    yield ".B llmsecrets"
    yield ".I command"
    yield r"[\fIoptions\fR] [\fIarguments\fR]"
    yield ".SH DESCRIPTION"
    for paragraph in _paragraphs(cli.help or ""):
        yield from _paragraph(paragraph)
    yield ".SH COMMANDS"


def _commands(group: click.Group, name: str) -> Iterator[str]:
    context = click.Context(group, info_name=name)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        if command is None or command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from _commands(command, f"{name} {word}")
        else:
            yield from _command(command, f"{name} {word}")


def _command(command: click.Command, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, **cli.context_settings)  # as commands inherit them
    yield f".SS {_escaped(' '.join((name, *command.collect_usage_pieces(context))))}"
    for paragraph in _paragraphs(command.help or ""):
        yield from _paragraph(paragraph)
    for option in command.get_params(context):
        row = option.get_help_record(context) if isinstance(option, click.Option) else None
        if row:
            yield from (".TP", rf"\fB{_escaped(row[0])}\fR", _escaped(row[1]))


def _paragraphs(text: str) -> list[str]:
    return re.split(r"\n\s*\n", text.strip())


def _paragraph(text: str) -> Iterator[str]:
    """A paragraph of a command's help: as it stands where click is told not to wrap it."""
    lines = [line.strip() for line in text.splitlines()]
    if lines[0] == "\b":
        yield from (".PP", ".nf", *(_escaped(line) for line in lines[1:]), ".fi")
    else:
        yield from (".PP", _escaped(" ".join(lines)))


def _escaped(text: str) -> str:
    """Text that troff takes for nothing else: a hyphen is one to type, a dot at the start no request."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("~", r"\(ti").replace("^", r"\(ha")
    return rf"\&{escaped}" if escaped[:1] in (".", "'") else escaped


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
