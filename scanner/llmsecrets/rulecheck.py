"""Rules held to their examples on every engine, a time limit on hostile text, and their share of ordinary text.

`rules check` reports all problems; rules of a user's own are checked before they scan anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llmsecrets import cache, matching, templates
from llmsecrets.engine import Engine, Match
from llmsecrets.engine.settling import settle
from llmsecrets.errors import RuleError
from llmsecrets.model import Chunk, Provenance
from llmsecrets.rules import MAX_WIDTH, Rule, RuleSet, load_rules, rule_files

_SEEDS = (1, 2)  # each example is tried with so many different random fillings
_PATIENCE = 0.25  # seconds for one pattern on one hostile text; an honest one needs a millisecond
_CUTS = (0.5, 0.75)  # how much of an example stands in front of a hostile text
_HOSTILE = (b"a", b"A", b"0", b" ", b"=", b"\n", b"a ", b"a=", b"a.", b"a-", b'"', b"\\", b"key=", b"{", b"a\n", b"0-")


_DIGEST = 20  # bytes of those that texts are full of
_PIECE = 512  # bytes of ordinary text looked at together
# The most pieces in a hundred that stage one may hand on for one rule. Good rules hand on none of random characters,
# those that go by common names three of source code.
_MOST_HANDED_ON = {"base64": 2, "hexadecimal digits": 2, "source code": 10}
_SOURCE = ("config.py", "engine/confirming.py", "git/__init__.py", "scan.py")  # of ours: everywhere the same


def selected(paths: Sequence[Path]) -> list[Rule]:
    """The rules of these files, or the built-in ones where none are named. Raises RuleError."""
    loaded = load_rules(paths)
    if not paths:
        return list(loaded)
    files = {str(file) for path in paths for file in rule_files(path)}
    return [rule for rule in loaded if rule.origin.rpartition(":")[0] in files]


def check(rules: Sequence[Rule]) -> Iterator[str]:
    """What is wrong with the rules, a line each: file, line, rule and reason."""
    whole = RuleSet.of(rules)
    engines = {name: Engine(whole, matching.compile_rules(whole, name)) for name in _engines()}
    for rule in rules:
        yield from (f"{rule.origin}: rule {rule.id!r}: {problem}" for problem in _problems(rule, engines))
    yield from _greedy(rules, engines["regex"])


def refuse_bad(paths: Sequence[Path]) -> None:
    """Raise RuleError for the first problem in rules of the user's own. The same files are checked once."""
    rules = selected(paths)
    name = f"{cache.key(b'checked', RuleSet.of(rules).digest.encode(), cache.code(__file__))}.checked"
    if cache.read(name) is not None:
        return
    for problem in check(rules):
        raise RuleError(problem, "See all problems: llmsecrets rules check PATH")
    cache.write(name, b"checked")


def _engines() -> tuple[str, ...]:
    return ("hyperscan", "regex") if find_spec("hyperscan") else ("regex",)


def _problems(rule: Rule, engines: dict[str, Engine]) -> Iterator[str]:
    kinds = {"example": rule.examples, "negative example": rule.negative_examples}
    named = [(f"{kind} {number}", text) for kind, texts in kinds.items() for number, text in enumerate(texts, 1)]
    unusable = [f"{name}: {problem}" for name, example in named if (problem := _unusable(example))]
    if unusable:
        yield from unusable
        return
    for expression in (rule.expression, *(part.expression for part in rule.components)):
        yield from _costly(expression, rule)
    for name, example in named:  # told by their numbers: whoever writes a token out in one shall not see it printed
        for engine_name, engine in engines.items():
            problem = _example_problem(rule, example, engine, wanted=name.startswith("example"))
            if problem:
                yield f"{name} {problem} on engine {engine_name}"


def _unusable(example: str) -> str:
    try:
        templates.expand(example, 1)
    except templates.TemplateError as failure:
        return str(failure)
    return ""


def _example_problem(rule: Rule, example: str, engine: Engine, *, wanted: bool) -> str:
    for seed in _SEEDS:
        text = templates.expand(example, seed).encode()
        found = _found(rule, text, engine)
        if wanted and not found:
            return "is not found"
        if not wanted and found:
            return "is found"
    return ""


def _found(rule: Rule, text: bytes, engine: Engine) -> list[Match]:
    matches, _ = engine.matches(Chunk(text, Provenance("")))
    path = rule.paths[0].replace("**/", "folder/").replace("*", "x") if rule.paths else ""
    settled = settle([match for match in matches if match.rule.id == rule.id], path)
    return [match for match in settled if not rule.score or match.confidence != "low"]


def _costly(expression: str, rule: Rule) -> Iterator[str]:
    """Patterns that need long on text made to mislead them: runs of characters, and examples cut short."""
    import regex

    pattern: Any = regex.compile(expression.encode())
    size = min(2 * max(rule.width, 512), MAX_WIDTH)
    starts = [templates.expand(example, 1).encode() for example in rule.examples[:3]]
    texts = [piece * (size // len(piece)) for piece in _HOSTILE]
    starts = [start[: int(len(start) * part)] for start in starts for part in _CUTS]
    texts += [start + piece * (size // len(piece)) for start in starts for piece in _HOSTILE]
    for text in texts:
        try:
            pattern.search(text, timeout=_PATIENCE)
        except TimeoutError:
            yield f"the pattern backtracks: more than {_PATIENCE:g} s on {len(text)} bytes"
            return


def _greedy(rules: Sequence[Rule], engine: Engine) -> Iterator[str]:
    """Rules for which stage one hands on more ordinary text than one rule's share, a line each.

    Counted, not timed: the outcome is the same on every machine. One engine finds candidates for all rules at once, the
    anchors decide, so that it does not depend on the engine either.
    """
    for kind, text in _ordinary():
        pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
        for index, count in _handed_on(rules, engine, pieces).items():
            share, most = 100 * count / len(pieces), _MOST_HANDED_ON[kind]
            if share > most:
                yield (
                    f"{rules[index].origin}: rule {rules[index].id!r}: costs more than its share: stage one would hand "
                    f"on {share:.0f} % of {kind}, at most {most} % are allowed; begin with a longer or rarer literal"
                )


def _ordinary() -> Iterator[tuple[str, bytes]]:
    """Texts that every scan is full of, by kind."""
    from base64 import b64encode
    from random import Random

    random = Random(1)  # noqa: S311 - drawn text, the same each time
    yield "base64", b64encode(random.randbytes(96_000))
    yield "hexadecimal digits", random.randbytes(48_000).hex("\n", _DIGEST).encode()
    yield "source code", b"".join((Path(__file__).parent / name).read_bytes() for name in _SOURCE)


def _handed_on(rules: Sequence[Rule], engine: Engine, pieces: Sequence[bytes]) -> Counter[int]:
    """In how many pieces stage one finds something, by the rule's index; rules that read everything left out."""
    import regex

    anchors: dict[int, Any] = {}
    counts: Counter[int] = Counter()
    for piece in pieces:
        for index in engine.regions(Chunk(piece, Provenance(""))):
            rule = rules[index]
            if rule.unanchored:
                continue
            if index not in anchors:
                anchors[index] = None if rule.gated else regex.compile(matching.anchor_of(rule).expression.encode())
            if anchors[index] is None or anchors[index].search(piece):
                counts[index] += 1
    return counts
