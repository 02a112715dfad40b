"""The Lambda function `run_schedule`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.budgets import BudgetRecords
from chalicelib.adapters.records.documents import ApiDocumentTable
from chalicelib.adapters.records.extractions import ExtractionTable
from chalicelib.adapters.records.extractors import ExtractorTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.records.locations import LocationTable
from chalicelib.adapters.records.prompts import PromptTable
from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.adapters.s3_transfers import S3Transfers
from chalicelib.adapters.stepfunctions import JobMachines
from chalicelib.budgets.limits import merge_limits, stage_limits
from chalicelib.budgets.usage import budget_report
from chalicelib.contracts.budgets import BudgetReport
from chalicelib.contracts.jobs import StepRequest
from chalicelib.generation.catalogue import catalogue
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import drifted, observed
from chalicelib.prompts.library import read_version
from chalicelib.settings import RunScheduleSettings, memory_gb
from functions.run_schedule import core
from functions.run_schedule.children import ChildJobs
from functions.run_schedule.document_search import document_search
from functions.run_schedule.kind import RunDeps

if TYPE_CHECKING:
    from functions.run_schedule.watch import WatchDeps


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RunScheduleSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    jobs, ledger = JobTable(table), BudgetRecords(table)
    machines = JobMachines(
        aws.stepfunctions(),
        {
            "export": settings.export_machine_arn,
            "batch": settings.batch_machine_arn,
            "evaluate": settings.evaluate_machine_arn,
            "remove": settings.remove_machine_arn,
            "extract": settings.extract_machine_arn,
        },
    )
    stage = stage_limits(
        daily=settings.daily_dollars, monthly=settings.monthly_dollars, requests="0", tokens="0"
    )

    def budgets(tenant: str, now: datetime) -> BudgetReport:
        return budget_report(tenant, ledger, merge_limits(stage, ledger.limits(tenant)), now)

    return core.Deps(
        desk=StepContext(jobs, _now, time.perf_counter, memory_gb(os.environ)),
        runs=RunDeps(
            children=ChildJobs(JobLauncher(jobs, machines, _now)),
            objects=S3BatchObjects(aws.s3()),
            transfers=S3Transfers(aws.s3_transfers()),
            documents=ApiDocumentTable(table),
            extractors=ExtractorTable(table),
            extractions=ExtractionTable(table),
            locations=LocationTable(table),
            ledger=ledger,
            max_file_bytes=settings.max_file_bytes,
            look_up=functools.partial(read_version, PromptTable(table)),
            search=document_search(table, settings.embed_function),
            budgets=budgets,
            cost=lambda unit, quantity: catalogue().cost(unit, quantity),
            watching=lambda: _watching(table, settings),
        ),
        kinds=core.KINDS,
    )


def _watching(table: DynamoTable, settings: RunScheduleSettings) -> WatchDeps:
    """Return what looks at captured calls; no other kind of run loads it."""
    from chalicelib.adapters.events import EventBridgeBus
    from chalicelib.adapters.functions import EmbedFunction
    from chalicelib.adapters.records.captures import CapturedCallTable
    from chalicelib.adapters.records.monitors import MonitorTable
    from chalicelib.screening.answer_checks import lambda_cost
    from functions.run_schedule.watch import WatchDeps

    monitors, of_embedding = MonitorTable(table), settings.embed_memory_mb
    return WatchDeps(
        records=monitors,
        baselines=monitors,
        archive=CapturedCallTable(table),
        embedder=EmbedFunction(aws.functions(), settings.embed_function),
        publish=EventBridgeBus(aws.events(), settings.event_bus).publish,
        count=drifted,
        cost=lambda seconds: lambda_cost(catalogue().cost, of_embedding)(seconds),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do one step of the run that `event` names."""
    request = StepRequest.model_validate(event)
    with observed("run_schedule", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
