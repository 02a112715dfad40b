"""Scheduler as boto3 sees it, https://docs.aws.amazon.com/scheduler/latest/APIReference/."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from tests.integration.messaging import Messaging
from tests.unit.timing import until

ROLE = "arn:aws:iam::000000000000:role/scheduler"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"
OFF = {"Mode": "OFF"}


def test_a_one_time_schedule_fires_and_deletes_itself(messaging: Messaging) -> None:
    """UserGuide/managing-schedule-delete.html"""
    scheduler, sqs = messaging.client("scheduler"), messaging.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    at = (datetime.now(UTC) + timedelta(seconds=3)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    scheduler.create_schedule(
        Name="s",
        ScheduleExpression=at,
        FlexibleTimeWindow=OFF,
        ActionAfterCompletion="DELETE",
        Target={"Arn": QUEUE, "RoleArn": ROLE, "Input": "due <aws.scheduler.scheduled-time>"},
    )
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == f"due {at[3:-1]}Z"
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="s")


def test_a_schedule_can_put_an_event_on_a_bus(messaging: Messaging) -> None:
    """UserGuide/managing-targets-templated.html: PutEvents."""
    scheduler, events, sqs = (messaging.client(name) for name in ("scheduler", "events", "sqs"))
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    events.put_rule(Name="r", EventPattern='{"source": ["clock"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": QUEUE}])
    scheduler.create_schedule(
        Name="s",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": BUS,
            "RoleArn": ROLE,
            "Input": '{"n": 1}',
            "EventBridgeParameters": {"DetailType": "tick", "Source": "clock"},
        },
    )
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"]) == ("clock", "tick")
    assert event["detail"] == {"n": 1}


def test_schedules_and_groups_come_back_with_their_types(messaging: Messaging) -> None:
    """API_GetSchedule.html"""
    scheduler = messaging.client("scheduler")
    arn = scheduler.create_schedule_group(Name="g", Tags=[{"Key": "k", "Value": "v"}])
    start = datetime(2099, 1, 1, tzinfo=UTC)
    scheduler.create_schedule(
        Name="s",
        GroupName="g",
        ScheduleExpression="cron(0 10 ? * MON-FRI *)",
        ScheduleExpressionTimezone="Europe/Berlin",
        StartDate=start,
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        Target={"Arn": QUEUE, "RoleArn": ROLE},
    )
    schedule = scheduler.get_schedule(Name="s", GroupName="g")
    assert schedule["StartDate"] == start
    assert schedule["FlexibleTimeWindow"]["MaximumWindowInMinutes"] == 15
    listed = scheduler.list_schedules(GroupName="g")["Schedules"]
    assert [item["Name"] for item in listed] == ["s"]
    tags = scheduler.list_tags_for_resource(ResourceArn=arn["ScheduleGroupArn"])["Tags"]
    assert tags == [{"Key": "k", "Value": "v"}]
    scheduler.delete_schedule_group(Name="g")
    assert scheduler.get_schedule_group(Name="g")["State"] == "DELETING"
    until(lambda: is_gone(scheduler, "g"))


def is_gone(scheduler: Any, group: str) -> bool:
    try:
        scheduler.get_schedule_group(Name=group)
    except scheduler.exceptions.ResourceNotFoundException:
        return True
    return False


def test_refusals_are_modelled_exceptions(messaging: Messaging) -> None:
    """API_CreateSchedule.html"""
    scheduler = messaging.client("scheduler")
    request = {"Name": "s", "FlexibleTimeWindow": OFF, "Target": {"Arn": QUEUE, "RoleArn": ROLE}}
    with pytest.raises(scheduler.exceptions.ValidationException):
        scheduler.create_schedule(**request, ScheduleExpression="rate(0 minutes)")
    scheduler.create_schedule(**request, ScheduleExpression="rate(1 day)")
    with pytest.raises(scheduler.exceptions.ConflictException):
        scheduler.create_schedule(**request, ScheduleExpression="rate(1 day)")


@pytest.mark.parametrize(
    "member",
    [
        {"Name": "with space"},
        {"GroupName": "g/h"},
        {"ClientToken": "t.t"},
        {"Description": "d" * 513},
        {"ScheduleExpressionTimezone": "z" * 51},
        {"State": "PAUSED"},
        {"ActionAfterCompletion": "delete"},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1441}},
        {"Target": {"Arn": QUEUE, "RoleArn": "arn:aws:iam::12:role/r"}},
        {"Target": {"Arn": QUEUE, "RoleArn": ROLE, "Input": ""}},
        {"Target": {"Arn": QUEUE, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": "q"}}},
        {
            "Target": {
                "Arn": QUEUE,
                "RoleArn": ROLE,
                "RetryPolicy": {"MaximumRetryAttempts": 186, "MaximumEventAgeInSeconds": 60},
            }
        },
        {
            "Target": {
                "Arn": QUEUE,
                "RoleArn": ROLE,
                "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 59},
            }
        },
    ],
)
def test_members_keep_to_the_lengths_patterns_and_ranges_of_aws(
    messaging: Messaging, member: dict[str, Any]
) -> None:
    """API_CreateSchedule.html, API_Target.html, API_RetryPolicy.html"""
    scheduler = messaging.client("scheduler")
    request = {
        "Name": "s",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": OFF,
        "Target": {"Arn": QUEUE, "RoleArn": ROLE},
    }
    with pytest.raises((scheduler.exceptions.ValidationException, ParamValidationError)):
        scheduler.create_schedule(**{**request, **member})
    assert scheduler.list_schedules()["Schedules"] == []
