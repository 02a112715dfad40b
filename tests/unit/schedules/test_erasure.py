"""Erasure of a tenant's schedules: whole, whatever cuts it off, and of no other tenant."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.schedules import DUE, READY, UNSURE, ScheduleTable
from chalicelib.errors import Throttled
from chalicelib.schedules.claims import claim_due
from chalicelib.schedules.erasure import ScheduleErasure
from chalicelib.schedules.records import ScheduleChange
from tests.unit.ingest.conftest import dynamodb, records, table
from tests.unit.schedules.fakes import BEGAN, FakeEntries, PowerCut, Room
from tests.unit.schedules.test_schedule_table import state

__all__ = ["dynamodb", "records", "table"]


def erasure(world: Room) -> ScheduleErasure:
    return ScheduleErasure(world.records, world.entries, world.clock)


def test_an_erasure_that_is_cut_off_at_any_write_should_be_whole_once_repeated() -> None:
    for writes in range(10):
        world = Room()
        for name in ("nightly", "weekly"):
            world.create(name)
        other = world.create("nightly", "rival")
        world.power.writes = writes
        try:
            erasure(world).erase("acme")
        except PowerCut:
            world.power.writes = None
            erasure(world).erase("acme")
        world.power.writes = None
        world.handlers.sweep()
        assert list(world.records.states) == [("rival", "nightly")]
        assert list(world.entries.kept) == [other.schedule_id]
        assert list(world.records.unsure_entries()) == []


def test_a_schedule_that_others_keep_changing_should_be_tried_again() -> None:
    world = Room()
    world.create("nightly")
    world.records.outdated = 3
    assert erasure(world).erase("acme") == 1
    world.create("nightly")
    world.records.outdated = 1_000
    with pytest.raises(Throttled):
        erasure(world).erase("acme")


def test_no_row_should_lead_to_a_schedule_that_was_erased(
    table: DynamoTable, records: IngestTable
) -> None:
    schedules, later = ScheduleTable(table), BEGAN + timedelta(hours=1, minutes=1)
    for n, name in enumerate(("nightly", "weekly")):
        schedules.create(state(name), n)
    waiting = schedules.schedule("acme", "weekly")
    assert waiting is not None
    change = claim_due(waiting, later)
    assert isinstance(change, ScheduleChange)
    schedules.change(change)
    assert all(list(table.query(pk, "")) for pk in (DUE, READY, UNSURE))
    entries = FakeEntries()
    assert ScheduleErasure(schedules, entries, lambda: later).erase("acme") == 2
    assert [list(table.query(pk, "")) for pk in (DUE, READY, UNSURE)] == [[], [], []]
    assert list(table.query("TENANT#acme", "SCHEDULE#")) == []
