"""What a scan of code without secrets shows: every finding of the high and medium tiers, looked at and classed.

    python bench/noise.py NAME=FOLDER NAME=history:REPOSITORY ... [--into docs/accuracy.md]

Prints Markdown: for each corpus its lines, its findings and how many of them are false for each million lines; then the
findings themselves, with the verdict of whoever looked at them. Verdicts stand in bench/noise-verdicts.tsv: a line for
each secret with corpus, rule, the secret's id in reports, `true` or `false`, and why. Exits 1 where one is missing.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import measure

VERDICTS = Path(__file__).parent / "noise-verdicts.tsv"
ALLOWED = {"high": 1, "medium": 10}  # false findings for each million lines
_BEGIN, _END = "<!-- noise: made by bench/noise.py -->", "<!-- end of noise -->"


class Verdict(NamedTuple):
    """Whether a finding is a secret, and why."""

    true: bool
    why: str


class Seen(NamedTuple):
    """A finding: the same secret of the same rule counts once for each file."""

    corpus: str
    tier: str
    rule: str
    path: str
    shown: str
    secret_id: str


def scan(name: str, target: str) -> tuple[list[Seen], int]:
    """The findings of a corpus, and how many lines it has."""
    repository = target.removeprefix("history:")
    history = repository != target
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        options = ["--history", "--no-cache"] if history else []
        command = [sys.executable, "-m", "llmsecrets", "scan", *options, repository, "-f", "json", "-o", str(report)]
        done = subprocess.run([*command, "--exit-zero", "--allow-incomplete"], check=False, stderr=subprocess.PIPE)
        if done.returncode:
            raise SystemExit(done.stderr.decode())
        findings = json.loads(report.read_bytes())["findings"]
    lines = _lines_of_history(repository) if history else _lines_of_folder(Path(target))
    return list(dict.fromkeys(_seen(name, finding, repository) for finding in findings)), lines


def _seen(name: str, finding: Mapping[str, Any], root: str) -> Seen:
    path = finding["location"]["path"].removeprefix(root.lstrip("/")).removeprefix(root).lstrip("/")
    secret = " ".join(str(finding["secret"]).split())
    return Seen(name, finding["confidence"], finding["rule_id"], path, secret, finding["secret_id"])


def _lines_of_folder(folder: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def _lines_of_history(repository: str) -> int:
    """The lines of every blob of every version, each blob once."""
    git = ["git", "-C", repository, "cat-file", "--batch-all-objects", "--buffer", "--unordered"]
    with subprocess.Popen([*git, "--batch"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        return sum(chunk.count(b"\n") for chunk in iter(lambda: process.stdout.read(1 << 20), b""))


def verdicts() -> dict[tuple[str, str, str], Verdict]:
    with VERDICTS.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {(corpus, rule, secret): Verdict(word == "true", why) for corpus, rule, secret, word, why in rows}


def markdown(seen: Iterable[Seen], lines: Mapping[str, int], known: Mapping[tuple[str, str, str], Verdict]) -> str:
    findings = list(seen)
    return "\n".join((*_totals(findings, lines, known), "", *_list(findings, known)))


def _totals(seen: list[Seen], lines: Mapping[str, int], known: Mapping[tuple[str, str, str], Verdict]) -> Iterator[str]:
    yield "| corpus | million lines | high | false | a million lines | medium | false | a million lines |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for corpus, count in lines.items():
        cells = []
        for tier in ALLOWED:
            here = [one for one in seen if (one.corpus, one.tier) == (corpus, tier)]
            judged = [known[key] for one in here if (key := (corpus, one.rule, one.secret_id)) in known]
            false = sum(not verdict.true for verdict in judged)
            cells += [str(len(here)), str(false), f"{false * 1e6 / max(count, 1):.2f}"]
        yield f"| {corpus} | {count / 1e6:.2f} | {' | '.join(cells)} |"


def _list(seen: list[Seen], known: Mapping[tuple[str, str, str], Verdict]) -> Iterator[str]:
    yield "| corpus | file | rule | tier | value | verdict | why |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    files = Counter((one.corpus, one.rule, one.secret_id) for one in seen)
    shown = set()
    for one in sorted(seen):
        key = (one.corpus, one.rule, one.secret_id)
        if key in shown:
            continue
        shown.add(key)
        verdict = known.get(key)
        more = f" and {files[key] - 1} more" if files[key] > 1 else ""
        word, why = ("true" if verdict.true else "false", verdict.why) if verdict else ("not looked at", "")
        value = one.shown.replace("|", "\\|")
        yield f"| {one.corpus} | `{one.path}`{more} | {one.rule} | {one.tier} | `{value}` | {word} | {why} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", metavar="NAME=TARGET")
    parser.add_argument("--into", type=Path, help="put the result between the marks in this file")
    arguments = parser.parse_args()
    known, seen, lines = verdicts(), [], {}
    for corpus in arguments.corpora:
        name, _, target = corpus.partition("=")
        found, lines[name] = scan(name, target)
        seen += found
    result = markdown(seen, lines, known)
    measure.show(result, arguments.into, _BEGIN, _END)
    keys = {(one.corpus, one.rule, one.secret_id): one.path for one in seen}
    missing = {key: path for key, path in keys.items() if key not in known}
    for key, path in sorted(missing.items()):
        print("no verdict:", *key, path, sep="\t", file=sys.stderr)
    raise SystemExit(1 if missing else 0)


if __name__ == "__main__":
    main()
