"""`rules bench`: which rule costs what on a corpus."""

from __future__ import annotations

import json

from test_rules import ACME, KEY, rule_file  # noqa: F401 - a fixture

from llmsecrets import rulebench
from llmsecrets.model import Chunk, Provenance
from llmsecrets.rules import load_rules

QUIET = ACME.replace("rules:\n", "").replace("acme", "zebra")


def chunk(text: str) -> Chunk:
    return Chunk(text.encode(), Provenance("notes"))


def test_what_is_found_and_confirmed_is_counted_by_rule(rule_file) -> None:  # noqa: F811
    rules = load_rules([rule_file(text=ACME + QUIET)], builtin=False)
    bench = rulebench.measure(rules, [chunk(f"{KEY}\n"), chunk("x" * 1000 + f" {KEY} {KEY[:-1]} "), chunk("nothing")])
    first, second = bench.costs
    assert (first.rule_id, first.confirmed, first.timeouts) == ("acme-key", 2, 0)
    assert first.regions >= 2
    assert 2 * len(KEY) <= first.size <= bench.size == 25 + 1000 + 3 + 2 * 25 - 1 + 7 + 1
    assert second._replace(seconds=0, alone=None) == rulebench.Cost("zebra-key")


def test_only_the_dearest_are_tried_alone(rule_file) -> None:  # noqa: F811
    rules = load_rules([rule_file(text=ACME + QUIET)], builtin=False)
    bench = rulebench.measure(rules, [chunk(f"{KEY}\n" * 5000)], top=1)
    assert [cost.alone is not None for cost in bench.costs] == [True, False]


def test_a_table_of_the_dearest_and_all_as_json(rule_file, llmsecrets, tmp_path) -> None:  # noqa: F811
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(f"{KEY}\n" * 100)
    chosen = ("--rules", rule_file(text=ACME + QUIET), "--enable", "acme-*", "--enable", "zebra-*")
    arguments = ("rules", "bench", corpus, *chosen, "--top", "1")
    shown = llmsecrets(*arguments)
    assert shown.code == 0
    assert [line.split()[0] for line in shown.stdout.splitlines()[2:]] == ["acme-key"]
    measured = json.loads(llmsecrets(*arguments, "--json").stdout)
    assert measured["size"] == 100 * (len(KEY) + 1)
    assert measured["rules"][0]["confirmed"] == 100
    assert KEY not in shown.stdout
