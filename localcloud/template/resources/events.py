"""Event buses, rules and schedules of EventBridge and EventBridge Scheduler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

_SCHEDULE_PROPERTIES = (
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
)


def _ensure_bus(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties["Name"]
    events = stack.client("events")
    with suppress(events.exceptions.ResourceAlreadyExistsException):
        events.create_event_bus(Name=name)
    arn = stack.cloud.arn("events", f"event-bus/{name}")
    return CreatedResource(name, {"Arn": arn, "Name": name})


def _ensure_rule(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("Name") or stack.physical_name(logical_id)
    events = stack.client("events")
    bus = {"EventBusName": properties["EventBusName"]} if "EventBusName" in properties else {}
    rule: dict[str, Any] = {
        key: properties[key]
        for key in ("Description", "ScheduleExpression", "State")
        if key in properties
    }
    if "EventPattern" in properties:
        rule["EventPattern"] = json.dumps(properties["EventPattern"])
    arn = events.put_rule(Name=name, **bus, **rule)["RuleArn"]
    targets = [dict(target) for target in properties.get("Targets", [])]
    existing = events.list_targets_by_rule(Rule=name, **bus)["Targets"]
    removed = sorted({target["Id"] for target in existing} - {target["Id"] for target in targets})
    if removed:
        events.remove_targets(Rule=name, Ids=removed, **bus)
    if targets:
        events.put_targets(Rule=name, Targets=targets, **bus)
    return CreatedResource(name, {"Arn": arn})


def _ensure_schedule(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    name = properties.get("Name") or stack.physical_name(logical_id)
    scheduler = stack.client("scheduler")
    schedule = {key: properties[key] for key in _SCHEDULE_PROPERTIES if key in properties}
    try:
        arn = scheduler.create_schedule(Name=name, **schedule)["ScheduleArn"]
    except scheduler.exceptions.ConflictException:
        arn = scheduler.update_schedule(Name=name, **schedule)["ScheduleArn"]
    return CreatedResource(name, {"Arn": arn})


def _ensure_schedule_group(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    name = properties.get("Name") or stack.physical_name(logical_id)
    scheduler = stack.client("scheduler")
    with suppress(scheduler.exceptions.ConflictException):
        scheduler.create_schedule_group(Name=name)
    group = scheduler.get_schedule_group(Name=name)
    return CreatedResource(name, {"Arn": group["Arn"], "State": group["State"]})


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::Events::EventBus": ResourceType(
        frozenset(),
        _ensure_bus,
        required=frozenset({"Name"}),
        inert=frozenset({"Description", "Tags"}),
    ),
    "AWS::Events::Rule": ResourceType(
        frozenset(
            {
                "Name",
                "Description",
                "EventBusName",
                "EventPattern",
                "ScheduleExpression",
                "State",
                "Targets",
            }
        ),
        _ensure_rule,
    ),
    "AWS::Scheduler::Schedule": ResourceType(
        frozenset({"Name", *_SCHEDULE_PROPERTIES}),
        _ensure_schedule,
        required=frozenset({"FlexibleTimeWindow", "ScheduleExpression", "Target"}),
    ),
    "AWS::Scheduler::ScheduleGroup": ResourceType(
        frozenset({"Name"}), _ensure_schedule_group, inert=frozenset({"Tags"})
    ),
}
