"""What other programs call to look for secrets; docs/library.md shows it in use. Nothing here prints or exits."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from llmsecrets import filters, matching
from llmsecrets.config import Config
from llmsecrets.engine import Engine
from llmsecrets.git import Repository
from llmsecrets.inside import Limits, expand
from llmsecrets.model import Chunk, Finding, Provenance, ScanReport
from llmsecrets.rules import RuleSet, load_rules
from llmsecrets.scan import Scanner, Settings
from llmsecrets.sources import Source
from llmsecrets.sources.history import HistorySource
from llmsecrets.sources.paths import PathSource
from llmsecrets.sources.stdin import StdinSource

_DEFAULTS = Config()


def scan_text(
    text: str | bytes, name: str = "<text>", *, config: Config = _DEFAULTS, rules: RuleSet | None = None
) -> ScanReport:
    """Scan a text, or the content of a file. `name` is the path that findings will have."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return _scan(StdinSource(io.BytesIO(data), name), [name], config, rules)


def scan_paths(paths: Iterable[str | Path], *, config: Config = _DEFAULTS, rules: RuleSet | None = None) -> ScanReport:
    """Scan files and folders. Raises ConfigError for a path that is not there; what cannot be read is a Skip."""
    targets = [Path(path) for path in paths]
    source = PathSource(
        targets, excluded=filters.excluder(config), max_size=config.max_file_size, use_gitignore=config.use_gitignore
    )
    return _scan(source, list(map(str, targets)), config, rules)


def scan_history(repository: str | Path, *, config: Config = _DEFAULTS, rules: RuleSet | None = None) -> ScanReport:
    """Scan everything a git repository ever held. Raises SourceError where there is none that git would open."""
    source = HistorySource(
        Repository(Path(repository)), excluded=filters.excluder(config), max_size=config.max_file_size
    )
    return _scan(source, [str(repository)], config, rules)


def redact(text: str, *, min_confidence: str = "medium", rules: RuleSet | None = None) -> str:
    """The text with every secret in it, encoded ones too, replaced by the id of the rule that found it, in brackets.

    Nothing in the text can keep a secret from being replaced: comments such as `llmsecrets:ignore` do not count here.
    """
    data = text.encode("utf-8", "surrogatepass")
    whole = Chunk(data, Provenance("<text>", kind="stdin"))
    engine, shown = _engine(rules).clone(), Settings(min_confidence=min_confidence).shown
    found = [one.finding for piece in (whole, *_inside(whole)) for one in engine.find(piece)[0]]
    findings = [finding for finding in found if finding.confidence in shown]
    pieces, position = [], 0
    for start, end, rule_id in sorted(_spans(findings)):
        if start >= position:
            pieces += [data[position:start], f"[{rule_id}]".encode()]
        position = max(position, end)  # of secrets that overlap the first one's rule is named
    return b"".join((*pieces, data[position:])).decode("utf-8", "surrogatepass")


def _inside(whole: Chunk) -> Iterator[Chunk]:
    """What stands encoded in a text, or in a notebook's cells; not what is packed, which has no place in it."""
    for piece in expand(whole, Limits()):
        if isinstance(piece, Chunk) and piece.origin and piece.outermost.data is whole.data:
            yield piece


def _spans(findings: Iterable[Finding]) -> Iterable[tuple[int, int, str]]:
    """Where the secrets stand, and what stands beside them that only they make use of."""
    for finding in findings:
        yield finding.location.start, finding.location.end, finding.rule_id
        for part in finding.components:
            yield part.location.start, part.location.end, finding.rule_id


def _scan(source: Source, targets: list[str], config: Config, rules: RuleSet | None) -> ScanReport:
    return Scanner(_engine(rules).clone(), Settings.of(config)).scan(source, targets)


@lru_cache(4)
def _engine(rules: RuleSet | None) -> Engine:
    """The engine for some rules, the built-in ones by default. To be cloned: one serves a single thread."""
    chosen = rules or load_rules()
    return Engine(chosen, matching.compile_rules(chosen))
