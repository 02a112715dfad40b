"""Lines of access logs on their way into CloudWatch Logs, behind the requests that they tell of."""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

LINES_A_STREAM = 5_000
STREAMS_KEPT = 2
"""Streams are kept in memory here; what is older is in no one's way."""
_AT_ONCE = 500
GATHER_S = 0.2
"""How long a line waits for others to be put with; each call costs as much as a request."""
_log = logging.getLogger(__name__)


class LogWriter:
    """Puts lines into the log streams of one group, in the order in which they came."""

    def __init__(
        self, client: Callable[[str], Any], log_group: str, gather_s: float = GATHER_S
    ) -> None:
        """Write to `log_group` by a client for "logs", from a thread of its own."""
        self._client = client
        self._group = log_group
        self._pending: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._streams: list[str] = []
        self._written = 0
        self._gather_s = gather_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is pending, then end."""
        self._ending.set()
        self._pending.put(None)
        self._thread.join(5)

    def write(self, line: str) -> None:
        """Take a line; it is written soon."""
        self._pending.put((int(time.time() * 1000), line))

    def _run(self) -> None:
        ended = False
        while not ended:
            lines = [self._pending.get()]
            self._ending.wait(self._gather_s)
            while len(lines) < _AT_ONCE and not self._pending.empty():
                lines.append(self._pending.get())
            ended = None in lines
            try:
                self._put([line for line in lines if line is not None])
            except Exception:  # noqa: BLE001 - a log that cannot be kept must not stop the next
                _log.exception("lines of the access log could not be kept")

    def _put(self, lines: Sequence[tuple[int, str]]) -> None:
        if not lines:
            return
        logs = self._client("logs")
        if not self._streams or self._written >= LINES_A_STREAM:
            fresh = f"api-{uuid.uuid4().hex}"
            logs.create_log_stream(logGroupName=self._group, logStreamName=fresh)
            self._streams.append(fresh)
            self._written = 0
        while len(self._streams) > STREAMS_KEPT:
            oldest = self._streams.pop(0)
            logs.delete_log_stream(logGroupName=self._group, logStreamName=oldest)
        logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self._streams[-1],
            logEvents=[{"timestamp": at, "message": text} for at, text in lines],
        )
        self._written += len(lines)
