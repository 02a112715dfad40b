from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st

from chalicelib.contracts.base import Contract
from chalicelib.contracts.jobs import (
    Job,
    JobCounts,
    JobEnd,
    JobError,
    JobKind,
    StepRequest,
)
from chalicelib.errors import Conflict, NotFound, Transient
from chalicelib.generation.catalogue import catalogue
from chalicelib.jobs.job_settlement import JobSettler
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import (
    RESULTS_DAYS,
    JobState,
    JobUsage,
    final_counts,
    new_job,
    next_attempt,
)
from chalicelib.jobs.receipts import job_receipt
from chalicelib.jobs.steps import StepOutcome, run_step
from tests.unit.ingest.fakes import FakeBus
from tests.unit.jobs.examples import JOB, NOW, begun, desk, given
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs

COUNTS = st.integers(min_value=0, max_value=1_000)


class Nothing(Contract):
    """A checkpoint without anything in it."""


def launcher(jobs: FakeJobs, executions: FakeJobExecutions | None = None) -> JobLauncher:
    return JobLauncher(jobs, executions or FakeJobExecutions(), lambda: NOW)


def error_of(kind: str) -> JobError:
    return JobError(type=kind, message="because")


def state_of(jobs: FakeJobs) -> JobState:
    return jobs.kept["acme", JOB]


def outcome(**fields: object) -> StepOutcome:
    counts = JobCounts(total=2, done=2)
    told = {"checkpoint": Nothing(), "counts": counts, "phase": "p", **fields}
    return StepOutcome(**told)  # type: ignore[arg-type]


@holds_for(COUNTS, COUNTS, COUNTS)
def test_counts_add_up_whatever_the_end(done: int, failed: int, left: int) -> None:
    counts = JobCounts(total=done + failed + left, done=done, failed=failed)
    assert final_counts(counts, "failed").failed == failed + left
    assert final_counts(counts, "cancelled").cancelled == left
    ends: tuple[JobEnd, ...] = ("failed", "cancelled", "expired")
    for end in ends:
        assert final_counts(counts, end).open == 0
    if left:
        with pytest.raises(Conflict, match="do not add up"):
            final_counts(counts, "succeeded")


def test_a_job_whose_counts_do_not_add_up_cannot_be_shown() -> None:
    job = new_job(given("export"), NOW)
    with pytest.raises(ValueError, match="do not add up"):
        Job.model_validate({**job.model_dump(), "status": "succeeded", "counts": {"total": 1}})


def test_asking_twice_for_the_same_job_begins_one() -> None:
    jobs, executions = FakeJobs(), FakeJobExecutions()
    asked = given("export")
    for _ in range(2):
        launcher(jobs, executions).launch(asked)
    assert executions.started == [asked]


def test_an_attempt_goes_on_from_the_checkpoint_and_counts_of_the_last() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "export")
    part = JobCounts(total=4, done=1, failed=1)
    run_step(request, desk(jobs), lambda state: outcome(counts=part), lambda state: None)
    jobs.fail(state_of(jobs), error_of("Transient"), NOW)
    assert state_of(jobs).job.counts == JobCounts(total=4, done=1, failed=3)
    launcher(jobs).retry(state_of(jobs))
    state = state_of(jobs)
    assert (state.job.status, state.job.attempt, state.job.counts) == ("queued", 2, part)
    assert (state.checkpoint, state.job.error) == ("{}", None)


def test_of_what_ended_in_part_only_what_failed_is_tried_again() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "export")
    counts = JobCounts(total=4, done=3, failed=1)
    run_step(
        request, desk(jobs), lambda state: outcome(counts=counts, end="partial"), lambda state: None
    )
    fresh = next_attempt(state_of(jobs), "arn", NOW)
    assert fresh.job.counts == JobCounts(total=4, done=3)


def test_what_runs_or_ended_well_is_not_tried_again() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "export")
    with pytest.raises(Conflict, match="The job is queued"):
        launcher(jobs).retry(state_of(jobs))
    run_step(request, desk(jobs), lambda state: outcome(end="succeeded"), lambda state: None)
    with pytest.raises(Conflict, match="The job is succeeded"):
        launcher(jobs).retry(state_of(jobs))


@pytest.mark.parametrize("kind", ["export", "remove_collection", "reindex"])
def test_a_cancelled_job_is_cleaned_up_by_its_next_step(kind: JobKind) -> None:
    jobs, cleaned = FakeJobs(), list[str]()
    request = begun(jobs, kind, model="m")
    assert launcher(jobs).cancel(state_of(jobs)).status == "cancelled"
    result = run_step(
        request, desk(jobs), lambda state: outcome(), lambda state: cleaned.append("x")
    )
    assert (result.next, result.status, cleaned) == ("ended", "cancelled", ["x"])


def test_a_job_cancelled_during_a_step_ends_with_it() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "export")

    def work(state: JobState) -> StepOutcome:
        launcher(jobs).cancel(state_of(jobs))
        return outcome()

    result = run_step(request, desk(jobs), work, lambda state: None)
    assert (result.next, result.status) == ("ended", "cancelled")


def test_the_removal_of_a_tenant_cannot_be_cancelled() -> None:
    jobs = FakeJobs()
    begun(jobs, "remove_tenant")
    with pytest.raises(Conflict, match="cannot be cancelled"):
        launcher(jobs).cancel(state_of(jobs))


def test_what_ended_cannot_be_cancelled() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "export")
    run_step(request, desk(jobs), lambda state: outcome(end="succeeded"), lambda state: None)
    with pytest.raises(Conflict, match="The job has ended"):
        launcher(jobs).cancel(state_of(jobs))


def test_a_failed_reindex_is_begun_once_more_to_be_cancelled() -> None:
    jobs, executions = FakeJobs(), FakeJobExecutions()
    begun(jobs, "reindex", model="m")
    jobs.fail(state_of(jobs), error_of("ModelFailure"), NOW)
    job = launcher(jobs, executions).cancel(state_of(jobs))
    assert (job.status, job.attempt) == ("cancelled", 2)
    assert [each.attempt for each in executions.started] == [2]


def test_of_two_who_take_the_same_step_one_is_refused() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "export")

    def overtaken(state: JobState) -> StepOutcome:
        run_step(request, desk(jobs), lambda state: outcome(), lambda state: None)
        return outcome()

    with pytest.raises(Transient, match="went on meanwhile"):
        run_step(request, desk(jobs), overtaken, lambda state: None)
    assert state_of(jobs).step == 1


def test_a_step_of_an_earlier_attempt_does_nothing() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "export")
    jobs.fail(state_of(jobs), error_of("Transient"), NOW)
    launcher(jobs).retry(state_of(jobs))

    def never(state: JobState) -> StepOutcome:
        raise AssertionError("it worked")

    assert run_step(request, desk(jobs), never, lambda state: None).next == "ended"


def test_a_job_that_is_gone_is_an_error() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "export")
    jobs.kept.clear()
    with pytest.raises(NotFound):
        run_step(request, desk(jobs), lambda state: outcome(), lambda state: None)


def test_a_job_must_not_end_with_counts_that_do_not_add_up() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "export")
    short = JobCounts(total=3, done=2)
    with pytest.raises(Conflict, match="do not add up"):
        run_step(
            request,
            desk(jobs),
            lambda state: outcome(counts=short, end="succeeded"),
            lambda state: None,
        )


def test_a_receipt_prices_what_the_steps_used() -> None:
    jobs = FakeJobs()
    begun(jobs, "export")
    used = JobUsage(milliseconds=2_000, megabyte_milliseconds=2_048_000, requests=2, transitions=4)
    receipt = job_receipt(replace(state_of(jobs), used=used), catalogue().cost)
    assert (receipt.seconds, receipt.transitions) == (2.0, 4)
    second = catalogue().cost("lambda.gb_second.arm64", 2) + catalogue().cost("lambda.request", 2)
    assert int(receipt.lines[0].dollars.scaleb(9)) == second
    assert [line.role for line in receipt.lines] == ["export", "orchestration"]


@pytest.mark.parametrize(
    ("fields", "transitions"), [({"next": "wait", "seconds": 3}, 3), ({"next": "more"}, 2)]
)
def test_the_rest_after_a_step_counts_as_a_transition(
    fields: dict[str, object], transitions: int
) -> None:
    """Each state that is entered is billed (AWS Step Functions pricing, Standard workflows)."""
    jobs = FakeJobs()
    run_step(begun(jobs, "export"), desk(jobs), lambda state: outcome(**fields), lambda state: None)
    assert state_of(jobs).used.transitions == transitions


def test_a_receipt_prices_the_vectors_that_were_put() -> None:
    """A gigabyte of vectors is $0.20 (Amazon S3 pricing, S3 Vectors: PUT)."""
    jobs = FakeJobs()
    begun(jobs, "reindex")
    receipt = job_receipt(
        replace(state_of(jobs), used=JobUsage(put_bytes=1024**3)), catalogue().cost
    )
    (line,) = [line for line in receipt.lines if line.role == "indexing"]
    assert line.dollars == catalogue().price("s3vectors.put.gb").dollars
    assert receipt.dollars == line.dollars


def batch() -> tuple[FakeJobs, FakeJobExecutions, JobLauncher]:
    jobs, executions = FakeJobs(), FakeJobExecutions()
    begun(jobs, "batch")
    return jobs, executions, launcher(jobs, executions)


def test_a_paused_job_is_left_alone_by_its_steps_and_its_settlement_and_goes_on_when_resumed() -> (
    None
):
    jobs, executions, begins = batch()
    request = StepRequest.model_validate(state_of(jobs).input.model_dump())
    part = JobCounts(total=4, done=1)
    run_step(request, desk(jobs), lambda state: outcome(counts=part), lambda state: None)
    assert begins.pause(state_of(jobs)).status == "paused"

    def never(state: JobState) -> StepOutcome:
        raise AssertionError("it worked")

    result = run_step(request, desk(jobs), never, lambda state: None)
    assert (result.next, result.status) == ("ended", "paused")
    (running,) = jobs.running()
    settler = JobSettler(jobs, executions, FakeBus(), lambda: NOW, lambda given: None)
    settler.settle(running, "SUCCEEDED")
    assert not list(jobs.running())
    job = begins.resume(state_of(jobs))
    assert (job.status, job.attempt, job.counts) == ("queued", 2, part)
    assert [each.attempt for each in executions.started] == [2]
    assert run_step(request, desk(jobs), never, lambda state: None).next == "ended"


def test_a_job_paused_during_a_step_ends_with_it() -> None:
    jobs, _, begins = batch()
    request = StepRequest.model_validate(state_of(jobs).input.model_dump())

    def work(state: JobState) -> StepOutcome:
        begins.pause(state_of(jobs))
        return outcome()

    result = run_step(request, desk(jobs), work, lambda state: None)
    assert (result.next, result.status, state_of(jobs).step) == ("ended", "paused", 0)


def test_a_step_may_pause_its_job() -> None:
    jobs, _, _ = batch()
    request = StepRequest.model_validate(state_of(jobs).input.model_dump())
    result = run_step(request, desk(jobs), lambda _: outcome(paused=True), lambda _: None)
    assert (result.next, result.status) == ("ended", "paused")
    assert state_of(jobs).job.status == "paused"


def test_a_paused_job_can_be_cancelled_and_not_be_paused_or_tried_again() -> None:
    jobs, _, begins = batch()
    begins.pause(state_of(jobs))
    with pytest.raises(Conflict, match="cannot be paused"):
        begins.pause(state_of(jobs))
    with pytest.raises(Conflict, match="The job is paused"):
        begins.retry(state_of(jobs))
    assert begins.cancel(state_of(jobs)).status == "cancelled"
    with pytest.raises(Conflict, match="only one that is paused"):
        begins.resume(state_of(jobs))


def test_what_has_no_pause_is_not_paused() -> None:
    jobs = FakeJobs()
    begun(jobs, "export")
    with pytest.raises(Conflict, match="kind export cannot be paused"):
        launcher(jobs).pause(state_of(jobs))


def test_a_job_is_not_resumed_once_its_files_are_gone() -> None:
    jobs, executions, begins = batch()
    begins.pause(state_of(jobs))
    late = JobLauncher(jobs, executions, lambda: NOW + timedelta(days=RESULTS_DAYS))
    with pytest.raises(Conflict, match="kept for 7 days"):
        late.resume(state_of(jobs))
