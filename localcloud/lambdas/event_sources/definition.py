"""The definition of an event source mapping of a queue, checked as AWS checks it. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from localcloud.errors import AwsError, unsupported
from localcloud.events.content_filters import InvalidPattern
from localcloud.events.patterns import parse_pattern
from localcloud.service import Params

_QUEUE = re.compile(r"arn:[^:]+:sqs:[^:]+:\d{12}:[A-Za-z0-9_-]+(\.fifo)?")
_SETTINGS = frozenset(
    {
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "FunctionResponseTypes",
        "ScalingConfig",
        "FilterCriteria",
        "Enabled",
    }
)
_IDENTITY = frozenset({"EventSourceArn", "FunctionName", "UUID", "Tags"})
_MAX_FILTERS = 5


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """A mapping as it is stored. `window_s` is the batching window, `modified` epoch seconds."""

    uuid: str
    queue_arn: str
    function: str
    modified: float
    batch_size: int = 10
    window_s: int = 0
    partial_failures: bool = False
    concurrency: int | None = None
    filters: tuple[str, ...] = ()
    enabled: bool = True

    @property
    def fifo(self) -> bool:
        """Whether the queue is a FIFO queue."""
        return self.queue_arn.endswith(".fifo")


def check_parameter_names(params: Params) -> None:
    """Refuse a parameter that mappings of queues do not have, or that is not supported."""
    for name in sorted(params):
        if name not in _SETTINGS | _IDENTITY and params[name] is not None:
            raise unsupported("Lambda", f"the parameter {name} of event source mappings")


def source_queue_arn(params: Params) -> str:
    """Return the ARN of the queue in a create request."""
    arn = str(params.get("EventSourceArn") or "")
    if not _QUEUE.fullmatch(arn):
        raise unsupported("Lambda", f"event sources other than SQS queues ({arn or 'none given'})")
    return arn


def updated_mapping(mapping: EventSourceMapping, params: Params) -> EventSourceMapping:
    """Return `mapping` with the settings in `params`; other settings stay."""
    changes: dict[str, Any] = {}
    if params.get("BatchSize") is not None:
        changes["batch_size"] = int(params["BatchSize"])
    if params.get("MaximumBatchingWindowInSeconds") is not None:
        changes["window_s"] = int(params["MaximumBatchingWindowInSeconds"])
    if params.get("FunctionResponseTypes") is not None:
        changes["partial_failures"] = _reports_partial_failures(params["FunctionResponseTypes"])
    if params.get("ScalingConfig") is not None:
        limit = params["ScalingConfig"].get("MaximumConcurrency")
        changes["concurrency"] = None if limit is None else int(limit)
    if params.get("FilterCriteria") is not None:
        changes["filters"] = _filters(params["FilterCriteria"])
    if params.get("Enabled") is not None:
        changes["enabled"] = bool(params["Enabled"])
    updated = replace(mapping, **changes)
    _check(updated)
    return updated


def _reports_partial_failures(types: list[str]) -> bool:
    if any(name != "ReportBatchItemFailures" for name in types):
        raise _invalid(f"Unknown FunctionResponseTypes {types}")
    return bool(types)


def _filters(criteria: Mapping[str, Any]) -> tuple[str, ...]:
    patterns = tuple(item.get("Pattern", "{}") for item in criteria.get("Filters") or ())
    if len(patterns) > _MAX_FILTERS:
        raise _invalid(f"A mapping has at most {_MAX_FILTERS} filters")
    for pattern in patterns:
        try:
            parse_pattern(pattern)
        except InvalidPattern as error:
            raise _invalid(f"Invalid filter pattern definition. {error}") from error
    return patterns


def _check(mapping: EventSourceMapping) -> None:
    max_size = 10 if mapping.fifo else 10_000
    if not 1 <= mapping.batch_size <= max_size:
        raise _invalid(f"Batch size must be between 1 and {max_size}")
    if not 0 <= mapping.window_s <= 300:
        raise _invalid("Maximum batch window in seconds must be between 0 and 300")
    if mapping.fifo and mapping.window_s:
        raise _invalid("Batching window is not supported for FIFO queues.")
    if mapping.batch_size > 10 and mapping.window_s < 1:
        raise _invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )
    if mapping.concurrency is not None and not 2 <= mapping.concurrency <= 1_000:
        raise _invalid("MaximumConcurrency must be between 2 and 1000")


def describe_mapping(
    mapping: EventSourceMapping, function_arn: str, mapping_arn: str, state: str
) -> dict[str, Any]:
    """Return the mapping as GetEventSourceMapping shows it, in `state`."""
    result: dict[str, Any] = {
        "UUID": mapping.uuid,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window_s,
        "EventSourceArn": mapping.queue_arn,
        "FunctionArn": function_arn,
        "LastModified": datetime.fromtimestamp(mapping.modified, UTC),
        "State": state,
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": ["ReportBatchItemFailures"] if mapping.partial_failures else [],
        "EventSourceMappingArn": mapping_arn,
    }
    if mapping.concurrency is not None:
        result["ScalingConfig"] = {"MaximumConcurrency": mapping.concurrency}
    if mapping.filters:
        result["FilterCriteria"] = {"Filters": [{"Pattern": each} for each in mapping.filters]}
    return result


def mapping_to_json(mapping: EventSourceMapping) -> str:
    """Return the mapping as stored JSON."""
    return json.dumps(asdict(mapping))


def mapping_from_json(text: str) -> EventSourceMapping:
    """Return the mapping in stored JSON."""
    fields = json.loads(text)
    return EventSourceMapping(**{**fields, "filters": tuple(fields["filters"])})
