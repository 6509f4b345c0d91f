"""The audit's walk on a terminal: one screen a finding, one key a verdict. Made for 80 columns by 24 lines and up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import NamedTuple

import click
from rich.console import Console
from rich.text import Text

from llmsecrets.audit import Item, Ledger
from llmsecrets.baseline import Entry
from llmsecrets.cli.baseline import verdict_of
from llmsecrets.model import Commit, Finding, Secret
from llmsecrets.reporters.view import View, printable

_VERDICTS = {
    "f": {"state": "false-positive", "rotation": "", "expires": ""},
    "t": {"state": "test-data", "rotation": "", "expires": ""},
    "a": {"state": "accepted", "rotation": ""},
    "r": {"state": "real", "expires": ""},
}
_ROTATIONS = {"o": "open", "r": "rotated", "v": "revoked"}
_KEYS = (
    "r real  f false positive  t test data  a accepted  (capitals: wherever it stands)",
    "n note  s show/hide  space skip  u undo  q quit",
)
_FRAME, _MOST_CONTEXT, _MOST_PLACES = 14, 9, 3  # lines of a screen beside the context; lines of context; other places


class Sight(NamedTuple):
    """How a finding is looked at: what is told of it when it is shown."""

    around: Callable[[Finding], tuple[bytes, bytes] | None]  # what stands before and after the secret in its file
    age: Callable[[Finding], Commit | None]  # the commit it came in with
    why: Callable[[Finding], str]  # what its score is made of
    name: Callable[[Finding], str]  # of the rule


class Walk:
    """A walk through items, until its end or the user's."""

    def __init__(self, title: str, items: Sequence[Item], ledger: Ledger, view: View, sight: Sight) -> None:
        self._title, self._items, self._ledger, self._view, self._sight = title, items, ledger, view, sight
        self._console = Console(highlight=False)
        self._entries: dict[tuple[str, str, str], Entry] = {item.entry.identity: item.entry for item in items}
        self._decided: list[int] = []  # where on the walk the changes were made that can be taken back
        self._at, self._shown = 0, False

    def run(self) -> int:
        """Walk; returns how many verdicts stand."""
        with suppress(KeyboardInterrupt, EOFError):  # a way to leave like any other: what was decided is written
            self._walk()
        self._console.print()
        return self._verdicts

    def _walk(self) -> None:
        while self._at < len(self._items):
            item = self._items[self._at]
            if self._settled(item):  # by a verdict on all places of its secret
                self._go_on()
                continue
            self._draw(item)
            key = click.getchar()
            if key == "q":
                return
            self._act(key, item)

    @property
    def _verdicts(self) -> int:
        return sum(map(self._settled, self._items))

    # ---- keys

    def _act(self, key: str, item: Item) -> None:
        if key.lower() in _VERDICTS:
            self._decide(key, item)
        elif key == "n":
            note = self._ask("Note")
            self._change([self._entries[item.entry.identity]], {"reason": note})
        elif key == "s":
            self._shown = not self._shown
        elif key == " ":
            self._go_on()
        elif key == "u":
            self._undo()

    def _decide(self, key: str, item: Item) -> None:
        fields = dict(_VERDICTS[key.lower()])
        if fields["state"] == "real":
            self._console.print("What became of it?  o open   r rotated   v revoked   (other: back)")
            rotation = _ROTATIONS.get(click.getchar().lower())
            if not rotation:
                return
            fields["rotation"] = rotation
        if fields["state"] == "accepted":
            fields["expires"] = self._ask_day()
        everywhere = [entry for entry, _ in item.elsewhere if entry] if key.isupper() else []
        self._change([item.entry, *everywhere], fields)
        self._go_on()

    def _change(self, entries: Sequence[Entry], fields: Mapping[str, str]) -> None:
        for entry in self._ledger.decide(entries, **fields):
            self._entries[entry.identity] = entry
        self._decided.append(self._at)

    def _undo(self) -> None:
        for entry in self._ledger.undo():
            self._entries[entry.identity] = entry
        if self._decided:
            self._at, self._shown = self._decided.pop(), False

    def _go_on(self) -> None:
        self._at, self._shown = self._at + 1, False

    def _settled(self, item: Item) -> bool:
        return self._entries[item.entry.identity].state != item.entry.state

    def _ask(self, question: str) -> str:
        return self._console.input(Text(f"{question}: ")).strip()

    def _ask_day(self) -> str:
        while True:
            text = self._ask("Until which day, as 2027-01-31? (empty: no end)")
            try:
                return date.fromisoformat(text).isoformat() if text else ""
            except ValueError:
                self._console.print("That is no day.")

    # ---- the screen

    def _draw(self, item: Item) -> None:
        self._console.clear()
        for row in self._rows(item):
            row.truncate(self._console.width, overflow="ellipsis")
            self._console.print(row, no_wrap=True, crop=True)

    def _rows(self, item: Item) -> Iterator[Text]:
        finding, entry = item.findings[0], self._entries[item.entry.identity]
        place = f"{self._at + 1} of {len(self._items)}, {self._verdicts} decided"
        yield Text(f"{self._title}: {place}", style="bold")
        yield Text("")
        yield Text.assemble(
            (self._sight.name(finding), "bold"), f"  {finding.severity}, {finding.confidence} confidence"
        )
        why = Text(f"score {finding.score:.2f}: {self._view.text(self._sight.why(finding))}", style="dim")
        yield from why.wrap(self._console, self._console.width)[:2]
        yield Text(f"{printable(entry.path)}:{finding.location.start_line}{_more(len(item.findings))}", style="cyan")
        yield Text(self._age(finding), style="dim")
        yield Text("")
        yield from self._context(finding, max(1, min(_MOST_CONTEXT, self._console.height - _FRAME - _MOST_PLACES)))
        yield Text("")
        yield from self._elsewhere(item)
        if entry.reason:
            yield Text(f"note: {self._view.text(entry.reason)}", style="italic")
        yield from (Text(line, style="reverse") for line in _KEYS)

    def _age(self, finding: Finding) -> str:
        commit = self._sight.age(finding)
        if not commit:
            return "not in git yet"
        by = f"{self._view.text(commit.author)}, {commit.sha[:10]}"
        if not commit.date:  # a commit can have one that is none
            return f"by {by}"
        days = (date.today() - date.fromisoformat(commit.date[:10])).days
        return f"since {commit.date[:10]} ({max(0, days)} days), {by}"

    def _context(self, finding: Finding, most: int) -> Iterator[Text]:
        """The lines around the secret, its own cut so that the secret is to be seen."""
        around = self._sight.around(finding)
        if around:
            before, after = (part.decode("utf-8", "replace").split("\n") for part in around)
        else:
            before, after = [finding.excerpt.before], [finding.excerpt.after]
        above, below = before[:-1][-(most // 2) :] if most > 1 else [], after[1:][: most // 2]
        first = finding.location.start_line
        for number, line in enumerate(above, first - len(above)):
            yield Text(f"{number:>6}  {self._line(line)}")
        secret = self._secret(finding.secret)
        room = max(10, self._console.width - 12 - min(len(secret), self._console.width // 2))
        start = self._line(before[-1])
        yield Text.assemble(
            f"{first:>6}  ", ("…" + start[-room // 2 :]) if len(start) > room // 2 else start, (secret, "reverse bold"),
            self._line(after[0]),
        )  # fmt: skip
        for number, line in enumerate(below, finding.location.end_line + 1):
            yield Text(f"{number:>6}  {self._line(line)}")

    def _line(self, text: str) -> str:
        return self._view.text(text.rstrip("\r").replace("\t", "    "))

    def _secret(self, secret: Secret) -> str:
        if self._shown:
            return printable(secret.reveal().decode("utf-8", "backslashreplace"))
        return printable(secret.redacted())

    def _elsewhere(self, item: Item) -> Iterator[Text]:
        for entry, finding in item.elsewhere[:_MOST_PLACES]:
            verdict = verdict_of(self._entries.get(entry.identity, entry)) if entry else "not in the baseline"
            yield Text(f"also {printable(finding.provenance.whole_path)}:{finding.location.start_line} ({verdict})")
        if len(item.elsewhere) > _MOST_PLACES:
            yield Text(f"and in {len(item.elsewhere) - _MOST_PLACES} more places")


def _more(count: int) -> str:
    return f"  (and {count - 1} more times in this file)" if count > 1 else ""
