"""The outbox: events committed with the changes they report, to be published to EventBridge."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from localcloud.database import Database

Publish: TypeAlias = Callable[[dict[str, Any]], None]

_LOG = logging.getLogger(__name__)
_AGAIN_S = 1.0


class EventOutbox:
    """Publishes committed events in order, each at least once."""

    def __init__(self, database: Database, publish: Publish) -> None:
        self._database = database
        self._publish = publish
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to publish, first the events that an earlier process left."""
        self._wanted.set()
        self._thread = threading.Thread(target=self._run, name="stepfunctions-outbox", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop promptly; the remaining events are published after the next start."""
        self._stopped.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def wake(self) -> None:
        """Notify the thread that an event was committed."""
        self._wanted.set()

    def flush(self) -> None:
        """Publish everything that is committed. Raises what `publish` raises."""
        for row in self._database.read("SELECT id, event FROM outbox ORDER BY id LIMIT 100"):
            self._publish(json.loads(row["event"]))
            self._database.write("DELETE FROM outbox WHERE id = ?", row["id"])

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wanted.wait()
            self._wanted.clear()
            while not self._stopped.is_set() and self._left():
                try:
                    self.flush()
                except Exception:  # noqa: BLE001 - whatever the bus has, no event may be lost
                    _LOG.warning("the event bus refused an event; it is tried again", exc_info=True)
                    self._stopped.wait(_AGAIN_S)

    def _left(self) -> bool:
        return bool(self._database.read("SELECT 1 FROM outbox LIMIT 1"))
