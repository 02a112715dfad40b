"""Notification of waiting receivers when a message of their queue may have become visible."""

from __future__ import annotations

import threading
from collections import defaultdict


class QueueNotifier:
    """A condition variable for each queue, with a count of its notifications."""

    def __init__(self) -> None:
        """Begin without notifications."""
        self._lock = threading.Lock()
        self._conditions: dict[int, threading.Condition] = defaultdict(threading.Condition)
        self._counts: dict[int, int] = defaultdict(int)
        self.stopped = False

    def _condition(self, queue_id: int) -> threading.Condition:
        with self._lock:
            return self._conditions[queue_id]

    def count(self, queue_id: int) -> int:
        """Return the number of notifications so far; read it before looking at the queue."""
        with self._condition(queue_id):
            return self._counts[queue_id]

    def notify(self, queue_id: int) -> None:
        """Wake every receiver of the queue."""
        condition = self._condition(queue_id)
        with condition:
            self._counts[queue_id] += 1
            condition.notify_all()

    def wait(self, queue_id: int, seen: int, timeout_s: float) -> None:
        """Wait until there were more than `seen` notifications, or the timeout."""
        condition = self._condition(queue_id)
        with condition:
            if self._counts[queue_id] == seen and not self.stopped:
                condition.wait(timeout_s)

    def stop(self) -> None:
        """End every wait, also future ones."""
        self.stopped = True
        with self._lock:
            queues = list(self._conditions)
        for queue_id in queues:
            self.notify(queue_id)
