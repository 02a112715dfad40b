"""Advances tuning jobs: starts training jobs as others end, also after a kill.

The settings of a training job are stored before it is created, so that a killed cloud creates the
same one. A step does what is missing in the current state, and may be repeated at any time.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-ex-tuning-job.html
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
"""

from __future__ import annotations

import logging
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.jobs.store import JobStore, SageMakerJob
from localcloud.sagemaker.training.operations import TrainingOperations
from localcloud.sagemaker.tuning.strategies import propose
from localcloud.sagemaker.tuning.tuned_jobs import (
    TunedJob,
    TuningObjective,
    best_job,
    evaluated_settings,
    search_space,
    training_job_name,
    training_job_request,
)
from localcloud.supervision import SupervisedThread

MAX_FAILURES = 5
"""After so many training jobs without a success the tuning job fails, as on AWS."""
_CHECK_INTERVAL_S = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TuningState:
    """The current state of a tuning job and its training jobs."""

    job: SageMakerJob
    training_jobs: tuple[TunedJob, ...]

    @property
    def config(self) -> Mapping[str, Any]:
        """The HyperParameterTuningJobConfig of the request."""
        config: Mapping[str, Any] = self.job.request["HyperParameterTuningJobConfig"]
        return config

    @property
    def objective(self) -> TuningObjective:
        """The objective of the request."""
        return TuningObjective.from_request(self.job.request)

    @property
    def running(self) -> list[TunedJob]:
        """The training jobs that have not ended."""
        return [each for each in self.training_jobs if each.is_running]

    @property
    def max_jobs(self) -> int | None:
        """The largest number of training jobs, or None if only time is limited."""
        combinations = search_space(self.job.request).combinations
        if self.config["Strategy"] == "Grid":
            return combinations
        max_jobs = self.config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
        return None if max_jobs is None else int(max_jobs)


class Tuner:
    """Advances tuning jobs in a thread of its own."""

    def __init__(
        self, jobs: JobStore, training: TrainingOperations, arn: Callable[[str], str]
    ) -> None:
        """Advance the tuning jobs in `jobs` by `training`; `arn` returns the ARN of a job."""
        self._jobs = jobs
        self._training = training
        self._arn = arn
        self._woken = threading.Event()
        self._closing = False
        self._thread = SupervisedThread("sagemaker-tuning", self._work)

    def start(self) -> None:
        """Start the thread, which advances unfinished and new tuning jobs."""
        self._woken.set()
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; the next start continues the tuning jobs."""
        self._closing = True
        self._woken.set()
        self._thread.join(4)

    def wake(self) -> None:
        """Check now: a request was made, or a training job has ended."""
        self._woken.set()

    def load(self, job: SageMakerJob) -> TuningState:
        """Return the current state of a tuning job."""
        metric = TuningObjective.from_request(job.request).metric
        training_jobs = [
            TunedJob(each["name"], each["tuned"], self._training.find(each["name"]), metric)
            for each in job.state.get("trials", ())
        ]
        return TuningState(job, tuple(training_jobs))

    def _work(self) -> None:
        while not self._closing:
            unfinished = self._jobs.unfinished("tuning")
            self._woken.wait(_CHECK_INTERVAL_S if unfinished else None)
            self._woken.clear()
            for job in () if self._closing else self._jobs.unfinished("tuning"):
                self._advance(job)

    def _advance(self, job: SageMakerJob) -> None:
        try:
            self._step(job)
        except Exception as error:  # noqa: BLE001 - a job must not stay in progress
            _log.exception("the tuning job %s could not go on", job.name)
            reason = f"InternalServerError: The local cloud failed: {error}"
            self._jobs.finish("tuning", job.name, "Failed", reason)

    def _step(self, job: SageMakerJob) -> None:
        tuning = self.load(job)
        for each in tuning.training_jobs:
            if each.record is None:
                self._training.submit(
                    training_job_request(job.request, self._arn(job.name), each.name, each.settings)
                )
        cause = self._stop_cause(tuning)
        if cause is None:
            cause = self._start_jobs(tuning)
        now = self._jobs.get("tuning", job.name)
        if cause is not None and now is not None:
            self._finish(self.load(now), cause)

    def _stop_cause(self, tuning: TuningState) -> str | None:
        """Return the cause for which no further training jobs start, or None."""
        if tuning.job.status == "Stopping":
            return "requested"
        limit = tuning.config["ResourceLimits"].get("MaxRuntimeInSeconds")
        if limit is not None and self._jobs.now() > tuning.job.created_at + limit:
            return "time"
        if _is_complete(tuning):
            return "good enough"
        ended = [each for each in tuning.training_jobs if not each.is_running]
        if len(ended) >= MAX_FAILURES and all(each.objective_value is None for each in ended):
            return "failing"
        return None

    def _start_jobs(self, tuning: TuningState) -> str | None:
        """Start training jobs up to the parallel limit; return "done" if all have been started."""
        config, job = tuning.config, tuning.job
        capacity = config["ResourceLimits"]["MaxParallelTrainingJobs"] - len(tuning.running)
        seed = config.get("RandomSeed", zlib.crc32(job.name.lower().encode()))
        training_jobs = list(tuning.training_jobs)
        while tuning.max_jobs is None or len(training_jobs) < tuning.max_jobs:
            if capacity <= 0:
                return None
            settings = propose(
                config["Strategy"],
                search_space(job.request),
                seed,
                evaluated_settings(training_jobs, tuning.objective),
            )
            if settings is None:
                break
            name = training_job_name(job.name, len(training_jobs) + 1)
            training_jobs.append(TunedJob(name, settings, None, tuning.objective.metric))
            stored = [{"name": each.name, "tuned": dict(each.settings)} for each in training_jobs]
            self._jobs.update("tuning", job.name, state={**job.state, "trials": stored})
            self._training.submit(
                training_job_request(job.request, self._arn(job.name), name, settings)
            )
            capacity -= 1
        return "done"

    def _finish(self, tuning: TuningState, cause: str) -> None:
        """Finish a tuning job, or stop its running training jobs unless `cause` is "done"."""
        if tuning.running:
            for each in tuning.running if cause != "done" else ():
                self._training.stop(each.name)
            return
        name = tuning.job.name
        if cause == "requested":
            self._jobs.finish("tuning", name, "Stopped")
        elif best_job(tuning.training_jobs, tuning.objective) is None:
            self._jobs.finish("tuning", name, "Failed", _failure_reason(tuning))
        else:
            self._jobs.finish("tuning", name, "Completed")


def _is_complete(tuning: TuningState) -> bool:
    """Return whether the ended training jobs meet a completion criterion."""
    criteria, objective = tuning.config.get("TuningJobCompletionCriteria", {}), tuning.objective
    values = [
        each.objective_value for each in tuning.training_jobs if each.objective_value is not None
    ]
    target = criteria.get("TargetObjectiveMetricValue")
    if target is not None and any(objective.is_reached(each, target) for each in values):
        return True
    improving = criteria.get("BestObjectiveNotImproving", {})
    patience: int | None = improving.get("MaxNumberOfTrainingJobsNotImproving")
    if patience is None or not values:
        return False
    scores = [objective.score(each) for each in values]
    return len(scores) - 1 - scores.index(max(scores)) >= patience


def _failure_reason(tuning: TuningState) -> str:
    """Return why no training job succeeded, with the reason of the last one."""
    ended = len(tuning.training_jobs)
    last = tuning.training_jobs[-1] if tuning.training_jobs else None
    if last is None or last.record is None:
        return "No training job was begun in the time that the tuning had."
    reason = (
        last.record.reason or f"it ended as {last.record.secondary_status} without {last.metric}"
    )
    return f"No training job succeeded after {ended} attempts. The last, {last.name}: {reason}"
