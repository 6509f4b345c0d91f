"""The documents say what is so: help text, schema, keys, and every command they show.

`python tests/test_docs.py` writes the generated parts anew.
"""

from __future__ import annotations

import doctest
import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

import llmsecrets
from llmsecrets import config, proofs, proposals, reporters, rules, templates
from llmsecrets.rules import fields

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RULES = ROOT / "docs" / "RULES.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
MAN = ROOT / "docs" / "llmsecrets.1"
REPORTS = ROOT / "docs" / "reports.md"
PICTURE = ROOT / "docs" / "demo.svg"
SCHEMA = ROOT / "docs" / "schemas" / "rules.schema.json"
LIBRARY = ROOT / "docs" / "library.md"
BASELINES = ROOT / "docs" / "baselines.md"
CI = ROOT / "docs" / "ci.md"
HOOKS = ROOT / "docs" / "hooks.md"
MIGRATING = ROOT / "docs" / "migrating.md"
EXIT_CODES = ROOT / "docs" / "exit-codes.md"
FAQ = ROOT / "docs" / "faq.md"
DOCUMENTS = (README, RULES, CONFIGURATION, BASELINES, CI, EXIT_CODES, FAQ, HOOKS, REPORTS, MIGRATING)
_HELP = re.compile(r"(<!-- generated: llmsecrets scan --help -->\n```text\n).*?(```)", re.DOTALL)
_COMMANDS = re.compile(r"^ *```console\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_RECIPES = re.compile(r"(<!-- recipe: (\S+) -->\n```\w+\n).*?(^```)", re.DOTALL | re.MULTILINE)
_FILES = re.compile(r"<!-- file: (\S+) -->\n```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)


def help_text() -> str:
    """`llmsecrets scan --help`, 100 characters wide."""
    return _run("scan", "--help", COLUMNS="100")


def rules_schema() -> str:
    return _run("rules", "schema")


def _run(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "llmsecrets", *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True, env={**os.environ, **environment}).stdout


def with_help(text: str) -> str:
    """The README with its help block as it should be."""
    return _HELP.sub(lambda found: f"{found[1]}{help_text()}{found[2]}", text)


def with_recipes(text: str) -> str:
    """docs/ci.md with the recipes that `llmsecrets init` writes."""
    return _RECIPES.sub(lambda found: f"{found[1]}{proposals.recipe(found[2])}{found[3]}", text)


def test_the_recipes_shown_are_those_that_init_writes() -> None:
    text = CI.read_text("utf-8")
    shown = {name for _, name, _ in _RECIPES.findall(text)}
    assert shown == {file.name for file in (ROOT / "scanner" / "llmsecrets" / "recipes").iterdir()}
    assert text == with_recipes(text), "run: python tests/test_docs.py"


def test_readme_shows_the_help() -> None:
    text = README.read_text("utf-8")
    assert _HELP.search(text)
    assert text == with_help(text), "run: python tests/test_docs.py"


def _script(name: str) -> Any:
    """A script of docs/, imported."""
    spec = spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def man_page() -> str:
    return str(_script("man").page())


def test_the_man_page_says_what_the_help_says() -> None:
    assert MAN.read_text("utf-8") == man_page(), "run: python tests/test_docs.py"


def test_the_man_page_reads_well() -> None:
    man = shutil.which("man")
    if man is None:
        pytest.skip("man is not installed")
    done = subprocess.run([man, "--warnings", "-l", MAN], capture_output=True, text=True, check=False,
                          env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    shown = re.sub(".\x08", "", done.stdout)
    assert "llmsecrets scan [OPTIONS] [PATHS]..." in shown
    assert "git log -p | llmsecrets scan -" in shown


def test_published_schema_is_the_one_that_validates() -> None:
    assert json.loads(SCHEMA.read_text("utf-8")) == json.loads(rules_schema()), "run: python tests/test_docs.py"


def test_every_key_of_a_rule_is_explained() -> None:
    _all_named(RULES, (*fields.KEYS, *fields.ALPHABETS, *rules.Allow._fields, *rules.Part._fields[2:]))


def test_every_template_class_is_named() -> None:
    _all_named(RULES, templates.CLASSES)


def test_checksums_and_makers_in_the_rule_manual_exist() -> None:
    assert "crc32-base62-6" in proofs.NAMES
    assert "crc32-base62-6" in templates.MAKERS


def test_every_setting_is_explained() -> None:
    fields = (*config.Config._fields, *config.AllowEntry._fields)
    _all_named(CONFIGURATION, set(fields) - {"folder", "origins", "nested", "nearest", "origin", "target"})


def test_every_report_format_is_explained() -> None:
    _all_named(REPORTS, reporters.FORMATS)


def test_every_dependency_has_a_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.findall(r'^    "([A-Za-z][\w-]*)[>=]', project, re.MULTILINE)
    reasons = (ROOT / "docs" / "adr" / "0006-dependencies.md").read_text("utf-8")
    assert listed
    assert [name for name in listed if name not in reasons] == []


def _all_named(document: Path, names: Iterable[str]) -> None:
    text = document.read_text("utf-8")
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, LIBRARY, ROOT / "SECURITY.md", *sorted((ROOT / "docs" / "adr").glob("*.md"))]
)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


# ---- commands ------------------------------------------------------------------------------------------------------


def commands(document: Path) -> Iterator[str]:
    """The commands of the document's `console` blocks, in order."""
    for block in _COMMANDS.findall(document.read_text("utf-8")):
        yield from (line.strip()[2:] for line in block.splitlines() if line.strip().startswith("$ "))


@pytest.fixture
def planted(repository: Any, key: Callable[..., str]) -> Path:
    """A small repository with a key in a file, in history, on a branch and staged, and the files the documents show."""
    repository.commit({"src/app.py": f'KEY = "{key("openai")}"\n', "docs/notes.ipynb": "{}\n"}, "a key")
    repository.commit({"old.env": f"TOKEN={key('github')}\n"}, "another key")
    repository.remove("old.env")
    repository.branch("topic")
    repository.commit({"topic.env": f"TOKEN={key('npm')}\n"}, "a key on a branch")
    repository.add("staged.env", f"TOKEN={key('gitlab')}\n")
    repository.write(".gitleaksignore", "src/app.py:openai-api-key:1\n")
    for document in (RULES, CONFIGURATION):
        for name, content in _FILES.findall(document.read_text("utf-8")):
            repository.write(name, content)
    root: Path = repository.root
    return root


@pytest.mark.skipif(os.name == "nt", reason="the documents' commands are for a POSIX shell")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_runs(document: Path, planted: Path, tmp_path: Path) -> None:
    script = tmp_path / "bin" / "llmsecrets"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m llmsecrets "$@"\n')
    script.chmod(0o755)
    environment = {**os.environ, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}"}
    shown = list(commands(document))
    assert shown
    for command in shown:
        done = subprocess.run(
            ["sh", "-c", command], cwd=planted, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1), f"{command}\n{done.stdout}{done.stderr}"


def test_the_librarys_examples_give_what_they_say(planted: Path, monkeypatch: pytest.MonkeyPatch, key: Any) -> None:
    (planted / "prompt.txt").write_text(f"Why does this fail?\nOPENAI_API_KEY={key('openai', 2)}")
    subprocess.run(["sh", "-c", "git add prompt.txt && git -c user.name=A -c user.email=a@b commit -qm x prompt.txt"],
                   cwd=planted, check=True)  # fmt: skip
    monkeypatch.chdir(planted)
    examples = doctest.DocTestParser().get_doctest(LIBRARY.read_text("utf-8"), {}, "library.md", str(LIBRARY), 0)
    assert len(examples.examples) > 10
    said: list[str] = []
    doctest.DocTestRunner().run(examples, out=said.append)
    assert said == [], "".join(said)


def test_the_readmes_lines_of_python_run(key: Any) -> None:
    block = re.search(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert block
    names: dict[str, Any] = {"prompt": f"Why? {key('openai')}"}
    exec(block[1], names)
    assert len(names["report"].findings) == 1
    assert names["safe"] == "Why? [openai-project-key]"


def _words(picture: str) -> str:
    """What a picture of a terminal says, but for times and commit ids: they differ each time."""
    text = html.unescape("".join(re.findall(r"<text [^>]*>(.*?)</text>", picture))).replace("\xa0", " ")
    return re.sub(r"commit [0-9a-f]{10}|in [\d.]+ s|for \d+ days, \d+ more", "", text)


@pytest.mark.skipif(os.name == "nt", reason="drawn on a POSIX terminal")
def test_the_picture_shows_what_the_commands_show() -> None:
    picture = PICTURE.read_text("utf-8")
    assert "this commit is refused" in _words(picture)
    assert "@font-face" not in picture
    assert _words(_script("demo").draw()) == _words(picture), "run: python docs/demo.py"


def test_every_public_name_is_there_and_explained() -> None:
    assert [name for name in llmsecrets.__all__ if not hasattr(llmsecrets, name)] == []
    homes = {name for names in llmsecrets._HOMES.values() for name in names}
    assert sorted(homes) == sorted(llmsecrets.__all__)
    _all_named(LIBRARY, llmsecrets.__all__)


@pytest.mark.parametrize("name", ["our-rules.yaml", "zone-rules.yaml"])
def test_rules_of_the_manual_pass_their_check(name: str, tmp_path: Path) -> None:
    content = dict(_FILES.findall(RULES.read_text("utf-8")))[name]
    (tmp_path / name).write_text(content, "utf-8")
    assert "0 problems" in _run("rules", "check", str(tmp_path / name))


def test_readme_configuration_is_valid(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(exclude:.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert block
    (tmp_path / ".llmsecrets.yaml").write_text(block[1], "utf-8")
    loaded = config.load(tmp_path, {})
    builtin = rules.load_rules()
    for glob in (*loaded.disable, *(glob for entry in loaded.allow for glob in entry.rules)):
        assert len(builtin.select([glob])), glob


if __name__ == "__main__":
    README.write_text(with_help(README.read_text("utf-8")), "utf-8")
    SCHEMA.write_text(rules_schema(), "utf-8")
    CI.write_text(with_recipes(CI.read_text("utf-8")), "utf-8")
    MAN.write_text(man_page(), "utf-8")
