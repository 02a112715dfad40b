"""The rules of an event source mapping."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.event_sources.definition import (
    EventSourceMapping,
    check_parameter_names,
    describe_mapping,
    mapping_from_json,
    mapping_to_json,
    source_queue_arn,
    updated_mapping,
)

_ARN = "arn:aws:sqs:us-east-1:000000000000:work"


@pytest.mark.parametrize(
    "settings",
    [
        {"BatchSize": 0},
        {"BatchSize": 11},
        {"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1},
        {"MaximumBatchingWindowInSeconds": 301},
        {"ScalingConfig": {"MaximumConcurrency": 1}},
        {"FunctionResponseTypes": ["Other"]},
        {"FilterCriteria": {"Filters": [{"Pattern": "{}"}] * 6}},
        {"FilterCriteria": {"Filters": [{"Pattern": "no json"}]}},
    ],
)
def test_a_setting_out_of_bounds_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as refused:
        updated_mapping(EventSourceMapping("u", _ARN, "read", 0.0), settings)
    assert refused.value.code == "InvalidParameterValueException"


def test_a_fifo_queue_has_neither_large_batches_nor_a_window() -> None:
    fifo = EventSourceMapping("u", f"{_ARN}.fifo", "read", 0.0)
    for settings in ({"BatchSize": 11}, {"MaximumBatchingWindowInSeconds": 1}):
        with pytest.raises(AwsError):
            updated_mapping(fifo, settings)


def test_what_an_update_does_not_name_stays() -> None:
    mapped = updated_mapping(
        EventSourceMapping("u", _ARN, "read", 0.0), {"BatchSize": 7, "Enabled": False}
    )
    again = updated_mapping(mapped, {"MaximumBatchingWindowInSeconds": 2})
    assert (again.batch_size, again.enabled, again.window_s) == (7, False, 2)


def test_only_queues_are_served() -> None:
    with pytest.raises(AwsError, match="other than SQS"):
        source_queue_arn({"EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/x"})


def test_a_parameter_of_another_source_is_refused() -> None:
    with pytest.raises(AwsError, match="TumblingWindowInSeconds"):
        check_parameter_names({"FunctionName": "read", "TumblingWindowInSeconds": 5})


def test_a_mapping_is_kept_and_shown_whole() -> None:
    settings = {
        "BatchSize": 20,
        "MaximumBatchingWindowInSeconds": 5,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 4},
        "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]},
    }
    mapped = updated_mapping(EventSourceMapping("u", _ARN, "read", 5.0), settings)
    assert mapping_from_json(mapping_to_json(mapped)) == mapped
    result = describe_mapping(mapped, "function", "mapping", "Enabled")
    assert {name: result[name] for name in settings} == settings
