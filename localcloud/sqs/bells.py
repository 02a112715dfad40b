"""Bells that wake the receivers of a queue when something may have become visible."""

from __future__ import annotations

import threading
from collections import defaultdict


class Bells:
    """One bell a queue, and one to end every wait when the service stops."""

    def __init__(self) -> None:
        """Make the bells, silent."""
        self._guard = threading.Lock()
        self._bells: dict[int, threading.Condition] = defaultdict(threading.Condition)
        self._rung: dict[int, int] = defaultdict(int)
        self.stopped = False

    def _bell(self, queue_id: int) -> threading.Condition:
        with self._guard:
            return self._bells[queue_id]

    def count(self, queue_id: int) -> int:
        """Return how often the bell was rung; take it before looking at the queue."""
        with self._bell(queue_id):
            return self._rung[queue_id]

    def ring(self, queue_id: int) -> None:
        """Wake every receiver of the queue."""
        bell = self._bell(queue_id)
        with bell:
            self._rung[queue_id] += 1
            bell.notify_all()

    def wait(self, queue_id: int, seen: int, seconds: float) -> None:
        """Wait until the bell was rung more than `seen` times, or `seconds` passed."""
        bell = self._bell(queue_id)
        with bell:
            if self._rung[queue_id] == seen and not self.stopped:
                bell.wait(seconds)

    def stop(self) -> None:
        """End every wait, also those to come."""
        self.stopped = True
        with self._guard:
            queues = list(self._bells)
        for queue_id in queues:
            self.ring(queue_id)
