"""Filters decide, they do not delete: a finding is kept, or becomes Suppressed with the reason.

In order: inline ignore comments, the configuration's allowlist. What is left is looked up in the baseline (`known`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from llmsecrets.config import SHORTEST_SHA, AllowEntry, Config, Nearest
from llmsecrets.model import Candidate, Context, Suppressed
from llmsecrets.rules.globs import PATH_EXPRESSION, path_matches

# Our own word, and those of the tools people come from. Each silences its own line, the "nextline" one the next.
_IGNORE = (
    rb"(?i)llmsecrets:\s*ignore|gitleaks:allow|betterleaks:allow|trufflehog:ignore|kingfisher:ignore|ggignore"
    rb"|pragma:\s*(?:allow|white)list[ -]secret"
)
_IGNORE_NEXT = rb"(?i)pragma:\s*(?:allow|white)list\s+nextline\s+secret|llmsecrets:\s*ignore-next-line"
_TIMEOUT = 1.0  # seconds for one allowlist regex on one finding

Filter = Callable[[Candidate], Suppressed | None]


def excluder(config: Config) -> Callable[[str], str]:
    """Whether a path is excluded: the glob that says so, or nothing."""
    globs = tuple(config.exclude)
    if not globs:
        return lambda path: ""
    return lambda path: next((glob for glob in globs if _under(path, glob)), "")


def _under(path: str, glob: str) -> bool:
    """A glob names a file or a folder with all that is in it."""
    if PATH_EXPRESSION in glob:
        return path_matches(path, (glob,))
    glob = glob.rstrip("/")
    return path_matches(path, (glob, f"{glob}/*"))


def misplaced(config: Config) -> Callable[[str, str], bool]:
    """Whether the allowlist decides by the path against findings of a rule: elsewhere they might stand."""
    nearest = config.nearest or (lambda path: config.allow)
    return lambda rule_id, path: any(
        entry.paths and _paths_match(entry, path) and (not entry.rules or _rule_matches(entry, rule_id))
        for entry in nearest(path)
    )


def build(config: Config, today: date | None = None) -> Sequence[Filter]:
    """The filters of a scan, in order. Expired allowlist entries do not count."""
    return [_inline, _allowlist(config.nearest or (lambda path: config.allow), (today or date.today()).isoformat())]


def decide(candidate: Candidate, filters: Sequence[Filter]) -> Suppressed | None:
    """The first filter's decision against the candidate, or None: it is to be reported."""
    return next((decision for one in filters if (decision := one(candidate))), None)


def _inline(candidate: Candidate) -> Suppressed | None:
    context = candidate.context
    own = re.search(
        _IGNORE, re.sub(_IGNORE_NEXT, b"", context.line.reveal())
    )  # compiled when first needed, and kept by re
    found = own or re.search(_IGNORE_NEXT, context.line_before.reveal())
    return Suppressed(candidate.finding, "inline ignore", found.group().decode("ascii", "replace")) if found else None


def _allowlist(nearest: Nearest, today: str) -> Filter:
    known: dict[AllowEntry, Filter] = {}

    def decide_by_allowlist(candidate: Candidate) -> Suppressed | None:
        for entry in nearest(candidate.finding.provenance.path):
            if entry not in known:
                known[entry] = _allowed(entry)
            decision = None if entry.expired(today) else known[entry](candidate)
            if decision:
                return decision
        return None

    return decide_by_allowlist


def _allowed(entry: AllowEntry) -> Filter:
    patterns = _compiled(entry.regexes)

    def decide_by_entry(candidate: Candidate) -> Suppressed | None:
        finding = candidate.finding
        holds = (
            (not entry.rules or _rule_matches(entry, finding.rule_id))
            and (not entry.paths or _paths_match(entry, finding.provenance.whole_path))
            and (not entry.commits or _commit_matches(entry, candidate))
            and (not entry.stopwords or _holds_stopword(entry, candidate))
            and (not patterns or _regex_matches(patterns, _target(candidate.context, candidate, entry.target)))
        )
        return Suppressed(finding, "allowlist", f"{entry.reason} ({entry.origin})") if holds else None

    return decide_by_entry


def _compiled(patterns: Sequence[str]) -> list[Any]:
    if not patterns:
        return []
    import regex

    return [regex.compile(pattern.encode()) for pattern in patterns]


def _rule_matches(entry: AllowEntry, rule_id: str) -> bool:
    return any(fnmatchcase(rule_id, glob) for glob in entry.rules)


def _paths_match(entry: AllowEntry, path: str) -> bool:
    return any(_under(path, glob) for glob in entry.paths)


def _commit_matches(entry: AllowEntry, candidate: Candidate) -> bool:
    commit = candidate.finding.provenance.commit
    return commit is not None and any(
        len(sha) >= SHORTEST_SHA and commit.sha.startswith(sha.lower()) for sha in entry.commits
    )


def _holds_stopword(entry: AllowEntry, candidate: Candidate) -> bool:
    secret = candidate.finding.secret.reveal().lower()
    return any(word.lower().encode() in secret for word in entry.stopwords)


def _target(context: Context, candidate: Candidate, target: str) -> bytes:
    if target == "line":
        return context.line.reveal()
    return context.match.reveal() if target == "match" else candidate.finding.secret.reveal()


def _regex_matches(patterns: Sequence[Any], text: bytes) -> bool:
    """A pattern that takes too long has not matched: the finding stays."""
    try:
        return any(pattern.search(text, timeout=_TIMEOUT) for pattern in patterns)
    except TimeoutError:
        return False
