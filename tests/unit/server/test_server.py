"""The pieces of the server that need no cloud: its lock, its key, its private file."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli.local import cloud
from localcloud import server


def test_a_folder_should_have_one_user_and_be_free_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    with server.lock_data_dir(folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with (
            pytest.raises(server.StartError, match=f"process {os.getpid()}. End it with"),
            server.lock_data_dir(folder),
        ):
            raise AssertionError("two users at once")
    with server.lock_data_dir(folder):
        assert (folder / "lock").read_text() == str(os.getpid())


def test_a_private_file_should_be_private_from_its_first_byte(tmp_path: Path) -> None:
    file, draft = tmp_path / "cloud.json", tmp_path / "cloud.json.new"
    draft.write_text("left by a crash, readable by all")
    draft.chmod(0o644)
    before = os.umask(0)
    try:
        server._write_privately(file, "secret")
    finally:
        os.umask(before)
    assert file.read_text() == "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not draft.exists()


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"api_key"'])
def test_a_key_that_cannot_be_read_should_be_replaced(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "cloud.json"
    if content is not None:
        file.write_text(content)
    assert server._api_key(file).startswith("hr_")
    file.write_text(json.dumps({"api_key": "hr_kept"}))
    assert server._api_key(file) == "hr_kept"


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_what_is_no_port_should_be_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        server.main(["--port", port])
    assert ended.value.code == 2
    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize("written", ["GuardrailId", "=x", ""])
def test_a_parameter_without_a_name_or_a_value_should_be_wrong_use(
    written: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        server.main(["--parameter", written])
    assert ended.value.code == 2
    assert "is not NAME=VALUE" in capsys.readouterr().err


def test_a_stop_that_hangs_should_end_the_process() -> None:
    stopping, ended = threading.Event(), threading.Event()
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    with server.ended_in_time(stopping, end, stop_s=0.01):
        assert not ended.wait(0.1)
        stopping.set()
        assert ended.wait(30)
    assert codes == [0]


def test_a_stop_in_time_should_be_left_alone() -> None:
    stopping, ended = threading.Event(), threading.Event()
    with server.ended_in_time(stopping, lambda _code: ended.set(), stop_s=0.01):
        pass
    stopping.set()
    assert not ended.wait(0.2)
    assert server.MAX_STOP_S < cloud.STOP_SECONDS


SIGNALLED_ELSEWHERE = """
import signal, threading, time
from localcloud.server import wait_for_signal
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
def signalled():
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)
threading.Thread(target=signalled, daemon=True).start()
wait_for_signal(stopping)
"""


def test_a_signal_that_another_thread_gets_should_end_the_waiting_too() -> None:
    """The main thread is not woken by it, as it was not by one SIGTERM in some hundred stops."""
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED_ELSEWHERE], cwd=server.PROJECT, timeout=50, check=False
    )
    assert done.returncode == 0
