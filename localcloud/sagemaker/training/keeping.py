"""Jobs brought to their ends: one after another, and again after the local cloud was killed."""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcloud.sagemaker.jobs.keeper import Order, Stopping
from localcloud.sagemaker.jobs.program import Ended
from localcloud.sagemaker.logs import ContainerLogs
from localcloud.sagemaker.training.folders import HOST, Folders
from localcloud.sagemaker.training.record import ENDED, Record, Records
from localcloud.sagemaker.training.running import Run, Tools
from localcloud.sagemaker.training.transfer import Lost
from localcloud.sagemaker.training.watching import Meter

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_KILLED = "The program was killed by signal {signal}."
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ends. `message` is that of its last secondary status."""

    status: str
    secondary: str
    message: str
    reason: str | None = None


class Keeper:
    """Runs jobs in the order of their making, one at a time, as this machine has few cores."""

    def __init__(
        self,
        records: Records,
        folder: Path,
        tools: Tools,
        logs: ContainerLogs,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """Run what `records` has in folders below `folder`; `ended` is told of each end."""
        self._records = records
        self._folder = folder
        self._tools = tools
        self._logs = logs
        self._ended = ended
        self._order = Order("sagemaker-training", self._one)
        self.submit, self.interrupt = self._order.submit, self._order.interrupt

    def start(self) -> None:
        """Begin again what a killed cloud left, from its checkpoints, and take what comes."""
        self._order.start(
            record.name for record in self._records.all() if record.status not in ENDED
        )

    def stop(self) -> None:
        """End what runs; it is begun again at the next start."""
        self._order.stop()

    def _one(self, name: str, stopping: Stopping) -> None:
        record = self._records.get(name)
        if record is None or record.status in ENDED:
            return
        try:
            self._bring_to_end(record, stopping)
        except Exception as error:  # noqa: BLE001 - a job must not stay in progress
            _log.exception("the training job %s could not be run", name)
            reason = f"InternalServerError: The local cloud failed: {error}"
            self._settle(name, Outcome("Failed", "Failed", "Training job failed", reason))

    def _bring_to_end(self, record: Record, stopping: Stopping) -> None:
        if record.status == "Stopping":
            self._settle(record.name, Outcome("Stopped", "Stopped", "Training job stopped"))
            return
        folders = Folders(self._folder / record.name)
        run = Run(record.asked, folders, self._tools, stopping)
        outcome = self._outcome(record, run, folders)
        if outcome is not None:
            shutil.rmtree(folders.root, ignore_errors=True)
            self._settle(record.name, outcome)

    def _outcome(self, record: Record, run: Run, folders: Folders) -> Outcome | None:
        """Run a job, and return how it ends; None where the local cloud ends before it does."""
        name = record.name
        meter = Meter(
            record.asked["AlgorithmSpecification"].get("MetricDefinitions", ()), self._records.now
        )
        try:
            self._records.pass_to(name, "Downloading", "Downloading input data")
            run.download()
            if run.stopped == "asked":
                return Outcome("Stopped", "Stopped", "Training job stopped")
            self._records.pass_to(
                name, "Training", "Training in progress", started_at=self._records.now()
            )
            ended = run.train(meter, self._saying(record))
            if ended.why == "closing":
                return None
            self._records.change(name, metrics=meter.last())
            return self._uploaded(name, run, ended, folders.failure())
        except Lost as error:
            reason = f"ClientError: {error}"
            return Outcome("Failed", "Failed", "Training job failed", reason)
        except OSError as error:
            reason = f"InternalServerError: {error}"
            return Outcome("Failed", "Failed", "Training job failed", reason)

    def _uploaded(self, name: str, run: Run, ended: Ended, failure: str) -> Outcome:
        if not ended.why and ended.code:
            return Outcome("Failed", "Failed", "Training job failed", _reason(ended.code, failure))
        self._records.pass_to(name, "Uploading", "Uploading generated training model")
        self._records.change(name, artefact=run.upload())
        if ended.why == "too long":
            return Outcome("Stopped", "MaxRuntimeExceeded", "Training job runtime exceeded")
        if ended.why == "asked":
            return Outcome("Stopped", "Stopped", "Training job stopped")
        return Outcome("Completed", "Completed", "Training job completed")

    def _settle(self, name: str, outcome: Outcome) -> None:
        self._records.pass_to(
            name,
            outcome.secondary,
            outcome.message,
            status=outcome.status,
            reason=outcome.reason,
            ended_at=self._records.now(),
        )
        self._ended()

    def _saying(self, record: Record) -> Saying:
        stream = f"{record.name}/{HOST}-{uuid.uuid4().hex[:10]}"
        saying = Saying(self._logs, stream)
        image = record.asked["AlgorithmSpecification"].get("TrainingImage", "")
        instance = record.asked["ResourceConfig"].get("InstanceType", "")
        saying(f"The local cloud trains by the CPU of this machine, not on {instance}, {image}.")
        return saying


@dataclass(frozen=True, slots=True)
class Saying:
    """Writes lines to a stream of the jobs' log group; CloudWatch takes none that is empty."""

    logs: ContainerLogs
    stream: str

    def __call__(self, line: str) -> None:
        if line.strip():
            self.logs.write(LOG_GROUP, self.stream, line)


def _reason(code: int, failure: str) -> str:
    """Return why a program failed: what it left, or what its exit code tells."""
    if failure:
        return f"AlgorithmError: {failure}, exit code: {code}"
    if code < 0:
        return f"AlgorithmError: {_KILLED.format(signal=-code)}"
    return f"AlgorithmError: The program ended with exit code {code}; its log says why."
