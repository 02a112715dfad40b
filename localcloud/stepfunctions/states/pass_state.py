"""Pass.

https://docs.aws.amazon.com/step-functions/latest/dg/state-pass.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.statetype import SimpleState
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language import payload
from localcloud.stepfunctions.language.states import Pass
from localcloud.stepfunctions.language.values import ABSENT
from localcloud.stepfunctions.states import dataflow


class PassState(SimpleState):
    """Leaves at once."""

    def enter(self, visit: Visit) -> None:
        """Enter and leave."""
        visit.record_entered()
        state = visit.state
        assert isinstance(state, Pass)
        if state.uses_jsonata:
            dataflow.leave_simply(visit, state, visit.strand.input)
            return
        environment = visit.environment()
        effective = payload.fill(state.parameters, visit.effective_input(), environment)
        result = effective if state.result is ABSENT else state.result
        merged = payload.merge(state.result_path, visit.strand.input, result)
        output = payload.select(state.output_path, merged, environment, "OutputPath")
        visit.leave(state.next, output, dataflow.assigned(visit, state.assign, result))
