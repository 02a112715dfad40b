"""What CloudFormation's early validations, and hooks, have against a change set.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploying.failures import in_words

_REFUSING = {
    "HOOK_INVOCATION_ERROR": ("HookType", "HookStatusReason"),
    "VALIDATION_ERROR": ("ValidationName", "ValidationStatusReason"),
}
"""Types of events, and where each says who refuses, and why."""


def refusals(cloudformation: Any, arn: str) -> list[str]:
    """Return what validations and hooks have against a change set, by resource.

    The change set's own reason only names them, and what they found goes with it.
    """
    try:
        pages = cloudformation.get_paginator("describe_events").paginate(ChangeSetName=arn)
        events = [each for page in pages for each in page["OperationEvents"]]
    except (BotoCoreError, ClientError) as failed:
        return [f"What it has found cannot be read: {in_words(failed)}"]
    return [
        _refusal(each, *_REFUSING[each["EventType"]])
        for each in events
        if each.get("EventType") in _REFUSING and _has_failed(each)
    ]


def _has_failed(event: Mapping[str, Any]) -> bool:
    modes = (event.get("ValidationFailureMode"), event.get("HookFailureMode"))
    return "WARN" not in modes and event.get("ValidationStatus") != "SKIPPED"


def _refusal(event: Mapping[str, Any], by: str, because: str) -> str:
    resource = event.get("LogicalResourceId", "the stack")
    kind = f" ({event['ResourceType']})" if event.get("ResourceType") else ""
    at = f" at {event['ValidationPath']}" if event.get("ValidationPath") else ""
    reason = event.get(because) or "no reason given"
    return f"{resource}{kind}{at}: {reason} [{event.get(by, 'unnamed')}]"
