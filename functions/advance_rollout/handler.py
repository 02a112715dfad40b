"""The Lambda function `advance_rollout`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.events import EventBridgeBus
from chalicelib.adapters.records.captures import CapturedCallTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.records.rating_arms import RatingArms
from chalicelib.adapters.records.rollouts import RolloutStops, RolloutTable
from chalicelib.adapters.sagemaker_variants import SageMakerVariants
from chalicelib.contracts.jobs import StepRequest
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import observed
from chalicelib.rollouts.advance import RolloutAdvance
from chalicelib.rollouts.calls import CapturedRolloutCalls
from chalicelib.rollouts.endpoint_weights import WeightShift
from chalicelib.rollouts.rollout_weights import RolloutWeights
from chalicelib.settings import RolloutSettings, memory_gb
from chalicelib.wiring.rollout_subjects import find_variants, rollout_subjects
from functions.advance_rollout import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RolloutSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    records = RolloutTable(table)
    return core.Deps(
        desk=StepContext(JobTable(table), _now, time.perf_counter, memory_gb(os.environ)),
        advance=RolloutAdvance(
            records=records,
            subjects=rollout_subjects(os.environ),
            calls=CapturedRolloutCalls(CapturedCallTable(table), records, RatingArms(table)),
            weights=RolloutWeights(
                records,
                WeightShift(SageMakerVariants(aws.sagemaker_hosting())),
                find_variants(os.environ),
            ),
            bus=EventBridgeBus(aws.events(), settings.event_bus),
            now=_now,
        ),
        stops=RolloutStops(table),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Look once at the rollout that `event` names."""
    request = StepRequest.model_validate(event)
    with observed("advance_rollout", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
