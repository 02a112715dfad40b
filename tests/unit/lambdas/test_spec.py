"""What a function may be, and how it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.spec import FunctionSpec, describe_configuration


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"name": "no spaces"}, "not a function name"),
        ({"handler": "handler"}, "not a handler"),
        ({"code_path": Path("/nowhere")}, "not a folder"),
        ({"memory_mb": 127}, "MemorySize"),
        ({"timeout_s": 901}, "Timeout"),
        ({"maximum_retry_attempts": 3}, "MaximumRetryAttempts"),
        ({"maximum_event_age_s": 59}, "MaximumEventAgeInSeconds"),
        ({"environment": {"AWS_REGION": "x"}}, "AWS_REGION"),
        ({"tracing": "Maybe"}, "tracing"),
        ({"failure_destination": "arn:aws:s3:::bucket"}, "arn:aws:s3:::bucket"),
        ({"dead_letter": "arn:aws:lambda:us-east-1:000000000000:function:x"}, "queue or a topic"),
    ],
)
def test_what_aws_refuses_is_refused(tmp_path: Path, settings: dict[str, Any], what: str) -> None:
    valid = {"name": "read", "handler": "app.handler", "code_path": tmp_path}
    with pytest.raises(AwsError, match=what) as refused:
        FunctionSpec(**{**valid, **settings})
    assert refused.value.code == "InvalidParameterValueException"


def test_the_configuration_has_the_members_of_aws(tmp_path: Path) -> None:
    queue = "arn:aws:sqs:us-east-1:000000000000:dead"
    spec = FunctionSpec("read", "app.handler", tmp_path, environment={"A": "b"}, dead_letter=queue)
    shown = describe_configuration(spec, "arn", "now")
    assert shown["Environment"] == {"Variables": {"A": "b"}}
    assert shown["DeadLetterConfig"] == {"TargetArn": queue}
    assert shown["Version"] == "$LATEST"
    assert shown["MemorySize"] == 128
