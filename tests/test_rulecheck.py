"""`rules check`, and what refuses a user's rules before they scan anything."""

from __future__ import annotations

import pytest
from test_rules import ACME, KEY, rule_file  # noqa: F401 - a fixture

from llmsecrets import rulecheck
from llmsecrets.errors import RuleError
from llmsecrets.rules import load_rules


def test_a_good_file_has_no_problem(rule_file, llmsecrets) -> None:  # noqa: F811
    outcome = llmsecrets("rules", "check", rule_file())
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "1 rules, 0 problems\n", "")


BAD = {
    "an example that is not found": ([("acme_{{lowernum:20}}", "acme_{{lowernum:19}}")], "is not found on engine"),
    "a negative example that is found": (
        [("    examples", "    negative_examples: ['acme_{{lowernum:20}}']\n    examples")],
        "is found on engine",
    ),
    "a token written out": (
        [("acme_{{lowernum:20}}", "acne_0123456789abcdefghij")],
        "example 1 is not found on engine",
    ),
    "an example of an unknown class": ([("lowernum:20", "greek:20")], "unknown character class 'greek'"),
    "a pattern that backtracks": (
        [
            ("acme_[a-z0-9]{20}", "acme_(?:[a-z0-9]|[a-z]{2})*!"),
            ("{{lowernum:20}}", "{{lowernum:20}}!"),
            ("    name", "    width: 2000\n    alphabet: any\n    name"),
        ],
        "the pattern backtracks",
    ),
    "a pattern that source code is full of": (
        [("acme_[a-z0-9]{20}", "self[.,)][a-z0-9_ ]{8,20}"), ("acme_{{lowernum:20}}", "self.{{lowernum:20}}")],
        "costs more than its share: stage one would hand on",
    ),
    "a pattern that digests are full of": (
        [("acme_[a-z0-9]{20}", "[0-3][0-3][0-3][a-f0-9]{20}"), ("acme_{{lowernum", "012{{hex")],
        "% of hexadecimal digits, at most 2 % are allowed",
    ),
    "a pattern without an anchor": ([("acme_[a-z0-9]{20}", "[a-z0-9_]{25}")], "has no literal of 3 characters"),
    "a pattern without an end": ([("acme_[a-z0-9]{20}", "acme_[a-z0-9]{20,}")], "has no upper width"),
    "a pattern wider than a window's overlap": ([("{20}'", "{20,60000}'")], "more than 32768"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_rule_is_refused_and_nothing_is_scanned(rule_file, llmsecrets, key, case) -> None:  # noqa: F811
    replacements, reason = BAD[case]
    path = rule_file(*replacements)
    checked = llmsecrets("rules", "check", path)
    assert checked.code == 2
    assert f"{path}:2: rule 'acme-key'" in checked.stdout + checked.stderr
    assert reason in checked.stdout + checked.stderr
    scanned = llmsecrets("scan", "--rules", path, "-", stdin=key("github").encode())
    assert (scanned.code, scanned.stdout) == (2, "")
    assert f"{path}:2: rule 'acme-key'" in scanned.stderr
    assert reason in scanned.stderr
    assert "0123456789abcdefghij" not in checked.stderr + scanned.stderr


def test_check_reports_every_problem(rule_file, llmsecrets) -> None:  # noqa: F811
    text = ACME + ACME.replace("rules:\n", "").replace("acme-key", "acme-two")
    path = rule_file(("acme_{{", "acme-{{"), text=text)
    outcome = llmsecrets("rules", "check", path)
    assert "rule 'acme-key'" in outcome.stderr
    assert "rule 'acme-two'" in outcome.stderr


def test_check_looks_at_the_named_files_only(rule_file, llmsecrets) -> None:  # noqa: F811
    rule_file(name="own/good.yaml")
    bad = rule_file(("acme-key", "acme-bad"), ("acme_{{", "acme-{{"), name="own/bad.yaml")
    assert llmsecrets("rules", "check", bad.with_name("good.yaml")).code == 0
    assert llmsecrets("rules", "check", bad.parent).code == 2


def test_a_file_once_checked_is_not_checked_again(rule_file, monkeypatch) -> None:  # noqa: F811
    path = rule_file()
    rulecheck.refuse_bad([path])
    monkeypatch.setattr(rulecheck, "check", lambda rules: pytest.fail("checked again"))
    rulecheck.refuse_bad([path])


def test_a_bad_file_is_refused_each_time(rule_file) -> None:  # noqa: F811
    path = rule_file(("acme_{{", "acme-{{"))
    for _ in range(2):
        with pytest.raises(RuleError, match="is not found"):
            rulecheck.refuse_bad([path])


def test_rules_limited_to_paths_are_checked_at_such_a_path(rule_file) -> None:  # noqa: F811
    path = rule_file(("    name", "    paths: ['**/*.tf']\n    name"))
    assert list(rulecheck.check(list(load_rules([path], builtin=False)))) == []


def test_an_honest_pattern_is_fast_on_hostile_text(rule_file) -> None:  # noqa: F811
    path = rule_file(("acme_[a-z0-9]{20}", "[a-z]{0,20}acme_[a-z0-9]{20,200}"))
    assert list(rulecheck.check(list(load_rules([path], builtin=False)))) == []


def test_own_rules_find_the_same_on_both_engines(rule_file, scan) -> None:  # noqa: F811
    path = rule_file()
    reports = [
        scan("--rules", path, "--enable", "acme-*", "--engine", name, "-", stdin=KEY.encode())
        for name in ("hyperscan", "regex")
    ]
    assert reports[0].places == reports[1].places == [("acme-key", "<stdin>", 1)]
