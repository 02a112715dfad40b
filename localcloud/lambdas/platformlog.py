"""What the platform itself writes into a function's log, as text or as JSON.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.lambdas.outcome import Measures, report_line
from localcloud.lambdas.spec import FunctionSpec


def start(spec: FunctionSpec, request_id: str) -> list[str]:
    """Return the lines that begin an invocation."""
    if spec.log_format == "Text":
        return [f"START RequestId: {request_id} Version: {spec.version}"]
    return [_event("platform.start", {"requestId": request_id, "version": spec.version})]


def init_failed(spec: FunctionSpec, init_ms: float) -> list[str]:
    """Return the lines about an init phase in which the handler could not be loaded."""
    if spec.log_format == "Text":
        return [f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: init\tStatus: error"]
    record = {
        "initializationType": "on-demand",
        "phase": "init",
        "status": "error",
        "metrics": {"durationMs": round(init_ms, 3)},
    }
    return [_event("platform.initReport", record)]


def end(
    spec: FunctionSpec, request_id: str, measures: Measures, error_type: str | None
) -> list[str]:
    """Return the lines that end an invocation."""
    if spec.log_format == "Text":
        return [
            f"END RequestId: {request_id}",
            report_line(request_id, measures, error_type),
        ]
    metrics: dict[str, Any] = {
        "durationMs": round(measures.duration_ms, 3),
        "billedDurationMs": measures.billed_ms,
        "memorySizeMB": measures.memory_mb,
        "maxMemoryUsedMB": measures.used_mb,
    }
    if measures.init_ms is not None:
        metrics["initDurationMs"] = round(measures.init_ms, 3)
    record: dict[str, Any] = {
        "requestId": request_id,
        "metrics": metrics,
        "status": _status(error_type),
    }
    if error_type is not None:
        record["errorType"] = error_type
    return [_event("platform.report", record)]


def _status(error_type: str | None) -> str:
    if error_type is None:
        return "success"
    return "timeout" if error_type == "Sandbox.Timedout" else "error"


def _event(kind: str, record: Mapping[str, Any]) -> str:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"time": moment, "type": kind, "record": record}
    return json.dumps(event, separators=(",", ":"))
