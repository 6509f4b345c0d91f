"""The engine: what is found, where it says it stands, and what it does with bytes nobody expected."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ENGINES, findings_in, make_key

from llmsecrets import matching
from llmsecrets.engine import LEFT, Engine
from llmsecrets.model import Batch, Chunk, Provenance
from llmsecrets.rules import RuleSet, load_rules
from llmsecrets.sources import OVERLAP, WINDOW, windows
from llmsecrets.templates import expand

PLACE = Provenance("notes.txt")
TEMPLATE_RULE = next(iter(load_rules()))


def rule(rule_id="acme-key", pattern="acme_[a-z0-9]{20}", **fields):
    """A rule of our own, bare of every condition but its pattern."""
    bare = TEMPLATE_RULE._replace(
        id=rule_id, core=pattern, expression=pattern, secret_group=0, severity="high", confidence="high", family="acme",
        specificity=0, width=0, anchor="", keywords=(), paths=(), exclude_paths=(), min_entropy=0.0, min_digits=0,
        score="", checksum=None, components=(), allow=type(TEMPLATE_RULE.allow)(), examples=(), negative_examples=(),
    )  # fmt: skip
    return bare._replace(**fields)


def engine_of(*rules, name="regex", **options) -> Engine:
    rule_set = RuleSet.of(rules)
    return Engine(rule_set, matching.compile_rules(rule_set, name), **options)


def ids(candidates) -> list[str]:
    return [one.finding.rule_id for one in candidates]


def secrets(candidates) -> list[bytes]:
    return [one.finding.secret.reveal() for one in candidates]


def places(candidates) -> list[tuple[int, int, int, int]]:
    return [tuple(one.finding.location[:4]) for one in candidates]


# ---- place ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_and_columns_count_from_one(engine, key, end) -> None:
    secret = key("github")
    (found,) = findings_in(engine, f"a = 1{end}{end}key = {secret}{end}b = 2{end}".encode())
    assert found.finding.location == (3, 7, 3, 7 + len(secret), *byte_span(f"a = 1{end}{end}key = ", secret))


def byte_span(before: str, secret: str) -> tuple[int, int]:
    start = len(before.encode())
    return start, start + len(secret)


def test_a_mark_of_the_encoding_is_no_column(engine, key) -> None:
    (found,) = findings_in(engine, f"\ufeff: {key('github')}".encode())
    assert found.finding.location[:2] == (1, 3)


def test_columns_count_characters_not_bytes(engine, key) -> None:
    (found,) = findings_in(engine, f"# schlüssel 鍵 🔑: {key('github')}".encode())
    assert found.finding.location.start_column == len("# schlüssel 鍵 🔑: ") + 1


def test_bytes_that_are_not_utf_8_count_one_each(engine, key) -> None:
    (found,) = findings_in(engine, b"\xff\xfe\x80 " + key("github").encode())
    assert found.finding.location.start_column == 5


def test_a_secret_over_several_lines_ends_where_it_ends(engine) -> None:
    pem = expand("{{make:pem:EC PRIVATE KEY}}", 1)
    (found,) = findings_in(engine, f"x\n{pem}\n".encode())
    first, last = pem.strip().split("\n")[0], pem.strip().split("\n")[-1]
    assert first.startswith("-----BEGIN")
    assert places([found]) == [(2, 1, 1 + len(pem.strip().split("\n")), len(last) + 1)]


@pytest.mark.parametrize("mark", ["# ", "//", " * ", "> ", "; ", "-- ", "% ", "+", "-", "dnl "])
@pytest.mark.parametrize("label", ["EC PRIVATE KEY", "RSA PRIVATE KEY:encrypted", "PGP PRIVATE KEY BLOCK"])
def test_a_key_of_several_lines_in_a_comment_or_a_diff_is_found(engine, label, mark) -> None:
    text = "".join(f"{mark}{line}\n" for line in expand(f"{{{{make:pem:{label}}}}}", 1).splitlines())
    (found,) = findings_in(engine, text.encode())
    assert found.finding.family == "private-key"


PARTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["\n", "\r\n", "\n\n", "ü", "鍵", "\0"]),
)


@settings(max_examples=100, deadline=None)
@given(before=st.lists(PARTS, max_size=8).map("".join), seeds=st.lists(st.integers(0, 99), max_size=3, unique=True))
def test_places_are_those_of_a_naive_count(before, seeds, builtin_engines) -> None:
    text = before + "".join(f" {make_key('github', seed)}\n{before} " for seed in seeds)
    found = findings_in(builtin_engines["regex"], text.encode())
    ours = [one for one in found if one.finding.rule_id == "github-pat"]
    naive = []
    for match in re.finditer("ghp_[A-Za-z0-9]{36}", text):
        line_start = text.rfind("\n", 0, match.start()) + 1
        line = text.count("\n", 0, match.start()) + 1
        naive.append((line, match.start() - line_start + 1, line, match.end() - line_start + 1))
    assert places(ours) == naive


# ---- what is shown -------------------------------------------------------------------------------------------------


def test_an_excerpt_is_the_line_around_the_secret(engine, key) -> None:
    (found,) = findings_in(engine, f"first\n  token: {key('github')}  # of the robot\nlast".encode())
    assert found.finding.excerpt == ("token: ", "  # of the robot")


def test_an_excerpt_is_cut_to_a_readable_length(engine, key) -> None:
    (found,) = findings_in(engine, b"x" * 5000 + b" " + key("github").encode() + b" " + b"y" * 5000)
    assert max(map(len, found.finding.excerpt)) <= 60


def test_other_secrets_are_masked_in_an_excerpt(engine, key) -> None:
    text = " ".join(key(kind) for kind in ("github", "npm", "aws"))
    found = findings_in(engine, text.encode())
    assert len(found) == 3
    for one in found:
        shown = "".join(one.finding.excerpt)
        assert not any(key(kind)[8:] in shown for kind in ("github", "npm", "aws"))
        assert "…" in shown


def test_a_secret_cut_by_an_excerpts_edge_is_masked(engine, key) -> None:
    text = f"{key('github')}{' ' * 45}{key('npm')}"  # the first one reaches into the second one's excerpt
    _, second = findings_in(engine, text.encode())
    assert key("github")[25:] not in second.finding.excerpt.before


def test_nothing_prints_a_secret(engine, key) -> None:
    (found,) = findings_in(engine, f"key = {key('github')}".encode())
    assert key("github") not in f"{found} {found!r} {found.finding} {found.context!r} {found.finding._asdict()}"


# ---- which rule ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINES)
def test_of_two_rules_for_the_same_bytes_the_more_specific_wins(name) -> None:
    loose = rule("acme-loose", "acme_[a-z0-9]{20,40}", specificity=-1)
    exact = rule("acme-exact", specificity=1)
    found = findings_in(engine_of(loose, exact, name=name), b"acme_0h1i2j3k4l5m6n7o8p9q0r1s")
    assert ids(found) == ["acme-exact"]


@pytest.mark.parametrize("name", ENGINES)
def test_of_two_equally_specific_rules_the_surer_then_the_longer_wins(name) -> None:
    long = rule("acme-long", "acme_[a-z0-9]{24}")
    short = rule("acme-short")
    unsure = rule("acme-unsure", "acme_[a-z0-9]{25}", confidence="medium")
    found = findings_in(engine_of(short, unsure, long, name=name), b"acme_0h1i2j3k4l5m6n7o8p9q0r1s2t")
    assert ids(found) == ["acme-long"]


@pytest.mark.parametrize("name", ENGINES)
def test_secrets_side_by_side_are_both_found(name) -> None:
    found = findings_in(engine_of(rule(), name=name), b"acme_0h1i2j3k4l5m6n7o8p9qacme_9h1i2j3k4l5m6n7o8p9q")
    assert len(found) == 2


def test_a_rule_limited_to_paths_looks_nowhere_else() -> None:
    engine = engine_of(rule(paths=("**/*.tf",), exclude_paths=("**/examples/*",)))
    text = b"acme_0h1i2j3k4l5m6n7o8p9q"
    assert findings_in(engine, text, "main.tf")
    assert findings_in(engine, text, "deep/main.tf")
    assert not findings_in(engine, text, "main.py")
    assert not findings_in(engine, text, "x/examples/main.tf")
    assert not findings_in(engine, text, "")


# ---- a rule's conditions -------------------------------------------------------------------------------------------


def test_too_little_entropy_or_too_few_digits_is_no_secret() -> None:
    text = b"acme_aabbaabbaabbaabbaabb"
    assert findings_in(engine_of(rule()), text)
    assert not findings_in(engine_of(rule(min_entropy=3.0)), text)
    assert not findings_in(engine_of(rule(min_digits=1)), text)


@pytest.mark.parametrize(
    "allow",
    [
        {"values": ("acme_0h1i2j3k4l5m6n7o8p9q",)},
        {"regexes": ("9q$",)},
        {"stopwords": ("H1I2",)},
        {"sha256": (hashlib.sha256(b"acme_0h1i2j3k4l5m6n7o8p9q").hexdigest(),)},
    ],
    ids=lambda allow: next(iter(allow)),
)
def test_a_rules_own_allowlist(allow) -> None:
    text = b"acme_0h1i2j3k4l5m6n7o8p9q"
    allowed = rule(allow=type(TEMPLATE_RULE.allow)(**allow))
    assert not findings_in(engine_of(allowed), text)
    assert findings_in(engine_of(allowed), b"acme_1h1x2j3k4l5m6n7o8p9r")


def test_a_failed_checksum_drops_or_lowers(builtin_rules, key) -> None:
    from llmsecrets.rules import Checksum

    good = key("github")
    bad = good[:-1] + ("a" if good[-1] != "a" else "b")
    pattern = {"pattern": "ghp_[A-Za-z0-9]{36}"}
    drop = engine_of(rule(**pattern, checksum=Checksum("crc32-base62-6", "drop")))
    lower = engine_of(rule(**pattern, checksum=Checksum("crc32-base62-6", "lower")))
    assert findings_in(drop, good.encode())
    assert not findings_in(drop, bad.encode())
    assert [one.finding.confidence for one in findings_in(lower, f"{good} {bad}".encode())] == ["high", "medium"]


def test_a_component_may_or_must_stand_near() -> None:
    from llmsecrets.rules import Part

    text = b"id: acme-id-12345678\n\nacme_0h1i2j3k4l5m6n7o8p9q\n"
    optional = engine_of(rule(components=(Part("account id", "(acme-id-[0-9]{8})", 5, False),)))
    required = engine_of(rule(components=(Part("account id", "(acme-id-[0-9]{8})", 1, True),)))
    (found,) = findings_in(optional, text)
    (part,) = found.finding.components
    assert (part.name, part.secret.reveal(), part.location[:2]) == ("account id", b"acme-id-12345678", (1, 5))
    assert findings_in(optional, b"acme_0h1i2j3k4l5m6n7o8p9q")
    assert not findings_in(required, text)
    assert findings_in(required, text.replace(b"\n\n", b"\n"))


@pytest.mark.parametrize("ending", ["", '"', "\r"])
def test_lines_to_a_component_count_the_same_whatever_ends_the_secret(ending) -> None:
    from llmsecrets.rules import Part

    below = engine_of(rule(components=(Part("account id", "(acme-id-[0-9]{8})", 1, True),)))
    text = f"acme_0h1i2j3k4l5m6n7o8p9q{ending}\nacme-id-12345678\n".encode()
    assert findings_in(below, text)
    assert not findings_in(below, text.replace(b"\nacme-id", b"\n\nacme-id"))


@pytest.mark.parametrize(("gap", "found"), [(4070, True), (4080, False), (4090, False)])
def test_a_component_that_is_too_far_off_is_not_cut_short(gap, found) -> None:
    from llmsecrets.rules import Part

    engine = engine_of(rule(components=(Part("account id", "(acme-id-[0-9]{4,9})(?![0-9])", 1),)))
    text = b"acme_0h1i2j3k4l5m6n7o8p9q" + b" " * gap + b"acme-id-123456789"
    (secret,) = findings_in(engine, text + b" and more")
    assert [part.secret.reveal() for part in secret.finding.components] == [b"acme-id-123456789"] * found


@pytest.mark.parametrize("typed", ["abcdefghijklmnopqrst", "12345678901234567890", "aaaaaaaaaaaaaaaaaaa0"])
def test_a_typed_value_in_the_exact_shape_is_reported_with_less_confidence(typed) -> None:
    (found,) = findings_in(engine_of(rule()), f"acme_{typed}".encode())
    assert found.finding.confidence == "medium"


def test_a_typed_value_needs_no_entropy_unless_only_a_name_tells_it() -> None:
    even = b"acme_" + b"q" * 20
    assert ids(findings_in(engine_of(rule(min_entropy=3.0)), even)) == ["acme-key"]
    assert findings_in(engine_of(rule(min_entropy=3.0, names=("acme",))), even) == []


@pytest.mark.parametrize("mask", ["00000000000000000000", "xxxxxxxxxxxxxxxxxxxx", "a1b2c3d4e5xxxxxxxxxx"])
def test_a_masked_value_is_no_secret(mask) -> None:
    assert findings_in(engine_of(rule()), f"acme_{mask}".encode()) == []


def test_a_placeholder_is_no_secret(engine) -> None:
    for value in ("your-api-key-goes-here", "xxxxxxxxxxxxxxxxxxxxxxxx", "${API_KEY}", "{{ api_key }}", "<api-key>"):
        assert not findings_in(engine, f'api_key = "{value}"\n'.encode())


# ---- where a key ends ----------------------------------------------------------------------------------------------

ENDINGS = ['"', "'", '\\"', ",", ")", "}", "]", "<", "&", "|", ":", ".", "/", "@", "*", "%22", "\0", "\x1b[0m", "",
           "\r\n", "\\n", "`", ";", "…"]  # fmt: skip
BEGINNINGS = [
    "",
    " ",
    '"',
    "'",
    "=",
    ":",
    "/",
    "(",
    "\\n",
    "\\t",
    "%22",
    "%3D",
    "\\u0022",
    "\\x22",
    "\x1b[31m",
    "\0",
    "…",
]


@pytest.mark.parametrize("kind", ["github", "openai", "anthropic", "aws", "slack", "stripe"])
@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
def test_a_key_ends_where_its_alphabet_ends(engine, key, kind, ending) -> None:
    assert secrets(findings_in(engine, f"{key(kind)}{ending}".encode())) == [key(kind).encode()]


@pytest.mark.parametrize("kind", ["github", "openai", "anthropic", "aws", "slack", "stripe"])
@pytest.mark.parametrize("beginning", BEGINNINGS, ids=repr)
def test_a_key_begins_after_anything_that_is_no_word(engine, key, kind, beginning) -> None:
    assert secrets(findings_in(engine, f"{beginning}{key(kind)}".encode())) == [key(kind).encode()]


def test_a_longer_word_is_not_cut_in_two(engine, key) -> None:
    assert not findings_in(engine, f"ta{key('openai')[:3]}x{key('github')}".encode())
    assert not findings_in(engine, f"{key('github')}x".encode())


# ---- unusual bytes -------------------------------------------------------------------------------------------------


def found_in_file(engine, content: bytes):
    """What the windows of a file hold, read as a source reads it."""
    return [one for chunk in windows.of_bytes(content, PLACE) for one in engine.find(chunk)[0]]


MARKS = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@pytest.mark.parametrize("encoding", MARKS)
def test_text_in_other_encodings_is_read(engine, key, encoding) -> None:
    text = f"ä = 1\nkey = '{key('github')}'\n"
    (found,) = found_in_file(engine, MARKS[encoding] + text.encode(encoding))
    assert places([found]) == [(2, 8, 2, 48)]


def test_a_utf_8_mark_is_no_hindrance(engine, key) -> None:
    assert len(found_in_file(engine, codecs.BOM_UTF8 + key("github").encode())) == 1


@pytest.mark.parametrize("encoding", MARKS)
def test_damaged_text_in_other_encodings_is_read_as_far_as_it_goes(engine, key, encoding) -> None:
    content = MARKS[encoding] + f"{key('github')}\n".encode(encoding) + b"\xd8"
    assert len(found_in_file(engine, content)) == 1


@settings(max_examples=50, deadline=None)
@given(before=st.binary(max_size=200), after=st.binary(max_size=200))
def test_a_key_between_any_bytes_is_found(before, after, builtin_engines) -> None:
    if before[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or before[:4] == codecs.BOM_UTF32_BE:
        return
    content = before + b"\0" + make_key("github").encode() + b"\0" + after
    for engine in builtin_engines.values():
        assert make_key("github").encode() in secrets(found_in_file(engine, content))


# ---- windows -------------------------------------------------------------------------------------------------------


def test_windows_overlap_by_more_than_any_match_is_wide() -> None:
    from llmsecrets.engine.confirming import COMPONENT_MARGINS

    assert WINDOW > 2 * OVERLAP
    assert max(COMPONENT_MARGINS) < OVERLAP - LEFT


@contextmanager
def small_windows():
    """Windows so small that a short text needs many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "WINDOW", 1024)
        patch.setattr(windows, "OVERLAP", 256)
        patch.setattr("llmsecrets.engine.LEFT", 128)
        yield


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 1500), min_size=1, max_size=5),
    filler=st.sampled_from(["x ", "\n", "ab\ncd ", "é日😀 ", "\r\n"]),
    piece=st.integers(1, 3000),
)
def test_a_planted_key_is_found_once_at_its_place_whatever_the_chunking(gaps, filler, piece, builtin_engines) -> None:
    text = "".join(f"{(filler * gap)[:gap]} {make_key('github', seed)} " for seed, gap in enumerate(gaps))
    content = text.encode()
    whole = findings_in(builtin_engines["regex"], content)
    for engine in builtin_engines.values():
        position = 0

        def read(size: int) -> bytes:
            nonlocal position
            start, position = position, min(position + min(size, piece), len(content))
            return content[start:position]

        with small_windows():
            chunks = list(windows.chunks(read, PLACE))
            found = [one for chunk in chunks for one in engine.find(chunk)[0]]
        assert [(one.finding.location, one.finding.secret) for one in found] == [
            (one.finding.location, one.finding.secret) for one in whole
        ]
        assert len(found) == len(gaps)


@pytest.mark.parametrize("encoding", MARKS)
def test_windows_of_other_encodings_are_read_to_the_end(engine, key, encoding) -> None:
    text = "ab\n" * 2000 + key("github") + "\n" + "ü" * 3000
    with small_windows():
        (found,) = found_in_file(engine, MARKS[encoding] + text.encode(encoding))
    assert places([found]) == [(2001, 1, 2001, 41)]


def test_a_single_line_of_40_megabytes_with_keys_at_the_windows_borders(builtin_engines, key) -> None:
    secret = key("github").encode()
    content = bytearray(b"x" * (40 << 20))
    middles = [WINDOW, WINDOW - OVERLAP, 2 * WINDOW - OVERLAP, len(content) - 21]
    for middle in middles:
        content[middle - 21 : middle + 21] = b" " + secret + b" "
    found = found_in_file(builtin_engines[ENGINES[0]], bytes(content))
    starts = [one.finding.location.start for one in found]
    assert starts == sorted(middle - 20 for middle in middles)
    assert [one.finding.location.start_column - 1 for one in found] == starts
    assert {one.finding.location.start_line for one in found} == {1}


def each_secret(candidate) -> list[bytes]:
    finding = candidate.finding
    return [finding.secret.reveal(), *(part.secret.reveal() for part in finding.components)]


QUARTER = 1 << 18  # bytes of a window: enough, and scanned in a moment by either engine


@pytest.mark.parametrize("edge", [QUARTER, QUARTER - LEFT, QUARTER - OVERLAP])
@pytest.mark.parametrize("distance", [-2500, -100, -30, 0, 30, 2500])
def test_the_parts_of_a_secret_are_found_across_a_windows_border(
    edge, distance, builtin_engines, key, monkeypatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW", QUARTER)
    lines = [f"id = {key('aws')}", *["#" * 600] * 4, expand("secret = {{alnum:40}}", 1)]
    pair = "\n".join(lines).encode()
    alone = findings_in(builtin_engines[ENGINES[0]], pair)
    content = (b"y" * 99 + b"\n") * ((edge + distance - len(pair) // 2) // 100) + pair + b"\n" + b"z = 2\n" * 30_000
    found = found_in_file(builtin_engines[ENGINES[0]], content)
    assert alone[0].finding.components
    assert [each_secret(one) for one in found] == [each_secret(one) for one in alone]


def test_a_sparse_file_of_200_megabytes_is_scanned_in_bounded_memory(key, tmp_path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as out:
        for middle in (WINDOW, 200 << 20):
            out.seek(middle - 20)
            out.write(key("github", middle).encode())
    scan = ["-m", "llmsecrets", "scan", "large", "-j1", "--engine", ENGINES[0], "-q", "-f", "json", "-o", "report.json"]
    # A process starts with the size of the one it was forked from: a small one in between tells the scan's own.
    measure = (
        f"import resource, subprocess; subprocess.run({[sys.executable, *scan]!r});"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", measure], cwd=tmp_path, capture_output=True, check=True)
    findings = json.loads((tmp_path / "report.json").read_text("utf-8"))["findings"]
    assert [entry["location"]["start"] for entry in findings] == [WINDOW - 20, (200 << 20) - 20]
    assert int(done.stdout) < 200 << 10


# ---- patterns that take too long -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINES)
def test_a_confirmation_that_takes_too_long_is_a_skip_not_silence(name) -> None:
    slow = rule("acme-slow", "marks[a-z]{14}(?:a|aa)*c", width=4000)
    engine = engine_of(slow, rule("acme-other", "acme_[a-z0-9]{20}"), name=name, timeout=0.05)
    text = b"marks" + b"a" * 3000 + b"\n acme_0h1i2j3k4l5m6n7o8p9q"
    started = time.monotonic()
    candidates, skips = engine.find(Chunk(text, PLACE))
    assert time.monotonic() - started < 5
    assert ids(candidates) == ["acme-other"]
    assert [(skip.provenance, skip.reason, skip.expected) for skip in skips] == [(PLACE, "timeout", False)]
    assert "acme-slow" in skips[0].detail


# ---- remembering ---------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_was_scanned_before_changes_nothing(data, builtin_rules, builtin_matchers, builtin_engines) -> None:
    """Versions of a file share regions, and the engine remembers them."""
    lines = [f"key_{seed} = '{make_key('github', seed)}'" for seed in range(3)]
    lines += [expand("password = '{{alnum:16}}'", 1), "# nothing", expand("secret_token: {{hex:32}}", 1), ""]
    versions = data.draw(st.lists(st.lists(st.sampled_from(lines), max_size=6).map("\n".join), min_size=2, max_size=4))
    for name in ENGINES:
        for text in versions:
            fresh = Engine(builtin_rules, builtin_matchers[name])
            assert findings_in(builtin_engines[name], text.encode()) == findings_in(fresh, text.encode())


@pytest.mark.parametrize("ending", ['"', "", "\x01", '"\x01'])
def test_what_ends_a_long_value_is_looked_at_anew(ending, engine) -> None:
    """The value begins in the region and ends far behind it."""
    value = expand("{{alnum:470}}", 1)
    seen, text = (Chunk(f'secret_token = "{value}{one}'.encode(), PLACE) for one in ('"\n', ending))
    assert engine.matches(seen)[0]
    assert engine.matches(text) == engine.clone().matches(text)


# ---- batches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ['"mailjet":"{}"\nnothing more, but a token', 'mailjet_key="{}"('])
def test_what_is_found_in_a_blob_does_not_depend_on_its_neighbours_in_a_batch(first, engine) -> None:
    """Git's header of the next blob would pass for a value, or for the end of a longer one."""
    value = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    blobs = [first.format(value).encode(), f"secret = {value}\n".encode()] * 2
    data, starts, ends = b"", [], []
    for blob in blobs:
        data += f"{value}{value[:8]} blob {len(blob)}\n".encode()
        starts.append(len(data))
        data += blob
        ends.append(len(data))
        data += b"\n"

    def chunk(index: int) -> Chunk:
        return Chunk(blobs[index], Provenance("", blob_id=str(index)))

    batch = Batch(memoryview(data), starts, ends, [], [], chunk)
    together = {one.provenance.blob_id: engine.matches(one, regions) for one, regions in engine.suspects(batch)}
    for index in range(len(blobs)):
        assert together.get(str(index), ([], [])) == engine.matches(chunk(index))
