"""The platform's own lines in a function's log: START, END, REPORT, as text or as JSON.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.lambdas.spec import FunctionSpec


@dataclass(frozen=True, slots=True)
class InvocationMetrics:
    """Duration in milliseconds, and resident memory in bytes, of one invocation."""

    duration_ms: float
    memory_mb: int
    peak_rss: int
    init_ms: float | None = None

    @property
    def used_mb(self) -> int:
        """The most memory used, in MB, at most the function's limit."""
        return min(self.memory_mb, math.ceil(self.peak_rss / 1024 / 1024))

    @property
    def billed_ms(self) -> int:
        """The billed duration with the init phase, which AWS bills since August 2025."""
        return math.ceil(self.duration_ms + (self.init_ms or 0.0))


def start_lines(spec: FunctionSpec, request_id: str) -> list[str]:
    """Return the lines that begin an invocation."""
    if spec.log_format == "Text":
        return [f"START RequestId: {request_id} Version: {spec.version}"]
    return [_event("platform.start", {"requestId": request_id, "version": spec.version})]


def init_failed_lines(spec: FunctionSpec, init_ms: float) -> list[str]:
    """Return the lines of an init phase in which the handler could not be loaded."""
    if spec.log_format == "Text":
        return [f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: init\tStatus: error"]
    record = {
        "initializationType": "on-demand",
        "phase": "init",
        "status": "error",
        "metrics": {"durationMs": round(init_ms, 3)},
    }
    return [_event("platform.initReport", record)]


def end_lines(
    spec: FunctionSpec, request_id: str, metrics: InvocationMetrics, error_type: str | None
) -> list[str]:
    """Return the lines that end an invocation."""
    if spec.log_format == "Text":
        return [
            f"END RequestId: {request_id}",
            report_line(request_id, metrics, error_type),
        ]
    numbers: dict[str, Any] = {
        "durationMs": round(metrics.duration_ms, 3),
        "billedDurationMs": metrics.billed_ms,
        "memorySizeMB": metrics.memory_mb,
        "maxMemoryUsedMB": metrics.used_mb,
    }
    if metrics.init_ms is not None:
        numbers["initDurationMs"] = round(metrics.init_ms, 3)
    record: dict[str, Any] = {
        "requestId": request_id,
        "metrics": numbers,
        "status": _status(error_type),
    }
    if error_type is not None:
        record["errorType"] = error_type
    return [_event("platform.report", record)]


def report_line(request_id: str, metrics: InvocationMetrics, error_type: str | None) -> str:
    """Return the REPORT line as text."""
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {metrics.duration_ms:.2f} ms",
        f"Billed Duration: {metrics.billed_ms} ms",
        f"Memory Size: {metrics.memory_mb} MB",
        f"Max Memory Used: {metrics.used_mb} MB",
    ]
    if metrics.init_ms is not None:
        parts.append(f"Init Duration: {metrics.init_ms:.2f} ms")
    if error_type == "Sandbox.Timedout":
        parts.append("Status: timeout")
    elif error_type is not None:
        parts.append(f"Status: error\tError Type: {error_type}")
    return "\t".join(parts)


def _status(error_type: str | None) -> str:
    if error_type is None:
        return "success"
    return "timeout" if error_type == "Sandbox.Timedout" else "error"


def _event(kind: str, record: Mapping[str, Any]) -> str:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"time": moment, "type": kind, "record": record}
    return json.dumps(event, separators=(",", ":"))
