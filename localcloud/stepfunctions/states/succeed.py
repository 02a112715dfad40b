"""Succeed.

https://docs.aws.amazon.com/step-functions/latest/dg/state-succeed.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.statetype import SimpleState
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language.states import Succeed
from localcloud.stepfunctions.states import dataflow


class SucceedState(SimpleState):
    """Ends its branch at once."""

    def enter(self, visit: Visit) -> None:
        """Enter and leave."""
        visit.record_entered()
        state = visit.state
        assert isinstance(state, Succeed)
        dataflow.leave_simply(visit, state, visit.effective_input())
