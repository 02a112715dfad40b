"""Threads of services that survive whatever happens to them, and say so in the log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from localcloud.storage_errors import describe_failure

_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 10.0
_HEALTHY_S = 60.0
"""A thread that has run for so long begins again with the shortest pause."""

_log = logging.getLogger(__name__)


class SupervisedThread:
    """A daemon thread that runs `run` again, after a pause, whenever it raises.

    `run` returns when its service stops. What it does is in a store, so that it goes on there.
    """

    def __init__(
        self, name: str, run: Callable[[], None], first_pause_s: float = _FIRST_PAUSE_S
    ) -> None:
        """Prepare the thread; it runs from `start`."""
        self.name = name
        self._run = run
        self._first_pause_s = first_pause_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the thread, which does not begin again."""
        self._stopping.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, timeout_s))

    def request_stop(self) -> None:
        """Do not begin again, without waiting for the end."""
        self._stopping.set()

    @property
    def is_alive(self) -> bool:
        """Whether it runs or is about to run again."""
        return self._thread.is_alive()

    def _supervise(self) -> None:
        pause_s = self._first_pause_s
        while not self._stopping.is_set():
            started_at = time.monotonic()
            try:
                self._run()
            except Exception as error:  # noqa: BLE001 - the thread goes on whatever it was
                if self._stopping.is_set():
                    return
                if time.monotonic() - started_at > _HEALTHY_S:
                    pause_s = self._first_pause_s
                reason = describe_failure(error)
                _log.exception("%s failed and goes on in %g s. %s", self.name, pause_s, reason)
                self._stopping.wait(pause_s)
                pause_s = min(_MAX_PAUSE_S, 2 * pause_s)
            else:
                return
