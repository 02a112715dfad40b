"""The outbox of a service: events committed with the changes that they report.

A thread publishes them to EventBridge, oldest first, each at least once.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from localcloud.database import Database
from localcloud.supervision import SupervisedThread

Publish = Callable[[dict[str, Any]], None]
"""Publishes an event to EventBridge; once it returns, the event is durable."""

_BATCH = 100
_MIN_PAUSE_S = 0.1
_MAX_PAUSE_S = 5.0
_STOP_S = 2.0
_log = logging.getLogger(__name__)


class EventOutbox:
    """Publishes the rows of the table `outbox`, whose column `event` is JSON text.

    The integer primary key of the table is the order of the events.
    """

    def __init__(self, database: Database, publish: Publish, service: str) -> None:
        """Prepare to publish; `service` names the thread."""
        self._database = database
        self._publish = publish
        self._service = service
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._thread: SupervisedThread | None = None

    def start(self) -> None:
        """Start the thread; it first publishes what an earlier process left."""
        self._stopping.clear()
        self._work.set()
        self._thread = SupervisedThread(f"{self._service}-outbox", self._run_from_start)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the event being published; the rest is published after the next start."""
        self._stopping.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            self._thread = None

    def wake(self) -> None:
        """Notify the thread that an event was committed."""
        self._work.set()

    def pending(self) -> int:
        """Return how many events wait to be published."""
        return int(self._database.read("SELECT count(*) FROM outbox")[0][0])

    def _run_from_start(self) -> None:
        self._work.set()
        self._run()

    def _run(self) -> None:
        pause = _MIN_PAUSE_S
        while not self._stopping.is_set():
            self._work.wait()
            self._work.clear()
            if self._publish_all():
                pause = _MIN_PAUSE_S
                continue
            self._stopping.wait(pause)
            pause = min(pause * 2, _MAX_PAUSE_S)
            self._work.set()

    def _publish_all(self) -> bool:
        """Publish until the outbox is empty; return False if EventBridge refused an event."""
        while not self._stopping.is_set():
            rows = self._database.read(
                "SELECT rowid AS position, event FROM outbox ORDER BY rowid LIMIT ?", _BATCH
            )
            if not rows:
                return True
            for row in rows:
                if self._stopping.is_set():
                    return True
                try:
                    self._publish(json.loads(row["event"]))
                except Exception:  # noqa: BLE001 - whatever failed, the event must not be lost
                    _log.exception("EventBridge refused an event of %s; retrying", self._service)
                    return False
                self._database.write("DELETE FROM outbox WHERE rowid = ?", row["position"])
        return True
