"""A running execution in memory: its branches and what has changed since the last commit."""

from __future__ import annotations

import threading
from collections import deque
from datetime import UTC, datetime

from localcloud.stepfunctions.engine.action_tasks import ActionTask
from localcloud.stepfunctions.engine.records import (
    MAP_RUN,
    AbandonedWork,
    Branch,
    BranchPhase,
    ExecutionIdentity,
    ExecutionOutcome,
    ExecutionStatus,
    UncommittedChanges,
)
from localcloud.stepfunctions.language import values
from localcloud.stepfunctions.language.state_machine import (
    MapState,
    ParallelState,
    State,
    StateGraph,
    TaskState,
)
from localcloud.stepfunctions.language.values import Json
from localcloud.stepfunctions.language.variables import VariableScope


class RunningExecution:
    """A running execution. Whoever reads or changes it holds `lock`."""

    def __init__(
        self, identity: ExecutionIdentity, machine: StateGraph, next_event: int = 1
    ) -> None:
        self.identity = identity
        self.machine = machine
        self.lock = threading.RLock()
        self.branches: dict[int, Branch] = {}
        self.children: dict[int, dict[int, Branch]] = {}
        self.ready: deque[int] = deque()
        self.next_event = next_event
        self.next_branch = 0
        self.changes = UncommittedChanges()
        self.waiting: dict[int, Branch] = {}
        self.started_tasks: list[tuple[Branch, ActionTask]] = []
        self.abandoned: list[AbandonedWork] = []
        self.status = ExecutionStatus.RUNNING
        self.outcome: ExecutionOutcome | None = None
        self.stopped: float | None = None
        self.redrive_count = 0
        self.redriven: float | None = None
        self.deadline: float | None = None

    def restore_branch(self, branch: Branch) -> None:
        """Add a branch that was stored."""
        self.branches[branch.id] = branch
        self.next_branch = max(self.next_branch, branch.id + 1)
        if branch.parent is not None:
            self.children.setdefault(branch.parent, {})[branch.index] = branch

    def add_branch(self, parent: Branch | None, index: int, start: str, value: Json) -> Branch:
        """Add a branch that starts at state `start` with input `value`."""
        branch = Branch(
            id=self.next_branch,
            parent=None if parent is None else parent.id,
            index=index,
            state=start,
            input=value,
        )
        self.restore_branch(branch)
        self.mark_changed(branch)
        self.ready.append(branch.id)
        return branch

    def mark_changed(self, branch: Branch) -> None:
        """Note that `branch` has changed, so that the next commit stores it."""
        self.changes.branches[branch.id] = branch
        self.changes.removed.discard(branch.id)

    def start_tasks(self, branch: Branch) -> None:
        """Start all action tasks of `branch` after the next commit."""
        self.mark_changed(branch)
        self.waiting[branch.id] = branch

    def start_task(self, branch: Branch, task: ActionTask) -> None:
        """Start one more action task of `branch` after the next commit."""
        self.mark_changed(branch)
        self.started_tasks.append((branch, task))

    def remove_children(self, branch: Branch) -> None:
        """Remove every branch below `branch`."""
        for child in list(self.children.get(branch.id, {}).values()):
            self.remove_children(child)
            self.abandon(child)
            del self.branches[child.id]
            self.changes.branches.pop(child.id, None)
            self.waiting.pop(child.id, None)
            self.changes.removed.add(child.id)
        self.children.pop(branch.id, None)

    def abandon(self, branch: Branch) -> None:
        """Note the work of `branch` that runs elsewhere, so that it is stopped."""
        state = self.state_of(branch)
        if (
            branch.phase is BranchPhase.SUBMITTED
            and isinstance(state, TaskState)
            and "job" in branch.data
        ):
            self.abandoned.append(AbandonedWork(state.resource, branch.data["job"]))
        elif branch.phase is BranchPhase.MAPPING:
            self.abandoned.append(AbandonedWork(MAP_RUN, branch.data["map_run"]))

    def descendants(self, branch: Branch) -> list[Branch]:
        """Return the branches below `branch`, outer before inner, by index."""
        found: list[Branch] = []
        for _, child in sorted(self.children.get(branch.id, {}).items()):
            found += [child, *self.descendants(child)]
        return found

    def machine_of(self, branch: Branch) -> StateGraph:
        """Return the states that `branch` runs through."""
        if branch.parent is None:
            return self.machine
        holder = self.state_of(self.branches[branch.parent])
        if isinstance(holder, ParallelState):
            return holder.branches[branch.index]
        if isinstance(holder, MapState):
            return holder.item_processor
        raise LookupError(f"branch {branch.id} has no machine")

    def state_of(self, branch: Branch) -> State:
        """Return the state that `branch` is at."""
        return self.machine_of(branch).states[branch.state]

    def path_of(self, branch: Branch) -> tuple[str | int, ...]:
        """Return the keys from the whole definition to the state of `branch`."""
        if branch.parent is None:
            return (*self.identity.machine_path, "States", branch.state)
        holder = self.branches[branch.parent]
        inside = self.state_of(holder)
        step = (
            ("Branches", branch.index) if isinstance(inside, ParallelState) else ("ItemProcessor",)
        )
        return (*self.path_of(holder), *step, "States", branch.state)

    def scope_of(self, branch: Branch) -> VariableScope:
        """Return the variables that are visible to `branch`."""
        outer = None if branch.parent is None else self.scope_of(self.branches[branch.parent])
        return VariableScope(own=branch.variables, outer=outer)


def find_state_graph(machine: StateGraph, path: tuple[str | int, ...]) -> StateGraph:
    """Return the item processor of the Map at `path`, or `machine` if it is empty."""
    here: StateGraph = machine
    keys = list(path)
    while keys:
        state = here.states[str(keys[1])]
        del keys[:2]
        if isinstance(state, ParallelState):
            here = state.branches[int(keys[1])]
            del keys[:2]
        elif isinstance(state, MapState):
            here = state.item_processor
            del keys[:1]
    return here


def format_epoch(moment: float) -> str:
    """Return an epoch time as the context object writes it."""
    return values.format_timestamp(datetime.fromtimestamp(moment, UTC))
