"""The executors of all state types, by the name of the type."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.stepfunctions.engine.state_executor import StateExecutor
from localcloud.stepfunctions.state_executors.distributed_map import DistributedMapExecutor
from localcloud.stepfunctions.state_executors.flow_states import (
    ChoiceExecutor,
    FailExecutor,
    PassExecutor,
    SucceedExecutor,
    WaitExecutor,
)
from localcloud.stepfunctions.state_executors.inline_map import InlineMapExecutor
from localcloud.stepfunctions.state_executors.map_state import MapExecutor
from localcloud.stepfunctions.state_executors.parallel import ParallelExecutor
from localcloud.stepfunctions.state_executors.task import TaskExecutor

STATE_TYPES: Mapping[str, StateExecutor] = {
    "Choice": ChoiceExecutor(),
    "Fail": FailExecutor(),
    "Map": MapExecutor(InlineMapExecutor(), DistributedMapExecutor()),
    "Parallel": ParallelExecutor(),
    "Pass": PassExecutor(),
    "Succeed": SucceedExecutor(),
    "Task": TaskExecutor(),
    "Wait": WaitExecutor(),
}
