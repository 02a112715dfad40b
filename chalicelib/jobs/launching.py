"""Jobs begun, tried again and cancelled, each harmlessly however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.errors import Conflict
from chalicelib.jobs.lifecycle import (
    JobState,
    again,
    check_cancellable,
    check_pausable,
    new_job,
    resumed,
)

if TYPE_CHECKING:
    from chalicelib.contracts.jobs import Job, JobInput
    from chalicelib.jobs.job_records import JobExecutions, JobRecords


@dataclass(frozen=True, slots=True)
class Launcher:
    """Begins jobs. What is recorded and was not started, the sweeper starts."""

    records: JobRecords
    executions: JobExecutions
    now: Callable[[], datetime]

    def launch(self, given: JobInput) -> Job:
        """Keep the job and start it; a job that is there already is left as it is.

        Raises:
            Conflict: the tenant is being removed, or is being reindexed already.
        """
        now = self.now()
        job = new_job(given, now)
        if self.records.begin(JobState(job, given, self.executions.arn(given)), now):
            self.executions.start(given)
        return job

    def retry(self, state: JobState) -> Job:
        """Begin the next attempt at a job that did not end well.

        Raises:
            Conflict: the job has not ended, ended well, or was tried again meanwhile.
        """
        return self._again(state).job

    def pause(self, state: JobState) -> Job:
        """Pause a job: what it is at is finished, its execution ends, and nothing more is spent.

        Raises:
            Conflict: the job cannot be paused, or ended meanwhile.
        """
        check_pausable(state.job)
        self.records.pause(state, self.now())
        return self._kept(state)

    def resume(self, state: JobState) -> Job:
        """Go on with a job that was paused, from where it stopped, in a new execution.

        Raises:
            Conflict: the job is not paused, its files are gone, or it was resumed meanwhile.
        """
        now = self.now()
        attempt = state.input.model_copy(update={"attempt": state.job.attempt + 1})
        fresh = resumed(state, self.executions.arn(attempt), now)
        self.records.begin_again(fresh, now)
        self.executions.start(fresh.input)
        return fresh.job

    def cancel(self, state: JobState) -> Job:
        """Cancel a job: what it is at is finished, and then no more is begun.

        A reindex that failed is begun once more, to take down the index that it was building.

        Raises:
            Conflict: the job ended, or must not be left half done.
        """
        if state.job.kind == "reindex" and state.job.status == "failed":
            state = self._again(state)
        check_cancellable(state.job)
        self.records.cancel(state, self.now())
        return self._kept(state)

    def _kept(self, state: JobState) -> Job:
        kept = self.records.state(state.input.tenant, state.input.job_id)
        if kept is None:
            raise Conflict("The job is gone.", field="job_id")
        return kept.job

    def _again(self, state: JobState) -> JobState:
        now = self.now()
        attempt = state.input.model_copy(update={"attempt": state.job.attempt + 1})
        fresh = again(state, self.executions.arn(attempt), now)
        self.records.begin_again(fresh, now)
        self.executions.start(fresh.input)
        return fresh
