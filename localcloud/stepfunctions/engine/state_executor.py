"""The interface of the code of a state type, and its base for simple states."""

from __future__ import annotations

from typing import Protocol

from localcloud.stepfunctions.engine.action_tasks import ActionTask, Signal
from localcloud.stepfunctions.engine.records import Branch
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language.errors import StatesError


class StateExecutor(Protocol):
    """The behaviour of one state type. Each method may raise `StatesError`."""

    def enter(self, visit: StateVisit) -> None:
        """Begin the state: record that it is entered, then work, wait or leave."""

    def reenter(self, visit: StateVisit) -> None:
        """Begin the state again: for a retry, or for a redrive of the execution."""

    def receive(self, visit: StateVisit, signal: Signal) -> None:
        """Continue after a signal from an action task of this state."""

    def action_tasks(self, visit: StateVisit) -> list[ActionTask]:
        """Return the action tasks that run while the branch is in its present phase."""

    def on_child_succeeded(self, visit: StateVisit, child: Branch) -> None:
        """Take the output of a branch or iteration that has succeeded."""

    def on_child_failed(self, visit: StateVisit, child: Branch, error: StatesError) -> None:
        """End the other branches after one has failed; do not raise."""

    def record_failure(self, visit: StateVisit) -> None:
        """Record that the state itself has failed after its last retry."""


class SimpleStateExecutor:
    """A state that does its work when it is entered and has no branches."""

    def enter(self, visit: StateVisit) -> None:
        raise NotImplementedError

    def reenter(self, visit: StateVisit) -> None:
        """Enter the state again."""
        self.enter(visit)

    def receive(self, visit: StateVisit, signal: Signal) -> None:
        """Raise LookupError: the state waits for no signal."""
        raise LookupError(f"{visit.branch.state} awaits nothing, but got {signal}")

    def action_tasks(self, visit: StateVisit) -> list[ActionTask]:
        """Return no action tasks."""
        return []

    def on_child_succeeded(self, visit: StateVisit, child: Branch) -> None:
        """Raise LookupError: the state has no branches."""
        raise LookupError(f"{visit.branch.state} has no branches")

    def on_child_failed(self, visit: StateVisit, child: Branch, error: StatesError) -> None:
        """Raise LookupError: the state has no branches."""
        raise LookupError(f"{visit.branch.state} has no branches")

    def record_failure(self, visit: StateVisit) -> None:
        """Record nothing: only Parallel and Map have an event for it."""
