"""Map in inline mode: its iterations are part of the execution.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.model import Phase, Strand
from localcloud.stepfunctions.engine.statetype import SimpleState
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.states import Map
from localcloud.stepfunctions.language.values import Json, JsonObject
from localcloud.stepfunctions.states import dataflow, mapitems
from localcloud.stepfunctions.states.parallel import record_aborted

MAX_CONCURRENCY = 40
"""https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html"""


class InlineMap(SimpleState):
    """Runs an iteration for each item; the first failure stops the others."""

    def enter(self, visit: Visit) -> None:
        """Enter and begin the iterations."""
        visit.record_entered()
        self.again(visit)

    def again(self, visit: Visit) -> None:
        """Begin as many iterations as may run at once."""
        state, strand = mapitems.map_of(visit), visit.strand
        items, members = mapitems.from_state_input(visit, state)
        limit = mapitems.concurrency(visit, state) or MAX_CONCURRENCY
        started = visit.record("MapStateStarted", {"length": len(items)})
        strand.move(Phase.SPLIT, {"items": items, "members": members})
        for index in range(min(limit, MAX_CONCURRENCY, len(items))):
            _begin(visit, index, started)
        if not items:
            _leave(visit, state, [])

    def child_done(self, visit: Visit, child: Strand) -> None:
        """Begin the next iteration, or leave when the last one has ended."""
        state, strand = mapitems.map_of(visit), visit.strand
        about: JsonObject = {"name": strand.state, "index": child.index}
        before = child.previous
        visit.of(child).record("MapIterationSucceeded", about)
        children = visit.run.children[strand.id]
        items = strand.data["items"]
        assert isinstance(items, list)
        if len(children) < len(items):
            _begin(visit, len(children), before)
        elif all(other.phase is Phase.DONE for other in children.values()):
            strand.previous = child.previous
            outputs = [one.data["output"] for _, one in sorted(children.items())]
            visit.run.prune(strand)
            _leave(visit, state, outputs)

    def child_failed(self, visit: Visit, child: Strand, error: StatesError) -> None:
        """Record the failed iteration, and that the others are aborted."""
        previous = child.previous
        children = visit.run.children[visit.strand.id]
        ended = {child.index: "MapIterationFailed"}
        running = [one for one in children.values() if one.phase is not Phase.DONE]
        for one in sorted(running, key=lambda one: (one is not child, one.index)):
            about: JsonObject = {"name": visit.strand.state, "index": one.index}
            visit.record(ended.get(one.index, "MapIterationAborted"), about, previous=previous)
            for inner in (one, *visit.run.descendants(one)):
                record_aborted(visit, inner, previous)
        visit.strand.previous = previous

    def gave_up(self, visit: Visit) -> None:
        """Record the failure."""
        visit.record("MapStateFailed")


def _begin(visit: Visit, index: int, previous: int) -> None:
    state, strand = mapitems.map_of(visit), visit.strand
    items = strand.data["items"]
    assert isinstance(items, list)
    item = mapitems.item_context(index, items[index], is_member=bool(strand.data["members"]))
    value = mapitems.selected(visit, state, items[index], item)
    child = visit.run.spawn(strand, index, state.item_processor.start_at, value)
    child.item = item
    child.previous = previous
    visit.of(child).record("MapIterationStarted", {"name": strand.state, "index": index})


def _leave(visit: Visit, state: Map, outputs: list[Json]) -> None:
    visit.record("MapStateSucceeded", previous=visit.strand.previous)
    dataflow.leave_with_result(visit, state, outputs)
