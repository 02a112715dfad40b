"""Functions in processes of their own: what becomes of what they say, take and leave behind."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from models.runs.processes import ProcessPool

LONG = 60.0


def speak(said: str, code: int) -> int:
    print(said)  # noqa: T201 - what the log is to have
    return code


def break_down() -> int:
    raise ValueError("this is why")


def work(least: float) -> int:
    until = time.process_time() + least
    while time.process_time() < until:
        pass
    return 0


def leave_a_child(told: Path) -> int:
    """Begin another program, and wait for ever."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    told.write_text(str(child.pid))
    child.wait()
    return 0


@pytest.mark.parametrize("code", [0, 3])
def test_should_give_the_code_and_what_was_said(tmp_path: Path, code: int) -> None:
    done = ProcessPool().run(speak, ("all is said", code), tmp_path / "log", LONG)
    assert done.code == code
    assert "all is said" in done.said
    assert (tmp_path / "log").read_text() == done.said


def test_what_is_raised_should_be_a_failure_that_is_told(tmp_path: Path) -> None:
    done = ProcessPool().run(break_down, (), tmp_path / "log", LONG)
    assert done.code == 1
    assert "ValueError: this is why" in done.said


def test_should_count_seconds_of_the_processor(tmp_path: Path) -> None:
    done = ProcessPool().run(work, (0.1,), tmp_path / "log", LONG)
    assert 0.1 <= done.cpu < 5


def test_what_takes_too_long_should_be_killed_with_all_that_it_began(tmp_path: Path) -> None:
    told = tmp_path / "child"
    done = ProcessPool().run(leave_a_child, (told,), tmp_path / "log", 3.0)
    assert (done.code, done.said) == (1, "took more than 3 s")
    assert gone(int(told.read_text()))


def test_what_ends_should_leave_nothing_running(tmp_path: Path) -> None:
    told, processes = tmp_path / "child", ProcessPool()
    thread = threading.Thread(
        target=processes.run, args=(leave_a_child, (told,), tmp_path / "log", LONG)
    )
    thread.start()
    while not (told.is_file() and told.read_text()):
        time.sleep(0.02)
    processes.end()
    thread.join()
    assert gone(int(told.read_text()))
    done = processes.run(speak, ("", 0), tmp_path / "log", LONG)
    assert (done.code, done.said) == (1, "was not begun: all were ended")


def gone(pid: int) -> bool:
    """Tell whether a process is over; the system may take a moment to end one that was killed."""
    try:
        psutil.Process(pid).wait(timeout=10)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True
