"""`-`: whatever is piped in, under the name the user gives it."""

from __future__ import annotations

import os
import subprocess
import sys


def test_standard_input_is_scanned_under_its_name(scan, key) -> None:
    text = f"a = 1\nkey = '{key('github')}'\n".encode()
    assert scan("-", stdin=text).places == [("github-pat", "<stdin>", 2)]
    assert scan("-", "--stdin-name", "app/settings.py", stdin=text).paths == ["app/settings.py"]


def test_empty_input_is_clean(llmsecrets) -> None:
    outcome = llmsecrets("scan", "-", stdin=b"")
    assert outcome.code == 0
    assert "0 bytes" in outcome.stdout


def test_any_bytes_are_accepted(scan, key) -> None:
    assert len(scan("-", stdin=b"\0\xff\xfe\x80" + key("github").encode() + b"\0\xff").json["findings"]) == 1


def test_input_that_comes_in_drips_is_read_to_its_end(key, tmp_path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "llmsecrets", "scan", "-", "-q"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdin is not None
    for letter in key("github"):
        process.stdin.write(letter.encode())
        process.stdin.flush()
    output, _ = process.communicate()
    assert process.returncode == 1
    assert b"<stdin>:1:1" in output


def test_standard_input_and_paths_do_not_mix(llmsecrets) -> None:
    assert llmsecrets("scan", "-", ".", stdin=b"").code == 2


def test_closed_standard_input_is_not_a_crash(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmsecrets", "scan", "-"],
        cwd=tmp_path, capture_output=True, preexec_fn=lambda: os.close(0), check=False,
    )  # fmt: skip
    assert done.returncode in (2, 3)
    assert b"unexpected" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_name_is_allowed_or_not_as_a_path_is(scan, key, tmp_path) -> None:
    (tmp_path / ".llmsecrets.yaml").write_text("allow: [{reason: samples, paths: [samples]}]")
    text = key("github").encode()
    assert scan("-", "--stdin-name", "samples/a.py", stdin=text).code == 0
    assert scan("-", "--stdin-name", "app/a.py", stdin=text).code == 1
