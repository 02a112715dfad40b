"""Jobs in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.contracts.arrivals import ExecutionStatus
from chalicelib.contracts.jobs import JobError, JobInput
from chalicelib.errors import Conflict, NotFound
from chalicelib.jobs.execution_steps import ExecutionRecord
from chalicelib.jobs.lifecycle import JobState, JobUsage, RunningJob, final_counts
from chalicelib.jobs.steps import StepOutcome

MACHINE = "arn:aws:states:us-east-1:000000000000:execution:headrace-test-jobs"


@dataclass
class FakeJobs:
    """Jobs by tenant and id. `refuses` is raised by the next beginning."""

    kept: dict[tuple[str, str], JobState] = field(default_factory=dict)
    executions: dict[str, RunningJob] = field(default_factory=dict)
    refuses: Conflict | None = None

    def state(self, tenant: str, job_id: str) -> JobState | None:
        return self.kept.get((tenant, job_id))

    def states(self, tenant: str, after: str) -> Iterator[JobState]:
        for (owner, job_id), state in sorted(self.kept.items(), reverse=True):
            if owner == tenant and (not after or job_id < after):
                yield state

    def begin(self, state: JobState, now: datetime) -> bool:
        if self.refuses is not None:
            raise self.refuses
        key = (state.input.tenant, state.input.job_id)
        if key in self.kept:
            return False
        self.kept[key] = state
        self._run(state, now)
        return True

    def begin_again(self, state: JobState, now: datetime) -> None:
        self.kept[state.input.tenant, state.input.job_id] = state
        self._run(state, now)

    def advance(self, state: JobState, outcome: StepOutcome, used: JobUsage, now: datetime) -> None:
        key = (state.input.tenant, state.input.job_id)
        if key not in self.kept or self.kept[key].step != state.step:
            raise Conflict("went on")
        if self._open(state).job.status == "paused":
            raise Conflict("paused")
        job = state.job.model_copy(
            update={
                "status": outcome.status,
                "counts": outcome.counts,
                "phase": outcome.phase,
                "error": outcome.error,
            }
        )
        if outcome.summary:
            job = job.model_copy(update={"result_ref": outcome.summary})
        before = state.used
        self.kept[key] = replace(
            state,
            job=job,
            step=state.step + 1,
            checkpoint=outcome.checkpoint.model_dump_json(),
            files=outcome.files or state.files,
            used=JobUsage(
                before.milliseconds + used.milliseconds,
                before.megabyte_milliseconds + used.megabyte_milliseconds,
                before.requests + used.requests,
                before.transitions + used.transitions,
            ),
            counted=outcome.counts,
        )

    def cancel(self, state: JobState, now: datetime) -> None:
        kept = self._open(state)
        counts = final_counts(kept.counted, "cancelled")
        self._put(replace(kept, job=kept.job.model_copy(update={"status": "cancelled"})), counts)

    def fail(self, state: JobState, error: JobError, now: datetime) -> None:
        kept = self._open(state)
        told = {"status": "failed", "error": error}
        self._put(
            replace(kept, job=kept.job.model_copy(update=told)),
            final_counts(kept.counted, "failed"),
        )

    def pause(self, state: JobState, now: datetime) -> None:
        kept = self._open(state)
        if kept.job.status == "paused":
            raise Conflict("paused")
        self._put(replace(kept, job=kept.job.model_copy(update={"status": "paused"})), kept.counted)

    def running(self) -> Iterator[RunningJob]:
        yield from list(self.executions.values())

    def running_job(self, execution_name: str) -> RunningJob | None:
        return self.executions.get(execution_name)

    def leave(self, running: RunningJob) -> None:
        self.executions.pop(running.input.execution_name, None)

    def _run(self, state: JobState, now: datetime) -> None:
        name = state.input.execution_name
        self.executions[name] = RunningJob(state.input, state.execution_arn, now)

    def _open(self, state: JobState) -> JobState:
        kept = self.kept[state.input.tenant, state.input.job_id]
        if not kept.is_open or kept.job.attempt != state.job.attempt:
            raise Conflict("ended")
        return kept

    def _put(self, state: JobState, counts: object) -> None:
        job = state.job.model_copy(update={"counts": counts})
        self.kept[state.input.tenant, state.input.job_id] = replace(state, job=job)


@dataclass
class FakeJobExecutions:
    """Executions by name."""

    started: list[JobInput] = field(default_factory=list)
    ends: dict[str, ExecutionStatus] = field(default_factory=dict)
    records: dict[str, ExecutionRecord] = field(default_factory=dict)

    def record(self, execution_arn: str) -> ExecutionRecord:
        name = execution_arn.rsplit(":", 1)[-1]
        if name not in self.records:
            raise NotFound(name)
        return self.records[name]

    def arn(self, given: JobInput) -> str:
        return f"{MACHINE}:{given.execution_name}"

    def start(self, given: JobInput) -> None:
        if given not in self.started:
            self.started.append(given)

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        name = execution_arn.rsplit(":", 1)[-1]
        if name not in [given.execution_name for given in self.started]:
            raise NotFound(name)
        return self.ends.get(name)
