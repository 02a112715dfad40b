"""A thread that sleeps until a schedule is due and then fires it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable

from localcloud.clock import Clock
from localcloud.supervision import SupervisedThread

LONGEST_SLEEP_SECONDS = 30.0
"""A laptop's wall clock jumps after suspension, which a sleeping thread does not notice."""

_log = logging.getLogger(__name__)


class DueTimer:
    """A thread that calls `fire` whenever the time that `next_at` returns is due.

    `next_at` returns seconds since the epoch, or None if nothing is scheduled.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        next_at: Callable[[], float | None],
        fire: Callable[[], None],
    ) -> None:
        """Prepare the thread `name`; it runs from `start` to `stop`."""
        self._clock = clock
        self._next_at = next_at
        self._fire = fire
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._thread = SupervisedThread(name, self._run)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a firing in progress ends first."""
        self._stopping.set()
        self._changed.set()
        self._thread.join(5)

    def wake(self) -> None:
        """Ask again what is due next, because it or the clock has changed."""
        self._changed.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._changed.clear()
            self._changed.wait(self._fire_if_due())

    def _fire_if_due(self) -> float:
        """Fire if due; return how many seconds to sleep."""
        due_at = self._next_at()
        wait = LONGEST_SLEEP_SECONDS if due_at is None else due_at - self._clock()
        if wait > 0:
            return min(wait, LONGEST_SLEEP_SECONDS)
        try:
            self._fire()
        except sqlite3.Error:
            _log.exception("%s could not store what it fired; it tries again", self._thread.name)
            return 1.0
        return 0.0
