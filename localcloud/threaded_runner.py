"""The thread of a kind of jobs, which advances them one at a time."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

from localcloud.supervision import SupervisedThread


class ThreadedRunner(ABC):
    """Advances the jobs of a store until there is none, and then waits until it is woken.

    So what an earlier run left open goes on first.
    """

    def __init__(self, name: str, stop_timeout_s: float) -> None:
        """Prepare the thread `name`; it runs from `start`, and `stop` waits so long for its job."""
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._stop_timeout_s = stop_timeout_s
        self._thread = SupervisedThread(name, self._run)

    def start(self) -> None:
        """Start the thread."""
        self._woken.set()
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread. A job that does not end in time goes on, or begins anew, at a start."""
        self._stopping.set()
        self._woken.set()
        self._thread.join(self._stop_timeout_s)

    def wake(self) -> None:
        """Wake the thread for a new job or one that is to be stopped."""
        self._woken.set()

    @abstractmethod
    def _step(self) -> bool:
        """Advance the job that is next, and return whether there may be more to do."""

    def _pause_s(self) -> float | None:
        """Return after how long to look again though nobody woke the thread, if at all."""
        return None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            # A stop before the line above is seen here, and one after it wakes the wait.
            if not self._stopping.is_set() and not self._step():
                self._woken.wait(self._pause_s())
