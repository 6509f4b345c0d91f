"""From the YAML of rule files to rules: fragments filled in, expressions composed, everything checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmsecrets.errors import RuleError
from llmsecrets.rules import BEGIN, GATE, GATE_REACH, MANY_NAMES, MAX_WIDTH, Allow, Checksum, Part, Rule, any_of
from llmsecrets.rules.fields import (
    ALLOW_KEYS,
    ALPHABETS,
    CHECKSUM_KEYS,
    FILE_KEYS,
    KEYS,
    PART_KEYS,
    check_mapping,
    line_of,
)

_DIRECT = "{{assigned}}"  # what stands between a name and its value, of rules that are looked for everywhere
_NAMES_WIDTH = 100  # names that span more are not looked for behind the gate


def read_group(files: Sequence[Path], contents: dict[Path, bytes], fragments: dict[str, str]) -> dict[str, Rule]:
    """The rules of one folder; fragments of its files are shared by all of them and by later folders."""
    from llmsecrets import yamlfile

    documents = [(path, yamlfile.parse(contents[path], str(path), RuleError)) for path in files]
    for path, document in documents:
        check_mapping(document, FILE_KEYS, f"{path}:1", "a rule file")
        fragments.update(_strings(document.get("fragments", {}), f"{path}:1"))
    rules: dict[str, Rule] = {}
    for path, document in documents:
        for entry in document.get("rules", []):
            origin = f"{path}:{getattr(entry, 'line', 1)}"
            rule = _build(entry, fragments, origin)
            if rule.id in rules:
                raise RuleError(f"{origin}: rule id {rule.id!r} stands twice (first at {rules[rule.id].origin})")
            rules[rule.id] = rule
    return rules


def _strings(value: Any, origin: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise RuleError(f"{origin}: fragments must map names to text")
    return value


# ---- one rule --------------------------------------------------------------------------------------------------


def _build(entry: Any, fragments: dict[str, str], origin: str) -> Rule:
    from llmsecrets import proofs

    check_mapping(entry, KEYS, origin, "a rule")
    if not entry["examples"]:
        raise RuleError(f"{line_of(entry, 'examples', origin)}: rule {entry['id']!r} has no example")
    names = _names(entry, fragments, origin)
    span = _span_behind_gate(names, entry, fragments, origin) if names else 0
    core, group = _compose(entry, fragments, origin, _between(names) if span else _DIRECT)
    checksum = _checksum(entry["checksum"], origin) if "checksum" in entry else None
    return Rule(
        id=entry["id"],
        name=entry["name"],
        description=entry["description"],
        core=core,
        expression=_whole(core, names, entry),
        secret_group=group,
        names=names,
        gated=span > 0,
        severity=entry.get("severity", "high"),
        confidence=entry.get("confidence", "high"),
        family=entry.get("family") or entry["id"].split("-")[0],
        specificity=10 * (0 if entry.get("score") else 1 if names else 2) + int(entry.get("specificity", 0)),
        width=int(entry.get("width", 0)),
        anchor=_expression(entry.get("anchor", ""), fragments, line_of(entry, "anchor", origin)),
        keywords=tuple(entry.get("keywords", ())),
        paths=tuple(entry.get("paths", ())),
        exclude_paths=tuple(entry.get("exclude_paths", ())),
        min_entropy=float(entry.get("min_entropy", 0)),
        min_digits=int(entry.get("min_digits", 0)),
        score=entry.get("score", ""),
        tags=tuple(entry.get("tags", ())),
        allow=_allow(entry.get("allow"), origin),
        checksum=checksum,
        strict=checksum is not None and checksum.name in proofs.OF_PASSWORDS,
        components=tuple(_part(part, fragments, origin) for part in entry.get("components", ())),
        remediation=entry["remediation"],
        revoke_url=entry.get("revoke_url", ""),
        references=tuple(entry.get("references", ())),
        examples=tuple(entry["examples"]),
        negative_examples=tuple(entry.get("negative_examples", ())),
        origin=origin,
        span=span,
        shape=_shape(entry, fragments, origin, checksum),
    )


def _compose(entry: dict[str, Any], fragments: dict[str, str], origin: str, between: str = _DIRECT) -> tuple[str, int]:
    """(the pattern without its outer boundaries, the group that holds the secret)."""
    place = line_of(entry, "pattern", origin)
    value = _expression(entry["pattern"], fragments, place)
    groups = _groups(value, place)
    group = int(entry.get("secret_group", 0)) or min(groups, 1)
    if group > groups:
        raise RuleError(f"{line_of(entry, 'secret_group', origin)}: the pattern has no group {group}")
    names = _names(entry, fragments, origin)
    if not names:
        return value, group
    return any_of(names) + _fill(between, fragments, origin) + (value if group else f"({value})"), group or 1


def _between(names: Sequence[str]) -> str:
    """What may stand between a rule's names and its value: of hundreds of names, most are words that stand anywhere."""
    return _DIRECT if len(names) > MANY_NAMES else "{{belonging}}"


def _shape(entry: dict[str, Any], fragments: dict[str, str], origin: str, checksum: Checksum | None) -> str:
    """The expression of the value, if not every other password or token has that shape."""
    from llmsecrets import proofs

    loose = entry.get("score") or entry.get("alphabet") == "any" or entry.get("confidence") == "low"
    if loose or (checksum and checksum.name in proofs.OF_PASSWORDS | proofs.OF_ANY_TOKEN):
        return ""
    return _expression(entry["pattern"], fragments, origin)


def _whole(core: str, names: Sequence[str], entry: dict[str, Any]) -> str:
    """What stage two runs. Of hundreds of names, none is tried behind one that has matched (`(?>…)`).

    A pattern that begins with a lookbehind says itself what may stand before it.
    """
    begin = "" if names or entry.get("score") or core.startswith("(?<") else BEGIN
    if len(names) > MANY_NAMES:
        named = any_of(names)
        core = f"(?>{named})" + core.removeprefix(named)
    return begin + f"(?:{core})" + ALPHABETS[entry.get("alphabet", "alnum")]


def _names(entry: dict[str, Any], fragments: dict[str, str], origin: str) -> tuple[str, ...]:
    """The expressions of a rule's names."""
    place = line_of(entry, "names", origin)
    names = tuple(_expression(name, fragments, place) for name in entry.get("names", ()))
    if any(_groups(name, place) for name in names):
        raise RuleError(f"{place}: a name must not hold a group", "Write (?:…) for (…).")
    return names


def _span_behind_gate(names: Sequence[str], entry: dict[str, Any], fragments: dict[str, str], origin: str) -> int:
    """The most bytes a match can span, if the rule can wait behind GATE; else 0.

    It can where its names are short and have literals to look for, and GATE holds in every example: else GATE would
    hide what the rule is to find.
    """
    import re

    from llmsecrets import anchors, templates

    widest = max(map(anchors.width_of, names))
    if entry.get("anchor") or widest > _NAMES_WIDTH or not all(anchors.literals_of(any_of([name])) for name in names):
        return 0
    value = _expression(entry["pattern"], fragments, origin)
    between = _fill(_between(names), fragments, origin)
    behind = min(anchors.width_of(between), GATE_REACH)  # a name further away is not looked for
    span = entry.get("width") or widest + behind + anchors.width_of(value)
    gate = re.compile(GATE.encode())
    examples = entry["examples"]
    try:
        seen = all(gate.search(templates.expand(example, seed).encode()) for example in examples for seed in (1, 2, 3))
    except templates.TemplateError:
        return 0  # `rules check` says what is wrong with it
    return int(span) if seen and span <= MAX_WIDTH else 0


def _expression(text: str, fragments: dict[str, str], origin: str) -> str:
    """A regular expression with its fragments in place."""
    filled = _fill(text, fragments, origin)
    _groups(filled, origin)
    return filled


def _groups(pattern: str, origin: str) -> int:
    """How many groups a pattern has that is to be a part of a larger one."""
    import re
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # of flags in the middle: an error since Python 3.11
            return re.compile(f"(?:{pattern})".encode()).groups
    except (re.error, DeprecationWarning) as failure:
        raise RuleError(f"{origin}: bad regular expression: {failure}") from failure


def _fill(text: str, fragments: dict[str, str], origin: str) -> str:
    """Replace {{name}} by the fragment of that name, fragments within fragments included."""
    for _ in range(8):
        start = text.find("{{")
        if start < 0:
            return text
        for name in _fragment_names(text):
            if name not in fragments:
                raise RuleError(f"{origin}: there is no fragment {name!r}", f"Known: {', '.join(sorted(fragments))}.")
            text = text.replace("{{" + name + "}}", fragments[name])
    raise RuleError(f"{origin}: fragments refer to each other without end")


def _fragment_names(text: str) -> list[str]:
    return [piece.split("}}", 1)[0] for piece in text.split("{{")[1:]]


def _allow(entry: Any, origin: str) -> Allow:
    if entry is None:
        return Allow()
    check_mapping(entry, ALLOW_KEYS, origin, "allow")
    for pattern in entry.get("regexes", ()):
        _groups(pattern, line_of(entry, "regexes", origin))
    return Allow(**{name: tuple(values) for name, values in entry.items()})


def _checksum(entry: Any, origin: str) -> Checksum:
    from llmsecrets import proofs

    check_mapping(entry, CHECKSUM_KEYS, origin, "checksum")
    if entry["name"] not in proofs.NAMES:
        raise RuleError(f"{origin}: unknown checksum {entry['name']!r}", f"Known: {', '.join(sorted(proofs.NAMES))}.")
    return Checksum(**entry)


def _part(entry: Any, fragments: dict[str, str], origin: str) -> Part:
    check_mapping(entry, PART_KEYS, origin, "a component")
    core, group = _compose(entry, fragments, origin)
    if not group:
        core = f"({core})"
    begin = "" if entry.get("names") else BEGIN
    expression = begin + core + ALPHABETS[entry.get("alphabet", "alnum")]
    return Part(entry["name"], expression, int(entry.get("within", 5)), entry.get("required", False))
