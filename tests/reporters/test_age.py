"""How old a secret is, and whether that is too old."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from llmsecrets.model import Provenance
from llmsecrets.reporters import Options
from llmsecrets.reporters.age import Age, age_of

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
POLICY = {"llm": 30, "acme": 365, "default": 90}


def found_on(make, *dates):
    commits = [make.commit._replace(date=date) for date in dates]
    return [make.finding(make.secret(1), provenance=Provenance("a.env", (), commit)) for commit in commits]


def age(group, rule=None):
    return age_of(group, rule, Options(now=NOW.timestamp(), max_age_days=POLICY))


def test_days_are_counted_from_the_first_commit(make):
    dates = [(NOW - timedelta(days=days, hours=1)).isoformat() for days in (3, 214, 90)]
    assert age(found_on(make, *dates)) == Age(214, 90)


@pytest.mark.parametrize("date", ["", "soon", "2026-13-01T00:00:00+00:00", "9999-99-99"])
def test_a_date_that_is_none_does_not_count(date, make):
    assert age(found_on(make, date)) is None
    assert age(found_on(make, date, NOW.isoformat())) == Age(0, 90)


def test_what_no_commit_brought_in_has_no_age(make):
    assert age([make.finding(make.secret(1))]) is None


def test_a_clock_ahead_of_ours_makes_nothing_negative(make):
    assert age(found_on(make, (NOW + timedelta(days=9)).isoformat())).days == 0


def test_the_first_tag_that_the_policy_names_decides(make, rules):
    rule = rules.get("acme-key")
    group = found_on(make, NOW.isoformat())
    allowed = {tags: age(group, rule._replace(tags=tags)).allowed for tags in (("x", "acme", "llm"), ("llm",), ("x",))}
    assert list(allowed.values()) == [365, 30, 90]
    assert age_of(group, rule, Options(now=NOW.timestamp())).allowed == 0


@pytest.mark.parametrize(("days", "allowed", "over"), [(91, 90, 1), (90, 90, 0), (9000, 0, 0)])
def test_over_is_what_exceeds_the_limit(days, allowed, over):
    assert Age(days, allowed).over == over


def test_reports_say_it(make, render):
    report = make.report(*found_on(make, (NOW - timedelta(days=214)).isoformat()))
    options = {"now": NOW.timestamp(), "max_age_days": {"default": 90}}
    said = "in history for 214 days, 124 more than the 90 allowed"
    assert f"\n  {said}\n" in render("text", report, **options)
    assert said in render("markdown", report, **options)
    assert ",214," in render("csv", report, **options)
    (finding,) = json.loads(render("json", report, **options))["findings"]
    assert finding["age"] == {"days": 214, "allowed_days": 90, "too_old": True}
    assert "\n  in history for 214 days\n" in render("text", report, now=NOW.timestamp(), max_age_days={})
