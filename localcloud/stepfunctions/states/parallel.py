"""Parallel.

https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.model import Phase, Strand
from localcloud.stepfunctions.engine.statetype import SimpleState
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.states import Parallel
from localcloud.stepfunctions.states import dataflow


class ParallelState(SimpleState):
    """Runs its branches side by side; the first failure stops the others."""

    def enter(self, visit: Visit) -> None:
        """Enter and begin the branches."""
        visit.record_entered()
        self.again(visit)

    def again(self, visit: Visit) -> None:
        """Begin every branch."""
        state, strand = _parallel(visit), visit.strand
        given = dataflow.arguments(visit, state)
        visit.check_size(given)
        started = visit.record("ParallelStateStarted")
        strand.move(Phase.SPLIT)
        for index, branch in enumerate(state.branches):
            child = visit.run.spawn(strand, index, branch.start_at, given)
            child.previous = started

    def child_done(self, visit: Visit, child: Strand) -> None:
        """Leave when the last branch has ended."""
        children = visit.run.children[visit.strand.id]
        if any(other.phase is not Phase.DONE for other in children.values()):
            return
        outputs = [branch.data["output"] for _, branch in sorted(children.items())]
        visit.strand.previous = child.previous
        visit.record("ParallelStateSucceeded", previous=child.previous)
        visit.run.prune(visit.strand)
        dataflow.leave_with_result(visit, _parallel(visit), outputs)

    def child_failed(self, visit: Visit, child: Strand, error: StatesError) -> None:
        """Record that what else was running is aborted."""
        for other in visit.run.descendants(visit.strand):
            record_aborted(visit, other, child.previous)
        visit.strand.previous = child.previous

    def gave_up(self, visit: Visit) -> None:
        """Record the failure."""
        visit.record("ParallelStateFailed")


def record_aborted(visit: Visit, strand: Strand, previous: int) -> None:
    """Record that the state that `strand` is in is cut off, if its type has an event for it."""
    kind = visit.of(strand).state.type
    if strand.phase not in (Phase.DONE, Phase.ENTER) and kind in (
        "Task",
        "Wait",
        "Map",
        "Parallel",
    ):
        visit.record(f"{kind}StateAborted", previous=previous)


def _parallel(visit: Visit) -> Parallel:
    state = visit.state
    assert isinstance(state, Parallel)
    return state
