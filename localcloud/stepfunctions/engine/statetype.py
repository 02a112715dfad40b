"""What the code of a state type answers to."""

from __future__ import annotations

from typing import Protocol

from localcloud.stepfunctions.engine.errands import Errand, Signal
from localcloud.stepfunctions.engine.model import Strand
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language.errors import StatesError


class StateType(Protocol):
    """The behaviour of one type of state. Each method may raise `StatesError`."""

    def enter(self, visit: Visit) -> None:
        """Begin the state: record that it is entered, and work, wait or leave."""

    def again(self, visit: Visit) -> None:
        """Begin anew what failed before: a retry, or a redrive of the execution."""

    def receive(self, visit: Visit, signal: Signal) -> None:
        """Go on after an errand of this state."""

    def errands(self, visit: Visit) -> list[Errand]:
        """Return what has to go on while the strand is in its present phase."""

    def child_done(self, visit: Visit, child: Strand) -> None:
        """Take the output of a branch or iteration that has ended well."""

    def child_failed(self, visit: Visit, child: Strand, error: StatesError) -> None:
        """Close what else is running after a branch or iteration has failed; do not raise."""

    def gave_up(self, visit: Visit) -> None:
        """Record that the state itself has failed, after its last retry."""


class SimpleState:
    """A state that does its work when it is entered and has no branches."""

    def enter(self, visit: Visit) -> None:
        raise NotImplementedError

    def again(self, visit: Visit) -> None:
        """Enter it once more."""
        self.enter(visit)

    def receive(self, visit: Visit, signal: Signal) -> None:
        """Refuse: nothing is awaited."""
        raise LookupError(f"{visit.strand.state} awaits nothing, but got {signal}")

    def errands(self, visit: Visit) -> list[Errand]:
        """Return none."""
        return []

    def child_done(self, visit: Visit, child: Strand) -> None:
        """Refuse: there are no branches."""
        raise LookupError(f"{visit.strand.state} has no branches")

    def child_failed(self, visit: Visit, child: Strand, error: StatesError) -> None:
        """Refuse: there are no branches."""
        raise LookupError(f"{visit.strand.state} has no branches")

    def gave_up(self, visit: Visit) -> None:
        """Record nothing: only Parallel and Map have an event for it."""
