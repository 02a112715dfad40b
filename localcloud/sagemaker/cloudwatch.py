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
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.roles import ClientFactory

LogLine = tuple[str, str, int, str]
"""Log group, log stream, time in epoch milliseconds, text."""

Datum = Mapping[str, Any]
"""An element of PutMetricData's MetricData."""

_MAX_BATCH = 500
_MAX_INVOCATIONS_A_WRITE = 100
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


class EndpointMetrics:
    """Writes what CloudWatch has of each variant: its invocations, errors and durations.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """

    def __init__(self, clients: ClientFactory) -> None:
        """Write with a client of CloudWatch; nothing is written before `start`."""
        self._clients = clients
        self._pending: queue.SimpleQueue[list[Datum] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sagemaker-metrics", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write the pending values and stop the thread."""
        if self._thread.ident is not None:
            self._pending.put(None)
            self._thread.join(2)

    def cold_start(self, deployment: Deployment, seconds: float) -> None:
        """Add the duration of a cold start, which is written soon."""
        self._pending.put([_datum(deployment, "ModelSetupTime", seconds, in_seconds=True)])

    def invocation(self, deployment: Deployment, status: int, seconds: float) -> None:
        """Add an invocation, which is written soon.

        Args:
            deployment: the variant that was invoked.
            status: the HTTP status of the container's response, 0 if it gave none.
            seconds: how long it took to respond, or to fail.
        """
        counted = {
            "Invocations": 1,
            "Invocation4XXErrors": 400 <= status < 500,
            "Invocation5XXErrors": status >= 500,
            "InvocationModelErrors": not 200 <= status < 300,
        }
        self._pending.put(
            [
                *(_datum(deployment, name, float(value)) for name, value in counted.items()),
                _datum(deployment, "ModelLatency", seconds, in_seconds=True),
            ]
        )

    def _run(self) -> None:
        ended = False
        while not ended:
            batches = [self._pending.get()]
            while not self._pending.empty() and len(batches) < _MAX_INVOCATIONS_A_WRITE:
                batches.append(self._pending.get())
            ended = None in batches
            metrics = [each for batch in batches if batch is not None for each in batch]
            if metrics:
                self._put(metrics)

    def _put(self, metrics: list[Datum]) -> None:
        try:
            self._clients("cloudwatch", "").put_metric_data(
                Namespace="AWS/SageMaker", MetricData=metrics
            )
        except Exception:  # noqa: BLE001 - metrics that can't be written must not stop the next
            _log.exception("metrics of endpoints could not be written")


def _datum(deployment: Deployment, name: str, value: float, *, in_seconds: bool = False) -> Datum:
    """Return a value of a variant's metric; durations are in microseconds, as SageMaker's are."""
    names = {"EndpointName": deployment.endpoint, "VariantName": deployment.variant_name}
    return {
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": text} for key, text in names.items()],
        "Unit": "Microseconds" if in_seconds else "None",
        "Value": round(value * _MICROSECONDS_PER_SECOND) if in_seconds else value,
    }
