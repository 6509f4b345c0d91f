"""How much is found and how much is found wrongly, family by family, beside other scanners.

    python bench/accuracy.py [--peers FOLDER] [--into docs/accuracy.md]

The cases come from the project's own rules: every example, drawn afresh and put into several contexts, holds a secret;
every negative example, and generated text as it stands in code (`train_generic.generated`), holds none. Each is a file
of its own; it counts as found where a scanner reports anything in it. Peers that are in the folder (the `bin` of a
virtual environment: `pip install kingfisher-bin detect-secrets credsweeper`) scan the same files.

The cases are the shapes our rules were written for, so our recall says only that nothing breaks in a context; the
peers' recall shows how much of the catalogue they cover. The false-positive rates compare fairly.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import measure
from train_generic import generated

from llmsecrets.rules import Rule, load_rules
from llmsecrets.templates import expand

_BEGIN, _END = "<!-- accuracy: made by bench/accuracy.py -->", "<!-- end of accuracy -->"
SEED = 20261121  # of the cases; another one draws other keys


class Case(NamedTuple):
    """A file to scan: the family of its rule (the rule file's name), whether it holds a secret, name and content."""

    family: str
    secret: bool
    name: str
    text: str


# ---- the cases ---------------------------------------------------------------------------------------------------

CONTEXTS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: f"# kept for now\n{text}\n# end\n",
    lambda text: json.dumps({"note": "from a chat", "body": text}),
    lambda text: f"2026-11-21T08:00:00Z INFO worker-3 started with\n{text}\n2026-11-21T08:00:01Z INFO ready\n",
)


def cases() -> Iterator[Case]:
    """Two of the contexts for each example, in turn; each negative example; as many generated lines again."""
    count = 0
    for rule in load_rules():
        if rule.confidence == "low":
            continue
        family = Path(rule.origin.rpartition(":")[0]).stem
        for example in rule.examples:
            for turn in range(1 if rule.paths else 2):
                text = expand(example, SEED + turn)
                context = (
                    CONTEXTS[0] if rule.paths or "\n" in text.strip() else CONTEXTS[(count + turn) % len(CONTEXTS)]
                )
                yield Case(family, True, _name(rule), context(text))
            count += 1
        for example in rule.negative_examples:
            yield Case(family, False, _name(rule), expand(example, SEED))
    for case in generated(4000, random.Random(SEED)):
        if not case.secret:
            quote = '"' if case.quoted else ""
            yield Case("code without secrets", False, "settings.py", f"{case.name} = {quote}{case.value}{quote}\n")


def _name(rule: Rule) -> str:
    """A path the rule looks at."""
    return rule.paths[0].replace("**/", "").replace("*", "x") if rule.paths else "settings.py"


# ---- the scanners ------------------------------------------------------------------------------------------------


def ours(folder: Path) -> Iterator[str]:
    report = folder.parent / "ours.json"
    scan = [sys.executable, "-m", "llmsecrets", "scan", "cases", "-c", os.devnull, "-f", "json", "-o", str(report)]
    _run([*scan, "--exit-zero"], folder.parent)
    return (finding["location"]["path"] for finding in json.loads(report.read_bytes())["findings"])


def kingfisher(folder: Path, program: str) -> Iterator[str]:
    report = folder.parent / "kingfisher.json"
    scan = [program, "scan", "cases", "--no-validate", "--no-update-check", "--format", "json", "--output", str(report)]
    _run(scan, folder.parent)
    found = json.loads(report.read_bytes())
    findings = found.get("findings", []) if isinstance(found, dict) else found
    return (finding["finding"]["path"] for finding in findings)


def detect_secrets(folder: Path, program: str) -> Iterator[str]:
    done = _run([program, "scan", "--all-files", "--no-verify", "."], folder)
    return (f"cases/{path}" for path in json.loads(done)["results"])


def credsweeper(folder: Path, program: str) -> Iterator[str]:
    report = folder.parent / "credsweeper.json"
    _run([program, "--path", "cases", "--save-json", str(report), "--log", "error"], folder.parent)
    return (line["path"] for finding in json.loads(report.read_bytes()) for line in finding["line_data_list"])


PEERS: dict[str, Callable[[Path, str], Iterable[str]]] = {
    "kingfisher": kingfisher,
    "detect-secrets": detect_secrets,
    "credsweeper": credsweeper,
}


def _run(command: list[str], where: Path) -> bytes:
    return subprocess.run(command, cwd=where, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def _numbers(paths: Iterable[str]) -> set[int]:
    """Cases by number: cases/17/settings.py is the 17th."""
    return {int(path.replace(os.sep, "/").rpartition("cases/")[2].split("/")[0]) for path in paths}


# ---- the table ---------------------------------------------------------------------------------------------------


def markdown(every: list[Case], found: dict[str, set[int]]) -> str:
    totals = Counter((case.family, case.secret) for case in every)
    hits = {
        scanner: Counter((every[number].family, every[number].secret) for number in numbers)
        for scanner, numbers in found.items()
    }
    families = sorted({case.family for case in every})
    head = [f"{scanner} {what}" for what in ("recall", "false") for scanner in found]
    rows = [f"| family | secrets | others | {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) + 2)}"]
    for family in [*families, "**all**"]:
        chosen = families if family == "**all**" else [family]
        sizes = [sum(totals[one, secret] for one in chosen) for secret in (True, False)]
        cells = [
            _share(sum(hits[scanner][one, secret] for one in chosen), size)
            for secret, size in zip((True, False), sizes, strict=True)
            for scanner in found
        ]
        rows.append(f"| {family} | {sizes[0]} | {sizes[1]} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="folder of the peers' programs")
    parser.add_argument("--into", type=Path, help="put the result between the marks in this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "cases")
        every = list(cases())
        for number, case in enumerate(every):
            file = folder / str(number) / case.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(case.text, "utf-8")
        found = {"llmsecrets": _numbers(ours(folder))}
        for name, peer in PEERS.items():
            program = arguments.peers and arguments.peers.resolve() / name
            if program and program.exists():
                found[name] = _numbers(peer(folder, str(program)))
    result = markdown(every, found)
    measure.show(result, arguments.into, _BEGIN, _END)


if __name__ == "__main__":
    main()
