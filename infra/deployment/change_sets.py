"""Change sets, which show what a deployment would do before it does it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.failures import DeploymentError, describe_error, message_of
from infra.deployment.resource_names import DATA
from infra.deployment.stack import Stack, find_stack

_REFUSING = {
    "HOOK_INVOCATION_ERROR": ("HookType", "HookStatusReason"),
    "VALIDATION_ERROR": ("ValidationName", "ValidationStatusReason"),
}
"""Types of events, and where each says who refuses, and why."""


def validation_failures(cloudformation: Any, arn: str) -> list[str]:
    """Return the failures that validations and hooks report for a change set, by resource.

    The change set's own reason only names the checks; their findings are fetched here.
    """
    try:
        pages = cloudformation.get_paginator("describe_events").paginate(ChangeSetName=arn)
        events = [each for page in pages for each in page["OperationEvents"]]
    except (BotoCoreError, ClientError) as failed:
        return [f"What it has found cannot be read: {describe_error(failed)}"]
    return [
        _describe_refusal(each, *_REFUSING[each["EventType"]])
        for each in events
        if each.get("EventType") in _REFUSING and _has_failed(each)
    ]


def _has_failed(event: Mapping[str, Any]) -> bool:
    modes = (event.get("ValidationFailureMode"), event.get("HookFailureMode"))
    return "WARN" not in modes and event.get("ValidationStatus") != "SKIPPED"


def _describe_refusal(event: Mapping[str, Any], by: str, because: str) -> str:
    resource = event.get("LogicalResourceId", "the stack")
    kind = f" ({event['ResourceType']})" if event.get("ResourceType") else ""
    at = f" at {event['ValidationPath']}" if event.get("ValidationPath") else ""
    reason = event.get(because) or "no reason given"
    return f"{resource}{kind}{at}: {reason} [{event.get(by, 'unnamed')}]"


POLL_SECONDS = 2.0
MAX_POLLS = 300
"""Ten minutes; a change set of a few hundred resources takes seconds."""

_UNCHANGED = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """The change of one resource. `replacement` is `True`, `False`, `Conditional` or empty."""

    action: str
    logical_id: str
    type: str
    replacement: str
    because: str

    @property
    def risks_data(self) -> bool:
        """Return whether the change may delete user data."""
        if self.type not in DATA:
            return False
        if self.action in ("Remove", "Dynamic"):
            return True
        return self.action == "Modify" and self.replacement in ("True", "Conditional")


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that can be executed, or one without changes (`changes` is empty)."""

    arn: str
    stack_id: str
    changes: Sequence[ResourceChange]
    made_stack: bool
    """Whether there is a stack only since this was asked for."""

    @property
    def is_empty(self) -> bool:
        """Return whether the stack is already up to date."""
        return not self.changes


@dataclass(frozen=True, slots=True)
class ChangeSetRequest:
    """Template, parameters and tags that a stack should have."""

    stack_name: str
    template_url: str
    parameters: Mapping[str, str]
    kept: Collection[str]
    """Parameters that stay as they are in the stack."""
    tags: Mapping[str, str]


def create_change_set(
    cloudformation: Any,
    wanted: ChangeSetRequest,
    stack: Stack | None,
    sleep: Callable[[float], None] = time.sleep,
) -> ChangeSet:
    """Create a change set and return it once CloudFormation has computed it.

    Raises:
        DeploymentError: CloudFormation refuses the template or the parameters; nothing is left
            behind.
    """
    creates = stack is None or stack.is_review
    request: dict[str, Any] = {
        "StackName": wanted.stack_name,
        "ChangeSetName": _fresh_name(),
        "ChangeSetType": "CREATE" if creates else "UPDATE",
        "TemplateURL": wanted.template_url,
        "Parameters": _parameters(wanted),
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(wanted.tags.items())],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    }
    if creates:
        request["OnStackFailure"] = "ROLLBACK"
    try:
        response = cloudformation.create_change_set(**request)
    except ClientError as error:
        if any(words in message_of(error) for words in _UNCHANGED) and stack is not None:
            return ChangeSet("", stack.id, (), made_stack=False)
        raise
    draft = ChangeSet(response["Id"], response["StackId"], (), made_stack=stack is None)
    try:
        return _wait_until_created(cloudformation, draft, sleep)
    except BaseException:
        delete_change_set(cloudformation, draft)
        raise


def delete_change_set(cloudformation: Any, change_set: ChangeSet) -> None:
    """Delete a change set, and the stack if it exists only for that change set."""
    if change_set.arn:
        cloudformation.delete_change_set(
            ChangeSetName=change_set.arn, StackName=change_set.stack_id
        )
    if not change_set.made_stack:
        return
    stack = find_stack(cloudformation, change_set.stack_id)
    if stack is not None and stack.is_review:
        cloudformation.delete_stack(StackName=change_set.stack_id)


def refuse_data_loss(changes: Sequence[ResourceChange], allowed: Collection[str]) -> None:
    """Raise `DeploymentError` if a change may lose data and is not allowed by name."""
    unknown = sorted(set(allowed) - {change.logical_id for change in changes if change.risks_data})
    if unknown:
        raise DeploymentError(
            f"--allow-data-loss names {', '.join(unknown)}, whose data nothing here endangers."
        )
    refused = [each for each in changes if each.risks_data and each.logical_id not in allowed]
    if not refused:
        return
    what = "; ".join(f"{each.logical_id} ({_loss(each)})" for each in refused)
    names = " ".join(f"--allow-data-loss {each.logical_id}" for each in refused)
    raise DeploymentError(
        f"Data would be lost or cut off: {what}. Change the template so that it stays, or export "
        f"what you need and say {names}."
    )


def _loss(change: ResourceChange) -> str:
    if change.action != "Modify":
        return "is removed"
    return "is replaced" if change.replacement == "True" else "may be replaced"


def _fresh_name() -> str:
    return f"headrace-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _parameters(wanted: ChangeSetRequest) -> list[dict[str, object]]:
    given: list[dict[str, object]] = [
        {"ParameterKey": name, "ParameterValue": value}
        for name, value in sorted(wanted.parameters.items())
    ]
    unchanged = sorted(set(wanted.kept) - set(wanted.parameters))
    return given + [{"ParameterKey": name, "UsePreviousValue": True} for name in unchanged]


def _wait_until_created(
    cloudformation: Any, draft: ChangeSet, sleep: Callable[[float], None]
) -> ChangeSet:
    arn, stack_id = draft.arn, draft.stack_id
    for _ in range(MAX_POLLS):
        response = cloudformation.describe_change_set(ChangeSetName=arn, StackName=stack_id)
        if response["Status"] == "CREATE_COMPLETE":
            changes = tuple(_changes(cloudformation, arn, stack_id))
            return ChangeSet(arn, stack_id, changes, draft.made_stack)
        if response["Status"] == "FAILED":
            reason = response.get("StatusReason", "no reason given")
            if any(words in reason for words in _UNCHANGED):
                return draft
            why = [reason, *validation_failures(cloudformation, arn)]
            raise DeploymentError(
                "\n  ".join([f"CloudFormation refuses the change: {why[0]}", *why[1:]])
            )
        sleep(POLL_SECONDS)
    raise DeploymentError(
        f"CloudFormation has not worked out {arn} in ten minutes; try again later."
    )


def _changes(cloudformation: Any, arn: str, stack_id: str) -> Iterator[ResourceChange]:
    pages = cloudformation.get_paginator("describe_change_set")
    for page in pages.paginate(ChangeSetName=arn, StackName=stack_id):
        for each in page.get("Changes", []):
            change = each.get("ResourceChange")
            if change is not None:
                yield ResourceChange(
                    action=change["Action"],
                    logical_id=change["LogicalResourceId"],
                    type=change["ResourceType"],
                    replacement=change.get("Replacement", ""),
                    because=", ".join(_causes(change)),
                )


def _causes(change: Mapping[str, Any]) -> list[str]:
    """Return the changed properties, or the changed scopes if no property is named."""
    causes = {
        detail.get("Target", {}).get("Name") or detail.get("Target", {}).get("Attribute", "")
        for detail in change.get("Details", [])
    }
    return sorted(causes - {""}) or sorted(change.get("Scope", []))
