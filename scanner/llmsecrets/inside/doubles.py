"""What is found twice because it was read twice: as it stands and decoded, or as two forms of one notebook output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from llmsecrets.model import Candidate, Finding


def without_doubles(candidates: Sequence[Candidate], specificity: Callable[[str], int]) -> Sequence[Candidate]:
    """Each secret of one file once. `specificity` tells which of two rules, by id, says more."""
    if not any(one.finding.provenance.containers for one in candidates):
        return candidates
    kept = list(_shown_once(candidates))
    if not any(_depth(one.finding) for one in kept):
        return kept
    return [one for cluster in _clusters(kept) for one in _apart(cluster, specificity)]


def _shown_once(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """A notebook holds an output as plain text, HTML and more: the first form that shows a secret stands for all."""
    forms: dict[tuple[object, ...], str] = {}
    for candidate in candidates:
        finding = candidate.finding
        outputs = [one for one in finding.provenance.containers if one.kind == "output"]
        if outputs:
            form = dict(outputs[0].facts).get("kind", "")
            cells = [(one.kind, one.name) for one in finding.provenance.containers if one.kind != "encoded"]
            output = (finding.provenance.path, *cells, finding.family, finding.secret)
            if forms.setdefault(output, form) != form:
                continue
        yield candidate


def _depth(finding: Finding) -> int:
    """How often the text was decoded that a finding is in."""
    return sum(one.kind == "encoded" for one in finding.provenance.containers)


def _clusters(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """Candidates of one file whose places overlap, together."""
    cluster: list[Candidate] = []
    path, end = "", 0
    for candidate in sorted(candidates, key=_place):
        here, location = candidate.finding.provenance.whole_path, candidate.finding.location
        if cluster and (here != path or location.start >= end):
            yield cluster
            cluster, end = [], 0
        cluster.append(candidate)
        path, end = here, max(end, location.end)
    yield cluster


def _place(candidate: Candidate) -> tuple[str, int, int]:
    finding = candidate.finding
    return finding.provenance.whole_path, finding.location.start, finding.location.end


def _apart(cluster: Sequence[Candidate], specificity: Callable[[str], int]) -> Iterator[Candidate]:
    """Of candidates that share bytes but not the depth of decoding: the more specific, then the longer, then the
    deeper, unless it is the same secret.
    """

    def rank(candidate: Candidate) -> tuple[int, int, int]:
        location = candidate.finding.location
        return -specificity(candidate.finding.rule_id), location.start - location.end, -_depth(candidate.finding)

    depths: dict[object, int] = {}
    for one in cluster:
        key = (one.finding.family, one.finding.secret)
        depths[key] = min(depths.get(key, 99), _depth(one.finding))
    kept: list[Candidate] = []
    for candidate in sorted(cluster, key=rank):
        finding = candidate.finding
        first = _depth(finding) == depths[finding.family, finding.secret]
        if first and not any(_collide(finding, other.finding) for other in kept):
            kept.append(candidate)
    yield from sorted(kept, key=_place)


def _collide(one: Finding, other: Finding) -> bool:
    return (
        _depth(one) != _depth(other)
        and one.location.start < other.location.end
        and other.location.start < one.location.end
    )
