"""PutEvents and delivery, eventbridge/latest/userguide/eb-rule-event-delivery.html."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.errors import AwsError
from tests.unit.events.conftest import DEAD, QUEUE, Bench
from tests.unit.timing import MovableClock, refused, until

DLQ: dict[str, Any] = {"DeadLetterConfig": {"Arn": DEAD}}


def test_a_matching_event_reaches_the_target_whole(bench: Bench) -> None:
    """ref/overiew-event-structure.html"""
    bench.events.start()
    bench.rule()
    bench.target()
    put = bench.put({"price": 3}, Resources=["arn:x"])
    until(lambda: bench.receiver.taken)
    assert put["FailedEntryCount"] == 0
    assert bench.receiver.payloads() == [
        {
            "version": "0",
            "id": put["Entries"][0]["EventId"],
            "detail-type": "sold",
            "source": "shop",
            "account": "000000000000",
            "time": "2027-01-15T08:00:00Z",
            "region": "us-east-1",
            "resources": ["arn:x"],
            "detail": {"price": 3},
        }
    ]
    until(lambda: bench.events.pending_deliveries() == 0)


def test_the_time_of_an_entry_is_kept(bench: Bench) -> None:
    """API_PutEventsRequestEntry.html: Time."""
    bench.events.start()
    bench.rule()
    bench.target()
    bench.put(Time=datetime(2022, 1, 1, tzinfo=UTC))
    until(lambda: bench.receiver.taken)
    assert bench.receiver.payloads()[0]["time"] == "2022-01-01T00:00:00Z"


def test_rules_see_only_their_bus_and_only_while_enabled(bench: Bench) -> None:
    """API_DisableRule.html"""
    bench.events.start()
    bench.events.create_event_bus({"Name": "shop"})
    bench.rule(EventBusName="shop")
    bench.target(EventBusName="shop")
    bench.put(1)
    bench.events.disable_rule({"Name": "r", "EventBusName": "shop"})
    bench.put({"n": 2}, EventBusName="shop")
    bench.events.enable_rule({"Name": "r", "EventBusName": "shop"})
    bench.put({"n": 3}, EventBusName="arn:aws:events:us-east-1:000000000000:event-bus/shop")
    until(lambda: bench.receiver.taken)
    assert [event["detail"] for event in bench.receiver.payloads()] == [{"n": 3}]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"Detail": '"text"'}, "MalformedDetail"),
        ({"Detail": '{"a": NaN}'}, "MalformedDetail"),
        ({"Source": "aws.s3"}, "NotAuthorizedForSourceException"),
        ({"TraceHeader": "Root=1"}, "UnsupportedOperation"),
    ],
)
def test_a_bad_entry_fails_alone(bench: Bench, change: dict[str, str], code: str) -> None:
    """API_PutEvents.html: results keep the order of the entries."""
    good = {"Source": "shop", "DetailType": "sold", "Detail": "{}"}
    put = bench.events.put_events({"Entries": [{**good, **change}, good]})
    assert put["FailedEntryCount"] == 1
    assert put["Entries"][0]["ErrorCode"] == code
    assert "EventId" in put["Entries"][1]


def test_an_entry_for_an_unknown_bus_gets_an_id_and_goes_nowhere(bench: Bench) -> None:
    """Recorded from AWS: a nonexistent EventBusName is ignored."""
    assert bench.put(EventBusName="none")["FailedEntryCount"] == 0


def test_a_request_has_at_most_ten_entries_and_one_megabyte(bench: Bench) -> None:
    """API_PutEvents.html"""
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}"}
    with refused("ValidationException"):
        bench.events.put_events({"Entries": [entry] * 11})
    with refused("ValidationException"):
        bench.events.put_events({"Entries": []})
    big = {**entry, "Detail": json.dumps({"x": "y" * 600_000})}
    bench.events.put_events({"Entries": [big]})
    with refused("ValidationException"):
        bench.events.put_events({"Entries": [big, big]})
    with refused("UnsupportedOperation"):
        bench.events.put_events({"Entries": [entry], "EndpointId": "a.b"})


def test_services_publish_under_their_own_source(bench: Bench) -> None:
    """ref/events-ref-s3.html"""
    bench.events.start()
    bench.rule(pattern={"source": ["aws.s3"]})
    bench.target(InputPath="$.detail")
    bench.events.publish(
        {"source": "aws.s3", "detail-type": "Object Created", "detail": {"k": 1}, "resources": []}
    )
    until(lambda: bench.receiver.taken)
    assert bench.receiver.texts() == ['{"k":1}']


def test_what_was_put_before_a_stop_is_delivered_after_the_next_start(bench: Bench) -> None:
    """eb-rule-event-delivery.html: accepted means durable."""
    bench.rule()
    bench.target()
    bench.put({"n": 1})
    bench.events.publish({"source": "shop", "detail-type": "sold", "detail": {"n": 2}})
    assert bench.events.pending_deliveries() == 2
    bench.reopen()
    bench.events.start()
    until(lambda: bench.events.pending_deliveries() == 0)
    assert sorted(event["detail"]["n"] for event in bench.receiver.payloads()) == [1, 2]


def test_a_bus_can_be_the_target_of_a_rule(bench: Bench) -> None:
    """eb-bus-to-bus.html: the event arrives as it was."""
    bench.events.start()
    bench.events.create_event_bus({"Name": "far"})
    bench.rule("far", EventBusName="far")
    bench.target("far", EventBusName="far")
    bench.rule()
    bench.target(Arn="arn:aws:events:us-east-1:000000000000:event-bus/far")
    put = bench.put({"n": 1})
    until(lambda: bench.receiver.taken)
    (event,) = bench.receiver.payloads()
    assert (event["id"], event["detail"]) == (put["Entries"][0]["EventId"], {"n": 1})


def test_a_failed_delivery_is_tried_again_with_growing_pauses(
    bench: Bench, clock: MovableClock
) -> None:
    """eb-rule-event-delivery.html: exponential back off and jitter."""
    bench.events.start()
    bench.rule()
    bench.target()
    failures = iter([ConnectionError("down"), AwsError("InternalFailure", "down", 500)])

    def refuse(arn: str) -> None:
        for error in failures:
            raise error

    bench.receiver.refuse = refuse
    bench.put()
    until(lambda: bench.receiver.attempts == 1)
    until(lambda: moved(bench, clock, attempts=2))
    until(lambda: moved(bench, clock, attempts=3))
    until(lambda: bench.events.pending_deliveries() == 0)
    assert len(bench.receiver.taken) == 1


def moved(bench: Bench, clock: MovableClock, attempts: int) -> bool:
    clock.advance(1)
    bench.events.wake()
    return bench.receiver.attempts >= attempts


def dead_letter(bench: Bench) -> dict[str, str]:
    until(lambda: bench.receiver.payloads(DEAD))
    (definition,) = [taken for arn, _, taken in bench.receiver.taken if arn == DEAD]
    return {
        name: attribute["StringValue"]
        for name, attribute in definition["MessageAttributes"].items()
    }


def refuse_queue(code: str) -> Callable[[str], None]:
    def refuse(arn: str) -> None:
        if arn == QUEUE:
            raise AwsError(code, "no")

    return refuse


def test_exhausted_retries_end_in_the_dead_letter_queue(bench: Bench) -> None:
    """eb-rule-dlq.html: the message attributes of a dead letter."""
    bench.events.start()
    arn = bench.rule()
    bench.target(**DLQ, RetryPolicy={"MaximumRetryAttempts": 0}, InputPath="$.detail")
    bench.receiver.refuse = refuse_queue("ThrottlingException")
    put = bench.put({"n": 1})
    assert dead_letter(bench) == {
        "RULE_ARN": arn,
        "TARGET_ARN": QUEUE,
        "ERROR_CODE": "THROTTLING",
        "ERROR_MESSAGE": "no",
        "RETRY_ATTEMPTS": "0",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }
    (event,) = bench.receiver.payloads(DEAD)
    assert event["id"] == put["Entries"][0]["EventId"]
    until(lambda: bench.events.pending_deliveries() == 0)


def test_an_event_too_old_ends_in_the_dead_letter_queue(bench: Bench, clock: MovableClock) -> None:
    """eb-rule-event-delivery.html: MaximumEventAgeInSeconds."""
    bench.rule()
    bench.target(**DLQ, RetryPolicy={"MaximumEventAgeInSeconds": 60})
    bench.receiver.refuse = refuse_queue("Busy")
    bench.put()
    clock.advance(61)
    bench.events.start()
    attributes = dead_letter(bench)
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"
    assert attributes["ERROR_CODE"] == "SDK_CLIENT_ERROR"


def test_a_target_that_is_gone_is_not_retried(bench: Bench) -> None:
    """eb-rule-dlq.html: a deleted resource goes straight to the dead letter queue."""
    bench.events.start()
    bench.rule()
    bench.target(**DLQ)
    bench.receiver.refuse = refuse_queue("QueueDoesNotExist")
    bench.put()
    attributes = dead_letter(bench)
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"
    assert "EXHAUSTED_RETRY_CONDITION" not in attributes


def test_without_a_dead_letter_queue_the_event_is_dropped(bench: Bench) -> None:
    """eb-rule-event-delivery.html"""
    bench.events.start()
    bench.rule()
    bench.target(RetryPolicy={"MaximumRetryAttempts": 0})
    bench.receiver.refuse = refuse_queue("Busy")
    bench.put()
    until(lambda: bench.receiver.attempts == 1 and bench.events.pending_deliveries() == 0)
    assert bench.receiver.taken == []


def test_a_dead_letter_queue_that_fails_loses_the_event_and_nothing_else(bench: Bench) -> None:
    """eb-rule-dlq.html: InvocationsFailedToBeSentToDlq."""
    bench.events.start()
    bench.rule()
    bench.target(**DLQ, RetryPolicy={"MaximumRetryAttempts": 0})

    def refuse(arn: str) -> None:
        raise AwsError("Busy", "no")

    bench.receiver.refuse = refuse
    bench.put()
    until(lambda: bench.receiver.attempts == 2 and bench.events.pending_deliveries() == 0)
    bench.receiver.refuse = lambda arn: None
    bench.put({"n": 2})
    until(lambda: bench.receiver.taken)


def fire_after(bench: Bench, clock: MovableClock, seconds: float, firings: int) -> None:
    clock.advance(seconds)
    bench.events.wake()
    until(lambda: len(bench.receiver.taken) == firings)


def test_a_scheduled_rule_fires_every_period(bench: Bench, clock: MovableClock) -> None:
    """eb-scheduled-rule-pattern.html; the event as recorded from AWS."""
    bench.events.start()
    arn = bench.rule(ScheduleExpression="rate(5 minutes)")
    bench.target()
    bench.events.fire_due()
    assert bench.events.pending_deliveries() == 0
    fire_after(bench, clock, 300, firings=1)
    fire_after(bench, clock, 300, firings=2)
    event = bench.receiver.payloads()[1]
    assert event.pop("id")
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2027-01-15T08:10:00Z",
        "region": "us-east-1",
        "resources": [arn],
        "detail": {},
    }


def test_a_cron_rule_fires_and_a_disabled_one_does_not(bench: Bench, clock: MovableClock) -> None:
    """eb-scheduled-rule-pattern.html: cron in UTC."""
    bench.events.start()
    bench.rule(ScheduleExpression="cron(30 8 * * ? *)")
    bench.target()
    bench.events.disable_rule({"Name": "r"})
    clock.advance(86_400)
    bench.events.fire_due()
    assert bench.events.pending_deliveries() == 0
    bench.events.enable_rule({"Name": "r"})
    clock.advance(1800)
    bench.events.wake()
    until(lambda: bench.receiver.taken)
    assert bench.receiver.payloads()[0]["time"] == "2027-01-16T08:30:00Z"


def test_firings_missed_while_down_come_once(bench: Bench, clock: MovableClock) -> None:
    bench.rule(ScheduleExpression="rate(1 minute)")
    bench.target()
    bench.events.stop()
    clock.advance(600)
    bench.events = bench.open()
    bench.events.start()
    until(lambda: bench.receiver.taken)
    bench.events.fire_due()
    until(lambda: bench.events.pending_deliveries() == 0)
    assert len(bench.receiver.taken) == 1
    clock.advance(60)
    bench.events.wake()
    until(lambda: len(bench.receiver.taken) == 2)


def test_putting_an_unchanged_rule_again_keeps_its_rhythm(
    bench: Bench, clock: MovableClock
) -> None:
    bench.rule(ScheduleExpression="rate(5 minutes)")
    bench.target()
    clock.advance(200)
    bench.rule(ScheduleExpression="rate(5 minutes)", Description="described now")
    clock.advance(100)
    bench.events.fire_due()
    assert bench.events.pending_deliveries() == 1
    bench.rule(ScheduleExpression="rate(6 minutes)")
    clock.advance(300)
    bench.events.fire_due()
    assert bench.events.pending_deliveries() == 1
