"""Hands the events in the outbox to EventBridge, oldest first, each at least once."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from localcloud.database import Database

Publish = Callable[[dict[str, Any]], None]
"""Takes an event; once it returns, the event is safe."""

_BATCH = 100
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_log = logging.getLogger(__name__)


class Relay:
    """A thread that empties the outbox."""

    def __init__(self, database: Database, publish: Publish) -> None:
        self._database = database
        self._publish = publish
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin with what an earlier process left."""
        self._stopping.clear()
        self._work.set()
        self._thread = threading.Thread(target=self._run, name="s3-event-relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the event in hand."""
        self._stopping.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def wake(self) -> None:
        """Say that the outbox has a new event."""
        self._work.set()

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            self._work.wait()
            self._work.clear()
            if self._drained():
                pause = _FIRST_PAUSE_S
                continue
            self._stopping.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
            self._work.set()

    def _drained(self) -> bool:
        """Publish until the outbox is empty; False when EventBridge did not take an event."""
        while not self._stopping.is_set():
            rows = self._database.read(
                "SELECT sequence, event FROM outbox ORDER BY sequence LIMIT ?", _BATCH
            )
            if not rows:
                return True
            for row in rows:
                if self._stopping.is_set():
                    return True
                try:
                    self._publish(json.loads(row["event"]))
                except Exception:  # noqa: BLE001 - whatever failed, the event must be kept
                    _log.exception("EventBridge did not take an S3 event; trying again")
                    return False
                self._database.write("DELETE FROM outbox WHERE sequence = ?", row["sequence"])
        return True
