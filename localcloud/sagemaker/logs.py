"""What containers print, on its way into CloudWatch Logs: a group an endpoint and one for all
training jobs, a stream a process.

https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import defaultdict
from contextlib import suppress
from typing import Any

from localcloud.sagemaker.roles import Clients

Line = tuple[str, str, int, str]
"""Group, stream, time in epoch milliseconds, text."""

_AT_ONCE = 500
_log = logging.getLogger(__name__)


def log_group(endpoint: str) -> str:
    """Return the log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


class ContainerLogs:
    """Writes the lines of every container from one thread, in order."""

    def __init__(self, clients: Clients) -> None:
        """Write by a client for "logs"; nothing is written before `start`."""
        self._clients = clients
        self._pending: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sagemaker-logs", daemon=True)
        self._known: set[tuple[str, str]] = set()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is pending, then end."""
        if self._thread.ident is not None:
            self._pending.put(None)
            self._thread.join(2)

    def write(self, group: str, stream: str, text: str) -> None:
        """Take a line; it is written soon."""
        self._pending.put((group, stream, int(time.time() * 1000), text))

    def _run(self) -> None:
        ended = False
        while not ended:
            lines = [self._pending.get()]
            while len(lines) < _AT_ONCE and not self._pending.empty():
                lines.append(self._pending.get())
            ended = None in lines
            grouped: dict[tuple[str, str], list[Line]] = defaultdict(list)
            for line in lines:
                if line is not None:
                    grouped[line[:2]].append(line)
            for place, found in grouped.items():
                self._keep(place, found)

    def _keep(self, place: tuple[str, str], lines: list[Line]) -> None:
        group, stream = place
        try:
            logs = self._clients("logs", "")
            self._make(logs, group, stream)
            events = [{"timestamp": at, "message": text} for _, _, at, text in lines]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        except Exception:  # noqa: BLE001 - a log that cannot be kept must not stop the next
            _log.exception("lines of %s could not be kept", group)

    def _make(self, logs: Any, group: str, stream: str) -> None:
        if (group, stream) in self._known:
            return
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=group)
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        self._known.add((group, stream))


class Lines:
    """Raw output of one process, cut into lines."""

    def __init__(self, logs: ContainerLogs, group: str, stream: str) -> None:
        """Write to `stream` of the group."""
        self._logs = logs
        self._group = group
        self.stream = stream
        self._partial = b""
        self._guard = threading.Lock()

    def feed(self, output: bytes) -> None:
        """Take what was printed."""
        with self._guard:
            *whole, self._partial = (self._partial + output).split(b"\n")
            for line in whole:
                self.say(line.decode("utf-8", "replace"))

    def say(self, text: str) -> None:
        """Write one line; CloudWatch takes none that is empty."""
        if text.strip():
            self._logs.write(self._group, self.stream, text)
