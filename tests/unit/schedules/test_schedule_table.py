"""The records of schedules, on a DynamoDB in this process."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.schedules import ScheduleTable
from chalicelib.contracts.schedules import ScheduleTerms
from chalicelib.errors import Conflict
from chalicelib.schedules.admission import admit
from chalicelib.schedules.changes import remove
from chalicelib.schedules.claims import claim_due
from chalicelib.schedules.records import (
    ChangeOutcome,
    DueSchedule,
    ReadySchedule,
    ScheduleChange,
    ScheduleState,
    UnsureEntry,
)
from chalicelib.schedules.settlement import RunResult, settle
from tests.unit.ingest.conftest import dynamodb, records, table
from tests.unit.schedules.fakes import BEGAN

__all__ = ["dynamodb", "records", "table"]

HOUR = timedelta(hours=1)
TERMS = {
    "expression": "rate(1 hour)",
    "budget": "1.50",
    "work": {
        "kind": "batch",
        "source": {
            "type": "documents",
            "filter": {"metadata": {"team": {"in": ["a", "b"]}, "pages": {"gte": 2}}},
        },
        "prompt": {"name": "tag", "variables": {"nothing": None}},
    },
}


@pytest.fixture
def schedules(table: DynamoTable, records: IngestTable) -> ScheduleTable:
    return ScheduleTable(table)


def state(name: str = "nightly", tenant: str = "acme") -> ScheduleState:
    return ScheduleState(
        tenant=tenant,
        schedule_id=f"ID-{name}",
        name=name,
        terms=ScheduleTerms.model_validate(TERMS),
        next_at=BEGAN + HOUR,
        created_at=BEGAN,
        updated_at=BEGAN,
    )


def made(schedules: ScheduleTable, change: ScheduleChange | None, most: int = 1) -> ScheduleState:
    assert change is not None
    assert schedules.change(change, most) is ChangeOutcome.MADE
    if change.after is not None:
        assert schedules.schedule("acme", change.after.name) == change.after
    return change.after or change.before


def test_a_schedule_should_be_kept_as_it_was_given(schedules: ScheduleTable) -> None:
    given = state()
    schedules.create(given, 0)
    assert schedules.schedule("acme", "nightly") == given
    assert list(schedules.schedules("acme", "")) == [given]
    assert list(schedules.schedules("acme", "nightly")) == []
    assert list(schedules.due(BEGAN + HOUR)) == [
        DueSchedule("acme", "nightly", BEGAN + HOUR, timedelta())
    ]
    assert list(schedules.due(BEGAN)) == []
    assert list(schedules.unsure_entries()) == [UnsureEntry("acme", "nightly", "ID-nightly")]
    with pytest.raises(Conflict, match="nightly"):
        schedules.create(given, 0)
    with pytest.raises(Conflict, match="removed"):
        schedules.create(state(tenant="nobody"), 0)


def test_a_schedule_should_not_be_made_beside_another_that_was_not_counted(
    schedules: ScheduleTable,
) -> None:
    assert schedules.creations("acme") == 0
    assert schedules.create(state("one"), 0) is ChangeOutcome.MADE
    assert schedules.create(state("two"), 0) is ChangeOutcome.OUTDATED
    assert schedules.schedule("acme", "two") is None
    assert schedules.create(state("two"), schedules.creations("acme")) is ChangeOutcome.MADE


def test_a_run_should_go_through_all_its_states(schedules: ScheduleTable) -> None:
    schedules.create(state(), 0)
    now = BEGAN + HOUR
    claim = claim_due(state(), now)
    claimed = made(schedules, claim)
    assert claim is not None
    assert schedules.change(claim) is ChangeOutcome.OUTDATED
    assert list(schedules.ready()) == [ReadySchedule("acme", "nightly", now)]
    assert next(schedules.due(now + HOUR)).next_at == now + HOUR
    admitted = made(schedules, admit(claimed, now))
    assert list(schedules.ready()) == []
    (seat,) = schedules.seats()
    assert schedules.seat(seat.run_id) == seat
    run = schedules.run("acme", seat.schedule_id, seat.run_id)
    assert run is not None
    assert run.status == "running"
    assert list(schedules.runs("acme", seat.schedule_id, "")) == [run]
    assert list(schedules.runs("acme", seat.schedule_id, run.run_id)) == []
    settled = made(schedules, settle(admitted, run, seat, RunResult("succeeded"), now))
    assert schedules.seats() == []
    assert settled.last_run == schedules.run("acme", seat.schedule_id, seat.run_id)


def test_seats_should_be_counted_over_all_schedules(schedules: ScheduleTable) -> None:
    now = BEGAN + HOUR
    claimed = []
    for n, name in enumerate(("one", "two")):
        schedules.create(state(name), n)
        claimed.append(made(schedules, claim_due(state(name), now)))
    admission = admit(claimed[1], now)
    assert admission is not None
    admitted = made(schedules, admit(claimed[0], now))
    assert schedules.change(admission, 1) is ChangeOutcome.FULL
    (seat,) = schedules.seats()
    made(schedules, remove(admitted, now))
    schedules.free(seat, None)
    schedules.free(seat, None)
    made(schedules, admission)


def test_a_schedule_that_is_removed_should_leave_its_history_and_a_doubt(
    table: DynamoTable, schedules: ScheduleTable
) -> None:
    schedules.create(state(), 0)
    claimed = made(schedules, claim_due(state(), BEGAN + HOUR))
    made(schedules, remove(claimed, BEGAN + HOUR))
    for partition in ("SCHEDULES_DUE", "SCHEDULES_READY"):
        assert list(table.query(partition, "")) == []
    assert list(schedules.unsure_entries()) == [UnsureEntry("acme", "nightly", "ID-nightly")]
    assert schedules.creations("acme") == 1
    (left,) = [each for each in table.query("TENANT#acme", "") if "RUN#" in each["sk"]]
    assert left["expires_at"] == int((BEGAN + HOUR + timedelta(days=90)).timestamp())
    schedules.doubt(UnsureEntry("acme", "nightly", "ID-nightly"))
    (doubt,) = schedules.unsure_entries()
    schedules.forget(doubt)
    assert list(schedules.unsure_entries()) == []
