"""What a repository lacks to be looked after: what `init` proposes, and how it is written.

Only what is new is ever written. What would change a file that is there is shown, for its owner to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from llmsecrets.errors import ConfigError

BASELINE = ".llmsecrets-baseline.jsonl"
_CONFIGURATIONS = (".llmsecrets.yaml", ".llmsecrets.yml")
_VENDORED = ("node_modules", "vendor", "third_party")


class Proposal(NamedTuple):
    """Content for a file that is not there yet, or to add by hand to one that is; with no path, a piece of advice."""

    path: str
    content: str
    reason: str
    by_hand: bool = False


class Origin(NamedTuple):
    """Where llmsecrets comes from: what stands in for OWNER/llmsecrets and COMMIT in the recipes."""

    address: str = "https://github.com/OWNER/llmsecrets"
    commit: str = "COMMIT"
    version: str = ""

    def fill(self, recipe: str) -> str:
        filled = recipe.replace("https://github.com/OWNER/llmsecrets", self.address)
        filled = filled.replace("OWNER/llmsecrets", "/".join(self.address.split("/")[-2:]))
        return filled.replace("COMMIT", self.commit).replace("v0.1.0", f"v{self.version}")


class _Service(NamedTuple):
    """A CI service: the file or folder by which a repository shows that it uses it, and where our recipe goes."""

    sign: str
    recipe: str
    target: str  # a file of its own, or "" where the file that is there must be changed
    advice: str


_SERVICES = (
    _Service(".github", "github.yaml", ".github/workflows/llmsecrets.yaml", "a workflow for GitHub"),
    _Service(".gitlab-ci.yml", "gitlab.yaml", ".gitlab/llmsecrets.yml",
             "a job for GitLab; add to .gitlab-ci.yml: include: .gitlab/llmsecrets.yml"),
    _Service("Jenkinsfile", "jenkins.groovy", "", "a stage for Jenkins"),
    _Service("azure-pipelines.yml", "azure.yaml", "", "steps for Azure Pipelines"),
    _Service(".circleci/config.yml", "circleci.yaml", "", "a job for CircleCI"),
    _Service("bitbucket-pipelines.yml", "bitbucket.yaml", "", "a step for Bitbucket Pipelines"),
)  # fmt: skip

_PRE_COMMIT = """\
  - repo: {address}
    rev: {commit}  # v{version}
    hooks:
      - id: llmsecrets
"""


def recipe(name: str) -> str:
    """The text of a recipe for a CI service, as it comes."""
    return (Path(__file__).with_name("recipes") / name).read_text("utf-8")


def proposals(root: Path, paths: Sequence[str], known: int, origin: Origin) -> Iterator[Proposal]:
    """What the repository lacks. `paths` are its files, `known` is how many secrets its files hold today."""
    yield from _configuration(root, paths, known)
    notebooks = sum(path.endswith(".ipynb") for path in paths)
    yield from _hook(root, notebooks, origin)
    for service in _SERVICES:
        if (root / service.sign).exists():
            yield from _job(root, service, origin)
    yield from _notebooks(notebooks)


def _configuration(root: Path, paths: Sequence[str], known: int) -> Iterator[Proposal]:
    baseline = known and not (root / BASELINE).exists()
    if baseline:
        reason = f"a baseline: the {known:,} secrets its files hold today are known, and only new ones are reported"
        yield Proposal(BASELINE, "", reason)
    lines = [f"baseline: {BASELINE}"] if baseline else []
    vendored = [name for name in _VENDORED if any(f"/{name}/" in f"/{path}" for path in paths)]
    lines += ["exclude:", *(f"  - '**/{name}'" for name in vendored)] if vendored else []
    there = next((name for name in _CONFIGURATIONS if (root / name).exists()), None)
    text = "".join(f"{line}\n" for line in lines)
    if there is None:
        heading = "# llmsecrets config show prints every setting, with where it comes from.\n"
        yield Proposal(_CONFIGURATIONS[0], heading + text, "the configuration")
    elif baseline:
        yield Proposal(there, text, "the configuration", by_hand=True)


def _hook(root: Path, notebooks: int, origin: Origin) -> Iterator[Proposal]:
    file = root / ".pre-commit-config.yaml"
    if not file.exists():
        yield Proposal("", "", "a hook before each commit: llmsecrets hook install pre-commit")
    elif "llmsecrets" not in file.read_text("utf-8", "replace"):
        lines = _PRE_COMMIT.format(address=origin.address, commit=origin.commit, version=origin.version)
        lines += "      - id: llmsecrets-notebook-strip\n" if notebooks else ""
        yield Proposal(file.name, lines, "a hook for pre-commit, below repos:", by_hand=True)


def _notebooks(count: int) -> Iterator[Proposal]:
    if count:
        reason = (
            f"{count:,} notebooks: keys are often printed, and outputs are scanned. To take those out that hold some: "
        )
        yield Proposal("", "", f"{reason}llmsecrets notebook strip")


def _job(root: Path, service: _Service, origin: Origin) -> Iterator[Proposal]:
    sign = root / service.sign
    files = sorted(sign.glob("workflows/*.y*ml")) if sign.is_dir() else [sign]
    if any("llmsecrets" in file.read_text("utf-8", "replace") for file in files if file.is_file()):
        return
    content = origin.fill(recipe(service.recipe))
    yield Proposal(service.target or service.sign, content, service.advice, by_hand=not service.target)


def write(root: Path, proposal: Proposal) -> Path:
    """Write a file that is not there yet. Raises ConfigError where one is, or where a link leads out of the root."""
    file = root / proposal.path
    try:
        if not file.parent.resolve().is_relative_to(root.resolve()):
            raise ConfigError(f"{proposal.path}: its folder is a link that leads out of {root}", "Nothing was written.")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(proposal.content)
    except OSError as failure:
        advice = "Nothing is ever overwritten." if isinstance(failure, FileExistsError) else "Check its folder."
        raise ConfigError(f"{file}: cannot be written: {failure.strerror}", advice) from failure
    return file
