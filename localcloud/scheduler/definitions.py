"""The checks of the members that CreateSchedule and UpdateSchedule take.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from localcloud.errors import AwsError, unsupported
from localcloud.events.rule_targets import check_dead_letter_queue, check_target_arn, target_service
from localcloud.events.schedule_expressions import (
    AtExpression,
    InvalidSchedule,
    ScheduleExpression,
    parse_schedule_expression,
)
from localcloud.iam.policy import trusts_service
from localcloud.scheduler.occurrences import time_zone
from localcloud.service import Params

CheckRole = Callable[[str, str], None]
"""Raises AwsError unless Scheduler can assume a role, by its ARN, for the group of an ARN."""

PRINCIPAL = "scheduler.amazonaws.com"
MAX_PAST_START_SECONDS = 300
_STORED_MEMBERS = (
    "ActionAfterCompletion",
    "Description",
    "FlexibleTimeWindow",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "State",
    "Target",
)
_TARGET_MEMBERS = frozenset({"Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig"})
_PARAMETERS_MEMBERS = {"sqs": "SqsParameters", "events": "EventBridgeParameters"}


def invalid(message: str) -> AwsError:
    """Return the ValidationException with `message`."""
    return AwsError("ValidationException", message)


def role_checker(trust_of: Callable[[str], str | None]) -> CheckRole:
    """Return a function that checks whether Scheduler can assume a role.

    `trust_of` returns the trust policy of a role. The context of its conditions is the account,
    and the schedule's group.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """

    def check(role_arn: str, group_arn: str) -> None:
        context = {"aws:sourcearn": (group_arn,), "aws:sourceaccount": (group_arn.split(":")[4],)}
        trust = trust_of(role_arn)
        if trust is None or not trusts_service(json.loads(trust), PRINCIPAL, context):
            raise invalid(
                "The execution role you provide must allow AWS EventBridge Scheduler to assume the"
                " role."
            )

    return check


def checked_definition(
    params: Params, now: float, target_services: Collection[str]
) -> dict[str, Any]:
    """Return the checked members of a schedule as they are stored, or raise AwsError.

    `target_services` are the services that can be targets; `now` is seconds since the epoch.
    """
    if "KmsKeyArn" in params:
        raise unsupported("EventBridge Scheduler", "KmsKeyArn")
    definition = stored_members(params)
    _check_window(definition["FlexibleTimeWindow"])
    _check_zone(definition)
    schedule = _check_expression(definition)
    _check_dates(definition, schedule, now)
    _check_target(definition["Target"], target_services)
    return definition


def stored_members(params: Params) -> dict[str, Any]:
    """Return the members of a schedule with their defaults, dates as seconds; unchecked."""
    definition = {name: params[name] for name in _STORED_MEMBERS if name in params}
    definition.setdefault("State", "ENABLED")
    definition.setdefault("ScheduleExpressionTimezone", "UTC")
    definition.setdefault("ActionAfterCompletion", "NONE")
    for name in ("StartDate", "EndDate"):
        if params.get(name) is not None:
            definition[name] = _seconds(params[name])
    return definition


def _seconds(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


def _check_window(window: Mapping[str, Any]) -> None:
    minutes = window.get("MaximumWindowInMinutes")
    if window["Mode"] == "OFF" and minutes is not None:
        raise invalid("MaximumWindowInMinutes must not be set when the flexible window is OFF.")
    if window["Mode"] == "FLEXIBLE" and (minutes is None or not 1 <= minutes <= 1440):
        raise invalid("A FLEXIBLE window needs MaximumWindowInMinutes from 1 to 1440.")


def _check_zone(definition: Mapping[str, Any]) -> None:
    try:
        time_zone(definition)
    except (KeyError, ValueError, OSError) as error:
        name = definition["ScheduleExpressionTimezone"]
        raise invalid(f"Invalid ScheduleExpressionTimezone {name}.") from error


def _check_expression(definition: Mapping[str, Any]) -> ScheduleExpression:
    text = definition["ScheduleExpression"]
    try:
        return parse_schedule_expression(text)
    except InvalidSchedule as error:
        raise invalid(f"Invalid Schedule Expression {text}.") from error


def _check_dates(definition: Mapping[str, Any], schedule: ScheduleExpression, now: float) -> None:
    start, end = definition.get("StartDate"), definition.get("EndDate")
    if isinstance(schedule, AtExpression):
        if schedule.in_zone(time_zone(definition)).timestamp() <= now:
            expression = definition["ScheduleExpression"]
            raise invalid(f"Invalid Schedule Expression {expression}: it is in the past.")
        return
    if start is not None and start < now - MAX_PAST_START_SECONDS:
        raise invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
    if end is not None and end <= now:
        raise invalid("The EndDate you specify cannot be in the past.")
    if start is not None and end is not None and start >= end:
        raise invalid("The StartDate must come before the EndDate.")


def _check_target(target: Mapping[str, Any], target_services: Collection[str]) -> None:
    arn = str(target["Arn"])
    if re.match(r"arn:aws[\w-]*:scheduler:::", arn):
        raise unsupported("EventBridge Scheduler", f"the universal target {arn}")
    service = target_service(arn)
    check_target_arn(arn, service, target_services, "EventBridge Scheduler")
    allowed = (
        _TARGET_MEMBERS | {_PARAMETERS_MEMBERS[service]}
        if service in _PARAMETERS_MEMBERS
        else _TARGET_MEMBERS
    )
    unknown = sorted(set(target) - allowed)
    if unknown:
        raise unsupported("EventBridge Scheduler", f"{', '.join(unknown)} of a {service} target")
    check_dead_letter_queue((target.get("DeadLetterConfig") or {}).get("Arn"))
    _check_parameters(target, service, arn)
    if service != "sqs" and "Input" in target:
        _check_json(target["Input"], must_be_object=service == "events")


def _check_parameters(target: Mapping[str, Any], service: str, arn: str) -> None:
    parameters = target.get(_PARAMETERS_MEMBERS.get(service, "")) or {}
    if service == "events":
        if not parameters:
            raise invalid("EventBridgeParameters must be set when the target is an event bus.")
        if parameters["Source"].startswith("aws."):
            raise invalid("The Source of an event must not begin with aws.")
    if arn.endswith(".fifo") and service == "sqs" and not parameters.get("MessageGroupId"):
        raise invalid("MessageGroupId must be set when the target is a FIFO queue.")


def _check_json(text: str, *, must_be_object: bool) -> None:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise invalid("The Input of this target must be valid JSON.") from error
    if must_be_object and not isinstance(value, dict):
        raise invalid("The Input of an event bus must be a JSON object.")
