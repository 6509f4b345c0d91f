"""The public interface: what other programs call."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import KEYS, make_key

import llmsecrets
from llmsecrets.templates import expand


def test_a_text_is_scanned_and_its_findings_named(key) -> None:
    report = llmsecrets.scan_text(f"a\nkey = '{key('github')}'\n", "app.py")
    (finding,) = report.findings
    assert (finding.rule_id, finding.provenance.path, finding.location.start_line) == ("github-pat", "app.py", 2)
    assert report.complete
    assert key("github") not in repr(report)


def test_bytes_are_as_good_as_text(key) -> None:
    assert len(llmsecrets.scan_text(key("npm").encode("utf-16")).findings) == 1
    assert llmsecrets.scan_text(b"\xff\x00").findings == ()


def test_redact_takes_every_secret_out_and_leaves_the_rest(key) -> None:
    text = "".join(f"before {key(kind)} after ünïcödé\n" for kind in KEYS)
    redacted = llmsecrets.redact(text)
    assert [kind for kind in KEYS if key(kind) in redacted] == []
    assert redacted.count("before [") == redacted.count("] after ünïcödé\n") == len(KEYS)
    assert llmsecrets.redact(redacted) == redacted


def test_a_comment_in_the_text_keeps_nothing_in(key) -> None:
    text = f"{key('github')}  # llmsecrets:ignore gitleaks:allow"
    assert llmsecrets.scan_text(text).findings == ()
    assert key("github") not in llmsecrets.redact(text)


def test_an_encoded_secret_goes_with_what_it_is_encoded_in(key) -> None:
    encoded = base64.b64encode(f"Authorization: Bearer {key('openai')}".encode()).decode()
    redacted = llmsecrets.redact(f"header: {encoded} end")
    assert "[openai-project-key]" in redacted
    assert redacted.endswith(" end")
    assert base64.b64encode(key("openai")[30:90].encode()).decode()[2:-4] not in redacted


def test_no_comment_and_no_notebook_keeps_an_encoded_secret_in(key) -> None:
    encoded = base64.b64encode(f"TOKEN={key('openai')}".encode()).decode()
    output = {"output_type": "display_data", "data": {"text/plain": [encoded], "text/html": [encoded]}, "metadata": {}}
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": [encoded], "outputs": [output]}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    for text in (f"{encoded}  # llmsecrets:ignore", json.dumps(notebook)):
        redacted = llmsecrets.redact(text)
        assert redacted.count("[openai-project-key]") == text.count(encoded)
        assert encoded[40:60] not in redacted


def test_the_halves_of_a_pair_go_together() -> None:
    pair = expand("AWS_ACCESS_KEY_ID={{make:aws-key-id}}\nAWS_SECRET_ACCESS_KEY={{base64:40}}\n", 3)
    redacted = llmsecrets.redact(pair)
    assert [line.partition("=")[2] for line in pair.splitlines() if line.partition("=")[2] in redacted] == []


@given(st.text(), st.sampled_from(sorted(KEYS)), st.text())
@settings(max_examples=60, deadline=None)
def test_what_stands_around_a_secret_stays(before, kind, after) -> None:
    secret = make_key(kind)
    redacted = llmsecrets.redact(f"{before} {secret} {after}")
    assert secret not in redacted
    assert redacted.startswith(f"{before} [")
    assert redacted.endswith(f" {after}")


@given(st.text(st.characters(codec=None)))
@settings(max_examples=40, deadline=None)
def test_any_text_can_be_redacted(text) -> None:
    assert llmsecrets.redact(llmsecrets.redact(text)) == llmsecrets.redact(text)


def test_several_threads_may_scan_at_once(key) -> None:
    texts = [f"key = '{key('github', number)}'\n" * 50 for number in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda text: len(llmsecrets.scan_text(text).findings), texts * 4))
    assert set(counts) == {50}


def test_a_configuration_decides_as_it_does_for_the_command(tmp_path, key) -> None:
    (tmp_path / "app.py").write_text(key("github"))
    assert len(llmsecrets.scan_paths([tmp_path]).findings) == 1
    config = llmsecrets.Config(exclude=("**/app.py",))
    assert llmsecrets.scan_paths([tmp_path], config=config).findings == ()
    allowing = llmsecrets.load_config(tmp_path, {"baseline": str(tmp_path / "nowhere.jsonl")})
    with pytest.raises(llmsecrets.ConfigError):
        llmsecrets.scan_paths([tmp_path], config=allowing)
    with pytest.raises(llmsecrets.ConfigError):
        llmsecrets.scan_paths([tmp_path / "nowhere"])
    with pytest.raises(llmsecrets.SourceError):
        llmsecrets.scan_history(tmp_path)


def test_an_unknown_name_is_no_name() -> None:
    with pytest.raises(AttributeError):
        llmsecrets.nothing  # noqa: B018


def test_importing_the_package_imports_next_to_nothing() -> None:
    """A hook starts the command with every commit, and the command needs none of the public names."""
    script = "import sys; before = set(sys.modules); import llmsecrets; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if name.startswith("llmsecrets.")] == []
