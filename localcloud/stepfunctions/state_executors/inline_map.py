"""The executor of Map in inline mode: iterations are branches of the execution.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine import data_flow
from localcloud.stepfunctions.engine.records import Branch, BranchPhase
from localcloud.stepfunctions.engine.state_executor import SimpleStateExecutor
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.state_machine import MapState
from localcloud.stepfunctions.language.values import Json, JsonObject
from localcloud.stepfunctions.state_executors import map_state
from localcloud.stepfunctions.state_executors.parallel import record_aborted

MAX_CONCURRENCY = 40
"""https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html"""


class InlineMapExecutor(SimpleStateExecutor):
    """Runs an iteration for each item; the first failure stops the others."""

    def enter(self, visit: StateVisit) -> None:
        """Enter the state and start the iterations."""
        visit.record_entered()
        self.reenter(visit)

    def reenter(self, visit: StateVisit) -> None:
        """Start as many iterations as may run at once."""
        state, branch = map_state.map_state_of(visit), visit.branch
        limit = map_state.max_concurrency(visit, state) or MAX_CONCURRENCY
        items, members = map_state.items_from_input(visit, state)
        started = visit.record("MapStateStarted", {"length": len(items)})
        branch.enter_phase(BranchPhase.SPLIT, {"items": items, "members": members})
        for index in range(min(limit, MAX_CONCURRENCY, len(items))):
            _begin(visit, index, started)
        if not items:
            _leave(visit, state, [])

    def on_child_succeeded(self, visit: StateVisit, child: Branch) -> None:
        """Start the next iteration, or leave once the last one has ended."""
        state, branch = map_state.map_state_of(visit), visit.branch
        about: JsonObject = {"name": branch.state, "index": child.index}
        before = child.previous
        visit.for_branch(child).record("MapIterationSucceeded", about)
        children = visit.run.children[branch.id]
        items = branch.data["items"]
        assert isinstance(items, list)
        if len(children) < len(items):
            _begin(visit, len(children), before)
        elif all(other.phase is BranchPhase.DONE for other in children.values()):
            branch.previous = child.previous
            outputs = [one.data["output"] for _, one in sorted(children.items())]
            visit.run.remove_children(branch)
            _leave(visit, state, outputs)

    def on_child_failed(self, visit: StateVisit, child: Branch, error: StatesError) -> None:
        """Record the failed iteration, and that the others are aborted."""
        previous = child.previous
        children = visit.run.children[visit.branch.id]
        ended = {child.index: "MapIterationFailed"}
        running = [one for one in children.values() if one.phase is not BranchPhase.DONE]
        for one in sorted(running, key=lambda one: (one is not child, one.index)):
            about: JsonObject = {"name": visit.branch.state, "index": one.index}
            visit.record(ended.get(one.index, "MapIterationAborted"), about, previous=previous)
            for inner in (one, *visit.run.descendants(one)):
                record_aborted(visit, inner, previous)
        visit.branch.previous = previous

    def record_failure(self, visit: StateVisit) -> None:
        """Record the failure."""
        visit.record("MapStateFailed")


def _begin(visit: StateVisit, index: int, previous: int) -> None:
    state, branch = map_state.map_state_of(visit), visit.branch
    items = branch.data["items"]
    assert isinstance(items, list)
    item = map_state.item_context(index, items[index], is_member=bool(branch.data["members"]))
    value = map_state.select_item(visit, state, items[index], item)
    child = visit.run.add_branch(branch, index, state.item_processor.start_at, value)
    child.item = item
    child.previous = previous
    visit.for_branch(child).record("MapIterationStarted", {"name": branch.state, "index": index})


def _leave(visit: StateVisit, state: MapState, outputs: list[Json]) -> None:
    visit.record("MapStateSucceeded", previous=visit.branch.previous)
    data_flow.leave_with_result(visit, state, outputs)
