"""A line for every call to a model that was answered or refused, written at the wire.

It knows nothing of who called or why, so that what a client counts can be held against it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from localcloud.calls import Visit
from localcloud.clock import Clock, utc
from localcloud.errors import AwsError
from localcloud.metering import Used, metered

FILE = "usage.jsonl"

_LOGGED = {
    "bedrock-runtime": frozenset(
        {
            "ApplyGuardrail",
            "Converse",
            "ConverseStream",
            "InvokeModel",
            "InvokeModelWithResponseStream",
        }
    ),
    "bedrock": frozenset({"ModelInvocationJob"}),
    "sagemaker-runtime": frozenset(
        {"InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"}
    ),
}
"""`ModelInvocationJob` is no operation: it stands for one record of a batch job."""

T = TypeVar("T")


class UsageLog:
    """The file `usage.jsonl` in `folder`, a JSON object a line, in the order of the answers' ends.

    `clock` gives seconds since the epoch, `timer` seconds from any start.
    """

    def __init__(
        self, folder: Path, clock: Clock = time.time, timer: Callable[[], float] = time.monotonic
    ) -> None:
        """Append to the file; it is made with the first line."""
        self._path = folder / FILE
        self._clock = clock
        self._timer = timer
        self._guard = threading.Lock()

    def around(self, visit: Visit, serve: Callable[[], T]) -> T:
        """Serve, and write down a call to a model when its answer has ended."""
        if visit.operation not in _LOGGED.get(visit.service, ()):
            return serve()
        entry = _Entry(self._clock(), self._timer())

        def done(used: Used, error: AwsError | None) -> None:
            self._write(visit, entry, used, error, "broken-off" if error else "answered")

        try:
            result = serve()
        except AwsError as error:
            self._write(visit, entry, Used(), error, "refused")
            raise
        except Exception as error:
            fault = AwsError("InternalFailure", repr(error), 500)
            self._write(visit, entry, Used(), fault, "refused")
            raise
        return metered(result, done)  # type: ignore[arg-type, return-value]

    def _write(
        self, visit: Visit, entry: _Entry, used: Used, error: AwsError | None, outcome: str
    ) -> None:
        line: dict[str, Any] = {
            "time": utc(entry.began_at).isoformat(timespec="milliseconds"),
            "request_id": visit.request_id,
            "caller": visit.caller,
            "service": visit.service,
            "operation": visit.operation,
            "model": visit.model,
            "answered_by": used.answered_by,
            "tokens_in": used.tokens_in,
            "tokens_out": used.tokens_out,
            "images": used.images,
            "seconds": round(self._timer() - entry.began, 6),
            "outcome": outcome,
            "error": error.code if error else None,
        }
        self._append(json.dumps(line, ensure_ascii=False) + "\n")

    def _append(self, line: str) -> None:
        with self._guard:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line.encode())
            finally:
                os.close(file)


@dataclass(frozen=True, slots=True)
class _Entry:
    began_at: float
    began: float
