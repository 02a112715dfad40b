from __future__ import annotations

import errno
import logging
import sqlite3
import threading

import pytest

from localcloud.supervision import SupervisedThread


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "Free some space"),
        (OSError(errno.EDQUOT, "Quota exceeded"), "Free some space"),
        (sqlite3.OperationalError("locked"), "OperationalError: locked"),
        (RuntimeError("can't start new thread"), "RuntimeError: can't start new thread"),
        (KeyError("bug"), "KeyError: 'bug'"),
    ],
)
def test_should_go_on_whatever_was_raised_and_say_so(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    rounds: list[int] = []
    done = threading.Event()

    def run() -> None:
        rounds.append(1)
        if len(rounds) < 4:
            raise error
        done.set()

    thread = SupervisedThread("worker", run, first_pause_s=0.001)
    with caplog.at_level(logging.ERROR):
        thread.start()
        assert done.wait(30)
        thread.join(30)
    assert len(rounds) == 4
    assert not thread.is_alive
    messages = [record.message for record in caplog.records]
    assert len(messages) == 3
    assert all("worker failed and goes on" in each and told in each for each in messages)


def test_should_end_between_two_rounds_when_it_is_stopped() -> None:
    failed = threading.Event()

    def run() -> None:
        failed.set()
        raise ValueError

    thread = SupervisedThread("worker", run, first_pause_s=3600)
    thread.start()
    assert failed.wait(30)
    thread.join(30)
    assert not thread.is_alive
