"""When schedules fire, https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html.

The clock starts at 2027-01-15 08:00:00 UTC.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from tests.unit.events.conftest import DEAD, QUEUE
from tests.unit.scheduler.conftest import Clockwork
from tests.unit.timing import MovableClock, refused, until


def test_a_one_time_schedule_fires_once_and_stays(works: Clockwork) -> None:
    """schedule-types.html#one-time"""
    works.create("at(2027-01-15T08:10:00)")
    assert works.fire_after(599) == 0
    assert works.fire_after(1) == 1
    assert works.fire_after(86_400) == 0
    assert works.scheduler.get_schedule({"Name": "s"})["State"] == "ENABLED"


def test_a_completed_schedule_may_delete_itself(works: Clockwork) -> None:
    """managing-schedule-delete.html: ActionAfterCompletion."""
    works.create("at(2027-01-15T08:10:00)", ActionAfterCompletion="DELETE")
    assert works.fire_after(600) == 1
    with refused("ResourceNotFoundException"):
        works.scheduler.get_schedule({"Name": "s"})


def test_a_rate_starts_at_once_and_keeps_its_step(works: Clockwork) -> None:
    """schedule-types.html#rate-based: without StartDate it starts immediately."""
    works.create("rate(5 minutes)")
    assert works.fire_after(0) == 1
    assert works.fire_after(299) == 0
    assert works.fire_after(1) == 1
    assert works.fire_after(300) == 1


def test_a_rate_waits_for_its_start_and_ends_at_its_end(
    works: Clockwork, clock: MovableClock
) -> None:
    """API_CreateSchedule.html: StartDate, EndDate."""
    start, end = utc(clock.now + 600), utc(clock.now + 1200)
    works.create("rate(5 minutes)", StartDate=start, EndDate=end, ActionAfterCompletion="DELETE")
    assert works.fire_after(599) == 0
    assert [works.fire_after(seconds) for seconds in (1, 300, 300, 300)] == [1, 1, 1, 0]
    with refused("ResourceNotFoundException"):
        works.scheduler.get_schedule({"Name": "s"})


def test_a_cron_schedule_follows_its_time_zone(works: Clockwork) -> None:
    """schedule-types.html#time-zones"""
    works.create("cron(0 10 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin")
    assert works.fire_after(3599) == 0
    assert works.fire_after(1) == 1
    assert works.fire_after(86_400) == 1


def test_a_cron_schedule_may_fire_at_its_start(works: Clockwork, clock: MovableClock) -> None:
    """API_CreateSchedule.html: on, or after, the StartDate."""
    works.create("cron(0 * * * ? *)", StartDate=utc(clock.now + 7200))
    assert works.fire_after(3600) == 0
    assert works.fire_after(3600) == 1


def test_a_flexible_window_spreads_the_firing_and_loses_none(works: Clockwork) -> None:
    """managing-schedule-flexible-time-windows.html"""
    works.create(
        "rate(5 minutes)", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}
    )
    fired = sum(works.fire_after(10) for _ in range(360))
    assert 11 <= fired <= 13


def test_a_disabled_schedule_waits_until_it_is_enabled(works: Clockwork) -> None:
    """managing-schedule-state.html"""
    works.create("rate(1 minute)", State="DISABLED")
    assert works.fire_after(600) == 0
    params = dict(works.scheduler.get_schedule({"Name": "s"}))
    for name in ("Arn", "CreationDate", "LastModificationDate"):
        params.pop(name)
    works.scheduler.update_schedule({**params, "State": "ENABLED"})
    assert works.fire_after(0) == 1


def test_a_deleted_schedule_fires_no_more(works: Clockwork) -> None:
    """API_DeleteSchedule.html"""
    works.create("rate(1 minute)")
    works.scheduler.delete_schedule({"Name": "s"})
    assert works.fire_after(600) == 0


def test_occurrences_missed_while_down_fire_once(works: Clockwork, clock: MovableClock) -> None:
    works.create("rate(1 minute)")
    works.create("at(2027-01-15T08:05:00)", "once")
    assert works.fire_after(0) == 1
    works.scheduler.stop()
    clock.advance(630)
    works.scheduler = works.open()
    assert works.fire_after(0) == 2
    assert works.fire_after(29) == 0
    assert works.fire_after(1) == 1


def test_the_threads_fire_and_deliver(works: Clockwork, clock: MovableClock) -> None:
    works.scheduler.start()
    arn = works.create("at(2027-01-15T08:10:00)", Target={"Input": '{ "n": 1 }'})
    clock.advance(600)
    works.scheduler.wake()
    until(lambda: works.receiver.taken)
    assert works.receiver.texts() == ['{ "n": 1 }']
    assert works.receiver.payloads() == [{"n": 1}]
    assert arn == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"


def test_context_attributes_are_filled_in(works: Clockwork, clock: MovableClock) -> None:
    """managing-schedule-context-attributes.html"""
    text = (
        "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> "
        "<aws.scheduler.execution-id> <aws.scheduler.attempt-number>"
    )
    arn = works.create("at(2027-01-15T08:10:00)", Target={"Input": text})
    failures = iter([ConnectionError("down")])

    def refuse(target: str) -> None:
        for error in failures:
            raise error

    works.receiver.refuse = refuse
    works.scheduler.start()
    clock.advance(600)
    works.scheduler.wake()
    until(lambda: works.receiver.attempts == 1)
    until(lambda: moved(works, clock))
    shown = works.receiver.texts()[0].split()
    assert shown[0] == arn
    assert shown[1] == "2027-01-15T08:10:00Z"
    assert len(shown[2]) == 36
    assert shown[3] == "2"


def moved(works: Clockwork, clock: MovableClock) -> bool:
    clock.advance(1)
    works.scheduler.wake()
    return bool(works.receiver.taken)


def test_without_input_the_target_gets_a_notification(works: Clockwork) -> None:
    """managing-targets.html"""
    arn = works.create("rate(1 minute)")
    works.scheduler.start()
    until(lambda: works.receiver.taken)
    (event,) = works.receiver.payloads()
    assert event["source"] == "aws.scheduler"
    assert event["detail-type"] == "Scheduled Event"
    assert event["resources"] == [arn]
    assert event["time"] == "2027-01-15T08:00:00Z"


def test_what_a_target_refuses_goes_to_the_dead_letter_queue(works: Clockwork) -> None:
    """configuring-schedule-dlq.html: the input is the body, attributes tell why."""

    def refuse(arn: str) -> None:
        if arn == QUEUE:
            raise AwsError("ResourceNotFoundException", "gone", 404)

    works.receiver.refuse = refuse
    target: dict[str, Any] = {"Input": '{"n":1}', "DeadLetterConfig": {"Arn": DEAD}}
    arn = works.create("rate(1 minute)", Target=target)
    works.scheduler.start()
    until(lambda: works.receiver.taken)
    assert works.receiver.texts(DEAD) == ['{"n":1}']
    attributes = works.receiver.taken[0][2]["MessageAttributes"]
    assert attributes["SCHEDULE_ARN"]["StringValue"] == arn
    assert attributes["TARGET_ARN"]["StringValue"] == QUEUE
    assert json.dumps(attributes).count("String") >= 10


def test_a_role_that_trusts_scheduler_no_more_delivers_nothing(works: Clockwork) -> None:
    """setting-up.html#setting-up-execution-role; the dead letter is sent as the role, too,
    configuring-schedule-dlq.html.
    """
    works.create("rate(1 minute)", Target={"DeadLetterConfig": {"Arn": DEAD}})
    works.distrusted = True
    with refused("ValidationException"):
        works.create("rate(1 minute)", "other")
    assert works.fire_after(0) == 1
    works.scheduler.start()
    until(lambda: works.scheduler.pending_deliveries() == 0)
    assert works.receiver.attempts == 0
    # Asked at both requests, for the target, and for the dead letter queue.
    assert works.groups == ["arn:aws:scheduler:us-east-1:000000000000:schedule-group/default"] * 4


def test_an_update_that_changes_nothing_keeps_the_rhythm(works: Clockwork) -> None:
    works.create("rate(5 minutes)")
    assert works.fire_after(0) == 1
    assert works.fire_after(200) == 0
    params = dict(works.scheduler.get_schedule({"Name": "s"}))
    works.scheduler.update_schedule(params)
    assert works.fire_after(0) == 0
    assert works.fire_after(100) == 1
    works.scheduler.update_schedule({**params, "Description": "described now"})
    assert works.fire_after(0) == 1
