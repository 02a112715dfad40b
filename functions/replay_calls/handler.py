"""The Lambda function `replay_calls`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.captures import CapturedCallTable
from chalicelib.adapters.records.rollouts import RolloutTable
from chalicelib.contracts.jobs import StepRequest
from chalicelib.observability import observed
from chalicelib.settings import RecordsSettings
from chalicelib.wiring.replays import shadow_replay
from functions.replay_calls import core

if TYPE_CHECKING:
    from chalicelib.rollouts.records import RolloutState
    from chalicelib.rollouts.shadow import ShadowReplay

SERVICE = "replay_calls"


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    table = DynamoTable(aws.dynamodb(), RecordsSettings.from_environ(os.environ).records_table)

    def replay(state: RolloutState, ends_at: float) -> ShadowReplay:
        judged = any(guard.metric == "preference" for guard in state.rollout.guards)
        return shadow_replay(os.environ, state, ends_at, judged=judged)

    return core.Deps(
        rollouts=RolloutTable(table),
        captured=CapturedCallTable(table),
        replay=replay,
        now=lambda: datetime.now(UTC),
        clock=time.monotonic,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Have the candidate of the rollout that `event` names answer in the background."""
    request = StepRequest.model_validate(event)
    with observed(SERVICE, request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
