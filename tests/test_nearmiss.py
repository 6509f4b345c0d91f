"""Values that are one character off a vendor's token."""

from __future__ import annotations

import pytest

from llmsecrets.matching.patterns import Patterns
from llmsecrets.nearmiss import Shapes
from llmsecrets.rules import RuleSet, load_rules
from llmsecrets.templates import expand

RULE = next(iter(load_rules()))._replace(id="acme-api-key", shape="acme_(?P<body>[a-f0-9]{32})")
LOOSE = RULE._replace(id="other-password", shape="")


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    rules = RuleSet.of([RULE, LOOSE])
    return Shapes(rules, Patterns(rules.digest), 2.0)


@pytest.mark.parametrize("name", ["ACME_API_KEY", "acmeApiKey", "the-acme.token"])
@pytest.mark.parametrize(
    "template",
    ["acme_{{hex:31}}", "acme_{{hex:33}}", "acme_{{hex:12}}.{{hex:19}}", "ame_{{hex:32}}", "acme_{{hex:31}}z"],
)
def test_one_character_off_the_vendors_shape_is_nearly_a_token(shapes, name, template) -> None:
    assert shapes.nearly(name.encode(), expand(template, 1).encode())


@pytest.mark.parametrize(
    "template",
    [
        "acme_{{hex:32}}",  # exactly
        "acme_{{hex:30}}", "{{hex:32}}", "{{alnum:40}}", "acme_{{alnum:30}}zz",  # of another shape
        "acme_{{hex:12}}-{{hex:19}}",  # of a larger alphabet than was known
        "acme_{{hex:31}}" * 9,
    ],
)  # fmt: skip
def test_what_is_exactly_of_the_shape_or_differs_in_more_is_not(shapes, template) -> None:
    assert not shapes.nearly(b"ACME_API_KEY", expand(template, 1).encode())


def test_only_the_shapes_of_the_vendor_that_is_named_count(shapes) -> None:
    value = expand("acme_{{hex:31}}", 1).encode()
    assert not shapes.nearly(b"OTHER_PASSWORD", value)
    assert not shapes.nearly(b"service_key", value)


@pytest.mark.parametrize("line", ["UPCLOUD_TOKEN=uca_{{base32:26}}", "SCRAPINGBEE_API_KEY={{uppernum:79}}"])
def test_a_damaged_token_under_its_vendors_name_is_not_reported(line, scan) -> None:
    text = expand(line, 1)
    assert scan("-", stdin=text.encode()).json["findings"] == []
    renamed = "WAREHOUSE_TOKEN=" + text.partition("=")[2]
    assert len(scan("-", stdin=renamed.encode()).json["findings"]) == 1
