"""Map, whose two modes have little in common."""

from __future__ import annotations

from localcloud.stepfunctions.engine.errands import Errand, Signal
from localcloud.stepfunctions.engine.model import Strand
from localcloud.stepfunctions.engine.statetype import StateType
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.states.mapitems import map_of


class MapState:
    """Leaves everything to the mode's own code."""

    def __init__(self, inline: StateType, distributed: StateType) -> None:
        self._inline = inline
        self._distributed = distributed

    def _mode(self, visit: Visit) -> StateType:
        return self._distributed if map_of(visit).is_distributed else self._inline

    def enter(self, visit: Visit) -> None:
        """Begin."""
        self._mode(visit).enter(visit)

    def again(self, visit: Visit) -> None:
        """Begin anew."""
        self._mode(visit).again(visit)

    def receive(self, visit: Visit, signal: Signal) -> None:
        """Go on after an errand."""
        self._mode(visit).receive(visit, signal)

    def errands(self, visit: Visit) -> list[Errand]:
        """Return what has to go on."""
        return self._mode(visit).errands(visit)

    def child_done(self, visit: Visit, child: Strand) -> None:
        """Take an iteration's output."""
        self._mode(visit).child_done(visit, child)

    def child_failed(self, visit: Visit, child: Strand, error: StatesError) -> None:
        """Close what else is running."""
        self._mode(visit).child_failed(visit, child, error)

    def gave_up(self, visit: Visit) -> None:
        """Record the failure."""
        self._mode(visit).gave_up(visit)
