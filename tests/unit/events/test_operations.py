"""Buses, rules and targets, https://docs.aws.amazon.com/eventbridge/latest/APIReference/."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.events.conftest import DEAD, QUEUE, Bench
from tests.unit.timing import MovableClock, refused

ROLE = "arn:aws:iam::000000000000:role/r"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"


def test_the_default_bus_is_there_and_stays(bench: Bench) -> None:
    """API_DescribeEventBus.html"""
    bus = bench.events.describe_event_bus({})
    assert bus["Arn"] == "arn:aws:events:us-east-1:000000000000:event-bus/default"
    with refused("ValidationException"):
        bench.events.delete_event_bus({"Name": "default"})


def test_buses_are_created_listed_described_and_deleted(bench: Bench) -> None:
    """API_CreateEventBus.html"""
    made = bench.events.create_event_bus({"Name": "shop", "Description": "sales"})
    assert made["EventBusArn"].endswith(":event-bus/shop")
    with refused("ResourceAlreadyExistsException"):
        bench.events.create_event_bus({"Name": "shop"})
    bench.events.update_event_bus({"Name": "shop", "Description": "more sales"})
    assert bench.events.describe_event_bus({"Name": made["EventBusArn"]})["Description"] == (
        "more sales"
    )
    listed = bench.events.list_event_buses({"NamePrefix": "sh"})["EventBuses"]
    assert [bus["Name"] for bus in listed] == ["shop"]
    bench.events.delete_event_bus({"Name": "shop"})
    bench.events.delete_event_bus({"Name": "shop"})
    with refused("ResourceNotFoundException"):
        bench.events.describe_event_bus({"Name": "shop"})


@pytest.mark.parametrize("name", ["a/b", "a b", ""])
def test_an_illegal_bus_name_is_refused(bench: Bench, name: str) -> None:
    """API_CreateEventBus.html: custom bus names have no slash."""
    with refused("ValidationException"):
        bench.events.create_event_bus({"Name": name})


@pytest.mark.parametrize(
    "member", ["EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"]
)
def test_what_a_local_bus_cannot_do_is_refused(bench: Bench, member: str) -> None:
    with refused("UnsupportedOperation"):
        bench.events.create_event_bus({"Name": "b", member: "x"})


def test_a_bus_with_rules_cannot_be_deleted(bench: Bench) -> None:
    """API_DeleteEventBus.html"""
    bench.events.create_event_bus({"Name": "shop"})
    arn = bench.rule(EventBusName="shop")
    assert arn == "arn:aws:events:us-east-1:000000000000:rule/shop/r"
    with refused("ValidationException"):
        bench.events.delete_event_bus({"Name": "shop"})
    bench.events.delete_rule({"Name": "r", "EventBusName": "shop"})
    bench.events.delete_event_bus({"Name": "shop"})


def test_a_rule_is_described_as_it_was_put_and_survives_a_restart(bench: Bench) -> None:
    """API_DescribeRule.html"""
    arn = bench.rule(Description="d", State="DISABLED", RoleArn=ROLE)
    bench.reopen()
    assert bench.events.describe_rule({"Name": "r"}) == {
        "Name": "r",
        "Arn": arn,
        "EventPattern": '{"source": ["shop"]}',
        "State": "DISABLED",
        "Description": "d",
        "RoleArn": ROLE,
        "EventBusName": "default",
        "CreatedBy": "000000000000",
    }


def test_putting_a_rule_again_replaces_it_and_keeps_targets_and_tags(bench: Bench) -> None:
    """API_PutRule.html: arguments left out fall back; tags are not changed."""
    arn = bench.rule(Description="d", Tags=[{"Key": "k", "Value": "v"}])
    bench.target()
    bench.rule(Tags=[{"Key": "other", "Value": "v"}])
    assert "Description" not in bench.events.describe_rule({"Name": "r"})
    assert bench.events.list_targets_by_rule({"Rule": "r"})["Targets"] == [
        {"Id": "t", "Arn": QUEUE}
    ]
    assert bench.events.list_tags_for_resource({"ResourceARN": arn}) == {
        "Tags": [{"Key": "k", "Value": "v"}]
    }


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "ValidationException"),
        ({"EventPattern": '{"a": "b"}'}, "InvalidEventPatternException"),
        ({"EventPattern": "{"}, "InvalidEventPatternException"),
        ({"ScheduleExpression": "rate(5 minute)"}, "ValidationException"),
        ({"ScheduleExpression": "at(2030-01-01T00:00:00)"}, "ValidationException"),
        ({"ScheduleExpression": "cron(* * * * * *)"}, "ValidationException"),
        ({"EventPattern": '{"a": ["b"]}', "EventBusName": "none"}, "ResourceNotFoundException"),
        (
            {"EventPattern": '{"a": ["b"]}',
             "State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"},
            "UnsupportedOperation",
        ),
    ],
)  # fmt: skip
def test_a_bad_rule_is_refused(bench: Bench, params: dict[str, str], code: str) -> None:
    """API_PutRule.html"""
    with refused(code):
        bench.events.put_rule({"Name": "r", **params})


def test_only_the_default_bus_has_schedules(bench: Bench) -> None:
    """API_PutRule.html"""
    bench.events.create_event_bus({"Name": "shop"})
    with refused("ValidationException"):
        bench.rule(ScheduleExpression="rate(1 minute)", EventBusName="shop")


def test_rules_are_listed_by_prefix_page_and_target(bench: Bench) -> None:
    """API_ListRules.html, API_ListRuleNamesByTarget.html"""
    for name in ("a1", "a2", "b1"):
        bench.rule(name)
    bench.target("a2")
    bench.target("b1", Id="other")
    first = bench.events.list_rules({"NamePrefix": "a", "Limit": 1})
    rest = bench.events.list_rules({"NamePrefix": "a", "Limit": 1, "NextToken": first["NextToken"]})
    assert [rule["Name"] for rule in [*first["Rules"], *rest["Rules"]]] == ["a1", "a2"]
    assert "NextToken" not in rest
    names = bench.events.list_rule_names_by_target({"TargetArn": QUEUE})
    assert names == {"RuleNames": ["a2", "b1"]}
    with refused("ValidationException"):
        bench.events.list_rules({"NextToken": "made up"})


def test_a_rule_with_targets_cannot_be_deleted(bench: Bench) -> None:
    """API_DeleteRule.html: remove targets first; deleting twice succeeds."""
    bench.rule()
    bench.target()
    with refused("ValidationException"):
        bench.events.delete_rule({"Name": "r"})
    removed = bench.events.remove_targets({"Rule": "r", "Ids": ["t", "none"]})
    assert removed["FailedEntryCount"] == 1
    assert removed["FailedEntries"][0]["TargetId"] == "none"
    bench.events.delete_rule({"Name": "r"})
    bench.events.delete_rule({"Name": "r"})
    with refused("ResourceNotFoundException"):
        bench.events.describe_rule({"Name": "r"})


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ({"Arn": "not an arn"}, "ValidationException"),
        ({"Arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}, "UnsupportedOperation"),
        ({"Arn": "arn:aws:events:us-east-1:000000000000:api-destination/d/1"},
         "UnsupportedOperation"),
        ({"Arn": MACHINE}, "ValidationException"),
        ({"Arn": QUEUE + ".fifo"}, "ValidationException"),
        ({"Arn": QUEUE, "KinesisParameters": {"PartitionKeyPath": "$.id"}},
         "UnsupportedOperation"),
        ({"Arn": QUEUE, "Input": "{"}, "ValidationException"),
        ({"Arn": QUEUE, "Input": "{}", "InputPath": "$"}, "ValidationException"),
        ({"Arn": QUEUE, "DeadLetterConfig": {"Arn": DEAD + ".fifo"}}, "ValidationException"),
        ({"Arn": QUEUE, "DeadLetterConfig": {"Arn": MACHINE}}, "ValidationException"),
        ({"Arn": "arn:aws:events:us-east-1:000000000000:event-bus/b", "Input": "{}"},
         "UnsupportedOperation"),
    ],
)  # fmt: skip
def test_a_bad_target_is_refused(bench: Bench, target: dict[str, Any], code: str) -> None:
    """API_PutTargets.html"""
    bench.rule()
    with refused(code):
        bench.target(**target)
    assert bench.events.list_targets_by_rule({"Rule": "r"})["Targets"] == []


def test_a_rule_has_at_most_five_targets(bench: Bench) -> None:
    """API_PutTargets.html"""
    bench.rule()
    for number in range(5):
        bench.target(Id=f"t{number}")
    bench.target(Id="t0")
    with refused("LimitExceededException"):
        bench.target(Id="t5")


def test_tags_of_buses_and_rules(bench: Bench) -> None:
    """API_TagResource.html, API_UntagResource.html"""
    arn = {"ResourceARN": bench.rule()}
    bench.events.tag_resource({**arn, "Tags": [{"Key": "a", "Value": "1"}]})
    bench.events.tag_resource(
        {**arn, "Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]}
    )
    bench.events.untag_resource({**arn, "TagKeys": ["b"]})
    assert bench.events.list_tags_for_resource(arn)["Tags"] == [{"Key": "a", "Value": "2"}]
    with refused("ResourceNotFoundException"):
        bench.events.list_tags_for_resource({"ResourceARN": "arn:aws:events:::rule/none"})


def test_a_pattern_can_be_tried_out(bench: Bench, clock: MovableClock) -> None:
    """API_TestEventPattern.html: the mandatory fields must be there."""
    event = {"id": "1", "source": "shop", "account": "0", "time": "t", "region": "r",
             "detail-type": "sold"}  # fmt: skip

    def tried(pattern: str, event: object) -> object:
        params = {"EventPattern": pattern, "Event": json.dumps(event)}
        return bench.events.test_event_pattern(params)["Result"]

    assert tried('{"source": ["shop"]}', event) is True
    assert tried('{"source": ["other"]}', event) is False
    with refused("InvalidEventPatternException"):
        tried('{"source": "shop"}', event)
    with refused("ValidationException"):
        tried('{"source": ["shop"]}', {"source": "shop"})
    with refused("ValidationException"):
        tried('{"source": ["shop"]}', [])
