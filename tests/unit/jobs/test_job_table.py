"""The records of jobs, on a DynamoDB in this process."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put, Update
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.job_writes import job_key
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.records.tenant_erasure import TenantErasure
from chalicelib.adapters.records.tenants import TenantTable
from chalicelib.adapters.records.writes import EXISTS, tenant_key
from chalicelib.contracts.base import Contract
from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.jobs import JobCounts, JobEnd, JobError, JobInput, JobKind
from chalicelib.contracts.removals import Removed, RemovedTenant
from chalicelib.errors import Conflict
from chalicelib.jobs.lifecycle import (
    JobState,
    JobUsage,
    ResultFile,
    new_job,
    next_attempt,
    resumed_attempt,
)
from chalicelib.jobs.steps import StepOutcome
from tests.clients import client
from tests.unit.ingest.conftest import dynamodb, records, table
from tests.unit.ingest.fakes import INDEX
from tests.unit.jobs.examples import JOB, NOW, given

__all__ = ["dynamodb", "records", "table"]

NEXT = IndexRef(INDEX.bucket, "acme-next", "next")
OTHER = "01J9ZQ3V5B8X6N2M4K7T0RWFHZ"


class At(Contract):
    """A checkpoint."""

    n: int


@pytest.fixture
def jobs(table: DynamoTable, records: IngestTable) -> JobTable:
    return JobTable(table)


def fresh(asked: JobInput) -> JobState:
    return JobState(new_job(asked, NOW), asked, f"arn:{asked.execution_name}")


def begin(jobs: JobTable, asked: JobInput) -> JobState:
    assert jobs.begin(fresh(asked), NOW)
    return found(jobs, asked.job_id)


def found(jobs: JobTable, job_id: str = JOB) -> JobState:
    state = jobs.state("acme", job_id)
    assert state is not None
    return state


def step(n: int, **fields: object) -> StepOutcome:
    told = {"checkpoint": At(n=n), "counts": JobCounts(total=3, done=n), "phase": "packing"}
    return StepOutcome(**{**told, **fields})  # type: ignore[arg-type]


def test_a_job_is_read_as_it_was_begun(jobs: JobTable) -> None:
    state = begin(jobs, given("export", collection="a"))
    assert state.job == new_job(given("export", collection="a"), NOW)
    assert state.input == given("export", collection="a")
    (running,) = jobs.running()
    assert running == jobs.running_job(running.input.execution_name)


def test_a_job_is_begun_once(jobs: JobTable) -> None:
    begin(jobs, given("export"))
    assert not jobs.begin(fresh(given("export")), NOW)


def test_a_step_is_recorded_whole_and_what_was_used_adds_up(jobs: JobTable) -> None:
    begin(jobs, given("export"))
    used = JobUsage(milliseconds=5, megabyte_milliseconds=7, requests=1, transitions=2, put_bytes=9)
    for n in (1, 2):
        files = (ResultFile("part-00001.zip", 10),) if n == 2 else ()
        jobs.advance(found(jobs), step(n, files=files, summary="s" * (n == 2)), used, NOW)
    state = found(jobs)
    assert (state.step, state.checkpoint) == (2, '{"n":2}')
    assert (state.job.status, state.job.phase, state.job.counts.done) == ("running", "packing", 2)
    assert (state.files, state.job.result_ref) == ((ResultFile("part-00001.zip", 10),), "s")
    assert state.used == JobUsage(10, 14, 2, 4, 18)


@pytest.mark.parametrize("kind", ["remove_tenant", "reindex"])
@pytest.mark.parametrize(("end", "expires"), [("succeeded", True), ("partial", False)])
def test_the_record_of_a_job_that_holds_its_tenant_does_not_expire(
    jobs: JobTable, table: DynamoTable, kind: JobKind, end: JobEnd, expires: bool
) -> None:
    state = begin(jobs, given(kind))
    key = job_key("acme", JOB)
    assert "expires_at" not in (table.get(key) or {})
    jobs.advance(state, step(3, end=end), JobUsage(), NOW)
    assert ("expires_at" in (table.get(key) or {})) is expires


def test_the_record_of_any_other_job_expires_90_days_after_its_last_word(
    jobs: JobTable, table: DynamoTable
) -> None:
    state = begin(jobs, given("export"))
    jobs.advance(state, step(3, end="succeeded"), JobUsage(), NOW + timedelta(days=1))
    kept = table.get(job_key("acme", JOB)) or {}
    assert kept["expires_at"] == int((NOW + timedelta(days=91)).timestamp())


def test_of_two_steps_from_the_same_place_one_is_refused(jobs: JobTable) -> None:
    state = begin(jobs, given("export"))
    jobs.advance(state, step(1), JobUsage(), NOW)
    with pytest.raises(Conflict):
        jobs.advance(state, step(1), JobUsage(), NOW)


def test_what_was_cancelled_or_failed_takes_no_step(jobs: JobTable) -> None:
    state = begin(jobs, given("export"))
    jobs.cancel(state, NOW)
    with pytest.raises(Conflict):
        jobs.advance(state, step(1), JobUsage(), NOW)
    with pytest.raises(Conflict):
        jobs.fail(state, JobError(type="E", message="m"), NOW)
    with pytest.raises(Conflict):
        jobs.cancel(state, NOW)


def test_what_was_open_at_a_failure_counts_as_failed_and_comes_back_with_the_next_attempt(
    jobs: JobTable,
) -> None:
    state = begin(jobs, given("export"))
    jobs.advance(state, step(1), JobUsage(), NOW)
    jobs.fail(found(jobs), JobError(type="E", message="m", state="Work"), NOW)
    failed = found(jobs)
    assert failed.job.error == JobError(type="E", message="m", state="Work")
    assert failed.job.counts == JobCounts(total=3, done=1, failed=2)
    jobs.begin_again(next_attempt(failed, "arn:2", NOW), NOW)
    state = found(jobs)
    assert (state.job.status, state.job.attempt, state.job.error) == ("queued", 2, None)
    assert (state.job.counts, state.checkpoint) == (JobCounts(total=3, done=1), '{"n":1}')
    with pytest.raises(Conflict, match="tried again meanwhile"):
        jobs.begin_again(next_attempt(failed, "arn:2", NOW), NOW)


def test_jobs_are_listed_newest_first(jobs: JobTable) -> None:
    for job_id in (JOB, OTHER):
        begin(jobs, given("export", job_id=job_id))
    assert [state.job.job_id for state in jobs.states("acme", "")] == [OTHER, JOB]
    assert [state.job.job_id for state in jobs.states("acme", OTHER)] == [JOB]


def test_an_execution_that_is_settled_is_forgotten(jobs: JobTable) -> None:
    begin(jobs, given("export"))
    (running,) = jobs.running()
    for _ in range(2):
        jobs.leave(running)
    assert not list(jobs.running())


def test_the_removal_of_a_tenant_lets_nothing_else_begin(
    jobs: JobTable, records: IngestTable
) -> None:
    begin(jobs, given("remove_tenant"))
    state = records.tenant_state("acme")
    assert state is not None
    assert state.removing == JOB
    kinds: tuple[JobKind, ...] = ("export", "remove_collection", "remove_tenant", "reindex")
    for kind in kinds:
        asked = given(kind, job_id=OTHER, model="next")
        with pytest.raises(Conflict):
            jobs.begin(fresh(asked), NOW)


def test_the_removal_itself_can_be_tried_again(jobs: JobTable) -> None:
    state = begin(jobs, given("remove_tenant"))
    jobs.fail(state, JobError(type="E", message="m"), NOW)
    jobs.begin_again(next_attempt(found(jobs), "arn:2", NOW), NOW)
    assert found(jobs).job.attempt == 2


@pytest.mark.parametrize("model", [INDEX.model, "next"])
def test_a_tenant_is_reindexed_by_one_job_and_to_another_model(
    jobs: JobTable, table: DynamoTable, model: str
) -> None:
    table.update(
        Update(tenant_key("acme"), "SET #index = :index", {":index": f"{INDEX.name}.terms"}, EXISTS)
    )
    if model == "next":
        begin(jobs, given("reindex", job_id=OTHER, model="next"))
    with pytest.raises(Conflict):
        jobs.begin(fresh(given("reindex", model=model)), NOW)


def test_a_tenant_whose_index_has_no_terms_is_reindexed_by_its_own_model(jobs: JobTable) -> None:
    assert jobs.begin(fresh(given("reindex", model=INDEX.model)), NOW)


def test_a_pointer_moves_from_index_to_index_and_each_move_may_be_repeated(
    jobs: JobTable, table: DynamoTable
) -> None:
    begin(jobs, given("reindex", model="next"))
    pointers = TenantTable(table)
    for _ in range(2):
        pointers.set_next("acme", JOB, NEXT)
        state = pointers.tenant_state("acme")
        assert state is not None
        assert state.indexes == (INDEX, NEXT)
    for _ in range(2):
        pointers.swap("acme", JOB, INDEX, NEXT)
        state = pointers.tenant_state("acme")
        assert state is not None
        assert state.indexes == (NEXT,)


def test_a_pointer_of_another_job_is_not_moved(jobs: JobTable, table: DynamoTable) -> None:
    begin(jobs, given("reindex", model="next"))
    pointers = TenantTable(table)
    pointers.set_next("acme", JOB, NEXT)
    with pytest.raises(Conflict):
        pointers.set_next("acme", OTHER, NEXT)
    with pytest.raises(Conflict):
        pointers.swap("acme", OTHER, INDEX, NEXT)
    pointers.drop_next("acme", OTHER)
    pointers.drop_next("acme", JOB)
    state = pointers.tenant_state("acme")
    assert state is not None
    assert state.indexes == (INDEX,)


def test_records_of_every_kind_go_and_those_of_the_removal_last(
    jobs: JobTable, table: DynamoTable
) -> None:
    begin(jobs, given("remove_tenant"))
    erasure = TenantErasure(client("s3"), client("s3vectors"), table)
    for sk in ("KEY#abc", "WEBHOOK#1", "SOMETHING#NEW", "JOB#old"):
        table.put(Put({"pk": "TENANT#acme", "sk": sk}))
    table.put(Put({"pk": "KEY#abc", "sk": "KEY"}))
    table.put(Put({"pk": "ANSWER#acme", "sk": "hash"}))
    table.put(Put({"pk": "TENANT#acme2", "sk": "TENANT"}))
    assert [erasure.erase_records("acme", JOB, 3) for _ in range(3)] == [3, 1, 0]
    left = {item["sk"] for item in table.query("TENANT#acme", "")}
    assert left == {"TENANT", f"JOB#{JOB}", "KEY#abc"}
    told = RemovedTenant(
        tenant="acme", job_id=JOB, removed_at="now", documents=0, removed=Removed(), backups=()
    )
    erasure.tell(told)
    table.put(Put({"pk": "ANSWER#acme", "sk": "late"}))
    for _ in range(2):
        erasure.erase_last("acme", JOB)
    assert not list(table.query("TENANT#acme", "")) + list(table.query("ANSWER#acme", ""))
    assert table.get(("KEY#abc", "KEY")) is None
    assert erasure.removed("acme", JOB) == told
    assert IngestTable(table).was_removed("acme")
    assert not IngestTable(table).was_removed("acme2")
    assert table.get(("TENANT#acme2", "TENANT")) is not None


def test_the_removal_sees_what_else_works_on_the_tenant(jobs: JobTable, table: DynamoTable) -> None:
    begin(jobs, given("export", job_id=OTHER))
    erasure = TenantErasure(client("s3"), client("s3vectors"), table)
    assert [each.job_id for each in erasure.other_jobs("acme", JOB)] == [OTHER]
    assert not erasure.other_jobs("rival", JOB)
    assert erasure.ingests("acme") == 0


def test_a_paused_job_takes_no_step_and_is_begun_again_or_cancelled(jobs: JobTable) -> None:
    state = begin(jobs, given("batch"))
    jobs.advance(state, step(1), JobUsage(), NOW)
    jobs.pause(found(jobs), NOW)
    assert found(jobs).job.status == "paused"
    with pytest.raises(Conflict):
        jobs.pause(found(jobs), NOW)
    with pytest.raises(Conflict):
        jobs.advance(found(jobs), step(2), JobUsage(), NOW)
    fresh_state = resumed_attempt(found(jobs), "arn:2", NOW)
    jobs.begin_again(fresh_state, NOW)
    kept = found(jobs)
    assert (kept.job.status, kept.job.attempt, kept.job.counts.done) == ("queued", 2, 1)
    with pytest.raises(Conflict):
        jobs.begin_again(fresh_state, NOW)
    jobs.pause(found(jobs), NOW)
    jobs.cancel(found(jobs), NOW)
    assert found(jobs).job.status == "cancelled"
