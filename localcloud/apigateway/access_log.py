"""Access logs: one line a request in the format of the stage, written to CloudWatch Logs.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.errors import unsupported

_VARIABLE = re.compile(r"\$(context(?:\.\w+)+)")
_VARIABLES = frozenset(
    {
        "context.error.responseType",
        "context.httpMethod",
        "context.identity.sourceIp",
        "context.path",
        "context.protocol",
        "context.requestId",
        "context.requestTime",
        "context.resourcePath",
        "context.responseLatency",
        "context.responseLength",
        "context.stage",
        "context.status",
    }
)
_AUTHORIZER_PREFIX = "context.authorizer."
_REQUIRED_VARIABLE = "context.requestId"
NO_VALUE = "-"
"""Stands in a line for a variable without a value."""

MAX_STREAM_LINES = 5_000
MAX_STREAMS = 2
"""Log streams are kept in memory here, so older ones are deleted."""

MAX_BATCH_LINES = 500
BATCH_WINDOW_S = 1.0
"""How long a line waits for others to be sent with; each call costs as much as a request."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AccessLogFormat:
    """The log group of an access log and the format of its lines."""

    log_group: str
    format: str

    @classmethod
    def from_setting(cls, setting: Mapping[str, Any]) -> AccessLogFormat:
        """Read the `AccessLogSetting` of a stage.

        Like AWS, refuse by an AwsError a format of several lines or without the request's id;
        refuse also variables that are not supported here.
        """
        group = str(setting["DestinationArn"]).partition(":log-group:")[2].removesuffix(":*")
        text = str(setting["Format"])
        names = _VARIABLE.findall(text)
        if not group:
            raise unsupported("API Gateway", f"access logs to {setting['DestinationArn']}")
        if "\n" in text or _REQUIRED_VARIABLE not in names:
            raise unsupported(
                "API Gateway", f"access logs that are no line with ${_REQUIRED_VARIABLE}"
            )
        for name in names:
            if name not in _VARIABLES and not name.startswith(_AUTHORIZER_PREFIX):
                raise unsupported("API Gateway", f"${name} in access logs")
        return cls(group, text)

    def line(self, context: Mapping[str, str], authorizer: Mapping[str, str]) -> str:
        """Return the line of a request.

        Args:
            context: The values of `$context` variables, by their names after `context.`.
            authorizer: The values of `$context.authorizer` variables, by their own names.
        """
        values = {
            **{f"context.{name}": value for name, value in context.items()},
            **{f"{_AUTHORIZER_PREFIX}{name}": value for name, value in authorizer.items()},
        }
        return _VARIABLE.sub(lambda found: values.get(found[1]) or NO_VALUE, self.format)


class AccessLogWriter:
    """Writes lines to the log streams of one group, in order, from a thread of its own."""

    def __init__(
        self, client: Callable[[str], Any], log_group: str, window_s: float = BATCH_WINDOW_S
    ) -> None:
        """Write to `log_group` by the client that `client` gives for "logs"."""
        self._client = client
        self._group = log_group
        self._pending: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._streams: list[str] = []
        self._stream_lines = 0
        self._window_s = window_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is pending, then end."""
        self._stopping.set()
        self._pending.put(None)
        self._thread.join(5)

    def write(self, line: str) -> None:
        """Queue a line, which is written soon."""
        self._pending.put((int(time.time() * 1000), line))

    def _run(self) -> None:
        has_ended = False
        while not has_ended:
            lines = [self._pending.get()]
            self._stopping.wait(self._window_s)
            while len(lines) < MAX_BATCH_LINES and not self._pending.empty():
                lines.append(self._pending.get())
            has_ended = None in lines
            try:
                self._put([line for line in lines if line is not None])
            except Exception:  # noqa: BLE001 - a log that cannot be kept must not stop the next
                _log.exception("lines of the access log could not be kept")

    def _put(self, lines: Sequence[tuple[int, str]]) -> None:
        if not lines:
            return
        logs = self._client("logs")
        if not self._streams or self._stream_lines >= MAX_STREAM_LINES:
            stream = f"api-{uuid.uuid4().hex}"
            logs.create_log_stream(logGroupName=self._group, logStreamName=stream)
            self._streams.append(stream)
            self._stream_lines = 0
        while len(self._streams) > MAX_STREAMS:
            oldest = self._streams.pop(0)
            logs.delete_log_stream(logGroupName=self._group, logStreamName=oldest)
        logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self._streams[-1],
            logEvents=[{"timestamp": moment, "message": text} for moment, text in lines],
        )
        self._stream_lines += len(lines)
