"""Every state type by its name."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.stepfunctions.engine.statetype import StateType
from localcloud.stepfunctions.states.choice import ChoiceState
from localcloud.stepfunctions.states.fail import FailState
from localcloud.stepfunctions.states.map_distributed import DistributedMap
from localcloud.stepfunctions.states.map_inline import InlineMap
from localcloud.stepfunctions.states.map_state import MapState
from localcloud.stepfunctions.states.parallel import ParallelState
from localcloud.stepfunctions.states.pass_state import PassState
from localcloud.stepfunctions.states.succeed import SucceedState
from localcloud.stepfunctions.states.task import TaskState
from localcloud.stepfunctions.states.wait import WaitState

STATE_TYPES: Mapping[str, StateType] = {
    "Choice": ChoiceState(),
    "Fail": FailState(),
    "Map": MapState(InlineMap(), DistributedMap()),
    "Parallel": ParallelState(),
    "Pass": PassState(),
    "Succeed": SucceedState(),
    "Task": TaskState(),
    "Wait": WaitState(),
}
