"""The executors of Map and Parallel under TestState, whose work is mocked.

https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

from localcloud.stepfunctions.engine import data_flow
from localcloud.stepfunctions.engine.state_executor import SimpleStateExecutor
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language import errors, map_items
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.state_machine import ItemReader, MapState, ParallelState
from localcloud.stepfunctions.language.values import ABSENT, Json
from localcloud.stepfunctions.state_executors import distributed_map, map_state


@dataclass(frozen=True, slots=True)
class MockedWork:
    """The mocked outcome of a state's work: `error` if it is given, else `result`."""

    result: Json = None
    error: ReportedError | None = None


@dataclass(frozen=True, slots=True)
class MockedMapExecutor(SimpleStateExecutor):
    """Evaluates the fields of a Map, then takes the mocked outcome of its iterations.

    `failures` iterations have failed; `read` is what an ItemReader has read.
    """

    work: MockedWork
    failures: int = 0
    read: str | None = None

    def enter(self, visit: StateVisit) -> None:
        """Evaluate the state's fields and leave with the mocked result, or fail."""
        visit.record_entered()
        state = map_state.map_state_of(visit)
        items = self._items(visit, state)
        visit.inspect("maxConcurrency", map_state.max_concurrency(visit, state))
        count = distributed_map.tolerated_count(visit, state)
        percentage = distributed_map.tolerated_percentage(visit, state)
        if count is not None:
            visit.inspect("toleratedFailureCount", count)
        if percentage is not None:
            visit.inspect("toleratedFailurePercentage", float(percentage))
        if items is not None:
            _inspect_iterations(visit, state, items)
        if self.work.error is not None:
            raise self.work.error
        total = len(items) if items is not None else self.failures
        has_threshold = count is not None or percentage is not None
        if has_threshold and not map_items.failures_tolerated(
            self.failures, max(total, 1), count, percentage
        ):
            cause = "The specified tolerated failure threshold was exceeded"
            raise ReportedError(errors.EXCEED_TOLERATED_FAILURE_THRESHOLD, cause)
        data_flow.leave_with_result(visit, state, self.work.result)

    def _items(self, visit: StateVisit, state: MapState) -> list[Json] | None:
        """Return the items of the state's input, or of its reader's data if that is given."""
        if state.item_reader is None:
            return map_state.items_from_input(visit, state)[0]
        visit.effective_input()
        return None if self.read is None else _read_items(visit, state.item_reader, self.read)


def _read_items(visit: StateVisit, reader: ItemReader, data: str) -> list[Json]:
    body: BinaryIO = io.BytesIO(data.encode())
    items = list(map_items.read_items(reader.reader_config, body))
    if reader.reader_config.items_pointer is not None:
        visit.inspect("afterItemsPointer", items)
    return items


def _inspect_iterations(visit: StateVisit, state: MapState, items: list[Json]) -> None:
    """Show the inputs of the iterations, as ItemSelector and ItemBatcher make them."""
    source = "STATE_DATA" if state.is_distributed else None
    selected = [
        map_state.select_item(
            visit, state, item, map_state.item_context(index, item, source=source)
        )
        for index, item in enumerate(items)
    ]
    if state.item_selector is not ABSENT:
        visit.inspect("afterItemSelector", selected)
    if state.item_batcher is not None:
        plan = distributed_map.batch_plan(visit, state.item_batcher)
        sizes = [plan["max_items"], plan["max_bytes"]]
        max_items, size = (one if isinstance(one, int) else None for one in sizes)
        batches = map_items.batch_items(selected, max_items, size, plan["batch_input"])
        visit.inspect("afterItemBatcher", [*batches])


@dataclass(frozen=True, slots=True)
class MockedParallelExecutor(SimpleStateExecutor):
    """Evaluates the fields of a Parallel, then takes the mocked outcome of its branches."""

    work: MockedWork

    def enter(self, visit: StateVisit) -> None:
        """Evaluate the state's fields and leave with the mocked result, or fail."""
        visit.record_entered()
        state = visit.state
        assert isinstance(state, ParallelState)
        data_flow.evaluate_arguments(visit, state)
        if self.work.error is not None:
            raise self.work.error
        data_flow.leave_with_result(visit, state, self.work.result)
