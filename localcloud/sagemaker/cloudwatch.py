"""Output and metrics of containers and jobs on their way into CloudWatch.

Each endpoint has a log group, as has each kind of job; each process has a log stream.
https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-monitoring.html
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.roles import ClientFactory

LogLine = tuple[str, str, int, str]
"""Log group, log stream, time in epoch milliseconds, text."""

_MAX_BATCH = 500
_MICROSECONDS_PER_SECOND = 1_000_000
_log = logging.getLogger(__name__)


def log_group(endpoint: str) -> str:
    """Return the log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


class ContainerLogs:
    """Writes the lines of all log streams from one thread, in order."""

    def __init__(self, clients: ClientFactory) -> None:
        """Write with a client of CloudWatch Logs; nothing is written before `start`."""
        self._clients = clients
        self._pending: queue.SimpleQueue[LogLine | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sagemaker-logs", daemon=True)
        self._known: set[tuple[str, str]] = set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write the pending lines and stop the thread."""
        if self._thread.ident is not None:
            self._pending.put(None)
            self._thread.join(2)

    def write(self, group: str, stream: str, text: str) -> None:
        """Add a line, which is written soon."""
        self._pending.put((group, stream, int(time.time() * 1000), text))

    def _run(self) -> None:
        ended = False
        while not ended:
            lines = [self._pending.get()]
            while len(lines) < _MAX_BATCH and not self._pending.empty():
                lines.append(self._pending.get())
            ended = None in lines
            by_stream: dict[tuple[str, str], list[LogLine]] = defaultdict(list)
            for line in lines:
                if line is not None:
                    by_stream[line[:2]].append(line)
            for (group, stream), stream_lines in by_stream.items():
                self._put(group, stream, stream_lines)

    def _put(self, group: str, stream: str, lines: list[LogLine]) -> None:
        try:
            logs = self._clients("logs", "")
            self._create_stream(logs, group, stream)
            events = [{"timestamp": at, "message": text} for _, _, at, text in lines]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        except Exception:  # noqa: BLE001 - lines that cannot be written must not stop the next
            _log.exception("lines of %s could not be written", group)

    def _create_stream(self, logs: Any, group: str, stream: str) -> None:
        if (group, stream) in self._known:
            return
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=group)
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        self._known.add((group, stream))


class LineSplitter:
    """Splits raw output into lines. Thread-safe."""

    def __init__(self, write_line: Callable[[str], None]) -> None:
        """Pass each complete line to `write_line`."""
        self._write_line = write_line
        self._partial = b""
        self._guard = threading.Lock()

    def feed(self, output: bytes) -> None:
        """Add output and pass on the lines that it completes."""
        with self._guard:
            *complete, self._partial = (self._partial + output).split(b"\n")
            for line in complete:
                self._write_line(line.decode("utf-8", "replace"))

    def flush(self) -> None:
        """Pass on the incomplete last line, if there is one."""
        with self._guard:
            rest, self._partial = self._partial, b""
            if rest:
                self._write_line(rest.decode("utf-8", "replace"))


class ContainerLogStream:
    """One log stream, written by lines or by a process's raw output."""

    def __init__(self, logs: ContainerLogs, group: str, stream: str) -> None:
        """Write to `stream` of the log group."""
        self._logs = logs
        self._group = group
        self._stream = stream
        self.feed = LineSplitter(self.write).feed

    def write(self, text: str) -> None:
        """Write one line, unless it is blank: CloudWatch refuses empty messages."""
        if text.strip():
            self._logs.write(self._group, self._stream, text)


class ColdStartMetrics:
    """Writes the durations of cold starts as the metric ModelSetupTime, in microseconds."""

    def __init__(self, clients: ClientFactory) -> None:
        """Write with a client of CloudWatch; nothing is written before `start`."""
        self._clients = clients
        self._pending: queue.SimpleQueue[tuple[Deployment, float] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sagemaker-wakes", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write the pending values and stop the thread."""
        if self._thread.ident is not None:
            self._pending.put(None)
            self._thread.join(2)

    def record(self, deployment: Deployment, seconds: float) -> None:
        """Add the duration of a cold start, which is written soon."""
        self._pending.put((deployment, seconds))

    def _run(self) -> None:
        while (item := self._pending.get()) is not None:
            deployment, seconds = item
            names = {"EndpointName": deployment.endpoint, "VariantName": deployment.variant_name}
            try:
                self._clients("cloudwatch", "").put_metric_data(
                    Namespace="AWS/SageMaker",
                    MetricData=[
                        {
                            "MetricName": "ModelSetupTime",
                            "Dimensions": [
                                {"Name": name, "Value": value} for name, value in names.items()
                            ],
                            "Unit": "Microseconds",
                            "Value": round(seconds * _MICROSECONDS_PER_SECOND),
                        }
                    ],
                )
            except Exception:  # noqa: BLE001 - a metric that can't be written must not stop the next
                _log.exception("the cold start of %s could not be recorded", deployment.endpoint)
