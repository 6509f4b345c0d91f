"""The command: exit codes, outputs, and what happens when something is in its way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support import KEYS, run_llmsecrets

from llmsecrets import cli
from llmsecrets.cli import commands
from llmsecrets.reporters import FORMATS
from llmsecrets.templates import expand

COMMAND = (sys.executable, "-m", "llmsecrets")


@pytest.fixture
def planted(tmp_path, key) -> Path:
    """A folder with one key, and one clean one beside it."""
    (tmp_path / "leak").mkdir()
    (tmp_path / "clean").mkdir()
    (tmp_path / "leak/a.py").write_text(f"key = '{key('github')}'\n")
    (tmp_path / "clean/a.py").write_text("key = os.environ['KEY']\n")
    return tmp_path


# ---- exit codes ----------------------------------------------------------------------------------------------------


def test_0_where_there_is_nothing_and_1_where_there_is(planted, llmsecrets) -> None:
    assert llmsecrets("scan", "clean").code == 0
    assert llmsecrets("scan", "leak").code == 1


def test_the_code_for_findings_can_be_chosen(planted, llmsecrets) -> None:
    assert llmsecrets("scan", "leak", "--exit-code", "42").code == 42
    assert llmsecrets("scan", "leak", "--exit-code", "0").code == 0
    assert llmsecrets("scan", "leak", "--exit-zero").code == 0
    assert llmsecrets("scan", "leak", "--exit-zero", "--exit-code", "42").code == 0
    assert llmsecrets("scan", "clean", "--exit-code", "42").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("scna",), ("scan", "--hsitory"), ("scan", "nowhere"), ("scan", "--exit-code", "300"), ("scan", "-j", "-1"),
        ("scan", "-f", "xml"), ("scan", "--min-confidence", "huge"), ("scan", "--max-file-size", "large"),
        ("scan", "--engine", "yara"), ("scan", "-o", "report.doc"), ("scan", "-f", "json", "-f", "text"),
        ("scan", "-o", "nowhere/report.json"), ("scan", "--unreachable"), ("scan", "--staged", "a", "b"),
        ("rules", "show"), ("rules", "check", "nowhere.yaml"), ("config", "show", "-c", "nowhere.yaml"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_2_for_a_mistake_and_a_word_on_it(planted, llmsecrets, arguments) -> None:
    outcome = llmsecrets(*arguments)
    assert outcome.code == 2, outcome
    assert outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "unexpected" not in outcome.stderr


def test_3_where_something_could_not_be_scanned(planted, llmsecrets) -> None:
    arguments = ("scan", "clean", "--max-file-size", "5")
    outcome = llmsecrets(*arguments)
    assert outcome.code == 3
    assert "the scan is incomplete" in outcome.stderr
    assert "clean/a.py" in outcome.stdout
    assert llmsecrets(*arguments, "--allow-incomplete").code == 0
    assert llmsecrets("scan", "leak", "--max-file-size", "5", "--allow-incomplete").code == 0


def test_findings_count_more_than_what_could_not_be_scanned(planted, llmsecrets) -> None:
    (planted / "leak/large").write_text("x" * 500)
    assert llmsecrets("scan", "leak", "--max-file-size", "100").code == 1


def test_a_scan_of_nothing_says_so_and_is_no_success_in_ci(planted, llmsecrets) -> None:
    (planted / "empty").mkdir()
    outcome = llmsecrets("scan", "empty")
    assert (outcome.code, "Nothing was scanned" in outcome.stdout) == (0, True)
    outcome = llmsecrets("scan", "empty", CI="true")
    assert (outcome.code, "nothing was scanned" in outcome.stderr) == (3, True)
    assert llmsecrets("scan", "empty", "--allow-incomplete", CI="true").code == 0
    assert llmsecrets("scan", "clean", CI="true").code == 0


@pytest.mark.parametrize("source", ["-", "fifo"])
def test_130_for_an_interrupt_without_a_traceback(planted, source) -> None:
    """A real SIGINT while the scan waits for input that never comes."""
    os.mkfifo(planted / "fifo")
    holder = os.open(planted / "fifo", os.O_RDWR)
    stdin = subprocess.PIPE if source == "-" else open(planted / "fifo", "rb")  # noqa: SIM115
    process = subprocess.Popen(
        [*COMMAND, "scan", "-"], cwd=planted, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_until_reading(process.pid)
    process.send_signal(signal.SIGINT)
    # communicate() would close our end first, which ends the input
    assert process.wait(timeout=20) == 130
    assert process.stderr is not None
    assert process.stderr.read().strip() == b"llmsecrets: interrupted"
    assert process.stdout is not None
    assert process.stdout.read() == b""
    os.close(holder)
    for stream in (process.stdin, process.stdout, process.stderr, stdin if source == "fifo" else None):
        if stream:
            stream.close()


def wait_until_reading(pid: int) -> None:
    """Until the scan has loaded all it needs: its threads sleep in a read."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        maps = Path(f"/proc/{pid}/maps").read_text() if Path("/proc").exists() else ""
        if not maps or "regex" in maps or "hyperscan" in maps:
            break
        time.sleep(0.05)
    time.sleep(0.5)


# ---- outputs -------------------------------------------------------------------------------------------------------


def test_several_reports_at_once(planted, llmsecrets) -> None:
    outcome = llmsecrets("scan", "leak", "-f", "json", "-o", "a.json", "-f", "sarif", "-o", "b.sarif", "-f", "text")
    assert outcome.code == 1
    assert json.loads((planted / "a.json").read_text())["findings"]
    assert json.loads((planted / "b.sarif").read_text())["version"] == "2.1.0"
    assert "leak/a.py:1:8" in outcome.stdout


def test_a_files_name_tells_its_format(planted, llmsecrets) -> None:
    outcome = llmsecrets("scan", "leak", "-o", "a.json", "-o", "b.sarif", "-o", "c.jsonl", "-o", "d.txt")
    assert (outcome.code, outcome.stdout) == (1, "")
    assert json.loads((planted / "a.json").read_text())["findings"]
    assert json.loads((planted / "b.sarif").read_text())["runs"]
    assert [json.loads(line) for line in (planted / "c.jsonl").read_text().splitlines()]
    assert "leak/a.py:1:8" in (planted / "d.txt").read_text()


def test_names_that_gitlab_looks_for_tell_their_format(planted, llmsecrets) -> None:
    names = ("gl-secret-detection-report.json", "gl-code-quality-report.json", "a.xml", "b.csv", "c.md", "d.html")
    outcome = llmsecrets("scan", "leak", *(word for name in names for word in ("-o", name)))
    assert (outcome.code, outcome.stdout, outcome.stderr) == (1, "", "")
    starts = {name: (planted / name).read_text("utf-8").lstrip()[:9] for name in names}
    assert starts == dict(
        zip(names, ('{\n"versio', '[\n{"descr', "<?xml ver", "severity,", "## 1 secr", "<!doctype"), strict=True)
    )


def test_what_a_format_cannot_hold_is_said(planted, llmsecrets) -> None:
    for number in range(12):
        (planted / f"leak/{number}.py").write_text(expand("key = '{{make:crc32-base62-6}}'\n", number))
    outcome = llmsecrets("scan", "leak", "-f", "github")
    assert outcome.stdout.count("::error ") == 13
    assert "GitHub shows 10 of 13 annotations" in outcome.stderr


def test_quiet_prints_only_what_matters(planted, llmsecrets) -> None:
    assert llmsecrets("scan", "clean", "-q") == (0, "", "")
    assert "leak/a.py:1:8" in llmsecrets("scan", "leak", "-q").stdout
    assert "clean/a.py" in llmsecrets("scan", "clean", "-q", "--max-file-size", "5").stdout


def test_no_terminal_no_colour_no_progress(planted, llmsecrets) -> None:
    outcome = llmsecrets("scan", "leak")
    assert "\x1b" not in outcome.stdout + outcome.stderr
    assert outcome.stderr == ""


@pytest.mark.parametrize("format", FORMATS)
def test_a_closed_pipe_ends_quietly(planted, format) -> None:
    """As `llmsecrets scan | head -1` does."""
    for number in range(300):
        (planted / f"leak/{number}.py").write_text(expand("key = '{{make:crc32-base62-6}}'\n", number))
    process = subprocess.Popen(
        [*COMMAND, "scan", "leak", "-f", format], cwd=planted, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in (0, 1, 3)


@pytest.mark.parametrize("command", [("rules", "list"), ("scan", "leak", "--exit-zero")], ids=" ".join)
def test_a_closed_pipe_is_no_finding(planted, command) -> None:
    """As `| true`: click by itself ends such a process with 1, which says that there are findings."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*COMMAND, *command], cwd=planted, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_of_any_command(planted) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "rules", "list"], cwd=planted, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 3
    assert b"standard output: No space left on device" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_is_told(planted, format) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "scan", "leak", "-f", format], cwd=planted, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 3
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_report_that_cannot_be_written_leaves_the_old_one(planted, llmsecrets) -> None:
    (planted / "taken.json").mkdir()
    outcome = llmsecrets("scan", "leak", "-o", "taken.json")
    assert outcome.code == 2
    assert "taken.json: cannot be written" in outcome.stderr
    assert not list(planted.glob(".*.tmp"))


@pytest.mark.parametrize(
    "command", [("scan", "leak", "-f", "text"), ("baseline", "create", "leak", "--force")], ids=" ".join
)
def test_links_and_pipes_are_written_to_not_replaced(planted, command) -> None:
    """As for `-o /dev/stdout`. Tests keep to links and pipes of their own: as root a mistake would replace a device."""
    os.mkfifo(planted / "pipe")
    (planted / "link").symlink_to("pipe")
    process = subprocess.Popen([*COMMAND, *command, "-o", "link"], cwd=planted, stdout=subprocess.DEVNULL)
    assert (planted / "pipe").read_bytes()
    process.wait()
    assert (planted / "link").is_symlink()
    assert (planted / "pipe").is_fifo()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
def test_the_standard_output_by_its_name_as_a_device(planted) -> None:
    command = [*COMMAND, "scan", "leak", "-f", "json", "-o", "/dev/stdout"]
    with (planted / "redirected").open("wb") as out:
        subprocess.run(command, cwd=planted, stdout=out, check=False)
    piped = subprocess.run(command, cwd=planted, capture_output=True, check=False).stdout
    for written in ((planted / "redirected").read_bytes(), piped):
        assert json.loads(written)["findings"]


def test_a_file_behind_a_link_is_replaced_whole_and_as_private_as_it_was(planted, llmsecrets) -> None:
    (planted / "kept").mkdir()
    (planted / "kept/report.json").write_text("old")
    (planted / "kept/report.json").chmod(0o600)
    (planted / "link.json").symlink_to("kept/report.json")
    before = (planted / "kept/report.json").stat().st_ino
    assert llmsecrets("scan", "leak", "-o", "link.json").code == 1
    assert (planted / "link.json").is_symlink()
    after = (planted / "kept/report.json").stat()
    assert (after.st_mode & 0o777, after.st_ino != before) == (0o600, True)
    assert json.loads((planted / "link.json").read_text())["findings"]


def test_our_own_reports_are_clean(planted, llmsecrets, scan) -> None:
    llmsecrets("scan", "leak", "-o", "clean/a.json", "-o", "clean/b.sarif", "-o", "clean/c.jsonl", "-o", "clean/d.txt")
    assert scan("clean").json["findings"] == []


# ---- no secret gets out --------------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path, key):
    """A folder full of secrets of all kinds, and those secrets' tell-tale parts."""
    secrets = [key(kind, seed) for kind in KEYS for seed in (1, 2)]
    (tmp_path / "t").mkdir()
    (tmp_path / "t/plain.env").write_text("".join(f"KEY_{n}={secret}\n" for n, secret in enumerate(secrets)))
    (tmp_path / "t/line.json").write_text(json.dumps({"all": secrets, "nested": json.dumps(secrets)}))
    (tmp_path / "t/wide.txt").write_bytes("\n".join(secrets).encode("utf-16"))
    password, pem = expand("{{alnum:24}}", 5), expand("{{make:pem:EC PRIVATE KEY}}", 1)
    (tmp_path / "t/pw.py").write_text(f"password = '{password}'\nurl = 'postgres://app:{password}@db.acme.io/x'\n")
    (tmp_path / "t/key.pem").write_text(pem)
    (tmp_path / "t/ignored.py").write_text(f"k = '{key('github', 9)}'  # gitleaks:allow\n")
    return tmp_path, [*(one[8:24] for one in secrets), password[4:], pem.split("\n")[1][:24], key("github", 9)[8:]]


@pytest.mark.parametrize("format", FORMATS)
def test_no_output_holds_a_secret(many, llmsecrets, format) -> None:
    folder, parts = many
    arguments = ("scan", "t", "-f", format, "--show-suppressed", "--min-confidence", "low")
    outcome = llmsecrets(*arguments)
    assert outcome.code == 1
    assert [part for part in parts if part in outcome.stdout + outcome.stderr] == []
    llmsecrets(*arguments, "-o", "report")
    assert [part for part in parts if part in (folder / "report").read_text()] == []


@pytest.mark.parametrize("format", ["text", "json", "jsonl"])
def test_unless_it_is_asked_for(many, llmsecrets, format) -> None:
    _, (*parts, _suppressed) = many
    outcome = llmsecrets("scan", "t", "-f", format, "--show-secrets")
    assert [part for part in parts if part not in outcome.stdout] == []


@pytest.mark.parametrize(
    "arguments",
    [("scan", "{}"), ("scan", "-f", "{}"), ("rules", "show", "{}"), ("explain", "{}:1"), ("{}",), ("scan", "-c", "c")],
    ids=" ".join,
)
def test_a_mistake_is_told_without_the_secret_in_it(planted, llmsecrets, key, arguments) -> None:
    (planted / "c").write_text(f"{key('openai')}: 1")
    outcome = llmsecrets(*(one.format(key("openai")) for one in arguments))
    assert outcome.code == 2
    assert "…" in outcome.stderr
    assert key("openai")[20:40] not in outcome.stdout + outcome.stderr


def test_sarif_never_holds_a_secret(many, llmsecrets) -> None:
    _, parts = many
    outcome = llmsecrets("scan", "t", "-f", "sarif", "--show-secrets")
    assert [part for part in parts if part in outcome.stdout] == []


def test_a_crash_prints_no_content(many, monkeypatch, capsys) -> None:
    """An exception whose message quotes what was scanned, deep inside the engine."""
    folder, parts = many

    def broken(*_: object) -> None:
        raise ValueError(f"cannot handle {(folder / 't/plain.env').read_text()}")

    monkeypatch.chdir(folder)
    monkeypatch.setattr("llmsecrets.engine.Engine.find", broken)
    assert cli.run(["scan", "t"]) == 3
    captured = capsys.readouterr()
    assert "unexpected ValueError at " in captured.err
    assert "LLMSECRETS_DEBUG" in captured.err
    assert [part for part in parts if part in captured.out + captured.err] == []


# ---- help ----------------------------------------------------------------------------------------------------------


def test_help_says_what_the_snapshot_says(llmsecrets) -> None:
    """To take a new one: UPDATE_SNAPSHOTS=1 pytest tests/test_cli.py"""
    shown = ["--help", "scan --help", "scan --help-all", "rules --help", "rules check --help", "config --help",
             "baseline --help", "baseline create --help", "hook --help", "hook install --help",
             "completion --help", "init --help"]  # fmt: skip
    text = "\n".join(f"$ llmsecrets {words}\n{llmsecrets(*words.split(), COLUMNS='100').stdout}" for words in shown)
    snapshot = Path(__file__).with_name("help.txt")
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(text, "utf-8")
    assert text == snapshot.read_text("utf-8")


def test_the_scans_help_fits_a_screen_and_the_whole_of_it_can_be_had(llmsecrets) -> None:
    short = llmsecrets("scan", "--help", COLUMNS="100").stdout.splitlines()
    whole = llmsecrets("scan", "--help-all", COLUMNS="100").stdout
    assert len(short) <= 45
    assert [line for line in short if line.startswith("  -") and line.split()[0].rstrip(",") not in whole] == []
    scan = commands.cli.get_command(click.Context(commands.cli), "scan")
    assert scan
    for option in scan.params:
        if isinstance(option, click.Option):
            assert option.opts[-1] in whole


def test_each_commands_summary_fits_its_line(llmsecrets) -> None:
    lines = llmsecrets("--help", COLUMNS="80").stdout.partition("Commands:\n")[2].splitlines()
    assert len(lines) > 5
    assert [line for line in lines if line.endswith("...")] == []


def test_every_option_has_a_help_text() -> None:
    for command in _commands(commands.cli):
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name not in ("output", "help"):
                assert parameter.help, (command.name, parameter.name)


def _commands(group: click.Group) -> Iterator[click.Command]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command, f"{group.name} lists {name}, which is not there"
        yield from _commands(command) if isinstance(command, click.Group) else (command,)


def test_version_of_the_module_and_the_console_script(llmsecrets) -> None:
    version = llmsecrets("--version")
    assert version.code == 0
    assert version.stdout.startswith("llmsecrets, version ")
    script = shutil.which("llmsecrets", path=str(Path(sys.executable).parent))
    assert script, "not installed: pip install -e ."
    assert subprocess.run([script, "--version"], capture_output=True, check=True).stdout.decode() == version.stdout


def test_the_console_script_scans(planted) -> None:
    script = shutil.which("llmsecrets", path=str(Path(sys.executable).parent))
    assert script
    done = subprocess.run([script, "scan", "leak", "-q"], cwd=planted, capture_output=True, check=False)
    assert (done.returncode, b"leak/a.py:1:8" in done.stdout) == (1, True)


def test_a_name_that_the_encoding_lacks_ends_no_command(planted) -> None:
    run_llmsecrets("baseline", "create", "clean", cwd=planted)
    (planted / "leak/a.py").rename(planted / "leak/鍵.py")
    outcome = run_llmsecrets("baseline", "diff", cwd=planted, PYTHONIOENCODING="latin-1")
    assert (outcome.code, "\\u9375.py" in outcome.stdout) == (1, True)


def test_it_runs_without_a_home_or_an_encoding(planted) -> None:
    outcome = run_llmsecrets("scan", "leak", cwd=planted, HOME="/nowhere", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert outcome.code == 1
