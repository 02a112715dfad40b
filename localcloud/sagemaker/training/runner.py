"""Runs training jobs one at a time, and again after the local cloud was killed."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcloud.sagemaker.cloudwatch import ContainerLogStream
from localcloud.sagemaker.jobs.program import HOST, JobContext, ProgramExit, ProgramSettings
from localcloud.sagemaker.jobs.runner import JobQueue, StopSignal
from localcloud.sagemaker.jobs.s3_transfer import TransferError
from localcloud.sagemaker.training.folders import TrainingFolders
from localcloud.sagemaker.training.run import MetricReader, TrainingRun
from localcloud.sagemaker.training.store import (
    FINAL_STATUSES,
    TrainingJobRecord,
    TrainingJobStore,
)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """The end of a training job: final status, secondary status with message, and reason."""

    status: str
    secondary_status: str
    message: str
    reason: str | None = None


_STOPPED = TrainingOutcome("Stopped", "Stopped", "Training job stopped")


class TrainingRunner:
    """Runs training jobs in order of creation, one at a time, as this machine has few cores."""

    def __init__(
        self,
        jobs: TrainingJobStore,
        folder: Path,
        context: JobContext,
        settings: ProgramSettings,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Run the jobs in `jobs` in folders below `folder`; `on_end` is called after each."""
        self._jobs = jobs
        self._folder = folder
        self._context = context
        self._settings = settings
        self._on_end = on_end
        self._queue = JobQueue("sagemaker-training", self._run)
        self.submit, self.interrupt = self._queue.submit, self._queue.interrupt

    def start(self) -> None:
        """Run the unfinished jobs of a killed cloud from their checkpoints, and then new ones."""
        self._queue.start(job.name for job in self._jobs.all() if job.status not in FINAL_STATUSES)

    def stop(self) -> None:
        """Stop the running job; the next start runs it again."""
        self._queue.stop()

    def _run(self, name: str, signal: StopSignal) -> None:
        job = self._jobs.get(name)
        if job is None or job.status in FINAL_STATUSES:
            return
        try:
            self._run_to_end(job, signal)
        except Exception as error:  # noqa: BLE001 - a job must not stay in progress
            _log.exception("the training job %s could not be run", name)
            self._finish(name, _failed(f"InternalServerError: The local cloud failed: {error}"))

    def _run_to_end(self, job: TrainingJobRecord, signal: StopSignal) -> None:
        if job.status == "Stopping":
            self._finish(job.name, _STOPPED)
            return
        folders = TrainingFolders(self._folder / job.name)
        run = TrainingRun(job.request, folders, self._context, self._settings, signal)
        outcome = self._execute(job, run, folders)
        if outcome is not None:
            shutil.rmtree(folders.root, ignore_errors=True)
            self._finish(job.name, outcome)

    def _execute(
        self, job: TrainingJobRecord, run: TrainingRun, folders: TrainingFolders
    ) -> TrainingOutcome | None:
        """Run a job and return its outcome, or None if the local cloud stops first."""
        name = job.name
        metrics = MetricReader(
            job.request["AlgorithmSpecification"].get("MetricDefinitions", ()), self._jobs.now
        )
        try:
            self._jobs.add_transition(name, "Downloading", "Downloading input data")
            run.download()
            if run.stop_reason == "requested":
                return _STOPPED
            self._jobs.add_transition(
                name, "Training", "Training in progress", started_at=self._jobs.now()
            )
            exit_ = run.train(metrics, self._open_log(job).write)
            if exit_.stop_reason == "closing":
                return None
            self._jobs.update(name, metrics=metrics.last_values())
            return self._upload(name, run, exit_, folders.read_failure())
        except TransferError as error:
            return _failed(f"ClientError: {error}")
        except OSError as error:
            return _failed(f"InternalServerError: {error}")

    def _upload(
        self, name: str, run: TrainingRun, exit_: ProgramExit, failure: str
    ) -> TrainingOutcome:
        if not exit_.stop_reason and exit_.code:
            return _failed(_failure_reason(exit_.code, failure))
        self._jobs.add_transition(name, "Uploading", "Uploading generated training model")
        self._jobs.update(name, artefact=run.upload())
        if exit_.stop_reason == "too long":
            return TrainingOutcome("Stopped", "MaxRuntimeExceeded", "Training job runtime exceeded")
        if exit_.stop_reason == "requested":
            return _STOPPED
        return TrainingOutcome("Completed", "Completed", "Training job completed")

    def _finish(self, name: str, outcome: TrainingOutcome) -> None:
        self._jobs.add_transition(
            name,
            outcome.secondary_status,
            outcome.message,
            status=outcome.status,
            reason=outcome.reason,
            ended_at=self._jobs.now(),
        )
        self._on_end()

    def _open_log(self, job: TrainingJobRecord) -> ContainerLogStream:
        stream = f"{job.name}/{HOST}-{uuid.uuid4().hex[:10]}"
        log = ContainerLogStream(self._context.logs, LOG_GROUP, stream)
        image = job.request["AlgorithmSpecification"].get("TrainingImage", "")
        instance = job.request["ResourceConfig"].get("InstanceType", "")
        log.write(f"The local cloud trains by the CPU of this machine, not on {instance}, {image}.")
        return log


def _failed(reason: str) -> TrainingOutcome:
    return TrainingOutcome("Failed", "Failed", "Training job failed", reason)


def _failure_reason(code: int, failure: str) -> str:
    """Return why a program failed: the failure that it wrote, or what its exit code says."""
    if failure:
        return f"AlgorithmError: {failure}, exit code: {code}"
    if code < 0:
        return f"AlgorithmError: The program was killed by signal {-code}."
    return f"AlgorithmError: The program ended with exit code {code}; its log says why."
