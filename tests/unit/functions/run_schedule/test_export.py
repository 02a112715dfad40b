"""Exports by schedules: one job each, whose files are copied once it has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.contracts.jobs import JobCounts, JobError
from chalicelib.contracts.schedules import WORK as WORK_CONTRACT
from chalicelib.errors import HeadraceError, InvalidInput
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState, ResultFile
from functions.run_schedule import child_files
from tests.unit.functions.run_schedule.buckets import Buckets, Runs, place_of
from tests.unit.jobs.examples import BUCKET, NOW
from tests.unit.jobs.fakes import FakeJobExecutions

RESULTS = f"s3://{BUCKET}/results/acme/"
WORK: dict[str, Any] = {
    "kind": "export",
    "collection": "news",
    "results": [{"type": "s3", "uri": RESULTS}, {"type": "s3", "uri": "s3://files/acme/out"}],
}
FILES = {"part-00001.zip": b"documents", "records.zip": b"records", "summary.json": b"{}"}


class ExportRunsOf(Runs):
    """Runs whose exports end with `FILES`, and as `ends` says."""

    def __init__(self) -> None:
        super().__init__(Buckets())
        self.grants.uris.append("s3://files/acme/")
        self.ends: list[str] = []

    def child_ends(self, state: JobState) -> JobState:
        status = self.ends.pop(0) if self.ends else "succeeded"
        for name, body in FILES.items():
            self.buckets.put(BUCKET, state.prefix + name, body)
        error = JobError(type="Conflict", message="a table is gone") if status == "failed" else None
        counts = JobCounts(total=3, done=2, failed=1) if status == "partial" else JobCounts()
        told = {"status": status, "error": error, "counts": counts}
        files = tuple(ResultFile(name, len(body)) for name, body in FILES.items())
        return replace(state, job=state.job.model_copy(update=told), files=files)

    def retry(self, state: JobState) -> None:
        JobLauncher(self.jobs, FakeJobExecutions(), lambda: NOW).retry(state)

    @property
    def exports(self) -> list[JobState]:
        return [state for state in self.jobs.kept.values() if state.job.kind == "export"]


@pytest.fixture
def runs() -> ExportRunsOf:
    return ExportRunsOf()


def test_the_files_of_one_export_should_be_copied_to_each_place(runs: ExportRunsOf) -> None:
    request = runs.begin(WORK)
    assert runs.step(request).next == "wait"
    assert runs.step(request).next == "wait"
    state = runs.finish(request)
    (child,) = runs.exports
    assert (state.job.status, child.input.collection) == ("succeeded", "news")
    folder = f"nightly/20260504T030000Z-{state.job.job_id}/"
    assert place_of(state).child == child.job.job_id
    assert place_of(state).results == (RESULTS + folder, f"s3://files/acme/out/{folder}")
    assert runs.buckets.under(BUCKET, f"results/acme/{folder}") == FILES
    assert runs.buckets.under("files", f"acme/out/{folder}") == FILES
    assert place_of(state).watermark is not None


def test_an_export_without_a_place_should_leave_its_files_with_the_job(runs: ExportRunsOf) -> None:
    state = runs.run({"kind": "export"})
    (child,) = runs.exports
    assert place_of(state).results == ()
    assert place_of(state).notes == (
        f"the files are results of the job {child.job.job_id} for seven days",
    )


def test_an_export_that_ended_in_part_should_end_the_run_in_part(runs: ExportRunsOf) -> None:
    runs.ends = ["partial"]
    state = runs.run(WORK)
    assert (state.job.status, state.job.counts.failed) == ("partial", 1)
    runs.retry(state)
    again = runs.finish(
        runs.begin(WORK).model_copy(update={"job_id": state.job.job_id, "attempt": 2})
    )
    assert again.job.status == "succeeded"
    assert len([each for each in runs.exports if each.job.attempt == 2]) == 1


def test_an_export_that_failed_should_fail_the_run_and_go_on_when_it_is_retried(
    runs: ExportRunsOf,
) -> None:
    runs.ends = ["failed"]
    request = runs.begin(WORK)
    with pytest.raises(HeadraceError, match="failed: Conflict: a table is gone"):
        runs.finish(request)
    state = runs.jobs.kept["acme", request.job_id]
    runs.jobs.fail(state, JobError(type="HeadraceError", message="…"), NOW)
    runs.retry(runs.jobs.kept["acme", request.job_id])
    again = runs.finish(request.model_copy(update={"attempt": 2}))
    assert (again.job.status, len(runs.exports), runs.exports[0].job.attempt) == ("succeeded", 1, 2)


def test_a_run_that_is_cancelled_should_cancel_its_export(runs: ExportRunsOf) -> None:
    request = runs.begin(WORK)
    runs.step(request)
    runs.jobs.cancel(runs.jobs.kept["acme", request.job_id], NOW)
    assert runs.step(request).status == "cancelled"
    assert runs.exports[0].job.status == "cancelled"


def test_a_run_that_is_cancelled_before_its_step_is_recorded_should_cancel_its_export(
    runs: ExportRunsOf,
) -> None:
    request = runs.begin(WORK)
    before = runs.jobs.kept["acme", request.job_id]
    runs.step(request)
    runs.jobs.kept["acme", request.job_id] = before
    runs.jobs.cancel(before, NOW)
    assert runs.step(request).status == "cancelled"
    assert runs.exports[0].job.status == "cancelled"


def test_an_export_that_was_cancelled_should_cancel_the_run(runs: ExportRunsOf) -> None:
    runs.ends = ["cancelled"]
    assert runs.run(WORK).job.status == "cancelled"


def test_an_export_into_a_collection_should_be_refused_when_it_is_asked_for() -> None:
    asked = {"kind": "export", "results": [{"type": "collection", "collection": "news"}]}
    with pytest.raises(ValidationError, match="ZIP files, which go to S3 and no collection"):
        WORK_CONTRACT.validate_python(asked)


def test_a_place_that_was_not_granted_should_be_refused_before_the_export(
    runs: ExportRunsOf,
) -> None:
    runs.grants.uris.clear()
    with pytest.raises(InvalidInput, match="may write"):
        runs.run(WORK)
    assert runs.exports == []


@pytest.mark.parametrize("after", [False, True])
def test_an_export_that_is_cut_off_at_any_write_should_be_whole_in_the_end(
    after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_files, "BYTES_A_STEP", 10)
    for cut in range(1, 16):
        runs = ExportRunsOf()
        runs.buckets.cut_at, runs.buckets.cut_after = cut, after
        state = runs.run(WORK)
        folder = f"nightly/20260504T030000Z-{state.job.job_id}/"
        assert runs.buckets.under(BUCKET, f"results/acme/{folder}") == FILES
        assert runs.buckets.under("files", f"acme/out/{folder}") == FILES
        assert len(runs.exports) == 1
