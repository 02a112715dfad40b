"""SQS queues, and SNS topics, which deliver to nobody here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import scalar_text
from localcloud.template.resources.iam import resource_policy
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
"""Values of the attributes that the template no longer gives."""


def _attribute_text(name: str, value: object) -> str:
    return json.dumps(value) if isinstance(value, dict) else scalar_text(value, name)


def _ensure_queue(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("QueueName") or stack.physical_name(logical_id)
    if properties.get("FifoQueue") and not name.endswith(".fifo"):
        name = f"{name}.fifo"
    sqs = stack.client("sqs")
    attributes = {
        k: _attribute_text(k, properties[k]) for k in _QUEUE_ATTRIBUTES if k in properties
    }
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    else:
        changeable = {k: v for k, v in attributes.items() if k != "FifoQueue"}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={**_QUEUE_DEFAULTS, **changeable})
    arn = stack.cloud.arn("sqs", name)
    return CreatedResource(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


def _set_queue_policy(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    policy = resource_policy(properties["PolicyDocument"], logical_id)
    for url in properties["Queues"]:
        stack.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return CreatedResource(logical_id)


def _ensure_topic(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("TopicName") or stack.physical_name(logical_id)
    sns = stack.client("sns")
    arn = sns.create_topic(Name=name)["TopicArn"]
    sns.set_topic_attributes(
        TopicArn=arn,
        AttributeName="DisplayName",
        AttributeValue=properties.get("DisplayName", ""),
    )
    return CreatedResource(arn, {"TopicArn": arn, "TopicName": name})


def _set_topic_policy(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    for arn in properties["Topics"]:
        stack.client("sns").set_topic_attributes(
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=json.dumps(properties["PolicyDocument"]),
        )
    return CreatedResource(logical_id)


def _refuse_subscription(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    raise TemplateError(
        f"{logical_id}: the local cloud tells nobody; leave out the address, or deploy to AWS."
    )


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::SQS::Queue": ResourceType(
        frozenset({"QueueName", *_QUEUE_ATTRIBUTES}), _ensure_queue, inert=frozenset({"Tags"})
    ),
    "AWS::SQS::QueuePolicy": ResourceType(
        frozenset(),
        _set_queue_policy,
        required=frozenset({"Queues", "PolicyDocument"}),
        every_start=True,
    ),
    "AWS::SNS::Topic": ResourceType(
        frozenset({"TopicName", "DisplayName"}),
        _ensure_topic,
        inert=frozenset({"KmsMasterKeyId", "Tags"}),
    ),
    "AWS::SNS::TopicPolicy": ResourceType(
        frozenset(), _set_topic_policy, required=frozenset({"Topics", "PolicyDocument"})
    ),
    "AWS::SNS::Subscription": ResourceType(
        frozenset({"Endpoint"}), _refuse_subscription, required=frozenset({"TopicArn", "Protocol"})
    ),
}
