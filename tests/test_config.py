"""The configuration: where it is found, what it may say, which of several wins, and how mistakes read."""

from __future__ import annotations

import os

import pytest

from llmsecrets import config
from llmsecrets.errors import ConfigError

RULES = """\
rules:
  - {id: acme-key, name: Acme key, description: A key., pattern: 'acme_[a-z0-9]{20}', remediation: Ask.,
     examples: ['acme_{{lowernum:20}}']}
"""


@pytest.fixture
def configured(tmp_path):
    """Write `.llmsecrets.yaml` and load it as a scan of its folder would."""

    def write(text: str, **options) -> config.Config:
        (tmp_path / ".llmsecrets.yaml").write_text(text)
        return config.load(tmp_path, options)

    return write


# ---- discovery -----------------------------------------------------------------------------------------------------


def test_the_nearest_file_up_to_the_repositorys_root_is_found(repository, tmp_path) -> None:
    deep = repository.write("a/b/c.py", "").parent
    (tmp_path / ".llmsecrets.yaml").write_text("")  # outside
    assert config.find(deep) is None
    at_root = repository.write(".llmsecrets.yaml", "")
    assert config.find(deep) == at_root
    assert config.find(deep / "c.py") == at_root
    nearer = repository.write("a/.llmsecrets.yml", "")
    assert config.find(deep) == nearer


def test_outside_a_repository_only_the_targets_own_folder_counts(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / ".llmsecrets.yaml"
    file.write_text("")
    assert config.find(tmp_path) == file
    assert config.find(tmp_path / "a") is None


@pytest.mark.parametrize("kind", ["folder", "pipe", "broken link"])
def test_what_has_the_files_name_must_be_a_file(llmsecrets, key, tmp_path, kind) -> None:
    """Else what it asks for, such as rules of one's own, were passed over in silence."""
    (tmp_path / "a.py").write_text(key("github"))
    file = tmp_path / ".llmsecrets.yaml"
    {"folder": file.mkdir, "pipe": lambda: os.mkfifo(file), "broken link": lambda: file.symlink_to("gone")}[kind]()
    outcome = llmsecrets("scan")
    assert (outcome.code, "is no file" in outcome.stderr) == (2, True), outcome


@pytest.mark.parametrize("name", ["extends", "baseline", "rules", "gitleaks_config"])
def test_a_file_names_no_devices(llmsecrets, tmp_path, name) -> None:
    """A stranger's could have a scan read without an end."""
    (tmp_path / ".llmsecrets.yaml").write_text(f"{name}: /dev/zero\n")
    outcome = llmsecrets("scan")
    assert (outcome.code, "/dev/zero is no file" in outcome.stderr) == (2, True), outcome


def test_a_worktree_or_submodule_is_a_root_too(tmp_path) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text("")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/.git").write_text("gitdir: elsewhere")
    assert config.find(tmp_path / "tree") is None


def test_a_named_file_is_taken_instead(configured, tmp_path) -> None:
    configured("exit_code: 5")
    (tmp_path / "other.yaml").write_text("exit_code: 6")
    assert config.load(tmp_path, {}, tmp_path / "other.yaml").exit_code == 6


def test_a_named_file_that_is_missing_is_a_mistake(llmsecrets) -> None:
    outcome = llmsecrets("scan", "-c", "nowhere.yaml")
    assert outcome.code == 2
    assert "nowhere.yaml: cannot be read: No such file" in outcome.stderr


# ---- layers --------------------------------------------------------------------------------------------------------


def test_options_win_over_variables_over_the_file_over_defaults(configured, monkeypatch, tmp_path) -> None:
    file = str(tmp_path / ".llmsecrets.yaml")
    assert (configured("").exit_code, configured("").origins["exit_code"]) == (1, "default")
    assert (configured("exit_code: 5").exit_code, configured("exit_code: 5").origins["exit_code"]) == (5, file)
    monkeypatch.setenv("LLMSECRETS_EXIT_CODE", "6")
    assert configured("exit_code: 5").exit_code == 6
    assert configured("exit_code: 5").origins["exit_code"] == "LLMSECRETS_EXIT_CODE"
    chosen = configured("exit_code: 5", exit_code=7)
    assert (chosen.exit_code, chosen.origins["exit_code"]) == (7, "command line")


def test_what_an_option_leaves_open_keeps_its_value(configured) -> None:
    assert configured("exit_zero: true\nexclude: [a]", exit_zero=None, exclude=()).exit_zero
    assert configured("exclude: [a]", exclude=()).exclude == ("a",)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("EXCLUDE", "a, b,", ("a", "b")),
        ("EXIT_ZERO", "yes", True),
        ("EXIT_ZERO", "0", False),
        ("MAX_FILE_SIZE", "2M", 2 << 20),
        ("MIN_CONFIDENCE", "low", "low"),
        ("JOBS", "3", 3),
    ],
)
def test_variables_are_read_as_what_they_mean(monkeypatch, tmp_path, name, text, value) -> None:
    monkeypatch.setenv(f"LLMSECRETS_{name}", text)
    assert getattr(config.load(tmp_path, {}), name.lower()) == value


@pytest.mark.parametrize(
    ("text", "size"),
    [("500", 500), ("20M", 20 << 20), ("1.5k", 1536), ("2G", 2 << 30), ("3MB", 3 << 20), ("3MiB", 3 << 20)],
)
def test_sizes(configured, text, size) -> None:
    assert configured(f"max_file_size: {text}").max_file_size == size


def test_paths_in_the_file_start_at_its_folder(configured, tmp_path) -> None:
    found = configured("rules: [own/rules.yaml]\nbaseline: known.jsonl")
    assert found.rules == (str(tmp_path / "own/rules.yaml"),)
    assert found.baseline == str(tmp_path / "known.jsonl")
    assert configured("", baseline="known.jsonl").baseline == "known.jsonl"


# ---- mistakes ------------------------------------------------------------------------------------------------------

REFUSED = {
    "colour: red": (1, "unknown key 'colour'"),
    "\nexit_code: many": (2, "exit_code must be a whole number"),
    "exit_code: true": (1, "exit_code must be a whole number"),
    "exit_code: .inf": (1, "exit_code must be a whole number"),
    "jobs: 1.5": (1, "jobs must be a whole number"),
    "exit_zero: perhaps": (1, "exit_zero must be true or false"),
    "exclude: 7": (1, "exclude must be a list of texts"),
    "exclude: [7]": (1, "exclude must be a list of texts"),
    "min_confidence: huge": (1, "min_confidence must be one of high, medium, low"),
    "max_file_size: large": (1, "max_file_size must be a size such as"),
    "engine: [regex]": (1, "engine must be a text"),
    "allow: 7": (1, "allow must be a list of entries"),
    "allow:\n  - 7": (1, "an entry must be a mapping"),
    "allow:\n  - {paths: [a]}": (2, "an entry needs a reason"),
    "allow:\n  - {reason: x}": (2, "an entry needs a criterion"),
    "allow:\n  - {reason: x, paths: [], stopwords: []}": (2, "an entry needs a criterion"),
    "allow:\n  - {reason: x, stopwords: ['']}": (2, "stopwords must hold no empty text"),
    "allow:\n  - {reason: x, rules: [a], regexes: [b, '']}": (2, "regexes must hold no empty text"),
    "allow:\n  - {reason: x, path: a}": (2, "unknown key 'path'"),
    "allow:\n  - {reason: x, paths: [a], expires: soon}": (2, "expires must be a date"),
    "allow:\n  - {reason: x, paths: [a], expires: '20270131'}": (2, "expires must be a date"),
    "allow:\n  - {reason: x, regexes: ['(']}": (2, "regular expression 1 is wrong: missing )"),
    "allow:\n  - {reason: x, paths: [a], target: file}": (2, "target must be one of secret, match, line"),
    "allow:\n  - {reason: x, paths: 7}": (2, "paths must be a list of texts"),
    "a: &a 1\nb: *a": (1, "aliases are not accepted"),
    "[": (2, "not valid YAML"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_mistake_is_refused_with_file_line_and_reason(configured, tmp_path, text) -> None:
    line, reason = REFUSED[text]
    with pytest.raises(ConfigError) as refused:
        configured(text)
    assert str(refused.value).startswith(f"{tmp_path}/.llmsecrets.yaml:{line}: "), refused.value
    assert reason in str(refused.value)


@pytest.mark.parametrize("text", ["format: [xml]", "engine: yara", "exit_code: 300", "jobs: -1", "max_file_size: -1",
                                  "max_file_size: nan", "max_file_size: inf", "rules: [nowhere.yaml]",
                                  "baseline: nowhere.jsonl", "enable: [no-such-rule]"])  # fmt: skip
def test_values_that_make_no_sense_end_in_exit_2(llmsecrets, key, tmp_path, text) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text(text)
    (tmp_path / "a.py").write_text(key("github"))
    outcome = llmsecrets("scan")
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert "unexpected" not in outcome.stderr


@pytest.mark.parametrize("text", REFUSED)
def test_a_scan_with_a_mistake_scans_nothing(llmsecrets, key, tmp_path, text) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text(text)
    (tmp_path / "a.py").write_text(key("github"))
    outcome = llmsecrets("scan")
    assert (outcome.code, outcome.stdout) == (2, ""), outcome


@pytest.mark.parametrize(
    ("name", "value"),
    [("EXIT_CODE", "many"), ("EXCLUDE", "re:\udcff"), ("EXIT_ZERO", "perhaps"), ("MIN_CONFIDENCE", "no")],
)
def test_a_mistake_in_a_variable_names_it(llmsecrets, name, value) -> None:
    outcome = llmsecrets("scan", **{f"LLMSECRETS_{name}": value})
    assert outcome.code == 2
    assert f"LLMSECRETS_{name}" in outcome.stderr


# ---- what it does to a scan ----------------------------------------------------------------------------------------


def test_a_scan_follows_its_configuration(repository, scan, key) -> None:
    repository.write("own/acme.yaml", RULES)
    repository.write(
        ".llmsecrets.yaml", "rules: [own]\nexclude: [vendor]\ndisable: [npm-*]\nexit_code: 9\nengine: regex\n"
    )
    repository.write("a.py", f"acme_0h1i2j3k4l5m6n7o8p9q {key('npm')}")
    repository.write("vendor/b.py", key("github"))
    found = scan(cwd=repository.root)
    assert found.code == 9
    assert [rule for rule, _, _ in found.places] == ["acme-key"]


@pytest.mark.parametrize("glob", ["vendor", "**/vendor", "vendor/**", "*/b.py"])
@pytest.mark.parametrize("source", [(), ("--history",), ("--staged",)])
def test_globs_mean_the_same_from_wherever_one_looks(repository, scan, key, tmp_path, glob, source) -> None:
    repository.commit({".llmsecrets.yaml": f"exclude: ['{glob}']\nallow: [{{reason: x, paths: [sample]}}]"})
    repository.add("a.py", key("github", 1))
    repository.add("vendor/b.py", key("github", 2))
    repository.add("sample/c.py", key("github", 3))
    if source == ("--history",):
        repository.commit()
    elsewhere = repository.write("deep/file", "").parent
    for cwd, target in ((repository.root, "."), (tmp_path, "repository"), (tmp_path, repository.root),
                        (elsewhere, ".."), (elsewhere, repository.root)):  # fmt: skip
        found = scan(*source, target, "--enable", "github-*", cwd=cwd)
        assert [path.rpartition("/")[2] for path in found.paths] == ["a.py"], (cwd, target)


@pytest.mark.parametrize("folder", ["app", "[slug]", "a[!b]"])
def test_globs_of_a_file_below_the_root_start_at_its_folder(repository, scan, key, folder) -> None:
    text = "exclude: [vendor, 're:^third']\nallow: [{reason: sample, paths: [sample.py, 're:^s/']}]"
    repository.write(f"{folder}/.llmsecrets.yaml", text)
    for seed, name in enumerate(("vendor/a.py", "third/a.py", "sample.py", "s/a.py", "b.py")):
        repository.write(f"{folder}/{name}", key("github", seed))
    assert scan(folder, cwd=repository.root).paths == [f"{folder}/b.py"]
    assert scan(cwd=repository.root / folder).paths == [f"{folder}/b.py"]


def test_formats_of_the_configuration_are_written(llmsecrets, key, tmp_path) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text("format: [json]")
    assert llmsecrets("scan").json["findings"] == []


def test_a_changed_file_is_read_again(scan, key, tmp_path) -> None:
    """The parsed configuration is cached by content."""
    (tmp_path / "a.py").write_text(key("github"))
    for code in (4, 5):
        (tmp_path / ".llmsecrets.yaml").write_text(f"exit_code: {code}")
        assert [scan("a.py").code, scan("a.py").code] == [code, code]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("", {"default": 90}),
        ("max_age_days: 30", {"default": 30}),
        ("max_age_days: {llm: 7}", {"default": 90, "llm": 7}),
        ("max_age_days: {llm: 7, default: 0}", {"default": 0, "llm": 7}),
        ("max_age_days: 'llm=7, default=10'", {"default": 10, "llm": 7}),
    ],
)
def test_the_allowed_age_is_given_by_category(configured, text, days) -> None:
    assert configured(text).max_age_days == days
    assert configured(text).max_age_days == days  # from the cache


@pytest.mark.parametrize("value", ["old", "-1", "{llm: soon}", "[1]", "{llm: true}"])
def test_an_age_is_a_number_of_days(configured, value) -> None:
    with pytest.raises(ConfigError, match="max_age_days must be a whole number"):
        configured(f"max_age_days: {value}")


@pytest.mark.parametrize("name", ["ENGIN", "JOB", "MINCONFIDENCE", "EXCLUDES", "ALLOW_INCOMPLET"])
def test_a_misspelt_variable_is_a_mistake(llmsecrets, name) -> None:
    outcome = llmsecrets("scan", **{f"LLMSECRETS_{name}": "1"})
    assert outcome.code == 2
    assert f"there is no setting LLMSECRETS_{name}" in outcome.stderr
    assert "Did you mean LLMSECRETS_" in outcome.stderr


@pytest.mark.parametrize("name", ["VERSION", "CACHE_DIR", "DEBUG", "TOKEN", "ALLOW", "IMAGE"])
def test_other_variables_are_nobodys_business(llmsecrets, tmp_path, name) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    assert llmsecrets("scan", "a.py", **{f"LLMSECRETS_{name}": str(tmp_path / "1")}).code == 0


# ---- config show ---------------------------------------------------------------------------------------------------


def test_show_prints_every_value_with_its_origin(llmsecrets, tmp_path) -> None:
    file = tmp_path / ".llmsecrets.yaml"
    file.write_text("exit_code: 5\nallow: [{reason: old samples, paths: [old]}]\nexclude: [a, b]")
    lines = llmsecrets("config", "show", ".", LLMSECRETS_JOBS="3").stdout.splitlines()
    shown = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    assert set(shown) == set(config.Config._fields) - {"folder", "origins", "nested", "nearest"}
    assert shown["exit_code"].split() == ["5", str(file.relative_to(tmp_path))] or str(file) in shown["exit_code"]
    assert shown["jobs"].split() == ["3", "LLMSECRETS_JOBS"]
    assert shown["min_confidence"].split() == ["medium", "default"]
    assert shown["allow"].startswith("old samples ")
    assert shown["exclude"].startswith("a, b ")
    assert shown["baseline"].split() == ["-", "default"]


def test_show_prints_nothing_that_commands_a_terminal(llmsecrets, tmp_path) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text('exclude: ["\\e[2J"]\nallow: [{reason: "\\e[2J", paths: [a]}]\n')
    for command in ("show", "check"):
        printed = llmsecrets("config", command).stdout
        assert "\\x1b[2J" in printed
        assert "\x1b" not in printed


def test_show_of_a_bad_file_is_a_mistake(llmsecrets, tmp_path) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text("colour: red")
    assert llmsecrets("config", "show").code == 2
