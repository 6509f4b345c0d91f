"""Attribution: which commit brought each secret of a history in, where to, and how it stands today.

A history is scanned before it is known where its blobs come from. What was seen in them is kept as places and keyed
digests; where those blobs stood is asked of the source afterwards, and only the blobs that show a secret at a place
for the first time are read once more, for what a report says of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from llmsecrets.engine import Engine, Match
from llmsecrets.engine.findings import describe, in_file
from llmsecrets.engine.settling import settle
from llmsecrets.inside import Limits, expand
from llmsecrets.inside.doubles import without_doubles
from llmsecrets.inside.excerpts import Writing, hiding, written
from llmsecrets.model import Candidate, Chunk, Commit, Provenance, Skip, Standing, identify
from llmsecrets.rules.globs import PATH_EXPRESSION
from llmsecrets.sources import ANYWHERE, REFS_NAMED, Place

if TYPE_CHECKING:
    from llmsecrets.resultcache import Answer, Found
    from llmsecrets.sources.history import HistorySource

_NEVER = float("inf")
Misplaced = Callable[[str, str], bool]  # (rule id, path) → whether an allowlist decides by the path
_Age = tuple[float, float, str, str, str]


class Sighting(NamedTuple):
    """A match in a blob of the history. `secret_id` groups the matches of one secret; the secret itself is not kept.

    `piece` is 0 where the blob itself holds it, else the number of the chunk that `inside.expand` gives for what it
    holds; `members` are the archive members that lead there.
    """

    match: Match
    secret_id: str
    piece: int = 0
    members: tuple[str, ...] = ()

    def path_in(self, path: str) -> str:
        """Where the match is, its blob being at a path."""
        return "/".join((path, *self.members))

    def dump(self) -> list[Any]:
        """As plain lists, for the cache."""
        return [self.match.rule.id, *self.match[1:], *self[1:]]

    @classmethod
    def parse(cls, dumped: list[Any], engine: Engine) -> Sighting:
        rule_id, start, end, secret_start, secret_end, confidence, score, facts, parts, *rest = dumped
        secret_id, piece, members = rest
        pairs, spans = tuple(map(tuple, facts)), tuple(map(tuple, parts))
        rule = engine.rules.get(rule_id)
        match = Match(rule, start, end, secret_start, secret_end, confidence, score, pairs, spans)
        return cls(match, secret_id, int(piece), tuple(members))


class Sightings:
    """What the blobs of a history hold, by their ids, and the provenance each one's chunks had."""

    def __init__(self, salt: str) -> None:
        """`salt` keys the digests of secrets."""
        self.key = bytes.fromhex(salt)
        self.of: dict[str, list[Sighting]] = {}
        self.provenances: dict[str, Provenance] = {}

    def add(self, piece: Chunk, matches: Sequence[Match], number: int) -> None:
        """Add the matches in a piece of a blob."""
        if not matches:
            return
        blob_id = piece.provenance.blob_id or ""
        members = tuple(one.name for one in piece.provenance.containers if one.kind == "member")
        self.provenances.setdefault(blob_id, piece.provenance if not number else Provenance("", blob_id=blob_id))
        self.of.setdefault(blob_id, []).extend(
            Sighting(match, identify(match.secret_in(piece), match.rule.family, self.key), number, members)
            for match in matches
        )

    def update(self, other: Sightings) -> None:
        self.of.update(other.of)
        self.provenances.update(other.provenances)

    def recall(self, sightings: Mapping[str, Any], provenances: Mapping[str, Any], engine: Engine) -> None:
        """Add what is known, in plain lists, of blobs that are not here yet."""
        for blob_id, dumped in sightings.items():
            if blob_id not in self.of:
                self.of[blob_id] = [Sighting.parse(one, engine) for one in dumped]
                self.provenances[blob_id] = Provenance.parse(provenances[blob_id], {})

    def dump(self) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """Both in plain lists, as `recall` takes them."""
        sightings = {blob_id: [one.dump() for one in seen] for blob_id, seen in self.of.items()}
        return sightings, {blob_id: one.dump() for blob_id, one in self.provenances.items()}


class Firsts(NamedTuple):
    """Each secret where a path first showed it, the oldest first, and by its id how it stands."""

    seen: Sequence[tuple[Sighting, Provenance]]
    standings: Mapping[str, Standing]


class Attribution:
    """One scan's sightings joined with the places their blobs stood at."""

    def __init__(self, engine: Engine, misplaced: Misplaced, limits: Limits, source: HistorySource) -> None:
        self._engine, self._misplaced, self._limits, self._source = engine, misplaced, limits, source
        self._verdicts: dict[tuple[str, str], bool] = {}

    def firsts(self, sightings: Sightings) -> Firsts:
        """Each secret once a path, at the commit that brought it there first."""
        globs = {glob for rule in self._engine.rules for glob in rule.paths if PATH_EXPRESSION not in glob}

        def elsewhere(blob_id: str, path: str) -> set[str]:
            seen = sightings.of[blob_id]
            if not all(self._is_misplaced(one.match, one.path_in(path)) for one in seen):
                return set()
            return {glob for one in seen for glob in _could_stand(one, self._source.met)}

        firsts: dict[tuple[str, str], tuple[_Age, Sighting, Place]] = {}
        holders: dict[str, set[str]] = {}
        standings: dict[str, list[Standing]] = {}
        for place in self._source.places(sightings.provenances, elsewhere, globs):
            since = age(place.provenance)
            for sighting in self._standing_at(sightings, place):
                key = (sighting.secret_id, sighting.path_in(place.provenance.path))
                holders.setdefault(sighting.secret_id, set()).add(place.provenance.blob_id or "")
                standings.setdefault(sighting.secret_id, []).append(place.standing)
                if key not in firsts or since < firsts[key][0]:
                    firsts[key] = (since, sighting, place)
        whole = {secret_id: together(known, len(holders[secret_id])) for secret_id, known in standings.items()}
        oldest_first = sorted(firsts.values(), key=lambda first: first[0])
        return Firsts([(sighting, place.provenance) for _, sighting, place in oldest_first], whole)

    def dump(self, firsts: Firsts, sightings: Sightings) -> Found:
        """What was asked of the settings, the first places, how secrets stand, and what else those blobs hold."""
        blob_ids = dict.fromkeys(provenance.blob_id or "" for _, provenance in firsts.seen)
        return (
            [(*asked, verdict) for asked, verdict in self._verdicts.items()],
            [[sighting.dump(), provenance.dump()] for sighting, provenance in firsts.seen],
            firsts.standings,
            {blob_id: [one.dump() for one in sightings.of[blob_id]] for blob_id in blob_ids},
        )

    def parse(self, answer: Answer, sightings: Sightings) -> Firsts:
        """The first places of an answer; `sightings` gets what else is in those blobs."""
        for blob_id, dumped in answer.sightings.items():
            sightings.of[blob_id] = [Sighting.parse(one, self._engine) for one in dumped]
        ids = dict.fromkeys(commit_id for _, (_, _, commit_id, *_) in answer.firsts if commit_id)
        found = self._source.commits(ids)
        commits = {one: found[one]._replace(order=number) for number, one in enumerate(ids) if one in found}
        seen = [
            (Sighting.parse(sighting, self._engine), Provenance.parse(provenance, commits))
            for sighting, provenance in answer.firsts
        ]
        standings = {
            secret_id: Standing(at_head, tuple(refs), versions)
            for secret_id, (at_head, refs, versions) in answer.standings.items()
        }
        return Firsts(seen, standings)

    def described(self, firsts: Firsts, sightings: Sightings) -> Iterator[Candidate]:
        """Full findings for the first places: their blobs are read once more, all others never."""
        wanted: dict[str, dict[Provenance, list[Sighting]]] = {}
        for sighting, provenance in firsts.seen:
            wanted.setdefault(provenance.blob_id or "", {}).setdefault(provenance, []).append(sighting)
        for chunk in self._source.contents(sorted(wanted)):
            blob_id = chunk.provenance.blob_id or ""
            for provenance, first in wanted[blob_id].items():
                here = chunk._replace(provenance=provenance)
                again = self._seen_again(here, first, sightings.of[blob_id])
                for candidate in without_doubles(again, self._engine.specificity):
                    secret_id = identify(candidate.finding.secret, candidate.finding.family, sightings.key)
                    standing = firsts.standings[secret_id]
                    yield candidate._replace(finding=candidate.finding._replace(standing=standing))

    def _standing_at(self, sightings: Sightings, place: Place) -> Iterator[Sighting]:
        provenance = place.provenance
        pieces: dict[int, dict[tuple[str, int, int], Sighting]] = {}
        for one in sightings.of[provenance.blob_id or ""]:
            match = one.match
            pieces.setdefault(one.piece, {})[match.rule.id, match.secret_start, match.secret_end] = one
        for piece in pieces.values():
            path = next(iter(piece.values())).path_in(provenance.path) if provenance.kind == "file" else ""
            for match in settle([one.match for one in piece.values()], path):
                yield piece[match.rule.id, match.secret_start, match.secret_end]._replace(match=match)

    def _is_misplaced(self, match: Match, path: str) -> bool:
        if not match.rule.applies_to(path):
            return True
        asked = (match.rule.id, path)
        if asked not in self._verdicts:
            self._verdicts[asked] = self._misplaced(*asked)
        return self._verdicts[asked]

    def _seen_again(self, chunk: Chunk, wanted: Sequence[Sighting], every: Sequence[Sighting]) -> Sequence[Candidate]:
        """The findings for sightings in a blob that is read once more; of `every` one, excerpts hide the secret."""
        inside = any(one.piece for one in every)
        found: list[Candidate] = []
        writings: list[Writing] = []
        for number, piece in numbered(chunk, self._limits if inside else None):
            if isinstance(piece, Chunk):
                here, masked = (
                    [one.match for one in some if one.piece == number and one.match.lies_in(piece)]
                    for some in (wanted, every)
                )
                if here:
                    found += describe(here, piece, masked)
                if inside:
                    writings += written(piece, in_file(masked, piece))
        return hiding(found, writings)


def numbered(chunk: Chunk, limits: Limits | None) -> Iterator[tuple[int, Chunk | Skip]]:
    """What a blob of the history holds, each with its number, and itself as 0; without limits, itself alone.

    What stands in a later window of a large blob is numbered from the window's place on.
    """
    if limits is None:
        yield 0, chunk
        return
    for number, piece in enumerate(expand(chunk, limits), 1 + chunk.offset):
        yield 0 if isinstance(piece, Chunk) and piece.data is chunk.data else number, piece


def _could_stand(sighting: Sighting, met: Mapping[str, object]) -> Sequence[str]:
    """Globs of the paths at which a match might stand: a rule limited to some needs one that ever was."""
    paths = sighting.match.rule.paths
    possible = [glob for glob in paths if glob in met or PATH_EXPRESSION in glob]
    if not paths or any(PATH_EXPRESSION in glob for glob in possible) or (possible and sighting.members):
        return (ANYWHERE,)
    return possible


def together(known: Sequence[Standing], versions: int) -> Standing:
    """How a secret stands, of the standings of all blobs that hold it."""
    refs = tuple(dict.fromkeys(ref for one in known for ref in one.refs))[:REFS_NAMED]
    return Standing(any(one.at_head for one in known), refs, versions)


def age(provenance: Provenance) -> _Age:
    """Oldest first, in the order of a history, else across time zones; what has no commit comes last. Two tags of one
    commit go by their own ids.
    """
    commit = provenance.commit
    order, sha = (commit.order, commit.sha) if commit else (_NEVER, "")
    return (order, _seconds(commit), sha, provenance.path, provenance.blob_id or "")


def _seconds(commit: Commit | None) -> float:
    """When a commit was written, in seconds since 1970."""
    from datetime import datetime

    return datetime.fromisoformat(commit.date).timestamp() if commit and commit.date else _NEVER


def came(provenance: Provenance) -> float:
    """Oldest first, for commits of several repositories, which have no order in common."""
    return _seconds(provenance.commit)
