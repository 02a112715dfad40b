"""Thousands of events, duplicated, reordered, delayed and lost, change nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb import DynamoTable
from tests.soak import often
from tests.unit.ingest.conftest import TABLE, put_tenant
from tests.unit.ingest.memory_dynamo import MemoryDynamo
from tests.unit.ingest.simulation import World

EVENTS = often(10_000, 1_000)


def in_memory(seed: int, *, interrupted: bool = True) -> World:
    client = MemoryDynamo()
    table = DynamoTable(client, TABLE)  # type: ignore[arg-type]
    put_tenant(table)
    world = World(table, client, seed)
    if interrupted:
        client.before = world.interrupt
    return world


def let_happen(world: World, events: int) -> None:
    while world.delivered < events:
        world.step()
        world.check_no_mixture()
    world.come_to_rest()
    world.check_at_rest()


def test_thousands_of_events_in_any_order_and_number_should_leave_what_the_user_left() -> None:
    world = in_memory(seed=1)
    let_happen(world, EVENTS)
    assert world.uploaded > EVENTS / 10
    assert len(world.executions) > EVENTS / 10
    assert min(world.cut_off, world.between, world.deleted, world.deferred) > EVENTS / 100


@settings(max_examples=often(12, 4), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_hundred_events_should_leave_what_the_user_left(seed: int) -> None:
    let_happen(in_memory(seed), 100)


def test_the_local_dynamodb_should_hold_what_the_table_in_memory_holds(table: DynamoTable) -> None:
    put_tenant(table)
    real, memory = World(table, table._client, seed=2), in_memory(2, interrupted=False)
    for world in (real, memory):
        let_happen(world, often(150, 60))
    assert held(real.client) == held(memory.client)


def held(client: Any) -> dict[tuple[str, str], Any]:
    """Return every item of the table."""
    if isinstance(client, MemoryDynamo):
        return client.items
    pages = client.get_paginator("scan").paginate(TableName=TABLE)
    items = [item for page in pages for item in page["Items"]]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}
