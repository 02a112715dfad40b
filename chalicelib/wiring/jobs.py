"""The composition root of jobs: their records, their launcher and their event handlers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.settings import JobSettings

if TYPE_CHECKING:
    from chalicelib.adapters.records.jobs import JobTable
    from chalicelib.adapters.stepfunctions import JobMachines
    from chalicelib.contracts.jobs import JobInput
    from chalicelib.jobs.job_settlement import JobHandlers
    from chalicelib.jobs.launcher import JobLauncher
    from chalicelib.rollouts.settlement import RolloutSettler
    from chalicelib.schedules.handlers import ScheduleHandlers


def job_events(environ: Mapping[str, str]) -> JobHandlers:
    """Return the handlers for the stage that `environ` describes, built once a process."""
    settings = JobSettings.from_environ(environ)
    return _handlers(settings, schedule_events(environ).run_ended)


def schedule_events(environ: Mapping[str, str]) -> ScheduleHandlers:
    """Return the handlers of schedules, whose runs are jobs."""
    from chalicelib.wiring.schedules import schedules

    return schedules(environ)


def job_launcher(environ: Mapping[str, str]) -> JobLauncher:
    """Return what starts, retries and cancels jobs."""
    from chalicelib.jobs.launcher import JobLauncher

    settings = JobSettings.from_environ(environ)
    return JobLauncher(_table(settings), _machines(settings), _now)


def job_table(environ: Mapping[str, str]) -> JobTable:
    """Return the records of jobs."""
    return _table(JobSettings.from_environ(environ))


@functools.cache
def _handlers(settings: JobSettings, run_ended: Callable[[JobInput], None]) -> JobHandlers:
    from chalicelib.adapters import aws
    from chalicelib.adapters.events import EventBridgeBus
    from chalicelib.jobs.job_settlement import JobHandlers, JobSettler

    table = _table(settings)
    bus = EventBridgeBus(aws.events(), settings.event_bus)

    def job_ended(given: JobInput) -> None:
        if given.kind == "rollout":
            _rollout_settler(settings, is_last=True).rollout_ended(given)
        run_ended(given)

    return JobHandlers(JobSettler(table, _machines(settings), bus, _now, job_ended), table)


def rollout_settler(environ: Mapping[str, str]) -> RolloutSettler:
    """Return what ends rollouts that no execution looks after."""
    return _rollout_settler(JobSettings.from_environ(environ))


def _rollout_settler(settings: JobSettings, *, is_last: bool = False) -> RolloutSettler:
    """Return what ends rollouts; with `is_last`, nothing else moves weights of endpoints then."""
    # Imported here: most jobs that end are no rollouts.
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.events import EventBridgeBus
    from chalicelib.adapters.records.rollouts import RolloutStops, RolloutTable
    from chalicelib.adapters.sagemaker_variants import SageMakerVariants
    from chalicelib.rollouts.endpoint_weights import WeightShift
    from chalicelib.rollouts.rollout_weights import RolloutWeights
    from chalicelib.rollouts.settlement import RolloutSettler

    table = DynamoTable(aws.dynamodb(), settings.records_table)
    bus = EventBridgeBus(aws.events(), settings.event_bus)
    records = RolloutTable(table)
    shift = WeightShift(SageMakerVariants(aws.sagemaker_hosting()))
    weights = RolloutWeights(records, shift) if is_last else None
    return RolloutSettler(records, RolloutStops(table), bus, _now, weights)


def _table(settings: JobSettings) -> JobTable:
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.jobs import JobTable

    return JobTable(DynamoTable(aws.dynamodb(), settings.records_table))


def _machines(settings: JobSettings) -> JobMachines:
    from chalicelib.adapters import aws
    from chalicelib.adapters.stepfunctions import JobMachines

    return JobMachines(
        aws.stepfunctions(),
        {
            "export": settings.export_machine_arn,
            "remove": settings.remove_machine_arn,
            "reindex": settings.reindex_machine_arn,
            "batch": settings.batch_machine_arn,
            "generate": settings.generate_machine_arn,
            "schedule": settings.schedule_machine_arn,
            "evaluate": settings.evaluate_machine_arn,
            "rollout": settings.rollout_machine_arn,
            "extract": settings.extract_machine_arn,
        },
    )


def _now() -> datetime:
    return datetime.now(UTC)
