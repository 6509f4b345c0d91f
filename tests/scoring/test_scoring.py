"""The generic detector: what is given to a name, and how likely that is a secret."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmsecrets import scoring
from llmsecrets.templates import expand


def judged(name: str, template: str, seed: int = 1, path: str = "", **more) -> float:
    """The score of a template's value under a name."""
    return scoring.probability(scoring.explain(name.encode(), expand(template, seed).encode(), path, **more))


# ---- reading -----------------------------------------------------------------------------------------------------


def read(text: str, word: str, assigns: str) -> scoring.Given | None:
    """What stands behind the first `word` and what assigns."""
    data = text.encode()
    start = data.index(word.encode())
    name_end = start + len(word.encode())
    return scoring.given_at(data, start, name_end, data.index(assigns.encode(), name_end) + len(assigns.encode()))


@pytest.mark.parametrize(
    ("text", "word", "assigns", "name", "value", "manner"),
    [
        ("db.apiToken = 'abc 123';", "Token", "= ", "db.apiToken", "abc 123", "assigned"),
        ('token := @"a\'b"', "token", ":= ", "token", "a'b", "assigned"),
        ("TOKEN=abc;next", "TOKEN", "=", "TOKEN", "abc", "assigned"),
        ('if token == "abc":', "token", "== ", "token", "abc", "compared"),
        ('"token": "abc"', "token", '": ', "token", "abc", "keyed"),
        (r"{\"token\": \"abc\"}", "token", ": ", "token", "abc", "keyed"),
        (r'"token", "\"abc\""', "token", '", ', "token", "abc", "argument"),
        ("token = '\"abc\"'", "token", "= ", "token", "abc", "assigned"),
        ("x?a=1&token=abc&b=2", "token", "=", "token", "abc", "query"),
        ("<token>abc</token>", "token", ">", "token", "abc", "element"),
        ('set("token", "abc")', "token", '", ', "token", "abc", "argument"),
        ("run --token abc", "token", " ", "--token", "abc", "option"),
        ("token abc", "token", " ", "token", "abc", "said"),
        ("пароль = абв", "пароль", "= ", "пароль", "абв", "assigned"),
    ],
)
def test_a_name_and_its_value_are_read(text, word, assigns, name, value, manner) -> None:
    found = read(text, word, assigns)
    assert found is not None
    assert text.encode()[slice(*found.name)].decode() == name
    assert text.encode()[slice(*found.value)].decode() == value
    assert (found.manner, found.quoted) == (manner, text.encode()[found.value[0] - 1 : found.value[0]] in (b'"', b"'"))


@pytest.mark.parametrize("value", ["get(1)", "abc{{x}}", "<b", '"abc', '\\"abc"'])
def test_calls_templates_and_open_quotes_give_nothing(value) -> None:
    assert read(f"token = {value}", "token", "= ") is None


@given(data=st.binary(max_size=60), at=st.integers(0, 60))
def test_reading_takes_any_bytes(data, at) -> None:
    found = scoring.given_at(b"token=" + data, 0, 5, 6 + min(at, len(data)))
    assert found is None or found.value[1] <= 6 + len(data)


def test_text_may_be_in_any_language_but_is_no_binary() -> None:
    assert scoring.is_text("пароль = «абв»".encode(), 12, 15)
    assert scoring.is_text("mot de passe à côté".encode("latin-1"), 0, 19)
    assert not scoring.is_text(b"\x02\x03token=abc", 2, 11)
    assert not scoring.is_text(bytes(range(128, 160)) + b"token=abc", 32, 41)


# ---- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("password dbPassword DB_PASS mysql.pwd userPw Kennwort contraseña СЕРВИС_ПАРОЛЬ 密码", "password"),
        ("secret clientSecret CREDENTIALS", "secret"),
        ("authToken GITHUB_TOKEN bearer 令牌", "token"),
        ("apiKey API-KEY api.key signingKey", "key of its own"),
        ("key someKey", "key"),
        ("publicKey cacheKey csrf_token author", "public thing"),
        ("tokenId secret_name password.length keyType auth.py apikeyalgorithm deploykeyheader", "detail of one"),
    ],
)
def test_a_name_says_what_it_names_in_any_style(names, kind) -> None:
    assert {name: scoring.kind_of(name.encode()) for name in names.split()} == dict.fromkeys(names.split(), kind)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("scaleway_project_id = ", True), ('sessionSecretLimit: "', True), ("algolia key=", False),
        (r"scaleway_project_id=\n", True),
        ("client_id=", False), ("acme_project_key=", False), ("project_id then key ", False),
    ],
)  # fmt: skip
def test_the_name_right_before_a_value_says_whether_that_is_a_detail(text, detail) -> None:
    assert scoring.is_of_a_detail(scoring.name_of(text.encode() + b"value", 0, len(text))) is detail


# ---- judging -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("SERVICE_TOKEN", "{{alnum:40}}"),
        ("clientSecret", "{{base64url:43}}"),
        ("apiKey", "{{hex:40}}"),
        ("db_password", "{{alnum:10}}7#{{alnum:8}}"),
        ("hasło", "Q3{{alnum:18}}"),
    ],
)
def test_random_values_under_telling_names_are_secrets(name, template, seed) -> None:
    assert judged(name, template, seed) >= scoring.MEDIUM


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", "refresh_token_2"),
        ("password", "correct-horse-1"),
        ("secret", "v1.24.3-rc2"),
        ("apiKey", "https://internal/keys/42"),
        ("key", "primary_2024"),
        ("token", "sha256:{{hex:64}}"),
        ("token", "{{alnum:16}}%{{alnum:16}}"),
        ("secret", "{{hex:31}}"),
        ("auth_token", "tok_{{alnum:4}}"),
        ("password", "Password1!"),
    ],
)
def test_what_else_stands_in_code_is_no_secret(name, value) -> None:
    assert judged(name, value) < scoring.MEDIUM


def test_a_name_that_means_something_else_or_a_plain_word_needs_no_weighing() -> None:
    value = expand("{{alnum:40}}", 1).encode()
    assert not scoring.hopeless(b"token", value)
    assert scoring.hopeless(b"token_id", value)
    assert scoring.hopeless(b"cacheKey", value)
    assert scoring.hopeless(b"token", b"get_current_user")
    assert scoring.hopeless(b"PASS", b"gdb.base/bp-2.exp:")
    assert scoring.hopeless(b"token", b"2024-01-31")


def test_a_uuid_of_a_time_and_a_token_without_its_signature_are_no_secrets() -> None:
    random, timed = expand("{{uuid}}", 1), expand("{{hex:8}}-{{hex:4}}-11ec-9d64-0242ac120002", 1)
    signed, unsigned = expand("{{make:jwt}}", 1), expand("eyJ{{alnum:17}}.eyJ{{alnum:30}}.signature", 1)
    judged_hopeless = [scoring.hopeless(b"token", value.encode()) for value in (random, timed, signed, unsigned)]
    assert judged_hopeless == [False, True, False, True]


def test_the_place_moves_the_score() -> None:
    plain = judged("token", "{{alnum:32}}")
    settings, prose, lock = (
        judged("token", "{{alnum:32}}", path=path) for path in (".env", "docs/use.md", "yarn.lock")
    )
    assert settings > plain > prose > scoring.LOW > lock


def test_an_explanation_adds_up_to_the_score_and_names_the_weightiest_first() -> None:
    value = expand("{{alnum:40}}", 1).encode()
    found = scoring.explain(b"token", value, "config/.env")
    assert [abs(feature.weight) for feature in found] == sorted((abs(one.weight) for one in found), reverse=True)
    assert "name of a token" in [feature.name for feature in found]
    score = scoring.probability(scoring.features(b"token", value))
    assert scoring.shifted(score, scoring.place_features("config/.env")) == pytest.approx(scoring.probability(found))


@settings(max_examples=200)
@given(name=st.binary(max_size=30), value=st.binary(min_size=1, max_size=80), quoted=st.booleans())
def test_any_name_and_value_has_a_score(name, value, quoted) -> None:
    assert 0 <= scoring.probability(scoring.features(name, value, quoted=quoted)) <= 1


def test_every_feature_has_a_weight() -> None:
    values = "aB3$ 1234 {{hex:31}} {{hex:40}} {{uuid}} a/c.py абв1 X_Y_2 {{alnum:200}} v1.2-3".split()
    named = {
        feature
        for name in (b"password", b"token", b"test_key", b"auth", b"x")
        for value in values
        for feature, _ in scoring.facts(name, expand(value, 1).encode())
    }
    assert named <= scoring.model().weights.keys()
