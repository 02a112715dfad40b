"""Choice.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.statetype import SimpleState
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language import payload
from localcloud.stepfunctions.language.choice import choose
from localcloud.stepfunctions.language.states import Choice, ChoiceRule
from localcloud.stepfunctions.language.values import ABSENT
from localcloud.stepfunctions.states import dataflow


class ChoiceState(SimpleState):
    """Leaves at once, for the state of the first rule that holds."""

    def enter(self, visit: Visit) -> None:
        """Enter, choose and leave."""
        visit.record_entered()
        state = visit.state
        assert isinstance(state, Choice)
        effective = visit.effective_input()
        rule = choose(state, effective, visit.environment())
        chosen: Choice | ChoiceRule = state if rule is None else rule
        if state.uses_jsonata:
            template = chosen.output
            output = effective if template is ABSENT else visit.evaluate(template, "Output")
        else:
            output = payload.select(state.output_path, effective, visit.environment(), "OutputPath")
        next_state = state.default if rule is None else rule.next
        visit.leave(next_state, output, dataflow.assigned(visit, chosen.assign, effective))
