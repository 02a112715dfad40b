"""Schedules and groups, https://docs.aws.amazon.com/scheduler/latest/APIReference/."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.clock import utc
from localcloud.scheduler.groups import DELETION_SECONDS
from tests.unit.events.conftest import DEAD, QUEUE
from tests.unit.scheduler.conftest import ROLE, Clockwork
from tests.unit.timing import MovableClock, refused

BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"


def test_a_schedule_is_described_as_created_and_survives_a_restart(
    works: Clockwork, clock: MovableClock
) -> None:
    """API_GetSchedule.html"""
    start = utc(clock.now + 60)
    target = {"Input": "text", "RetryPolicy": {"MaximumRetryAttempts": 3}}
    arn = works.create("rate(1 hours)", Description="d", StartDate=start, Target=target)
    works.reopen()
    assert works.scheduler.get_schedule({"Name": "s"}) == {
        "Arn": arn,
        "Name": "s",
        "GroupName": "default",
        "Description": "d",
        "ScheduleExpression": "rate(1 hours)",
        "ScheduleExpressionTimezone": "UTC",
        "StartDate": start,
        "State": "ENABLED",
        "ActionAfterCompletion": "NONE",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": QUEUE, "RoleArn": ROLE, **target},
        "CreationDate": utc(clock.now),
        "LastModificationDate": utc(clock.now),
    }


def test_a_name_is_taken_once_a_group_unless_the_token_repeats(works: Clockwork) -> None:
    """API_CreateSchedule.html: ConflictException, ClientToken."""
    arn = works.create("rate(1 minute)", ClientToken="t")
    assert works.create("rate(1 minute)", ClientToken="t") == arn
    with refused("ConflictException"):
        works.create("rate(1 minute)")
    with refused("ConflictException"):
        works.create("rate(2 minutes)", ClientToken="t")
    works.scheduler.create_schedule_group({"Name": "g"})
    assert works.create("rate(1 minute)", GroupName="g") == arn.replace("/default/", "/g/")


def test_an_update_replaces_everything(works: Clockwork, clock: MovableClock) -> None:
    """API_UpdateSchedule.html: what is left out falls to its default."""
    works.create("rate(1 minute)", Description="d")
    created = works.scheduler.get_schedule({"Name": "s"})["CreationDate"]
    clock.advance(5)
    works.scheduler.update_schedule(
        {
            "Name": "s",
            "ScheduleExpression": "rate(2 minutes)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": QUEUE, "RoleArn": ROLE},
        }
    )
    schedule = works.scheduler.get_schedule({"Name": "s"})
    assert "Description" not in schedule
    assert schedule["CreationDate"] == created
    assert schedule["LastModificationDate"] == utc(clock.now)


@pytest.mark.parametrize(
    ("expression", "more"),
    [
        ("rate(0 minutes)", {}),
        ("cron(* * * * * *)", {}),
        ("every(1 minute)", {}),
        ("at(2020-01-01T00:00:00)", {}),
        ("rate(1 minute)", {"ScheduleExpressionTimezone": "Mars/Base"}),
        ("rate(1 minute)", {"ScheduleExpressionTimezone": "../UTC"}),
        ("rate(1 minute)", {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}),
        (
            "rate(1 minute)",
            {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
        ),
        ("rate(1 minute)", {"StartDate": utc(1_799_999_000)}),
        ("rate(1 minute)", {"EndDate": utc(1_799_999_999)}),
        ("rate(1 minute)", {"StartDate": utc(1_800_000_900), "EndDate": utc(1_800_000_800)}),
        ("rate(1 minute)", {"Name": "a b"}),
        ("rate(1 minute)", {"Target": {"Arn": "not an arn"}}),
        ("rate(1 minute)", {"Target": {"Arn": QUEUE + ".fifo"}}),
        ("rate(1 minute)", {"Target": {"Arn": BUS}}),
        (
            "rate(1 minute)",
            {
                "Target": {
                    "Arn": BUS,
                    "EventBridgeParameters": {"DetailType": "d", "Source": "aws.x"},
                }
            },
        ),
        (
            "rate(1 minute)",
            {
                "Target": {
                    "Arn": BUS,
                    "Input": "[]",
                    "EventBridgeParameters": {"DetailType": "d", "Source": "x"},
                }
            },
        ),
        (
            "rate(1 minute)",
            {
                "Target": {
                    "Arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
                    "Input": "no json",
                }
            },
        ),
        ("rate(1 minute)", {"Target": {"DeadLetterConfig": {"Arn": DEAD + ".fifo"}}}),
    ],
)
def test_a_bad_schedule_is_refused(works: Clockwork, expression: str, more: dict[str, Any]) -> None:
    """API_CreateSchedule.html: ValidationException."""
    with refused("ValidationException"):
        works.create(expression, **more)


@pytest.mark.parametrize(
    "more",
    [
        {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": "{}"}},
        {"Target": {"Arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}},
        {"Target": {"KinesisParameters": {"PartitionKey": "k"}}},
        {"Target": {"EventBridgeParameters": {"DetailType": "d", "Source": "x"}}},
        {"KmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k"},
    ],
)
def test_what_works_on_aws_only_is_refused(works: Clockwork, more: dict[str, Any]) -> None:
    """managing-targets-universal.html"""
    with refused("UnsupportedOperation"):
        works.create("rate(1 minute)", **more)


def test_an_update_of_nothing_is_refused(works: Clockwork) -> None:
    """API_UpdateSchedule.html"""
    for operation in (works.scheduler.update_schedule, works.scheduler.delete_schedule):
        with refused("ResourceNotFoundException"):
            operation({"Name": "none"})
    with refused("ResourceNotFoundException"):
        works.create("rate(1 minute)", GroupName="none")


def test_schedules_are_listed_by_group_prefix_state_and_page(works: Clockwork) -> None:
    """API_ListSchedules.html"""
    works.scheduler.create_schedule_group({"Name": "g"})
    works.create("rate(1 minute)", "a1")
    works.create("rate(1 minute)", "a2", State="DISABLED")
    works.create("rate(1 minute)", "b1", GroupName="g")

    def listed(**params: Any) -> list[str]:
        found = works.scheduler.list_schedules(params)
        return [schedule["Name"] for schedule in found["Schedules"]]

    assert listed() == ["a1", "a2", "b1"]
    assert listed(GroupName="g") == ["b1"]
    assert listed(NamePrefix="a") == ["a1", "a2"]
    assert listed(State="DISABLED") == ["a2"]
    first = works.scheduler.list_schedules({"MaxResults": 2})
    assert listed(MaxResults=2, NextToken=first["NextToken"]) == ["b1"]
    with refused("ResourceNotFoundException"):
        listed(GroupName="none")
    with refused("ValidationException"):
        listed(NextToken="made up")


def test_groups_are_created_tagged_listed_and_deleted_with_their_schedules(
    works: Clockwork,
) -> None:
    """API_CreateScheduleGroup.html, API_DeleteScheduleGroup.html"""
    tags = [{"Key": "k", "Value": "v"}]
    made = works.scheduler.create_schedule_group({"Name": "g", "Tags": tags, "ClientToken": "t"})
    arn = made["ScheduleGroupArn"]
    assert arn == "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g"
    again = {"Name": "g", "Tags": tags, "ClientToken": "t"}
    assert works.scheduler.create_schedule_group(again) == made
    for other in ({"Name": "g"}, {"Name": "g", "ClientToken": "t"}):
        with refused("ConflictException"):
            works.scheduler.create_schedule_group(other)
    works.scheduler.tag_resource({"ResourceArn": arn, "Tags": [{"Key": "l", "Value": "w"}]})
    works.scheduler.untag_resource({"ResourceArn": arn, "TagKeys": ["k"]})
    found = works.scheduler.list_tags_for_resource({"ResourceArn": arn})
    assert found == {"Tags": [{"Key": "l", "Value": "w"}]}
    groups = works.scheduler.list_schedule_groups({})["ScheduleGroups"]
    assert [group["Name"] for group in groups] == ["default", "g"]
    assert works.scheduler.get_schedule_group({"Name": "g"})["State"] == "ACTIVE"
    works.create("rate(1 minute)", GroupName="g")
    works.scheduler.delete_schedule_group({"Name": "g"})
    assert works.fire_after(DELETION_SECONDS) == 1
    assert works.scheduler.list_schedules({})["Schedules"] == []
    with refused("ResourceNotFoundException"):
        works.scheduler.get_schedule_group({"Name": "g"})
    with refused("ValidationException"):
        works.scheduler.delete_schedule_group({"Name": "default"})


def test_a_group_is_deleted_after_the_answer_and_takes_nothing_new_meanwhile(
    works: Clockwork,
) -> None:
    """API_DeleteScheduleGroup.html: DELETING until its schedules are deleted, which may fire."""
    group = {"Name": "g", "ClientToken": "t"}
    works.scheduler.create_schedule_group(group)
    works.create("rate(1 day)", GroupName="g", State="DISABLED")
    works.scheduler.delete_schedule_group({"Name": "g"})
    works.scheduler.delete_schedule_group({"Name": "g"})
    works.reopen()
    assert works.scheduler.get_schedule_group({"Name": "g"})["State"] == "DELETING"
    assert len(works.scheduler.list_schedules({"GroupName": "g"})["Schedules"]) == 1
    with refused("ConflictException"):
        works.create("rate(1 day)", "other", GroupName="g")
    with refused("ConflictException"):
        works.scheduler.create_schedule_group(group)
    assert works.fire_after(DELETION_SECONDS) == 0
    works.scheduler.create_schedule_group(group)
    assert works.scheduler.list_schedules({})["Schedules"] == []


def test_only_groups_have_tags(works: Clockwork) -> None:
    """API_TagResource.html"""
    arn = works.create("rate(1 minute)")
    with refused("ValidationException"):
        works.scheduler.list_tags_for_resource({"ResourceArn": arn})
