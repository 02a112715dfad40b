"""The usage of model calls, measured on their responses and logged, one line a call.

The log knows nothing of who called or why, so what a client counts can be checked against it.
Converse reports its usage in its body, streams in their last event, everything else in headers
that Bedrock adds and its service model does not have.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localcloud.clock import Clock, utc
from localcloud.errors import AwsError
from localcloud.service import EXTRA_HEADERS, Result, ServiceCall, T

TOKENS_IN = "x-amzn-bedrock-input-token-count"
TOKENS_OUT = "x-amzn-bedrock-output-token-count"
LATENCY = "x-amzn-bedrock-invocation-latency"
ANSWERED_BY = "x-local-model"
"""The local cloud's own header: the name of the model that answered."""

IMAGES = "x-local-images"
"""The local cloud's own header: the number of images in the response."""

METRICS = "amazon-bedrock-invocationMetrics"
FILE = "usage.jsonl"

_LOGGED_OPERATIONS = {
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
"""By service. `ModelInvocationJob` is no operation: it stands for one record of a batch job."""


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Tokens and images of one call, and the name of the model that answered it."""

    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    answered_by: str = ""


OnUsage = Callable[[ModelUsage, "AwsError | None"], None]
"""Called once with what a call used, and the error that cut its stream short."""


class UsageLog:
    """The file `usage.jsonl`: a JSON object a line, in the order in which responses ended."""

    def __init__(
        self,
        folder: Path,
        clock: Clock = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Append to the file in `folder`, which the first line creates.

        Args:
            folder: Where the file is.
            clock: Returns seconds since the epoch.
            monotonic: Returns seconds from any start, to measure durations.
        """
        self._path = folder / FILE
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()

    def intercept(self, call: ServiceCall, serve: Callable[[], T]) -> T:
        """Serve the call, and log it when its response has ended if it was to a model."""
        if call.operation not in _LOGGED_OPERATIONS.get(call.service, ()):
            return serve()
        timer = _CallTimer(self._clock(), self._monotonic())

        def on_usage(usage: ModelUsage, error: AwsError | None) -> None:
            self._log(call, timer, usage, error, "broken-off" if error else "answered")

        try:
            result = serve()
        except AwsError as error:
            self._log(call, timer, ModelUsage(), error, "refused")
            raise
        except Exception as error:
            fault = AwsError("InternalFailure", repr(error), 500)
            self._log(call, timer, ModelUsage(), fault, "refused")
            raise
        return meter(result, on_usage)  # type: ignore[arg-type, return-value]

    def _log(
        self,
        call: ServiceCall,
        timer: _CallTimer,
        usage: ModelUsage,
        error: AwsError | None,
        outcome: str,
    ) -> None:
        line: dict[str, Any] = {
            "time": utc(timer.started_at).isoformat(timespec="milliseconds"),
            "request_id": call.request_id,
            "caller": call.caller,
            "service": call.service,
            "operation": call.operation,
            "model": call.model,
            "answered_by": usage.answered_by,
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
            "images": usage.images,
            "seconds": round(self._monotonic() - timer.monotonic_start, 6),
            "outcome": outcome,
            "error": error.code if error else None,
        }
        self._append(json.dumps(line, ensure_ascii=False) + "\n")

    def _append(self, line: str) -> None:
        with self._lock:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line.encode())
            finally:
                os.close(file)


@dataclass(frozen=True, slots=True)
class _CallTimer:
    started_at: float
    monotonic_start: float


def meter(result: Result, on_usage: OnUsage) -> Result:
    """Return `result` and report its usage: at once, or at the end of its stream."""
    headers = result.get(EXTRA_HEADERS, {})
    usage = _usage_in_body({**result, **result.get("output", {})}, _usage_in_headers(headers))
    for name in ("stream", "body", "Body"):
        if isinstance(result.get(name), Iterator):
            return {**result, name: _metered_stream(result[name], usage, on_usage)}
    on_usage(usage, None)
    return result


def _metered_stream(events: Iterator[Any], usage: ModelUsage, on_usage: OnUsage) -> Iterator[Any]:
    failure: AwsError | None = AwsError("ClientDisconnected", "The reader went away.")
    try:
        for event in events:
            usage = _usage_in_event(event, usage)
            yield event
        failure = None
    except AwsError as error:
        failure = error
        raise
    except Exception as error:
        failure = AwsError("InternalFailure", repr(error), 500)
        raise
    finally:
        on_usage(usage, failure)


def _usage_in_headers(headers: Mapping[str, str]) -> ModelUsage:
    return ModelUsage(
        int(headers.get(TOKENS_IN, 0)),
        int(headers.get(TOKENS_OUT, 0)),
        int(headers.get(IMAGES, 0)),
        headers.get(ANSWERED_BY, ""),
    )


def _usage_in_event(event: Any, usage: ModelUsage) -> ModelUsage:
    if not isinstance(event, Mapping):
        return usage
    for value in event.values():
        usage = _usage_in_body(value, usage)
    chunk = event.get("chunk", {}).get("bytes", b"")
    if METRICS.encode() not in chunk:
        return usage
    metrics = json.loads(chunk)[METRICS]
    return replace(
        usage, tokens_in=metrics["inputTokenCount"], tokens_out=metrics["outputTokenCount"]
    )


def _usage_in_body(body: Mapping[str, Any], usage: ModelUsage) -> ModelUsage:
    """Return `usage` updated by what Converse, or an event of its stream, reports in `body`."""
    tokens = body.get("usage", {})
    if "inputTokens" in tokens:
        usage = replace(
            usage, tokens_in=int(tokens["inputTokens"]), tokens_out=int(tokens["outputTokens"])
        )
    model = (body.get("additionalModelResponseFields") or {}).get("localModel")
    return replace(usage, answered_by=str(model["name"])) if model else usage
