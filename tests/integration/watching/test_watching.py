"""Everything that an alarm or the dashboard names is really written, by AWS or by our code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count, takewhile
from typing import Any, get_args

import httpx
import pytest

from chalicelib import errors
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.contracts.documents import VersionStatus
from chalicelib.contracts.ingest import IngestInput
from chalicelib.contracts.jobs import JobInput
from chalicelib.jobs.ingest_claims import ClaimOutcome, IngestClaim
from chalicelib.jobs.ingest_settlement import IngestSettlement
from chalicelib.jobs.lifecycle import JobState, RunningJob, new_job
from chalicelib.jobs.ulids import ulid
from infra import tenants
from infra.costs.idle import idle_charges
from tests.architecture.templates import plain
from tests.cloud import PROJECT, CloudProcess
from tests.e2e.driving import api_of, settled, until, upload
from tests.integration.watching.aws_metrics import AWS_METRICS
from tests.integration.watching.conftest import VALUES, Watched, metrics_of
from tests.integration.watching.patterns import matched, matcher

CLAIMED = ClaimOutcome.CLAIMED
MAX_RUNNING = 20
"""What the template lets run at once by default."""
NAMESPACE = "Headrace/local"
STATUSES = {f"Documents{status.title()}" for status in get_args(VersionStatus)}
MARKDOWN = b"# Turbine\n\nThe turbine was made by Voss Hydro in 2011.\n"


def lines(cloud: CloudProcess) -> list[str]:
    """Return what functions logged, without the local cloud's own stamp."""
    files = sorted((cloud.data_dir / "lambdas" / "logs").glob("*.log*"))
    return [line.split(" ", 2)[-1] for file in files for line in file.read_text().split("\n")]


OF_SCHEDULES = {"DriftedFeatures"}
"""Metrics that a run of a schedule writes: see tests/e2e/test_watching.py."""


def written(cloud: CloudProcess) -> set[str]:
    """Return the metrics that functions wrote, each in the stage's namespace, by no dimension."""
    names = set()
    for line in lines(cloud):
        if line.startswith("{") and "_aws" in (event := json.loads(line)):
            (metrics,) = event["_aws"]["CloudWatchMetrics"]
            assert (metrics["Namespace"], metrics["Dimensions"]) == (NAMESPACE, [[]])
            assert all(metric["Name"] in event for metric in metrics["Metrics"])
            names |= {metric["Name"] for metric in metrics["Metrics"]}
    return names


def invoke(cloud: CloudProcess, begins: str, payload: object) -> Any:
    """Invoke the one function whose name begins so; return the kind of its error, or None."""
    functions = cloud.client("lambda").list_functions()["Functions"]
    names = [each["FunctionName"] for each in functions]
    (name,) = [name for name in names if name.startswith(begins)]
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    return answer.get("FunctionError")


@pytest.fixture
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    with api_of(cloud) as client:
        yield client


def records_of(cloud: CloudProcess) -> IngestTable:
    return IngestTable(DynamoTable(cloud.client("dynamodb"), cloud.outputs["RecordsTableName"]))


def held(cloud: CloudProcess, n: int) -> tuple[IngestClaim, ClaimOutcome]:
    """Claim a place for an ingest that nothing runs, as a crash would leave it."""
    bucket, machine = cloud.outputs["DocumentsBucketName"], cloud.outputs["IngestMachineArn"]
    work = IngestInput(
        tenant="watching",
        document_id=f"doc_{n:024x}",
        version=f"v_{n:024x}",
        order="1",
        collection="default",
        path=f"left-{n}.md",
        bucket=bucket,
        key=f"inbox/watching/default/left-{n}.md",
        object_version_id="null",
        bytes=1,
        correlation_id="c",
    )
    execution = machine.replace(":stateMachine:", ":execution:") + f":{work.version}-1"
    claim = IngestClaim(work, 1, execution, datetime.now(UTC))
    return claim, records_of(cloud).claim(claim, MAX_RUNNING)


@contextmanager
def held_places(cloud: CloudProcess) -> Iterator[None]:
    """Claim an ingest and begin a job that nothing runs; settle both, as other tests sweep, too."""
    now = datetime.now(UTC)
    stage = tenants.TenantStorage(
        cloud.outputs["RecordsTableName"], cloud.outputs["VectorBucketName"]
    )
    tenants.create_tenant(cloud.client, stage, "watching")
    claim, _ = held(cloud, 0)
    given = JobInput(
        tenant="watching",
        job_id=ulid(now),
        kind="export",
        bucket=claim.work.bucket,
        correlation_id="c",
    )
    state = JobState(new_job(given, now), given, claim.execution_arn + "-job")
    table = DynamoTable(cloud.client("dynamodb"), cloud.outputs["RecordsTableName"])
    jobs = JobTable(table)
    jobs.begin(state, now)
    try:
        yield
    finally:
        give_back(cloud, [claim])
        jobs.leave(RunningJob(given, state.execution_arn, now))


def give_back(cloud: CloudProcess, claims: Sequence[IngestClaim]) -> None:
    """Settle claims: tests that share the cloud count the places that are taken."""
    records, settlement = records_of(cloud), IngestSettlement("failed", "It was never begun.")
    for claim in claims:
        running = records.place(claim.execution_arn)
        assert running
        records.settle(running, settlement, datetime.now(UTC))


@contextmanager
def full(cloud: CloudProcess) -> Iterator[None]:
    """Hold every place of the stage that is free, and give those back."""
    taken = list(takewhile(lambda one: one[1] is CLAIMED, (held(cloud, n) for n in count(1))))
    assert taken
    try:
        yield
    finally:
        give_back(cloud, [claim for claim, _ in taken])


def sweep_event() -> dict[str, Any]:
    """Return what a schedule sends; Chalice reads all of it."""
    return {
        "version": "0",
        "id": "e",
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "account": "000000000000",
        "time": "2026-05-04T12:30:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {},
    }


def test_every_metric_of_ours_that_is_watched_should_be_written(
    cloud: CloudProcess, api: httpx.Client, watched: Watched
) -> None:
    good = upload(api, "turbine.md", MARKDOWN, "watching")
    bad = upload(api, "broken.pdf", b"%PDF-1.7 nothing of one follows", "watching")
    assert settled(api, good)["status"] == "ready"
    assert settled(api, bad)["status"] == "rejected"
    asked = {"question": "Who made the turbine?", "collection": "watching"}
    assert api.post("/v1/ask", json=asked).status_code == 200
    assert api.post("/v1/ask", json={**asked, "tier": "llm"}).status_code == 200
    with held_places(cloud):
        for sweep in ("headrace-sweepjobs-", "headrace-sweep-"):
            assert invoke(cloud, sweep, sweep_event()) is None
    with full(cloud):
        late = upload(api, "late.md", MARKDOWN + b"It is late.\n", "watching")
        until(lambda: "OldestArrivalSeconds" in written(cloud), "a waiting upload is told of")
    assert invoke(cloud, "headrace-sweep-", sweep_event()) is None  # nothing ended, to free a seat
    assert settled(api, late)["status"] == "ready"
    driven = {
        *("DocumentsReady", "DocumentsRejected", "Dollars", "InputTokens", "OutputTokens"),
        *("OldestArrivalSeconds", "OldestIngestSeconds", "OldestJobSeconds"),
    }
    until(lambda: driven <= written(cloud), f"all of {driven} are written", seconds=20)
    of_filters = {
        each["metricTransformations"][0]["metricName"]
        for each in watched.filters
        if each["metricTransformations"][0]["metricNamespace"] == NAMESPACE
    }
    ours = {metric.name for metric in watched.named() if metric.namespace == NAMESPACE}
    assert ours <= driven | STATUSES | of_filters | OF_SCHEDULES
    assert driven | of_filters <= ours
    assert written(cloud) <= driven | STATUSES | OF_SCHEDULES


def test_a_failure_should_be_counted_and_a_refusal_should_not(
    cloud: CloudProcess, api: httpx.Client, watched: Watched
) -> None:
    (failures,) = watched.filters
    matches = matcher(failures["filterPattern"])
    bad = upload(api, "refused.pdf", b"%PDF-1.7 nothing of one follows either", "watching")
    assert settled(api, bad)["status"] == "rejected"
    before = [line for line in lines(cloud) if matched(matches, line)]
    assert invoke(cloud, "headrace-local-embed-text", {"texts": 1}) == "Unhandled"
    until(
        lambda: len([line for line in lines(cloud) if matched(matches, line)]) > len(before),
        "a failure is counted",
    )
    assert not [line for line in before if "refused" in line or "InvalidInput" in line]


def test_errors_that_are_answers_should_be_no_failures(watched: Watched) -> None:
    matches = matcher(watched.filters[0]["filterPattern"])
    ours = {error.__name__ for error in errors.HeadraceError.__subclasses__()}
    quiet = {name for name in ours if not matches({"level": "ERROR", "errorType": name})}
    assert quiet == ours - {"ModelFailure"}
    assert matches({"level": "ERROR", "message": "failed"})
    assert matches({"level": "ERROR", "errorType": "KeyError"})
    for record, counts in (
        ({"status": "success"}, False),
        ({"status": "error", "errorType": "Transient"}, False),
        ({"status": "timeout"}, True),
        ({"status": "error", "errorType": "Runtime.ExitError"}, True),
    ):
        assert matches({"type": "platform.report", "record": record}) is counts


def test_every_metric_of_aws_that_is_watched_should_be_one_that_it_writes(watched: Watched) -> None:
    named = [metric for metric in watched.named() if metric.namespace != NAMESPACE]
    assert named
    machines = {value for name, value in watched.outputs.items() if name.endswith("MachineArn")}
    for metric in named:
        assert frozenset(metric.dimensions) in AWS_METRICS[metric.namespace, metric.name], metric
        for name, value in metric.dimensions.items():
            assert (
                value
                in {
                    "ApiName": {"headrace-local"},
                    "Stage": {"local"},
                    "QueueName": watched.queues,
                    "StateMachineArn": machines,
                    "ServiceMetric": {"StateTransition"},
                }[name]
            )


def test_what_the_log_widget_asks_for_should_be_in_the_lines(
    cloud: CloudProcess, api: httpx.Client, watched: Watched
) -> None:
    (widget,) = [each for each in watched.widgets if each["type"] == "log"]
    query = widget["properties"]["query"]
    assert query.startswith("SOURCE '/headrace/local/functions'")
    fields = set(re.findall(r"\brecord(?:\.\w+)+", query))
    assert fields == {"record.metrics.initDurationMs", "record.metrics.memorySizeMB"}
    assert "type = 'platform.report'" in query
    assert api.get("/v1/health").status_code == 200
    reports = [json.loads(line) for line in lines(cloud) if '"platform.report"' in line]
    assert any(
        set(report["record"]["metrics"]) >= {"initDurationMs", "memorySizeMB"} for report in reports
    )


def test_every_alarm_should_have_its_price_and_its_page(watched: Watched) -> None:
    charges = idle_charges(plain("local"), VALUES)
    alarms = [charge for charge in charges if charge.unit == "cloudwatch.alarm.metric_month"]
    assert len(alarms) == len(watched.alarms)
    metrics = int(sum(charge.quantity for charge in alarms))
    said = plain("local")["Parameters"]["Alarms"]["Description"]
    assert f"{metrics} metrics, ${metrics / 10:.2f} a month" in said
    page = (PROJECT / "docs" / "operating.md").read_text()
    for alarm in watched.alarms:
        name = alarm["AlarmName"].removeprefix("headrace-local-")
        assert f"\n### {name}\n" in page, name
    assert all("docs/operating.md" in alarm["AlarmDescription"] for alarm in watched.alarms)
    assert all(alarm["TreatMissingData"] == "notBreaching" for alarm in watched.alarms)
    assert not any("SEARCH" in json.dumps(alarm.get("Metrics", [])) for alarm in watched.alarms)


def test_no_alarm_should_go_by_what_a_quiet_period_hides(watched: Watched) -> None:
    filled = [alarm for alarm in watched.alarms if "FILL(" in json.dumps(alarm.get("Metrics", []))]
    assert {alarm["AlarmName"] for alarm in filled} == {
        *("headrace-local-throttles", "headrace-local-machines", "headrace-local-machines-late"),
        "headrace-local-extractions",
    }
    for alarm in filled:
        assert alarm["EvaluationPeriods"] == 3, alarm["AlarmName"]
    of_machines = [alarm for alarm in filled if "-throttles" not in alarm["AlarmName"]]
    assert [alarm["DatapointsToAlarm"] for alarm in of_machines] == [1, 1, 1]
    (percentile,) = (alarm for alarm in watched.alarms if "ExtendedStatistic" in alarm)
    assert percentile["EvaluateLowSampleCountPercentile"] == "ignore"


def test_no_alarm_should_ask_a_queue_how_old_what_is_sent_again_is(watched: Watched) -> None:
    asked = {metric.name for alarm in watched.alarms for metric in metrics_of(alarm)}
    assert "ApproximateAgeOfOldestMessage" not in asked
    assert "OldestArrivalSeconds" in asked
