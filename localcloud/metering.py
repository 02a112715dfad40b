"""What a call to a model used, read off its answer as it goes out.

Converse says it in its body, streams in their last event, everything else in the headers that
Bedrock adds and its service model does not have.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from localcloud.errors import AwsError
from localcloud.service import HEADERS, Result

TOKENS_IN = "x-amzn-bedrock-input-token-count"
TOKENS_OUT = "x-amzn-bedrock-output-token-count"
LATENCY = "x-amzn-bedrock-invocation-latency"
ANSWERED_BY = "x-local-model"
"""The local cloud's own header: the name of the model that answered."""

IMAGES = "x-local-images"
"""The local cloud's own header: how many pictures are in the answer."""

METRICS = "amazon-bedrock-invocationMetrics"


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens and pictures of one call, and the name of the model that answered it."""

    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    answered_by: str = ""


Done = Callable[[Used, "AwsError | None"], None]
"""Is told once what a call used, and the error that cut its stream short."""


def metered(result: Result, done: Done) -> Result:
    """Return `result`, and tell `done` what it used: at once, or at the end of its stream."""
    used = _read({**result, **result.get("output", {})}, _of_headers(result.get(HEADERS, {})))
    for name in ("stream", "body", "Body"):
        if isinstance(result.get(name), Iterator):
            return {**result, name: _counted(result[name], used, done)}
    done(used, None)
    return result


def _counted(events: Iterator[Any], used: Used, done: Done) -> Iterator[Any]:
    failed: AwsError | None = AwsError("ClientDisconnected", "The reader went away.")
    try:
        for event in events:
            used = _of_event(event, used)
            yield event
        failed = None
    except AwsError as error:
        failed = error
        raise
    except Exception as error:
        failed = AwsError("InternalFailure", repr(error), 500)
        raise
    finally:
        done(used, failed)


def _of_headers(headers: Mapping[str, str]) -> Used:
    return Used(
        int(headers.get(TOKENS_IN, 0)),
        int(headers.get(TOKENS_OUT, 0)),
        int(headers.get(IMAGES, 0)),
        headers.get(ANSWERED_BY, ""),
    )


def _of_event(event: Any, used: Used) -> Used:
    if not isinstance(event, Mapping):
        return used
    for value in event.values():
        used = _read(value, used)
    written = event.get("chunk", {}).get("bytes", b"")
    if METRICS.encode() not in written:
        return used
    metrics = json.loads(written)[METRICS]
    return replace(
        used, tokens_in=metrics["inputTokenCount"], tokens_out=metrics["outputTokenCount"]
    )


def _read(said: Mapping[str, Any], used: Used) -> Used:
    """Return `used` with what Converse, or an event of its stream, says in `said`."""
    usage = said.get("usage", {})
    if "inputTokens" in usage:
        used = replace(
            used, tokens_in=int(usage["inputTokens"]), tokens_out=int(usage["outputTokens"])
        )
    named = (said.get("additionalModelResponseFields") or {}).get("localModel")
    return replace(used, answered_by=str(named["name"])) if named else used
