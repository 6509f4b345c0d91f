"""Trains the generic detector: writes scanner/llmsecrets/generic-model.json.

    python bench/train_generic.py [--labelled FILE.jsonl ...] [--code FOLDER ...] [--validate]

What it learns from:
- generated cases: names in all styles and languages, given random secrets, and given what else stands in code:
  words, identifiers, paths, versions, test passwords, typed filler (`generated`);
- `--labelled`: JSON lines with name, value, quoted, manner, label (1 for a secret) and group, such as candidates from a
  labelled corpus;
- `--code`: folders of code in which nobody keeps secrets; every candidate there counts as none;
- the source text of Python's standard library, for which letters follow which in words.

Logistic regression, drawn towards the weights of `PRIOR` rather than to nothing: they say what is known of features
that few cases show. Prints how well it does on cases held out, group by group. The shipped model was trained with
`--labelled` on some 2,200 distinct candidates of a labelled corpus, and without `--code`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "scanner"))

try:
    from re import _parser as sre_parser
except ImportError:  # Python 3.10
    import sre_parse as sre_parser

from llmsecrets import scoring
from llmsecrets.rules import load_rules

MODEL = Path(scoring.__file__).parent / "generic-model.json"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Case(NamedTuple):
    """A name, what it is given and how; `secret` says whether that is one. Cases of a group are held out together."""

    name: str
    value: str
    quoted: bool
    manner: str
    secret: bool
    group: str
    source: str


# ---- letter pairs ------------------------------------------------------------------------------------------------


def letter_pairs(folder: Path) -> list[str]:
    """Rows of 26 characters: how much likelier than by chance a second letter follows the first, in tenths of bits."""
    counts = Counter({first + second: 1 for first in LETTERS for second in LETTERS})
    for file in sorted(folder.glob("*.py")):
        text = file.read_text("utf-8", "replace").lower()
        counts.update(pair for pair in map("".join, pairwise(text)) if pair.isascii() and pair.isalpha())
    total = sum(counts.values())
    return ["".join(_written(counts[first + second] * 676 / total) for second in LETTERS) for first in LETTERS]


def _written(ratio: float) -> str:
    return chr(ord("P") + max(-30, min(30, round(10 * math.log2(ratio)))))


def vendor_prefixes() -> list[str]:
    """What tokens with a rule of their own begin with, in lower case.

    What begins so and is found by no such rule is cut short, mistyped or made up.
    """
    found = set()
    for rule in load_rules():
        if not rule.names and not rule.score:
            literal = _leading_literal(sre_parser.parse(rule.core)).lower()
            if len(literal) >= 5 or (len(literal) >= 3 and not literal[-1].isalnum() and literal[:-1].isalnum()):
                found.add(literal)
    return sorted(found)


def _leading_literal(tree: Iterable[tuple[object, object]]) -> str:
    literal = ""
    for operation, argument in tree:
        if str(operation) == "SUBPATTERN" and not literal:
            return _leading_literal(argument[3])  # type: ignore[index]
        if str(operation) != "LITERAL":
            break
        literal += chr(argument)  # type: ignore[arg-type]
    return literal


# ---- generated cases ---------------------------------------------------------------------------------------------

_THINGS = """
    password passwd pwd pass db_password secret client_secret token auth_token access_token api_key apikey
    access_key private_key encryption_key key app_key credential auth contraseña clave senha mot_de_passe mdp
    passwort kennwort wachtwoord haslo пароль 密码 パスワード signing_key webhook_secret jwt_secret session_secret
    bot_token deploy_key
""".split()
_OWNERS = """
    - - - db mysql redis service app admin smtp backend acme prod billing jira warehouse gateway root mail stage
""".split()
_OTHER_ENDS = """
    id name url path file type length policy field prefix hash version expires_at ttl header label count limit
    algorithm endpoint index provider class hint
""".split()
_PUBLIC = """
    public_key cache_key primary_key sort_key idempotency_key partition_key foreign_key site_key storage_key
    query_key continuation_token next_page_token csrf_token translation_key author keyword keyboard tokenizer
    hotkey etag_key
""".split()
_WORDS = """
    user order account settings invoice button primary session refresh login reset message title enabled default
    value index client server request response string buffer secret password token access invalid required
    missing update delete create storage theme mode color width country language payment checkout product
    customer employee report export
""".split()
_TYPED = """
    password1 password123 secret123 hunter2! changeme1 admin123 test1234 letmein! qwerty123 passw0rd p@ssw0rd
    my-secret-1 secret-key-1 test_token_1 foo123bar abc123 abcd1234 a1b2c3d4 12345678 token-2 user1:pass1
    fake-key-123 s3cr3t sup3rs3cret Password1! dummy_key_2 topsecret99 test-secret-42 key1=val1 0123456789abcdef
    1234567890 abcdefghij123456 example-token-1 correct-horse-9
""".split()
_SECRETS = """
    lowernum:20-40 alnum:16-64 hex:32 hex:40 hex:64 base64:32-88 base64url:24-64 alnum:20-32 base58:24-48
    uppernum:20-40 alnum:24 lowernum:16-32 base32:16-32 uuid uuid prefixed prefixed
""".split()
_MANNERS = (
    *(("assigned", True),) * 6,
    *(("assigned", False),) * 4,
    *(("keyed", True),) * 4,
    *(("keyed", False),) * 3,
    *(("argument", True), ("element", False), ("option", False), ("query", False)),
    *(("said", True), ("said", False), ("compared", True)),
)


def generated(count: int, rng: random.Random) -> Iterator[Case]:
    """So many cases, half of them secrets."""
    from llmsecrets import templates

    for number in range(count):
        manner, quoted = rng.choice(_MANNERS)
        thing, secret = rng.choice(_THINGS), bool(number % 2)
        if secret:
            value = _password(rng) if _is_password(thing) and rng.random() < 0.7 else _token(rng, templates.expand)
            name = _styled([rng.choice(_OWNERS), *thing.split("_")], rng)
        else:
            name, value = _no_secret(thing, rng, templates.expand)
        yield Case(name, value, quoted, manner, secret, f"generated {number}", "generated")


def _is_password(thing: str) -> bool:
    return scoring.kind_of(thing.encode()) == "password"


def _password(rng: random.Random) -> str:
    """As generators make them, or people who follow a policy."""
    letters = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    signs = rng.choice(("", "", "!@#%^&*", "!#-_+.", "!@$%*?&+=-_"))
    drawn = [rng.choice(letters + signs * 3) for _ in range(rng.randint(8, 24))]
    drawn[rng.randrange(len(drawn))] = rng.choice("23456789")
    return "".join(drawn)


def _token(rng: random.Random, expand: object) -> str:
    kind = rng.choice(_SECRETS)
    seed = rng.randrange(1 << 40)
    if kind == "prefixed":
        prefix = "".join(rng.choice(LETTERS) for _ in range(rng.randint(2, 5))) + rng.choice("_-")
        return prefix + expand("{{alnum:24-40}}", seed)  # type: ignore[operator]
    return expand("{{" + kind + "}}", seed)  # type: ignore[operator, no-any-return]


def _no_secret(thing: str, rng: random.Random, expand: object) -> tuple[str, str]:
    draw = lambda template: expand(template, rng.randrange(1 << 40))  # type: ignore[operator] # noqa: E731
    words = [rng.choice(_WORDS) for _ in range(rng.randint(1, 4))]
    name = [rng.choice(_OWNERS), *thing.split("_")]
    choice = rng.random()
    if choice < 0.25:  # a random value, but the name means something else
        other = [*name, rng.choice(_OTHER_ENDS)] if rng.random() < 0.5 else rng.choice(_PUBLIC).split("_")
        return _styled(other, rng), rng.choice(
            (draw("{{hex:32}}"), draw("{{uuid}}"), draw("{{alnum:20-40}}"), draw("{{hex:64}}"), draw("{{base64:44}}"))
        )
    if choice < 0.55:
        value = rng.choice(("-", "_", ".", "/", ":", " ", "")).join(words) + str(
            rng.choice(("", 1, 2, 3, 10, 42, 64, 256, 2024))
        )
        return _styled(name, rng), rng.choice((value, value.title().replace("_", ""), value.upper()))
    if choice < 0.7:
        return _styled(name, rng), rng.choice(_TYPED)
    if choice < 0.8:
        first, last, number = words[0], words[-1], rng.randint(1, 9)
        others = (
            f"/{'/'.join(words)}/v{number}",
            f"https://{first}.example.com/{last}/{number}",
            f"./{first}{number}.pem",
            f"{first}@{last}.com",
            f"{number}.{rng.randint(0, 30)}.{rng.randint(0, 30)}",
            f"20{number + 10}-01-31T00:00:00Z",
            f"{first}[{number}]",
            f"{first}%d",
            f"{first}+{last}*2",
            f"#{first}-{number}",
            f"{rng.randint(1000, 10**9)}",
            f"0x{rng.randrange(1 << 32):x}",
            f"{first}&{last}",
            f"!{first}.{last}",
            f"sha256:{draw('{{hex:64}}')}",
            f"{first}?.{last}",
            f"@{first}/{last}",
            f"{first}:{number}",
        )
        return _styled(name, rng), rng.choice(others)
    if _is_password(thing) or choice < 0.87:  # too little to be a token, or cut short
        return _styled(name, rng), draw(
            rng.choice(("{{lower:4}}{{digit:1-3}}", "{{alnum:6}}", "{{lower:6}}-{{digit:4}}", "{{digit:6-12}}"))
        )
    if choice < 0.92:  # a sign has come into it
        token = draw("{{alnum:20-40}}")
        at = rng.randint(3, len(token) - 3)
        return _styled(name, rng), token[:at] + rng.choice("?%^$!*&@#") + token[at + 1 :]
    cut = (
        "{{hex:16}}",
        "{{hex:16}}",
        "{{alnum:8-12}}",
        "{{hex:31}}",
        "{{hex:39}}",
        "{{hex:63}}",
        "{{hex:8}}-{{hex:4}}-{{hex:4}}-{{hex:4}}-{{hex:11}}",
    )
    return _styled(name, rng), draw(rng.choice(cut))


def _styled(words: Sequence[str], rng: random.Random) -> str:
    """A name in one of the styles of code."""
    kept = [word for word in words if word != "-"]
    style = rng.choice(("snake", "capitals", "camel", "pascal", "kebab", "dotted", "joined"))
    if style == "camel":
        return kept[0] + "".join(word.title() for word in kept[1:])
    if style == "pascal":
        return "".join(word.title() for word in kept)
    joined = {"snake": "_", "capitals": "_", "kebab": "-", "dotted": ".", "joined": ""}[style].join(kept)
    return joined.upper() if style == "capitals" else joined


# ---- given cases -------------------------------------------------------------------------------------------------


def labelled(file: Path) -> Iterator[Case]:
    for line in file.read_text("utf-8").splitlines():
        row = json.loads(line)
        yield Case(
            row["name"], row["value"], row["quoted"], row["manner"], bool(row["label"]), row["group"], "labelled"
        )


def candidates(folder: Path) -> Iterator[Case]:
    """Every candidate of the generic rule in a folder of code, as no secret; each once."""
    import regex

    patterns = [regex.compile(rule.expression.encode()) for rule in load_rules() if rule.score]
    seen = set()
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_file() or file.stat().st_size > 1 << 20:
            continue
        data = file.read_bytes()
        if b"\0" in data:
            continue
        for found in (found for pattern in patterns for found in pattern.finditer(data)):
            given = scoring.given_at(data, found.start(), found.end(1), found.end())
            if given is None:
                continue
            name, value = data[slice(*given.name)], data[slice(*given.value)]
            if (name, value) not in seen and not scoring.hopeless(name, value):
                seen.add((name, value))
                yield Case(
                    name.decode("latin-1"),
                    value.decode("latin-1"),
                    given.quoted,
                    given.manner,
                    False,
                    str(file.parent),
                    "code",
                )


# ---- fitting -----------------------------------------------------------------------------------------------------

Row = tuple[list[tuple[str, float]], bool, float]  # features that apply; secret; weight


def rows(cases: Iterable[Case]) -> list[Row]:
    """Cases as features. Each source weighs the same, and within the labelled ones each group less than its size."""
    kept = list(cases)
    sizes = Counter((case.source, case.secret, case.group) for case in kept)
    weights = [1 / math.sqrt(sizes[case.source, case.secret, case.group]) for case in kept]
    totals: dict[tuple[str, bool], float] = defaultdict(float)
    for case, weight in zip(kept, weights, strict=True):
        totals[case.source, case.secret] += weight
    return [
        (_facts(case), case.secret, 1000 * weight * SHARES[case.source, case.secret] / totals[case.source, case.secret])
        for case, weight in zip(kept, weights, strict=True)
    ]


def _facts(case: Case) -> list[tuple[str, float]]:
    name, value = (text.encode("latin-1") if text.isascii() else text.encode() for text in (case.name, case.value))
    found = scoring.facts(name, value, quoted=case.quoted, manner=case.manner)
    return [(feature, extent) for feature, extent in found if extent]


# What each source counts for in all.
SHARES = {
    ("generated", True): 1.0,
    ("generated", False): 1.0,
    ("labelled", True): 2.0,
    ("labelled", False): 1.0,
    ("code", False): 1.0,
}

# Weights from experience, for features that the cases hardly show; the others begin at nothing.
PRIOR = {
    "name of a key": -0.5,
    "begins like a vendor's token, but is none": -1.0,
    "UUID of a wrong length": -1.5,
    "hex but for a letter or two": -1.5,
    "test word": -1.5,
    "begins with a test word": -2.0,
    "code": -2.5,
    "digest with its algorithm": -4.0,
    "version or date": -4.0,
    "path or address": -3.0,
    "identifier": -3.0,
    "identifier with a number": -2.0,
    "constant": -3.0,
    "number": -2.0,
    "other letters than Latin": -2.0,
    "blanks": -2.5,
    "password longer than 128": -1.0,
}
# What the file's path says is not learned: the labelled cases have none worth the name.
PLACES = {"generated file": -4.0, "test or example": -1.0, "documentation": -1.0, "settings file": 1.0}
PULL = 2.0  # how strongly weights are drawn to the prior


def fit(data: Sequence[Row], rounds: int = 250) -> dict[str, float]:
    """Weights of features, by gradient descent with a rate for each (Adam)."""
    names = sorted({feature for found, _, _ in data for feature, _ in found} | set(PRIOR))
    weights = {name: PRIOR.get(name, 0.0) for name in names}
    first, second = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    total = sum(weight for _, _, weight in data)
    for step in range(1, rounds + 1):
        slope = {name: PULL * (weights[name] - PRIOR.get(name, 0.0)) / total for name in names}
        for found, secret, weight in data:
            odds = sum(weights[feature] * extent for feature, extent in found)
            error = (1 / (1 + math.exp(-max(-30.0, min(30.0, odds)))) - secret) * weight / total
            for feature, extent in found:
                slope[feature] += error * extent
        for name in names:
            first[name] = 0.9 * first[name] + 0.1 * slope[name]
            second[name] = 0.99 * second[name] + 0.01 * slope[name] ** 2
            pace = (first[name] / (1 - 0.9**step)) / (math.sqrt(second[name] / (1 - 0.99**step)) + 1e-9)
            weights[name] -= 0.1 * min(1.0, 2 * (1 - step / rounds) + 0.05) * pace
    return weights


def score(weights: Mapping[str, float], found: Iterable[tuple[str, float]]) -> float:
    return 1 / (
        1 + math.exp(-max(-30.0, min(30.0, sum(weights.get(feature, 0.0) * extent for feature, extent in found))))
    )


def cross_validated(cases: Sequence[Case], folds: int = 4) -> None:
    """Print, of cases whose groups were held out, the share that reaches the medium tier."""
    groups = sorted({case.group for case in cases})
    random.Random(1).shuffle(groups)
    fold_of = {group: number % folds for number, group in enumerate(groups)}
    reached: Counter[tuple[str, bool]] = Counter()
    for fold in range(folds):
        weights = fit(rows(case for case in cases if fold_of[case.group] != fold), rounds=120)
        for case in cases:
            if fold_of[case.group] == fold:
                reached[case.source, case.secret] += score(weights, _facts(case)) >= scoring.MEDIUM
    totals = Counter((case.source, case.secret) for case in cases)
    for (source, secret), total in sorted(totals.items()):
        share = reached[source, secret] / total
        print(f"{source:10} {'secrets' if secret else 'others':8} {total:6} {share:7.2%} reach the medium tier")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labelled", type=Path, action="append", default=[])
    parser.add_argument("--code", type=Path, action="append", default=[])
    parser.add_argument("--generated", type=int, default=8000, help="how many cases to generate")
    parser.add_argument("--validate", action="store_true", help="cross-validate, group by group")
    arguments = parser.parse_args()
    learned = {"pairs": letter_pairs(Path(random.__file__).parent), "prefixes": vendor_prefixes()}
    write({**learned, "weights": {}})  # features read the pairs and prefixes from there
    cases = [
        case
        for case in generated(arguments.generated, random.Random(1))
        if not scoring.hopeless(case.name.encode(), case.value.encode())
    ]
    cases += [case for file in arguments.labelled for case in labelled(file)]
    cases += [case for folder in arguments.code for case in candidates(folder)]
    print(Counter((case.source, case.secret) for case in cases))
    if arguments.validate:
        cross_validated(cases)
    weights = fit(rows(cases))
    for name, weight in sorted(weights.items(), key=lambda item: item[1]):
        print(f"{weight:7.2f} {name}")
    write({**learned, "weights": {name: round(weight, 2) for name, weight in sorted({**weights, **PLACES}.items())}})


def write(model: object) -> None:
    MODEL.write_text(json.dumps(model, indent=1) + "\n")
    scoring.model.cache_clear()


if __name__ == "__main__":
    main()
