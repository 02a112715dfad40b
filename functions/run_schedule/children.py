"""Jobs that runs start to have their work done: a batch or an export, which the run waits for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.schedule_runs import RunCheckpoint
from chalicelib.errors import Conflict, NotFound
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState
from functions.run_schedule.kind import Run

MIN_WAIT_SECONDS = 2
MAX_WAIT_SECONDS = 900
SHARE_OF_ELAPSED = 8


@dataclass(frozen=True, slots=True)
class ChildJobs:
    """The jobs that runs have started. Each call may be repeated."""

    launcher: JobLauncher

    def launch(self, given: JobInput) -> None:
        """Start the job `given`; one that exists is left as it is.

        Raises:
            Conflict: the tenant is being removed.
        """
        if self._find(given.tenant, given.job_id) is None:
            self.launcher.launch(given)

    def find(self, run: Run, place: RunCheckpoint) -> JobState:
        """Return the job that `place` names.

        Raises:
            NotFound: it is gone: its record is kept for 90 days.
        """
        return self.find_job(run, place.child)

    def find_job(self, run: Run, job_id: str) -> JobState:
        """Return one of several jobs of a run; raise `NotFound` if it is gone."""
        state = self._find(run.tenant, job_id)
        if state is None:
            raise NotFound(f"The job {job_id} of the run is gone.", field="job_id")
        return state

    def resume(self, child: JobState) -> None:
        """Continue a job that is paused, and try one again that ended; leave others alone."""
        with suppress(Conflict):
            if child.job.status == "paused":
                self.launcher.resume(child)
            elif not child.is_open:
                self.launcher.retry(child)

    def cancel(self, run: Run, place: RunCheckpoint) -> None:
        """Cancel the job that `place` names, if there is one that has not ended."""
        child = self._find(run.tenant, place.child) if place.child else None
        if child is not None and child.is_open:
            with suppress(Conflict):
                self.launcher.cancel(child)

    def _find(self, tenant: str, job_id: str) -> JobState | None:
        return self.launcher.records.state(tenant, job_id)


def polling_seconds(run: Run, child: JobState) -> int:
    """Return when to look at a job again: the longer it has taken, the later."""
    elapsed = (run.now - child.job.created_at).total_seconds()
    return round(min(max(elapsed / SHARE_OF_ELAPSED, MIN_WAIT_SECONDS), MAX_WAIT_SECONDS))
