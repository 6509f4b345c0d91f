"""What a migration would write: a `.llmsecrets.yaml`, a baseline, and what is in neither with the reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from llmsecrets import baseline, yamlfile
from llmsecrets.engine import Engine
from llmsecrets.masking import secrets_in
from llmsecrets.migration import Known, Left, Taken
from llmsecrets.migration.resolve import Answer


class Plan(NamedTuple):
    """The text of the configuration and the baseline, either empty where there is nothing to say in it.

    `left` could not be carried over, `unneeded` need not be: nothing is reported where they allow it.
    """

    configuration: str
    known: baseline.Baseline
    left: tuple[Left, ...]
    unneeded: tuple[Left, ...]

    @property
    def states(self) -> Counter[str]:
        """How many entries of the baseline are in which state."""
        return Counter(entry.state for entry in self.known.entries)


def make(taken: Taken, engine: Engine, answer: Callable[[Known], Answer], tool: str) -> Plan:
    """Look up what is known, and put together the two files."""
    taken = _without_secrets(taken, engine)
    left, unneeded = list(taken.left), list[Left]()
    empty = baseline.new("history" if any(one.commit for one in taken.known) else "files")
    entries: list[baseline.Entry] = []
    for known in taken.known:
        found = answer(known)
        entries += [_judged(entry, known) for entry in baseline.entries_of(found.findings, empty.salts[0])]
        if not found.findings:
            (left if found.needed else unneeded).append(Left(known.origin, found.why))
    kept = empty._replace(entries=baseline.settled(entries))
    return Plan(_configuration(taken, tool, with_baseline=bool(entries)), kept, tuple(left), tuple(unneeded))


def _judged(entry: baseline.Entry, known: Known) -> baseline.Entry:
    rotation = "open" if known.state == "real" else ""
    return entry._replace(state=known.state, rotation=rotation, reason=known.reason)


def _configuration(taken: Taken, tool: str, *, with_baseline: bool) -> str:
    keys: dict[str, Any] = {
        **taken.settings,
        "exclude": list(taken.exclude),
        "disable": list(taken.disable),
        "allow": [{key: value for key, value in entry.items() if key != "origin"} for entry in taken.allow],
        "baseline": baseline.DEFAULT if with_baseline else "",
    }
    given = {key: value for key, value in keys.items() if value}
    return f"# Carried over from {tool}.\n{yamlfile.dump(given)}" if given else ""


# ---- secrets among the words of a configuration --------------------------------------------------------------------


def _without_secrets(taken: Taken, engine: Engine) -> Taken:
    """Allowlists that hold a secret word for word become entries of the baseline, which holds a digest of it."""
    allow: list[Mapping[str, Any]] = []
    known, left = list(taken.known), list(taken.left)
    for entry in taken.allow:
        rest = dict(entry)
        for key in ("regexes", "stopwords"):
            words = list(entry.get(key, ()))
            telling = [word for word in words if _holds_secret(word, engine)]
            if telling:
                rest[key] = [word for word in words if word not in telling]
                known += _by_value(telling, key, entry)
        if any(rest.get(key) for key in ("paths", "regexes", "stopwords", "commits", "rules")):
            allow.append({key: value for key, value in rest.items() if value != []})
    return taken._replace(allow=tuple(allow), known=tuple(known), left=tuple(left))


def _by_value(words: list[str], key: str, entry: Mapping[str, Any]) -> Iterator[Known]:
    for word in words:
        accepts = _searches(word) if key == "regexes" else _holds(word)
        yield Known(str(entry.get("origin", entry["reason"])), accepts=accepts, reason=str(entry["reason"]))


def _searches(pattern: str) -> Callable[[bytes], bool]:
    import regex

    compiled = regex.compile(pattern.encode())
    return lambda secret: bool(compiled.search(secret, timeout=1.0))


def _holds(word: str) -> Callable[[bytes], bool]:
    return lambda secret: word.lower().encode() in secret.lower()


def _holds_secret(word: str, engine: Engine) -> bool:
    """Whether an expression or a stopword spells a secret out."""
    plain = re.sub(r"\\(\W)", r"\1", re.sub(r"\\[AZbB]", "", word))
    return any(secrets_in(f"{form}\n", engine) for form in (word, plain))
