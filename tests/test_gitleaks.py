"""`.gitleaks.toml` read as it is: what its rules find, what its allowlists allow, what is refused or left out aloud."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from support import ENGINES, findings_in

from llmsecrets import gitleaks, matching
from llmsecrets.engine import Engine
from llmsecrets.errors import RuleError
from llmsecrets.reporters import FORMATS
from llmsecrets.templates import expand

ACME = """
[[rules]]
id = "acme-key"
description = "Acme key"
regex = '''(?i)acme[_-]?(?:key|token)["' ]{0,3}[=:]["' ]{0,3}([a-z0-9]{24})\\b'''
entropy = 3.0
keywords = ["acme"]
tags = ["internal"]
"""


def value(seed: int = 1, shape: str = "{{lowernum:24}}") -> str:
    return expand(shape, seed)


@pytest.fixture
def config(tmp_path) -> Callable[..., Path]:
    """Write a `.gitleaks.toml`."""

    def write(text: str, name: str = ".gitleaks.toml") -> Path:
        gitleaks.read.cache_clear()
        file = tmp_path / name
        file.write_text(text)
        return file

    return write


@pytest.fixture(params=ENGINES)
def found_by(request, config) -> Callable[..., list[tuple[str, str]]]:
    """(rule, secret) of what the rules of a file find in a text."""

    def find(toml: str, text: str, path: str = "notes.txt") -> list[tuple[str, str]]:
        rules = gitleaks.rule_set(config(toml))
        engine = Engine(rules, matching.compile_rules(rules, request.param))
        found = findings_in(engine, text.encode(), path)
        return [(one.finding.rule_id, one.finding.secret.reveal().decode()) for one in found]

    return find


# ---- rules ---------------------------------------------------------------------------------------------------------


def test_a_rule_finds_what_it_says(found_by) -> None:
    assert found_by(ACME, f'ACME_TOKEN: "{value()}"\n') == [("acme-key", value())]
    assert found_by(ACME, f'ACME_TOKEN: "{"ab" * 12}"\n') == []  # entropy
    assert found_by(ACME, f'OTHER: "{value()}"\n') == []


def test_what_a_rule_says_of_itself(config) -> None:
    (rule,) = gitleaks.read(config(ACME)).rules
    assert (rule.name, rule.tags, rule.min_entropy, rule.family) == ("Acme key", ("internal",), 3.0, "acme")
    assert rule.origin.endswith(".gitleaks.toml:2")


@pytest.mark.parametrize(
    ("regex", "group", "secret"),
    [
        ("acme:[a-z]{4}-([0-9]{6})", 0, "417283"),
        ("acme:([a-z]{4})-([0-9]{6})", 2, "417283"),
        ("acme:([a-z]{4})-([0-9]{6})", 0, "wxyz"),
        ("acme:(?:(none)|[a-z]{4}-([0-9]{6}))", 0, "417283"),
        ("acme:[a-z]{4}-[0-9]{6}", 0, "acme:wxyz-417283"),
    ],
)
def test_the_secret_is_the_group_named_or_the_first_that_took_part(found_by, regex, group, secret) -> None:
    rule = f"[[rules]]\nid = 'a'\nregex = '''{regex}'''\nsecretGroup = {group}\n"
    assert found_by(rule, "acme:wxyz-417283") == [("a", secret)]


def test_a_rule_without_a_literal_is_tried_where_a_keyword_stands(found_by) -> None:
    rule = "[[rules]]\nid = 'hex'\nregex = '''\\b[a-f0-9]{40}\\b'''\nkeywords = ['Zorg']\n"
    token = value(1, "{{hex:40}}")
    assert found_by(rule, f"# for zorg\n\n{token}") == [("hex", token)]
    assert found_by(rule, f"# for anybody\n\n{token}") == []


def test_a_rule_without_a_literal_or_keyword_is_tried_everywhere_and_says_so(found_by, config) -> None:
    rule = "[[rules]]\nid = 'hex'\nregex = '''[a-f0-9]{40}'''\n"
    tokens = [value(seed, "{{hex:40}}") for seed in (1, 2, 3)]
    gap = "z\n" * (matching.STRETCH // 4 - 10)  # the second and third lie across the ends of stretches
    assert [secret for _, secret in found_by(rule, gap.join(tokens))] == tokens
    assert "is tried in every text, which is slow" in gitleaks.read(config(rule)).notes[0]


def test_a_rule_of_the_history_without_a_literal_finds_its_blobs(repository, scan) -> None:
    token = value(1, "{{hex:40}}")
    rule = "[[rules]]\nid = 'hex'\nregex = '''[a-f0-9]{40}'''\nkeywords = ['zorg']\npath = '''\\.env$'''\n"
    repository.commit({".gitleaks.toml": rule, "a.env": f"zorg {token}", "b.txt": f"zorg {token}", "c.env": token})
    repository.remove("a.env")
    assert scan("--history", cwd=repository.root).paths == ["a.env"]


def test_a_rule_of_paths_finds_a_blob_that_stood_elsewhere_first(repository, scan) -> None:
    repository.commit({".gitleaks.toml": ACME + "path = '^settings/'\n", "a.txt": f"acme_key={value()} "})
    repository.commit({"settings/b.txt": f"acme_key={value()} "})
    assert scan("--history", cwd=repository.root).paths == ["settings/b.txt"]


def test_a_rule_of_paths_looks_nowhere_else(found_by) -> None:
    rule = ACME + "path = '''(?i)(^|/)settings\\.(py|ini)$'''\n"
    text = f"acme_key={value()} "
    assert found_by(rule, text, "app/Settings.py") == [("acme-key", value())]
    assert found_by(rule, text, "app/settings.py.txt") == []


def test_a_match_without_an_upper_width_is_found(found_by) -> None:
    rule = "[[rules]]\nid = 'pem'\nregex = '''(?s)BEGIN ACME.+?END ACME'''\n"
    text = f"BEGIN ACME\n{value()}\n{value(2)}\nEND ACME"
    assert found_by(rule, f"x\n{text}\n") == [("pem", text)]


def test_a_required_rule_must_match_nearby(found_by) -> None:
    rules = (
        ACME
        + """
[[rules.required]]
id = "acme-user"
withinLines = 2
[[rules]]
id = "acme-user"
regex = '''user=(\\w+)'''
skipReport = true
"""
    )
    near, far = f"user=ann\nacme_key={value()}\n", f"user=ann\n\n\n\n\nacme_key={value()}\n"
    assert found_by(rules, near) == [("acme-key", value())]
    assert found_by(rules, far) == []


def test_a_match_of_a_built_in_rule_counts_only_where_the_default_is_extended(found_by, key) -> None:
    text = f"t = '{key('github')}'\n"
    assert found_by(ACME, text) == []
    assert found_by("[extend]\nuseDefault = true\n" + ACME, text) == [("github-pat", key("github"))]


def test_a_file_without_rules_keeps_the_built_in_ones_and_says_so(found_by, config, key) -> None:
    toml = "[allowlist]\npaths = ['vendor']\n"
    assert found_by(toml, f"t = '{key('github')}'\n") == [("github-pat", key("github"))]
    assert "the built-in rules are used" in gitleaks.read(config(toml)).notes[0]


def test_disabled_rules_of_the_default_are_those_of_ours(config, builtin_rules) -> None:
    toml = "[extend]\nuseDefault = true\ndisabledRules = ['stripe-access-token', 'github-pat', 'no-such-rule']\n"
    gone = set(builtin_rules.ids) - set(gitleaks.rule_set(config(toml)).ids)
    assert gone == {"stripe-secret-key", "stripe-restricted-key", "stripe-test-key", "github-pat"}


def test_every_rule_said_to_be_ours_exists(builtin_rules) -> None:
    for globs in gitleaks.OURS.values():
        for glob in globs:
            assert any(fnmatchcase(rule_id, glob) for rule_id in builtin_rules.ids), glob


def test_a_file_extends_another_and_lays_over_its_rules(found_by, config) -> None:
    config(ACME + "[[rules]]\nid = 'gone'\nregex = '''gone:[0-9]{6}'''\n", name="base.toml")
    toml = "[extend]\npath = 'base.toml'\ndisabledRules = ['gone']\n[[rules]]\nid = 'acme-key'\nentropy = 0.5\n"
    assert found_by(toml, f"acme_key={'ab' * 12} gone:417283") == [("acme-key", "ab" * 12)]


# ---- allowlists ----------------------------------------------------------------------------------------------------

ALLOWED = {
    "old form": "[allowlist]\npaths = ['''^vendor/''']\nregexes = ['''^wip''']\nstopwords = ['sample']\n",
    "new form": "[[allowlists]]\npaths = ['''^vendor/''']\n[[allowlists]]\nregexes = ['''^wip''']\n"
    "[[allowlists]]\nstopwords = ['SAMPLE']\n",
    "of the rule, old form": "[rules.allowlist]\npaths = ['^vendor/']\nregexes = ['^wip']\nstopwords = ['sample']\n",
    "of the rule, new form": "[[rules.allowlists]]\npaths = ['''^vendor/''']\n[[rules.allowlists]]\n"
    "regexes = ['^wip']\nstopwords = ['sample']\n",
    "for rules named": "[[allowlists]]\ntargetRules = ['acme-key', 'x']\npaths = ['''^vendor/''']\nregexes = ['^wip']\n"
    "stopwords = ['sample']\n",
}


@pytest.mark.parametrize("form", ALLOWED)
def test_any_criterion_of_an_allowlist_is_enough(tmp_path, config, scan, form) -> None:
    config(ACME + ALLOWED[form])
    secrets = {
        "a.py": value(1),
        "vendor/b.py": value(2),
        "sub/vendor/c.py": value(3),
        "d.py": "wip" + value(4)[3:],
        "e.py": value(5)[:9] + "sample" + value(5)[15:],
    }
    for path, secret in secrets.items():
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(f"acme_key={secret}\n")
    found = scan()
    assert found.paths == ["a.py", "sub/vendor/c.py"]
    assert len(found.json["suppressed"]) == 3


def test_with_and_all_criteria_must_hold(tmp_path, config, scan) -> None:
    config(
        ACME + "[[allowlists]]\ncondition = 'AND'\npaths = ['^a']\nregexTarget = 'line'\nregexes = ['''#\\s*fine$''']\n"
    )
    (tmp_path / "a.py").write_text(f"acme_key={value(1)} # fine\nacme_key={value(2)}\n")
    (tmp_path / "b.py").write_text(f"acme_key={value(3)} # fine\n")
    assert [(path, line) for _, path, line in scan().places] == [("a.py", 2), ("b.py", 1)]


def test_a_commit_is_allowed(repository, scan) -> None:
    allowed = repository.commit({"a.py": f"acme_key={value(1)}"})
    repository.commit({"b.py": f"acme_key={value(2)}"})
    repository.write(".gitleaks.toml", ACME + f"[allowlist]\ncommits = ['{allowed}']\n")
    assert scan("--history", cwd=repository.root).paths == ["b.py"]


def test_an_allowlist_of_a_default_rule_is_one_of_ours(tmp_path, config, scan, key) -> None:
    config("[extend]\nuseDefault = true\n[[rules]]\nid = 'stripe-access-token'\n[[rules.allowlists]]\npaths = ['^a']\n")
    (tmp_path / "a.py").write_text(f"k = '{key('stripe')}'\nt = '{key('github')}'\n")
    (tmp_path / "b.py").write_text(f"k = '{key('stripe')}'\n")
    assert [(rule.split("-")[0], path) for rule, path, _ in scan().places] == [("github", "a.py"), ("stripe", "b.py")]


# ---- which file ----------------------------------------------------------------------------------------------------


def test_the_file_at_the_root_counts_where_there_is_none_of_ours(repository, scan) -> None:
    repository.write(".gitleaks.toml", ACME + "[allowlist]\npaths = ['''^app/old/''']\n")
    repository.write("app/a.py", f"acme_key={value(1)}")
    repository.write("app/old/b.py", f"acme_key={value(2)}")
    for cwd in (repository.root, repository.root / "app"):
        assert scan(cwd=cwd).paths == ["app/a.py"]
    repository.write(".llmsecrets.yaml", "exit_code: 7")
    assert scan(cwd=repository.root).code == 0


def test_a_file_is_named_by_option_or_key(tmp_path, config, scan) -> None:
    config(ACME + "[allowlist]\npaths = ['''^b''']\n", name="own.toml")
    (tmp_path / "a.py").write_text(f"acme_key={value(1)}")
    (tmp_path / "b.py").write_text(f"acme_key={value(2)}")
    assert scan("--gitleaks-config", "own.toml").paths == ["a.py"]
    (tmp_path / ".llmsecrets.yaml").write_text("gitleaks_config: own.toml\nallow: [{reason: x, paths: [a.py]}]\n")
    assert scan().paths == []


@pytest.mark.parametrize("format", FORMATS)
def test_its_texts_command_no_terminal_and_break_no_format(tmp_path, config, llmsecrets, format) -> None:
    """The file comes with the repository that is scanned."""
    config(ACME.replace("Acme key", "\\u001b[2J\\u202e </b>").replace("internal", "\\u001b[2J") + '"\\u001b[2J" = 1\n')
    (tmp_path / "a.py").write_text(f"acme_key={value(1)}")
    outcome = llmsecrets("scan", "-f", format, "-o", "report", "-f", "text", "--show-suppressed")
    printed = outcome.stdout + outcome.stderr + (tmp_path / "report").read_text("utf-8")
    assert "\\x1b[2J" in outcome.stdout
    assert not [char for char in printed if not (char.isprintable() or char == "\n")]


def test_a_scan_says_what_it_leaves_out(tmp_path, config, scan) -> None:
    config(
        "colour = 1\n[extend]\nurl = 'https://example.org'\n"
        + ACME
        + "filter = 'true'\n[[rules]]\nid = 'p'\npath = '''x'''\n"
    )
    (tmp_path / ".gitleaksignore").write_text("a.py:acme-key:1\n")
    (tmp_path / "a.py").write_text(f"acme_key={value(1)}")
    told = scan().stderr
    for words in (
        "`colour` is not read",
        "nothing is fetched",
        "`filter` is not read",
        "'p' has a path only",
        ".gitleaksignore is not read",
        "llmsecrets migrate gitleaks",
        "the built-in rules are off",
    ):
        assert words in told, told


# ---- mistakes ------------------------------------------------------------------------------------------------------

REFUSED = {
    "a = ": "not valid TOML",
    "\n[[rules]]\nregex = 'a'": ":2: a rule needs an id",
    "\n[[rules]]\nid = 'a'\nregex = '''a(?=b)'''": ":4: rule 'a': (?= is not RE2 syntax, at character 2",
    "\n[[rules]]\nid = 'a'\nregex = '''x\\C'''": ":4: rule 'a': \\C is not RE2 syntax",
    "\n[[rules]]\nid = 'a'\nregex = 'abcd'\npath = '*'": ":5: rule 'a': * has nothing to repeat",
    "[[rules]]\nid = 'a'\nregex = '(abcd)'\nsecretGroup = 2": ":1: rule 'a': the regex has no group 2",
    "[[rules]]\nid = 'a'": ":1: rule 'a' has no regex",
    "[[rules]]\nid = 'a'\nregex = 7": "regex must be a text",
    "[[rules]]\nid = 'a'\nregex = 'abcd'\nentropy = 'high'": "entropy must be a number",
    "[[rules]]\nid = 'a'\nregex = 'abcd'\nkeywords = 'abc'": "keywords must be a list of texts",
    "[[rules]]\nid = 'a'\nregex = 'abcd'\n[[rules.allowlists]]\nregexes = ['[']": ":4: [ without its ]",
    "[allowlist]\npaths = [7]": ":1: paths must be a list of texts",
    "[[allowlists]]\ncondition = 'XOR'": "condition must be AND or OR",
    "[[allowlists]]\nregexTarget = 'file'": "regexTarget must be secret, match or line",
    "rules = 7": "rules must be a table",
    "[extend]\npath = 'nowhere.toml'": "nowhere.toml: cannot be read",
    "[extend]\npath = '.gitleaks.toml'": ":1: files extend each other more than 2 deep",
    "a = " + "[" * 5000: "nested too deep",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: re.sub(r"\W+", " ", text)[:40])
def test_a_mistake_is_refused_with_file_line_and_reason(config, scan, tmp_path, monkeypatch, text) -> None:
    monkeypatch.chdir(tmp_path)
    file = config(text)
    with pytest.raises(RuleError) as refused:
        gitleaks.read(file)
    assert REFUSED[text] in str(refused.value)


def test_a_mistake_ends_in_exit_2_and_scans_nothing(config, llmsecrets, tmp_path) -> None:
    config("[[rules]]\nid = 'a'\nregex = '('\n")
    (tmp_path / "a.py").write_text("x")
    outcome = llmsecrets("scan")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert ".gitleaks.toml:3: rule 'a': ( without its )" in outcome.stderr


def test_bytes_that_are_no_text_are_refused(tmp_path) -> None:
    (tmp_path / "x.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(RuleError, match="not UTF-8"):
        gitleaks.read(tmp_path / "x.toml")
