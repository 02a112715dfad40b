"""Execution of a change set, and the report of its result."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.change_sets import ChangeSet
from infra.deployment.console import Console
from infra.deployment.failures import DeploymentError, code_of, message_of
from infra.deployment.plan import DeploymentPlan
from infra.deployment.stack import StackEvent, follow_from_now, root_causes, show_events


def execute_change_set(
    plan: DeploymentPlan,
    cloudformation: Any,
    change_set: ChangeSet,
    voice: Console,
    sleep: Callable[[float], None],
) -> None:
    """Execute a change set and wait until CloudFormation has finished.

    Raises:
        DeploymentError: it failed; the message says why, and in what state the stack is.
    """
    follower = follow_from_now(cloudformation, change_set.stack_id, sleep)
    try:
        cloudformation.execute_change_set(
            ChangeSetName=change_set.arn,
            StackName=change_set.stack_id,
            ClientRequestToken=str(uuid.uuid4()),
            RetainExceptOnCreate=True,
        )
    except ClientError as failed:
        overtaken = "can not be updated" in message_of(failed)
        if code_of(failed) != "InvalidChangeSetStatus" and not overtaken:
            raise
        raise DeploymentError(
            f"{message_of(failed)} Something else has changed the stack since; deploy again."
        ) from failed
    try:
        seen = show_events(follower.events(), len(change_set.changes), voice)
    except (KeyboardInterrupt, BotoCoreError, ClientError):
        voice.line(_resume_hint(plan), "yellow")
        raise
    _raise_if_failed(plan, seen)


def _raise_if_failed(plan: DeploymentPlan, seen: Sequence[StackEvent]) -> None:
    ended = seen[-1].status
    if ended in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return
    causes = root_causes(seen)
    reason = seen[-1].reason or next(
        (each.reason for each in seen if each.is_stack and each.reason), ""
    )
    why = (
        f"{causes[0].logical_id} ({causes[0].type}): {causes[0].reason}"
        if causes
        else reason or "CloudFormation gives no reason"
    )
    lines = [
        why,
        *(_COMMON_CAUSES[each.type] for each in causes[:1] if each.type in _COMMON_CAUSES),
    ]
    raise DeploymentError("\n".join([*lines, _next_step(plan, ended)]))


_COMMON_CAUSES = {
    "AWS::ApiGateway::Account": (
        "IAM takes some seconds to make a new role known everywhere, and API Gateway tries it "
        "once. If that is it, the same deployment goes through when it is run again."
    )
}
"""Hints for failures of a resource type that often have one cause."""


def _next_step(plan: DeploymentPlan, ended: str) -> str:
    name = plan.stack_name
    if ended == "UPDATE_ROLLBACK_COMPLETE":
        return f"{name} is rolled back and stands as before ({ended}); mend this and deploy again."
    if ended == "ROLLBACK_COMPLETE":
        return (
            f"What was made is removed again ({ended}); mend this, then "
            f"{plan.commands.headrace(f'destroy --stage {plan.stage}')}, and deploy again."
        )
    if ended == "UPDATE_ROLLBACK_FAILED":
        again = plan.commands.aws(f"cloudformation continue-update-rollback --stack-name {name}")
        return f"The rollback did not get through ({ended}); mend its cause, then {again}"
    return f"{name} is {ended}; look at it: {_events_of(plan)}"


def _events_of(plan: DeploymentPlan) -> str:
    return plan.commands.aws(f"cloudformation describe-stack-events --stack-name {plan.stack_name}")


def _resume_hint(plan: DeploymentPlan) -> str:
    name, commands = plan.stack_name, plan.commands
    cancel = (
        commands.headrace(f"destroy --stage {plan.stage}")
        if plan.creates
        else commands.aws(f"cloudformation cancel-update-stack --stack-name {name}")
    )
    return (
        f"CloudFormation goes on with {name}. To follow it: {_events_of(plan)}. "
        f"To cancel it: {cancel}"
    )
