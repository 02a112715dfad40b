"""Entries of EventBridge Scheduler as they are asked for, and what is repeated."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from chalicelib.adapters.scheduler import SchedulerGroup
from chalicelib.errors import Throttled
from chalicelib.schedules.entries import SchedulerEntry
from tests import clients

QUEUE = "arn:aws:sqs:us-east-1:123456789012:schedules"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
ROLE = "arn:aws:iam::123456789012:role/send"
ARN = {"ScheduleArn": "arn:aws:scheduler:us-east-1:123456789012:schedule/g/ID"}
START = datetime(2027, 3, 1, tzinfo=UTC)


def entry(**fields: Any) -> SchedulerEntry:
    given = {"window_minutes": 0, "start": None, "end": None, **fields}
    return SchedulerEntry("ID", "acme", "nightly", "cron(0 2 * * ? *)", "Europe/Berlin", **given)


def wanted(**more: Any) -> dict[str, Any]:
    return {
        "GroupName": "g",
        "Name": "ID",
        "ScheduleExpression": "cron(0 2 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "ActionAfterCompletion": "DELETE",
        "Target": ANY,
        **more,
    }


def group(client: Any) -> SchedulerGroup:
    return SchedulerGroup(client, "g", QUEUE, DEAD, ROLE)


def test_an_entry_should_be_changed_or_made() -> None:
    scheduler = clients.client("scheduler")
    with Stubber(scheduler) as stub:
        stub.add_client_error("update_schedule", "ResourceNotFoundException")
        stub.add_response("create_schedule", ARN, wanted())
        group(scheduler).put(entry())
        changed = wanted(
            FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
            StartDate=START,
            EndDate=START,
        )
        stub.add_response("update_schedule", ARN, changed)
        group(scheduler).put(entry(window_minutes=15, start=START, end=START))
        stub.assert_no_pending_responses()


def test_an_entry_that_another_made_meanwhile_should_be_changed() -> None:
    scheduler = clients.client("scheduler")
    with Stubber(scheduler) as stub:
        stub.add_client_error("update_schedule", "ResourceNotFoundException")
        stub.add_client_error("create_schedule", "ConflictException")
        stub.add_response("update_schedule", ARN, wanted())
        group(scheduler).put(entry())
        stub.assert_no_pending_responses()


def test_an_entry_that_is_gone_should_be_no_error_to_remove() -> None:
    scheduler = clients.client("scheduler")
    with Stubber(scheduler) as stub:
        stub.add_response("delete_schedule", {}, {"GroupName": "g", "Name": "ID"})
        group(scheduler).remove("ID")
        stub.add_client_error("delete_schedule", "ResourceNotFoundException")
        group(scheduler).remove("ID")
        stub.add_client_error("delete_schedule", "ThrottlingException")
        with pytest.raises(Throttled):
            group(scheduler).remove("ID")


def test_the_message_should_name_the_schedule_and_its_time() -> None:
    told: list[dict[str, Any]] = []

    class Client:
        def update_schedule(self, **settings: Any) -> None:
            told.append(settings)

    group(Client()).put(entry())
    target = told[0]["Target"]
    assert (target["Arn"], target["RoleArn"]) == (QUEUE, ROLE)
    assert target["DeadLetterConfig"] == {"Arn": DEAD}
    assert json.loads(target["Input"]) == {
        "tenant": "acme",
        "schedule": "nightly",
        "schedule_id": "ID",
        "scheduled_at": "<aws.scheduler.scheduled-time>",
    }
