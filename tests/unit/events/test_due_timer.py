"""The thread that fires what is due."""

from __future__ import annotations

import sqlite3
import threading
import time

from localcloud.events.due_timer import DueTimer
from tests.unit.timing import MovableClock, until


def test_it_fires_when_its_time_has_come_and_not_before() -> None:
    clock, due, fired = MovableClock(), [1_800_000_060.0], []

    def fire() -> None:
        fired.append(clock.now)
        due.clear()

    alarm = DueTimer("test-alarm", clock, lambda: due[0] if due else None, fire)
    alarm.start()
    clock.advance(59)
    alarm.wake()
    clock.advance(1)
    alarm.wake()
    until(lambda: fired)
    alarm.stop()
    assert fired == [1_800_000_060.0]


def test_it_tries_again_when_a_firing_could_not_be_stored() -> None:
    outcomes = [sqlite3.OperationalError("disk is full")]
    fired = threading.Event()

    def fire() -> None:
        if outcomes:
            raise outcomes.pop()
        fired.set()

    alarm = DueTimer("test-alarm", time.time, lambda: None if fired.is_set() else 0.0, fire)
    alarm.start()
    until(lambda: not outcomes)
    alarm.wake()
    assert fired.wait(20)
    alarm.stop()


def test_stopping_before_starting_is_no_error() -> None:
    DueTimer("test-alarm", time.time, lambda: None, lambda: None).stop()
