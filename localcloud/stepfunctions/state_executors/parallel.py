"""The executor of Parallel.

https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine import data_flow
from localcloud.stepfunctions.engine.records import Branch, BranchPhase
from localcloud.stepfunctions.engine.state_executor import SimpleStateExecutor
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.state_machine import ParallelState


class ParallelExecutor(SimpleStateExecutor):
    """Runs its branches at the same time; the first failure stops the others."""

    def enter(self, visit: StateVisit) -> None:
        """Enter the state and start the branches."""
        visit.record_entered()
        self.reenter(visit)

    def reenter(self, visit: StateVisit) -> None:
        """Start every branch."""
        state, branch = _parallel(visit), visit.branch
        given = data_flow.evaluate_arguments(visit, state)
        visit.check_size(given)
        started = visit.record("ParallelStateStarted")
        branch.enter_phase(BranchPhase.SPLIT)
        for index, graph in enumerate(state.branches):
            child = visit.run.add_branch(branch, index, graph.start_at, given)
            child.previous = started

    def on_child_succeeded(self, visit: StateVisit, child: Branch) -> None:
        """Leave once the last branch has ended."""
        children = visit.run.children[visit.branch.id]
        if any(other.phase is not BranchPhase.DONE for other in children.values()):
            return
        outputs = [child.data["output"] for _, child in sorted(children.items())]
        visit.branch.previous = child.previous
        visit.record("ParallelStateSucceeded", previous=child.previous)
        visit.run.remove_children(visit.branch)
        data_flow.leave_with_result(visit, _parallel(visit), outputs)

    def on_child_failed(self, visit: StateVisit, child: Branch, error: StatesError) -> None:
        """Record that the other running states are aborted."""
        for other in visit.run.descendants(visit.branch):
            record_aborted(visit, other, child.previous)
        visit.branch.previous = child.previous

    def record_failure(self, visit: StateVisit) -> None:
        """Record the failure."""
        visit.record("ParallelStateFailed")


def record_aborted(visit: StateVisit, branch: Branch, previous: int) -> None:
    """Record that the state of `branch` is aborted, if its type has an event for it."""
    kind = visit.for_branch(branch).state.type
    if branch.phase not in (BranchPhase.DONE, BranchPhase.ENTER) and kind in (
        "Task",
        "Wait",
        "Map",
        "Parallel",
    ):
        visit.record(f"{kind}StateAborted", previous=previous)


def _parallel(visit: StateVisit) -> ParallelState:
    state = visit.state
    assert isinstance(state, ParallelState)
    return state
