"""EventBridge as boto3 sees it, https://docs.aws.amazon.com/eventbridge/latest/APIReference/."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.messaging import Messaging

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def received(messaging: Messaging, queue: str) -> dict[str, Any]:
    sqs = messaging.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"])
    (message,) = answer["Messages"]
    return dict(message)


def test_an_event_reaches_a_queue_transformed(messaging: Messaging) -> None:
    """userguide/eb-transform-target-input.html"""
    events = messaging.client("events")
    messaging.client("sqs").create_queue(QueueName="q")
    events.create_event_bus(Name="shop")
    pattern = {"detail": {"price": [{"numeric": [">", 10]}]}}
    arn = events.put_rule(Name="r", EventBusName="shop", EventPattern=json.dumps(pattern))
    transformer = {
        "InputPathsMap": {"what": "$.detail.what"},
        "InputTemplate": '{"sold": <what>, "by": "<aws.events.rule-arn>"}',
    }
    put = events.put_targets(
        Rule="r",
        EventBusName="shop",
        Targets=[{"Id": "t", "Arn": f"{ARN}q", "InputTransformer": transformer}],
    )
    assert put["FailedEntryCount"] == 0
    answer = events.put_events(
        Entries=[
            {
                "EventBusName": "shop",
                "Source": "till",
                "DetailType": "sale",
                "Time": datetime(2026, 1, 1, tzinfo=UTC),
                "Detail": json.dumps({"what": what, "price": price}),
            }
            for what, price in (("pear", 1), ("piano", 1000))
        ]
    )
    assert answer["FailedEntryCount"] == 0
    body = json.loads(received(messaging, "q")["Body"])
    assert body == {"sold": "piano", "by": arn["RuleArn"]}


def test_what_cannot_be_delivered_becomes_a_dead_letter(messaging: Messaging) -> None:
    """userguide/eb-rule-dlq.html"""
    events = messaging.client("events")
    messaging.client("sqs").create_queue(QueueName="dead")
    rule = events.put_rule(Name="r", EventPattern='{"source": ["till"]}')["RuleArn"]
    target = {"Id": "t", "Arn": f"{ARN}none", "DeadLetterConfig": {"Arn": f"{ARN}dead"}}
    events.put_targets(Rule="r", Targets=[target])
    events.put_events(Entries=[{"Source": "till", "DetailType": "sale", "Detail": '{"n": 1}'}])
    message = received(messaging, "dead")
    attributes = {
        name: value["StringValue"] for name, value in message["MessageAttributes"].items()
    }
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    assert attributes["RULE_ARN"] == rule
    assert attributes["TARGET_ARN"] == f"{ARN}none"
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"


def test_refusals_are_modelled_exceptions(messaging: Messaging) -> None:
    """API_PutRule.html"""
    events = messaging.client("events")
    with pytest.raises(events.exceptions.InvalidEventPatternException):
        events.put_rule(Name="r", EventPattern='{"source": "till"}')
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="none")
    with pytest.raises(events.exceptions.ClientError) as refusal:
        events.create_archive(ArchiveName="a", EventSourceArn="arn:aws:events:::event-bus/b")
    assert refusal.value.response["Error"]["Code"] == "UnsupportedOperation"


def test_rules_and_buses_are_described(messaging: Messaging) -> None:
    """API_DescribeRule.html, API_DescribeEventBus.html"""
    events = messaging.client("events")
    events.put_rule(Name="r", ScheduleExpression="rate(1 day)", Tags=[{"Key": "k", "Value": "v"}])
    rule = events.describe_rule(Name="r")
    assert rule["ScheduleExpression"] == "rate(1 day)"
    tags = events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
    assert tags == [{"Key": "k", "Value": "v"}]
    assert isinstance(events.describe_event_bus()["CreationTime"], datetime)
    event = {"id": "1", "source": "a", "account": "0", "time": "t", "region": "r",
             "detail-type": "d"}  # fmt: skip
    tried = events.test_event_pattern(EventPattern='{"source": ["a"]}', Event=json.dumps(event))
    assert tried["Result"] is True
