"""Queues, buses, rules, schedules and topics from their CloudFormation types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from infra.cloudformation.intrinsics import scalar_text
from localcloud.template.policies import resource_policy
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

_QUEUE_ATTRIBUTES = (
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "VisibilityTimeout",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
)


_QUEUE_DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedrivePolicy": "",
    "VisibilityTimeout": "30",
}
"""What an attribute goes back to when the template no longer gives it."""


def _attribute(name: str, value: object) -> str:
    return json.dumps(value) if isinstance(value, dict) else scalar_text(value, name)


def _queue(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("QueueName") or shop.physical_name(logical_id)
    if properties.get("FifoQueue") and not name.endswith(".fifo"):
        name = f"{name}.fifo"
    sqs = shop.client("sqs")
    attributes = {k: _attribute(k, properties[k]) for k in _QUEUE_ATTRIBUTES if k in properties}
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    else:
        changeable = {k: v for k, v in attributes.items() if k != "FifoQueue"}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={**_QUEUE_DEFAULTS, **changeable})
    arn = shop.context.arn("sqs", name)
    return CreatedResource(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


def _queue_policy(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    policy = resource_policy(properties["PolicyDocument"], logical_id)
    for url in properties["Queues"]:
        shop.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return CreatedResource(logical_id)


def _bus(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties["Name"]
    events = shop.client("events")
    with suppress(events.exceptions.ResourceAlreadyExistsException):
        events.create_event_bus(Name=name)
    arn = shop.context.arn("events", f"event-bus/{name}")
    return CreatedResource(name, {"Arn": arn, "Name": name})


def _rule(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("Name") or shop.physical_name(logical_id)
    events = shop.client("events")
    bus = {"EventBusName": properties["EventBusName"]} if "EventBusName" in properties else {}
    rule: dict[str, Any] = {
        key: properties[key]
        for key in ("Description", "ScheduleExpression", "State")
        if key in properties
    }
    if "EventPattern" in properties:
        rule["EventPattern"] = json.dumps(properties["EventPattern"])
    arn = events.put_rule(Name=name, **bus, **rule)["RuleArn"]
    wanted = [dict(target) for target in properties.get("Targets", [])]
    listed = events.list_targets_by_rule(Rule=name, **bus)["Targets"]
    gone = sorted({target["Id"] for target in listed} - {target["Id"] for target in wanted})
    if gone:
        events.remove_targets(Rule=name, Ids=gone, **bus)
    if wanted:
        events.put_targets(Rule=name, Targets=wanted, **bus)
    return CreatedResource(name, {"Arn": arn})


def _topic(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("TopicName") or shop.physical_name(logical_id)
    sns = shop.client("sns")
    arn = sns.create_topic(Name=name)["TopicArn"]
    sns.set_topic_attributes(
        TopicArn=arn,
        AttributeName="DisplayName",
        AttributeValue=properties.get("DisplayName", ""),
    )
    return CreatedResource(arn, {"TopicArn": arn, "TopicName": name})


_SCHEDULE = (
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


def _schedule(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("Name") or shop.physical_name(logical_id)
    scheduler = shop.client("scheduler")
    wanted = {key: properties[key] for key in _SCHEDULE if key in properties}
    try:
        arn = scheduler.create_schedule(Name=name, **wanted)["ScheduleArn"]
    except scheduler.exceptions.ConflictException:
        arn = scheduler.update_schedule(Name=name, **wanted)["ScheduleArn"]
    return CreatedResource(name, {"Arn": arn})


TYPES: Mapping[str, ResourceType] = {
    "AWS::SQS::Queue": ResourceType(
        frozenset({"QueueName", *_QUEUE_ATTRIBUTES}), _queue, inert=frozenset({"Tags"})
    ),
    "AWS::SQS::QueuePolicy": ResourceType(
        frozenset(), _queue_policy, required=frozenset({"Queues", "PolicyDocument"})
    ),
    "AWS::Events::EventBus": ResourceType(
        frozenset(),
        _bus,
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
        _rule,
    ),
    "AWS::SNS::Topic": ResourceType(
        frozenset({"TopicName", "DisplayName"}),
        _topic,
        inert=frozenset({"KmsMasterKeyId", "Tags"}),
    ),
    "AWS::Scheduler::Schedule": ResourceType(
        frozenset({"Name", *_SCHEDULE}),
        _schedule,
        required=frozenset({"FlexibleTimeWindow", "ScheduleExpression", "Target"}),
    ),
}
