"""A repository's whole history, read as objects.

Every blob is scanned once, however many commits, branches and merges show it, and so are the messages of commits and
annotated tags. Git streams the objects in the order of its packs; where they came from is walked meanwhile and looked
up afterwards, for those with findings.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from functools import cache as once
from functools import cached_property
from typing import Any

from llmsecrets.cache import key as digest
from llmsecrets.errors import SourceError
from llmsecrets.forked import Queue
from llmsecrets.git import Repository
from llmsecrets.git.changes import Change
from llmsecrets.git.walk import ORDER, Seen, Walk, sequence_of
from llmsecrets.model import Batch, Chunk, Commit, Container, Content, Provenance, Skip, Standing
from llmsecrets.packs import ObjectStore
from llmsecrets.resultcache import Answer, Found, ResultCache, State
from llmsecrets.rules.globs import path_matches
from llmsecrets.sources import ANYWHERE, REFS_NAMED, Excluded, Place
from llmsecrets.sources.blobs import MISSING, Blobs, not_here
from llmsecrets.sources.messages import MESSAGES, target_of
from llmsecrets.sources.standing import Trees

Elsewhere = Callable[[str, str], Set[str]]
_EVERYTHING = ("--all", "--reflog")
_PATHS_LOOKED_AT = 100
_REFS_LOOKED_AT = 20


class HistorySource:
    """All objects reachable from any ref or reflog; with `unreachable`, the rest of the object database too."""

    separable = True

    def __init__(
        self,
        repository: Repository,
        *,
        excluded: Excluded,
        max_size: int,
        unreachable: bool = False,
        cache: ResultCache | None = None,
        submodule: str = "",
    ) -> None:
        """`cache` may tell how the repository was when it was last scanned: then only what came since is read.

        `submodule` is its path where it is another one's: reported paths, and those that are excluded, start there.
        """
        self._repository = repository
        self._blobs = Blobs(repository, max_size)
        self._unreachable, self._submodule = unreachable, submodule
        self._excluded = excluded
        self._verdicts: dict[str, bool] = {}  # on the paths that were asked about
        self._refs, self._boundary = repository.refs(), repository.boundary()
        self._tips = repository.named(self._refs)
        self.cache = cache
        self.known: State | None = None
        self._answered = False
        self.skips: list[Skip] = []
        self._brought: dict[str, list[str]] = {}
        self._further: dict[str, list[list[str]]] = {}
        self.met: Mapping[str, Collection[str]] = {}
        self._order: dict[str, int] = {}  # of commits that brought something in, in the walk
        self._commits = 0  # how many it met
        self._walked: Seen | None = None  # by what all of them were met
        self._whole: Walk | None = None  # instead of the walk since the last scan, where that does not tell enough
        self._aside: dict[str, tuple[str, str]] = {}  # places of what no commit brought in
        self._damaged = False  # whether it broke off
        self._trees = Trees(repository, "HEAD", max_size)

    def shards(self, jobs: int) -> Sequence[Iterator[Content]]:
        store = self._begin()
        if self.known:
            pending = "\n".join(self.known.pending).encode()
            beside = self._beside.objects() if self._beside and {*self._apart} - {*self.known.tips} else []
            new = self._repository.of_types([*self._walk.objects(), *beside], ("blob", *MESSAGES))
            return [self._blobs.read(itertools.chain((pending,) if pending else (), new))]
        if store is None:
            blocks = self._repository.every_object(("blob", *MESSAGES))
            return [self._blobs.read(iter(blocks[number::jobs])) for number in range(jobs)]
        unclassed = [object_id.encode() for object_id in store.unclassed()]
        rest = b"\n".join(self._repository.of_types(unclassed, ("blob", *MESSAGES))).decode().split()
        families, others = Queue(store.families()), Queue(store.blocks())
        return [
            itertools.chain(
                self._blobs.versions(families), self._blobs.objects(others), self._blobs.named(rest[number::jobs])
            )
            for number in range(jobs)
        ]

    def _begin(self) -> ObjectStore | None:
        """Begin to walk what came since the last scan, or all of it. Returns what all is read from, if that can be."""
        self.known = self._to_go_on_from()
        apart = self._lead_to_no_commit()
        self._apart = sorted(set(apart.values()))
        self._beside = self._repository.walk(stdin="\n".join(self._apart).encode()) if apart else None
        self._reached = (*(f"--exclude={name}" for name in apart), *_EVERYTHING)
        if self.known:
            self._walk = self._repository.walk(*self._reached, stdin="\n".join(self._since(self.known)).encode())
            if self._walk.broke_off or not (self._walk.is_whole or self._repository.is_partial):
                self.known = None
        store = once(self._repository.object_store)
        if not self.known:
            tagged = any(kind != "commit" for tip, kind in self._kinds.items() if tip not in self._apart)
            self._walk = self._repository.walk(*self._reached, store=store, tagged=tagged)
        told = [Skip.parse(one) for one in self.known.told] if self.known else []
        here = self._here(told)  # what was left out of these by intent need not be read for it
        self.skips += [one for one in told if one.provenance.blob_id in here]
        return None if self.known else store()

    def _lead_to_no_commit(self) -> dict[str, str]:
        """Name → id of the refs that name a blob or a tree, or a tag of one: nothing brought these in.

        A walk would take all they hold for brought in by the commit it happens to meet first.
        """
        led = self._repository.peeled(tip for tip, kind in self._kinds.items() if kind == "tag")
        named = (line.decode("utf-8", "surrogateescape").split(" ", 1) for line in self._refs.split(b"\n") if line)
        kinds = {**self._kinds, **{tag: kind for tag, (_, kind) in led.items()}}
        return {name: object_id for object_id, name in named if kinds.get(object_id) in ("blob", "tree")}

    @cached_property
    def _kinds(self) -> dict[str, str]:
        """The types of what is named, as far as it is here."""
        return dict(self._repository.types(self._tips))

    def _to_go_on_from(self) -> State | None:
        """How the repository was when last scanned, if what was read then is still there to build on.

        Of a commit, tag or tree that could not be read then and can be now, more may follow than its own content.
        """
        known = self.cache.state.load() if self.cache else None
        if known is None or known.boundary != self._boundary or not self._repository.has_all(known.tips):
            return None
        back = self._repository.types(known.pending) if known.pending else ()
        return known if all(kind == "blob" for _, kind in back) else None

    def answer(self, misplaced: Callable[[str, str], bool]) -> Answer | None:
        """What the last scan came to, where nothing has changed since that it depended on."""
        if self.cache is None:
            return None
        situation, answer = self._situation, self.cache.answer.load()
        if (
            answer is None
            or answer.situation != situation
            or any(self._is_excluded(path) != verdict for path, verdict in answer.excluded.items())
            or any(misplaced(rule_id, path) != verdict for rule_id, path, verdict in answer.misplaced)
        ):
            return None
        skips = [Skip.parse(one) for one in answer.skips]
        here = self._here(skips)
        if any((one.provenance.blob_id in here) == (one.reason == MISSING) for one in skips):
            return None
        self.skips += skips
        self._answered = True
        return answer

    @property
    def remembered(self) -> bool:
        """Whether an earlier scan has looked at what is here, or at all but what came since."""
        return bool(self._tips) and (self._answered or self.known is not None)

    @cached_property
    def _situation(self) -> str:
        """Refs and HEAD as the scan met them: should HEAD move meanwhile, the next scan does not find it the same."""
        tips = "\n".join((*self._tips, self._repository.head(), self._boundary))
        return digest(self._refs, tips.encode())

    def remember(
        self, sightings: dict[str, list[Any]], provenances: dict[str, list[Any]], salt: str, found: Found
    ) -> None:
        """Keep what this scan came to for the next one. Only after `places` has been gone through."""
        if self.cache and not self._damaged:
            state = self._state(sightings, provenances, salt)
            self.cache.state.store(state)
            again = [one for one in self.skips if not _is_told_in_full(one)]
            if all(one.reason == MISSING for one in again):
                skips = [*state.told, *(one.dump() for one in again)]
                self.cache.answer.store(Answer(self._situation, self._verdicts, skips, salt, *found))

    def _state(self, sightings: dict[str, list[Any]], provenances: dict[str, list[Any]], salt: str) -> State:
        pending = {one.provenance.blob_id for one in self.skips if one.provenance.blob_id and not _is_told_in_full(one)}
        told = [one.dump() for one in self.skips if _is_told_in_full(one) and one.provenance.blob_id not in pending]
        places = {one: [commit_id, *self._brought[one]] for one, (commit_id, _) in self._seen.items()}
        sequence = sequence_of(self._walked.commits() if self._walked else self._numbers)
        return State(
            self._tips, self._apart, self._boundary, sequence, sorted(pending), told, salt, sightings,
            provenances, places, self._further,
            {glob: sorted(paths) for glob, paths in sorted(self.met.items())},
        )  # fmt: skip

    def _here(self, skips: Sequence[Skip]) -> set[str]:
        """Which of the blobs that skips are of are here."""
        ids = [one.provenance.blob_id or "" for one in skips]
        return {blob_id for blob_id, _ in self._repository.types(ids)} if ids else set()

    def _since(self, known: State | None) -> list[str]:
        """What leaves out of a walk all commits that are known."""
        return [f"^{tip}" for tip in known.tips if tip not in known.apart] if known else []

    def _holds(self, known: State, globs: Collection[str]) -> bool:
        """Whether all that is known was first where it was: the commits of then come in the same order, and none of
        the new ones brings any of it in.
        """
        gone = sorted({*known.tips} - {*self._tips})
        if any(kind == "tag" for _, kind in self._repository.types(gone)):  # with its message, though its commit stays
            return False
        try:
            new = self._repository.commits(*ORDER, *self._reached, ids=self._since(known))
            come = set(new)
            return (
                sequence_of(one for one in self._numbers if one not in come) == known.sequence
                and [one for one in self._numbers if one in come] == new
                and not self._brings_back(known, new, globs)
            )
        except SourceError:  # a commit or tree is not here, or not any more: the whole walk tells
            return False

    def _brings_back(self, known: State, commit_ids: Sequence[str], globs: Collection[str]) -> bool:
        """Whether commits bring in a blob that is known to hold something, or any at a path that rules are limited to:
        the paths at which such blobs stood are those of the walk as it was.
        """
        holding, limited = known.provenances.keys() | known.places.keys(), tuple(globs)
        return any(
            one.blob_id in holding or path_matches(self._whole_path(one.path), limited)
            for _, changes in self._repository.changes(commit_ids)
            for one in changes
        )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """How many commits come before each in a walk through all of them."""
        every = self._repository.commits(*ORDER, *self._reached)
        return {one: number for number, one in enumerate(every)}

    def content_at(self, path: str, commit: Commit | None) -> Iterator[bytes] | None:
        """As `ContentAt` says; what lies outside of a submodule is not for it to tell."""
        inside = path.removeprefix(self._whole_path("")) if self._submodule else path
        return None if self._submodule and inside == path else self._trees(inside, commit)

    def outward(self, provenance: Provenance) -> Provenance:
        """A provenance in this repository as a report shows it: from outside, where it is a submodule."""
        if not self._submodule:
            return provenance
        around = Container("submodule", self._submodule)
        path = provenance.path and self._whole_path(provenance.path)
        return provenance._replace(path=path, containers=(around, *provenance.containers))

    def commits(self, ids: Iterable[str]) -> Mapping[str, Commit]:
        """Commits by their ids, those that are here; once places were looked up, with their order."""
        commits = self._repository.details(ids)
        unknown = commits.keys() - self._order.keys()
        if self._walked and unknown:
            self._order.update(self._walked.numbers(unknown))
        return {one: commit._replace(order=self._order.get(one, self._commits)) for one, commit in commits.items()}

    def _is_excluded(self, path: str) -> bool:
        if path not in self._verdicts:
            self._verdicts[path] = bool(self._excluded(self._whole_path(path)))
        return self._verdicts[path]

    def _whole_path(self, path: str) -> str:
        return f"{self._submodule}/{path}" if self._submodule else path

    def places(
        self, blobs: Mapping[str, Provenance], elsewhere: Elsewhere, globs: Collection[str] = ()
    ) -> Iterator[Place]:
        """Where each blob first came in, and stands today; nothing for those no ref leads to.

        `blobs` maps ids to the provenance their chunks had; the blobs of `skips` are looked up, too, and get a path.
        Where a path alone decides against all that was found in a blob, `elsewhere(blob id, path)` gives globs of the
        paths at which some of it might stand: it is looked for there, too. `globs` are what rules are limited to; `met`
        tells which of them ever matched which paths.
        """
        for place in self._places(blobs, lambda blob_id, path: elsewhere(blob_id, self._whole_path(path)), globs):
            yield place._replace(provenance=self.outward(place.provenance))

    def _places(self, found: Mapping[str, Provenance], elsewhere: Elsewhere, globs: Collection[str]) -> Iterator[Place]:
        skipped = {one.provenance.blob_id: one.provenance for one in self.skips if one.provenance.blob_id}
        blobs = {**skipped, **found}
        self._targets = self._described(blobs)
        seen, missing = self._look_up(blobs, globs)
        if self._submodule:  # the globs speak of whole paths, the walk of those inside: any may have been met
            self.met = {glob: {ANYWHERE} for glob in globs}
        self._seen = {one: place for one, place in seen.items() if one not in self._aside}
        told = {one.provenance.blob_id for one in self.skips}
        self.skips += [self._lost(object_id) for object_id in sorted({*missing}) if object_id not in told]
        if self._unreachable or self._damaged:
            seen.update(self._dangling(blobs.keys() - seen.keys()))
        known: dict[str, set[str]] = {
            blob_id: set() for blob_id, one in found.items() if blob_id in seen and one.kind == "file"
        }
        paths: dict[str, str] = {}
        for place in self._first_places(blobs, seen):
            blob_id, path = place.provenance.blob_id or "", place.provenance.path
            paths.setdefault(blob_id, path)
            if blob_id in found:
                known.setdefault(blob_id, set()).add(path)
                yield place
        self.skips = [_at(one, paths.get(one.provenance.blob_id or "", "")) for one in self.skips]
        sought = {blob_id: [elsewhere(blob_id, path) for path in paths] for blob_id, paths in known.items()}
        misplaced = {blob_id: set().union(*told) or {ANYWHERE} for blob_id, told in sought.items() if all(told)}
        if misplaced:
            yield from self._further_places(list(misplaced), known, self._met_by(set().union(*misplaced.values())))

    def _met_by(self, globs: Set[str]) -> Collection[str]:
        """The paths that globs are known to match; none where there are too many to look at each."""
        paths = {path for glob in globs for path in self.met.get(glob, (ANYWHERE,))}
        return () if ANYWHERE in paths or len(paths) > _PATHS_LOOKED_AT else paths

    def _described(self, blobs: Mapping[str, Provenance]) -> dict[str, str]:
        """Message → the commit it belongs to, or what else its tag is of."""
        targets = {one: target_of(provenance) for one, provenance in blobs.items() if provenance.kind != "file"}
        led = self._repository.peeled(one for one, target in targets.items() if target != one)
        return {one: led.get(one, (target,))[0] for one, target in targets.items()}

    def _lost(self, object_id: str) -> Skip:
        """A skip for an object that the walk could not have."""
        if self._damaged and object_id in self._listed:
            return Skip(Provenance("", blob_id=object_id), "unreadable", f"damaged object {object_id}")
        return not_here(object_id)

    @cached_property
    def _listed(self) -> Set[str]:
        """Ids of all objects that are kept here, damaged ones included."""
        return set(self._repository.every_id(("blob", "tree", *MESSAGES)))

    def _look_up(
        self, blobs: Mapping[str, Provenance], globs: Collection[str]
    ) -> tuple[dict[str, tuple[str, str]], list[str]]:
        """(blob id → the commit and path that first held it, ids that are missing)."""
        if self.known and not self._holds(self.known, globs):
            self._whole = self._repository.walk(*self._reached)
        walk, known = self._whole or self._walk, None if self._whole else self.known
        seen = {one: (place[0], place[1]) for one, place in known.places.items() if one in blobs} if known else {}
        wanted = {one.encode() for one in {*blobs, *self._targets.values()} - seen.keys()}
        walked = walk.first_seen(wanted, globs)
        lost = sorted(set(self._tips) - self._kinds.keys())
        if walk.broke_off or ((walked.missing or lost) and not self._repository.is_partial):
            self._damaged = True
            if walk.broke_off or blobs.keys() - seen.keys() - walked.places.keys():  # else nothing lies behind it
                walked = self._repository.salvage(wanted, globs)
        self._put_in_order(walked, known)
        seen.update(walked.places)
        met: list[Mapping[str, Collection[str]]] = [walked.met, known.globs if known else {}]
        missing = [*walked.missing, *lost]
        if self._beside:
            beside = self._beside.first_seen(wanted - {one.encode() for one in seen}, globs)
            self._aside = {one: ("", path or f"tag/{one}") for one, (_, path) in beside.places.items()}
            met.append(beside.met)
            missing += beside.missing
        self.met = {glob: {path for each in met for path in each.get(glob, ())} for glob in {*itertools.chain(*met)}}
        places = [(one, place) for one, place in {**seen, **self._aside}.items() if one in blobs]
        return dict(sorted(places, key=self._by_age)), missing

    def _by_age(self, placed: tuple[str, tuple[str, str]]) -> tuple[int, str, str]:
        """The order of blobs with their places, whatever was known of them before."""
        blob_id, (commit_id, path) = placed
        return self._order.get(commit_id, self._commits), path, blob_id

    def _put_in_order(self, walked: Seen, known: State | None) -> None:
        """Number the commits, all that led here: a walk that left out what is known has met only some."""
        self._walked = None if known else walked
        self._order = dict(self._numbers) if known else walked.order
        self._commits = len(self._numbers) if known else walked.listing.count(b"\n")

    def contents(self, blob_ids: Sequence[str]) -> Iterator[Chunk]:
        """The chunks of some blobs once more."""
        for item in self._blobs.named(blob_ids):
            if isinstance(item, Batch):
                yield from (item.chunk(index) for index in range(len(item.starts)))
            elif isinstance(item, Chunk):
                yield item
            elif isinstance(item, Skip):  # it could be read when it was scanned
                self.skips.append(item)

    def _first_places(self, blobs: Mapping[str, Provenance], seen: Mapping[str, tuple[str, str]]) -> Iterator[Place]:
        targets = self._targets
        commits = self.commits(filter(None, (*targets.values(), *(commit for commit, _ in seen.values()))))
        known = self.known.places if self.known and not self._whole else {}
        files = {blob_id for blob_id in seen if blobs[blob_id].kind == "file" and blob_id not in known}
        new = {seen[blob_id][0] for blob_id in files} - {""}
        with ThreadPoolExecutor(1) as meanwhile:
            reading = meanwhile.submit(_Tips, self._repository, seen.keys())
            introduced = _introduced(self._changes(sorted(new), files))
            tips = reading.result()
        for blob_id, (commit_id, walked) in seen.items():
            commit, standing = commits.get(commit_id), tips.standing(blob_id)
            found = known[blob_id][1:] if blob_id in known else introduced.get((commit_id, blob_id))
            brought_in = self._brought[blob_id] = found or [walked]
            if blobs[blob_id].kind != "file":
                commit = commits.get(targets[blob_id], commit)
                yield Place(blobs[blob_id]._replace(commit=commit), standing)
                continue
            for path in dict.fromkeys([*brought_in, *tips.paths(blob_id)]):
                if not self._is_excluded(path):
                    first = commit if path in brought_in else None
                    yield Place(Provenance(path, commit=first, blob_id=blob_id), standing)

    def _further_places(
        self, blob_ids: Sequence[str], known: dict[str, set[str]], paths: Collection[str]
    ) -> Iterator[Place]:
        """Places of blobs beyond those known, of `paths`, if any. Costly, and rarely needed."""
        seen = list(self._every_place(blob_ids, paths))
        self._further.update((blob_id, []) for blob_id in blob_ids)
        for commit_id, blob_id, path in seen:
            self._further[blob_id].append([commit_id, path])
        commits = self.commits(commit_id for commit_id, _, _ in seen)
        for commit_id, blob_id, path in seen:
            if path not in known.setdefault(blob_id, set()) and not self._is_excluded(path):
                known[blob_id].add(path)
                provenance = Provenance(path, commit=commits.get(commit_id), blob_id=blob_id)
                yield Place(provenance, Standing(False, (), 1))

    def _every_place(self, blob_ids: Sequence[str], paths: Collection[str]) -> Iterator[tuple[str, str, str]]:
        """As `places_of`; of blobs whose places were looked for before, only commits since then are gone through."""
        if self._damaged:
            every = list(self._repository.every_id(("commit",)))
            for commit_id, changes in self._changes(every, {*blob_ids}):
                yield from ((commit_id, one.blob_id, one.path) for one in changes)
            return
        before: Mapping[str, list[list[str]]] = {}
        if self.known and not self._whole and self.met == {glob: set(met) for glob, met in self.known.globs.items()}:
            before = self.known.further
        known, new = ({one for one in blob_ids if (one in before) is there} for there in (True, False))
        if self.known and known:
            yield from ((commit_id, blob_id, path) for blob_id in known for commit_id, path in before[blob_id])
            yield from self._repository.places_of(known, since=self.known.tips)
        if new:
            yield from self._repository.places_of(new, paths=paths)

    def _changes(self, commit_ids: Sequence[str], blob_ids: Set[str]) -> Iterator[tuple[str, Sequence[Change]]]:
        """Where commits brought blobs in, those whose trees can be read."""
        changes = self._repository.readable_changes if self._damaged else self._repository.changes
        return changes(commit_ids, to=blob_ids)

    def _dangling(self, blob_ids: Set[str]) -> dict[str, tuple[str, str]]:
        """Places of objects that no ref leads to: those of unreachable commits, else none but the object itself."""
        if self._damaged:  # it has been walked from every commit
            return {blob_id: ("", f"unreachable/{blob_id}") for blob_id in blob_ids}
        lost = b"\n".join(self._repository.every_object(("commit",)))
        walk = self._repository.walk("--not", *_EVERYTHING, "--not", stdin=lost)
        walked = walk.first_seen({blob_id.encode() for blob_id in blob_ids})
        self._order.update((one, self._commits + number) for one, number in walked.order.items())
        return {blob_id: walked.places.get(blob_id, ("", f"unreachable/{blob_id}")) for blob_id in blob_ids}


def _introduced(changed: Iterable[tuple[str, Sequence[Change]]]) -> dict[tuple[str, str], list[str]]:
    """(commit, blob) → the paths at which the commit brought the blob in."""
    paths: dict[tuple[str, str], list[str]] = {}
    for commit_id, changes in changed:
        for change in changes:
            paths.setdefault((commit_id, change.blob_id), []).append(change.path)
    return paths


class _Tips:
    """What of some blobs stands today: at HEAD and at the tips of the newest refs."""

    def __init__(self, repository: Repository, blob_ids: Set[str]) -> None:
        self._head = repository.tree_paths("HEAD", blob_ids)
        self._refs = {name: repository.tree_paths(tree, blob_ids) for name, tree in repository.tips(_REFS_LOOKED_AT)}

    def paths(self, blob_id: str) -> Iterator[str]:
        """Where a blob stands at HEAD and the tips."""
        for tree in (self._head, *self._refs.values()):
            yield from tree.get(blob_id, ())

    def standing(self, blob_id: str) -> Standing:
        refs = tuple(name for name, tree in self._refs.items() if blob_id in tree)
        return Standing(blob_id in self._head, refs[:REFS_NAMED], 1)


def _at(skip: Skip, path: str) -> Skip:
    return skip._replace(provenance=skip.provenance._replace(path=path or skip.provenance.path))


def _is_told_in_full(skip: Skip) -> bool:
    """Whether a second look at the blob would tell the same."""
    return skip.expected and bool(skip.provenance.blob_id)
