"""The Lambda function `stop_rollout`."""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.rollouts import RolloutStops
from chalicelib.contracts.rollout_steps import StopRolloutRequest
from chalicelib.observability import observed
from chalicelib.settings import RecordsSettings
from functions.stop_rollout import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RecordsSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    return core.Deps(RolloutStops(table), lambda: datetime.now(UTC))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take the traffic from the candidate that `event` names."""
    request = StopRolloutRequest.model_validate(event)
    with observed("stop_rollout", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
