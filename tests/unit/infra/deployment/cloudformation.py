"""CloudFormation as a test scripts it: one stack, its change set, and the events that follow.

Statuses and events come in the order that AWS documents.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.unit.infra.deployment.aws import ACCOUNT, REGION, Answer, Refusal, fixed

STACK = "headrace-dev"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1"
CHANGE_SET = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/c/1"

Json = dict[str, Any]
Happening = tuple[str, str, str]
"""A logical id (the stack's name for the stack itself), a status, a reason."""

TYPES = {STACK: "AWS::CloudFormation::Stack", "ApiLogsAccount": "AWS::ApiGateway::Account"}
"""By logical id; all others are queues."""


CREATED = [
    [(STACK, "CREATE_IN_PROGRESS", "User Initiated"), ("A", "CREATE_IN_PROGRESS", "")],
    [],
    [("A", "CREATE_COMPLETE", ""), ("B", "CREATE_IN_PROGRESS", "")],
    [("B", "CREATE_COMPLETE", ""), (STACK, "CREATE_COMPLETE", "")],
]
"""The events of a stack that is made: looked at four times, the second time in vain."""


def added(name: str, kind: str = "AWS::SQS::Queue", **more: Any) -> Json:
    """A change, as a change set describes it."""
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": "Add",
            "LogicalResourceId": name,
            "ResourceType": kind,
            **more,
        },
    }


@dataclass
class CloudFormation:
    """One stack. `script` are the happenings of each poll after an execution or a deletion."""

    status: str | None = None
    changes: Sequence[Json] = ()
    refused: str = ""
    refusals: Sequence[Json] = ()
    """What validations and hooks have found, as long as the change set is there."""
    script: list[Sequence[Happening]] = field(default_factory=list)
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False
    waits: int = 0
    events: list[Json] = field(default_factory=list)
    has_change_set: bool = False
    running: bool = False

    def answers(self) -> dict[str, Answer]:
        """Return the answers of a client."""
        return {
            f"cloudformation.{name}": answer
            for name, answer in {
                "CreateChangeSet": self.create_change_set,
                "DeleteChangeSet": self.delete_change_set,
                "DeleteStack": self.delete_stack,
                "DescribeChangeSet": self.describe_change_set,
                "DescribeEvents": self.describe_events,
                "DescribeStackEvents": self.describe_stack_events,
                "DescribeStacks": self.describe_stacks,
                "ExecuteChangeSet": self.execute_change_set,
                "ListStackResources": fixed(StackResourceSummaries=[]),
            }.items()
        }

    def describe_stacks(self, asked: Json) -> Json:
        if self.status is None:
            raise Refusal("ValidationError", f"Stack with id {STACK} does not exist")
        described = {
            "StackId": STACK_ID,
            "StackName": STACK,
            "StackStatus": self.status,
            "CreationTime": datetime.now(UTC),
            "EnableTerminationProtection": self.protected,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in self.parameters.items()
            ],
            "Outputs": [
                {"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()
            ],
        }
        return {"Stacks": [described]}

    def create_change_set(self, asked: Json) -> Json:
        if self.status is not None and self.status.endswith("_IN_PROGRESS"):
            raise Refusal(
                "ValidationError",
                f"Stack:{STACK_ID} is in {self.status} state and can not be updated.",
            )
        if asked["ChangeSetType"] == "CREATE":
            self.happen((STACK, "REVIEW_IN_PROGRESS", "User Initiated"))
        self.has_change_set = True
        return {"Id": CHANGE_SET, "StackId": STACK_ID}

    def describe_change_set(self, asked: Json) -> Json:
        if self.waits:
            self.waits -= 1
            return {"Status": "CREATE_IN_PROGRESS"}
        if self.refused:
            return {"Status": "FAILED", "StatusReason": self.refused}
        half = len(self.changes) // 2
        if "NextToken" in asked:
            return {"Status": "CREATE_COMPLETE", "Changes": list(self.changes[half:])}
        page = {"Status": "CREATE_COMPLETE", "Changes": list(self.changes[:half])}
        return {**page, "NextToken": "rest"}

    def describe_events(self, asked: Json) -> Json:
        assert asked["ChangeSetName"] == CHANGE_SET
        assert self.has_change_set, "what was found goes with the change set"
        return {"OperationEvents": list(self.refusals)}

    def delete_change_set(self, asked: Json) -> Json:
        assert asked["ChangeSetName"] == CHANGE_SET
        self.has_change_set = False
        return {}

    def execute_change_set(self, asked: Json) -> Json:
        assert self.has_change_set
        self.running = True
        return {}

    def delete_stack(self, asked: Json) -> Json:
        if self.status == "REVIEW_IN_PROGRESS":
            assert not self.has_change_set
            self.status = None
        else:
            self.running = True
        return {}

    def describe_stack_events(self, asked: Json) -> Json:
        if self.running and self.script:
            for happening in self.script.pop(0):
                self.happen(happening)
        newest_first = self.events[::-1]
        if "NextToken" in asked:
            return {"StackEvents": newest_first[3:]}
        more = {"NextToken": "rest"} if len(newest_first) > 3 else {}
        return {"StackEvents": newest_first[:3], **more}

    def happen(self, happening: Happening) -> None:
        name, status, reason = happening
        is_stack = name == STACK
        if is_stack:
            self.status = None if status == "DELETE_COMPLETE" else status
            self.running = self.running and not status.endswith(("_COMPLETE", "_FAILED"))
        self.events.append(
            {
                "StackId": STACK_ID,
                "EventId": f"event-{len(self.events)}",
                "StackName": STACK,
                "LogicalResourceId": name,
                "PhysicalResourceId": STACK_ID if is_stack else f"{STACK}-{name}",
                "ResourceType": TYPES.get(name, "AWS::SQS::Queue"),
                "Timestamp": datetime.now(UTC),
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
        )
