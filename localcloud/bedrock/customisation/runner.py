"""The thread that runs customisation jobs, one at a time, and publishes how they end.

A job reads its data from S3 with its role, trains a LoRA of the local model in the training
environment, and writes metrics to S3. A job that ran when the cloud was killed begins again.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.bedrock.batch.job_files import JobFileLocation
from localcloud.bedrock.customisation.conversations import (
    InvalidConversations,
    Turn,
    check_name,
    read_conversations,
)
from localcloud.bedrock.customisation.operations import find_base
from localcloud.bedrock.customisation.store import CustomisationJob, CustomisationStore
from localcloud.bedrock.model_jobs import ModelJobFailed, ModelJobInterrupted
from localcloud.clock import iso
from localcloud.service import CloudContext
from localcloud.threaded_runner import ThreadedRunner

MODEL_FILE = "model.gguf"
_MAX_BYTES = 1024**3
_RETRY_S = 1.0
_STOP_TIMEOUT_S = 5.0
_MAX_MESSAGE = 2048
_log = logging.getLogger(__name__)

ClientFactory = Callable[[str, str], Any]
"""Returns a client by a service's botocore name and a role's ARN ("" for the administrator)."""

PublishEvent = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class CustomisationTask:
    """What a trainer is given: conversations, Bedrock's settings, and the folder to write to.

    It leaves `model.gguf` in the folder. `stopping` is set when it has to end.
    """

    conversations: Sequence[Sequence[Turn]]
    settings: Mapping[str, str]
    folder: Path
    stopping: threading.Event


TrainCustomModel = Callable[[CustomisationTask], Sequence[float]]
"""Trains, and returns the loss of each step. Raises ModelJobFailed, or that it was stopped."""


class CustomisationRunner(ThreadedRunner):
    """Runs the jobs of a store, the oldest first."""

    def __init__(
        self,
        surroundings: CloudContext,
        store: CustomisationStore,
        clients: ClientFactory,
        publish: PublishEvent,
        train: TrainCustomModel,
    ) -> None:
        """Create a runner that `start` starts."""
        super().__init__("bedrock-customisation", _STOP_TIMEOUT_S)
        self._surroundings = surroundings
        self._store = store
        self._clients = clients
        self._publish = publish
        self._train = train
        self._running: tuple[str, threading.Event] | None = None
        self._guard = threading.Lock()

    def stop(self) -> None:
        """End the training that runs, which the next start begins again."""
        self._stopping.set()
        with self._guard:
            if self._running is not None:
                self._running[1].set()
        super().stop()

    def interrupt(self, job_id: str) -> None:
        """End the training of a job, if it runs."""
        with self._guard:
            if self._running is not None and self._running[0] == job_id:
                self._running[1].set()

    def remove(self, job_id: str) -> None:
        """Remove the files of a custom model that was deleted."""
        shutil.rmtree(self.model_path(job_id).parent, ignore_errors=True)

    def model_path(self, job_id: str) -> Path:
        """Return where the model of a job lies."""
        return self._surroundings.folder("bedrock") / "custom-models" / job_id / MODEL_FILE

    def _step(self) -> bool:
        job = self._store.first_open()
        if job is not None:
            self._advance(job)
        return job is not None

    def _advance(self, job: CustomisationJob) -> None:
        stopping = threading.Event()
        with self._guard:
            self._running = (job.id, stopping)
        try:
            # From here on `interrupt` finds the job; who stopped it before left that in the store.
            if self._store.job(job.id).status == "Stopping":
                raise ModelJobInterrupted
            losses = self._run_job(job, stopping)
        except ModelJobInterrupted:
            if not self._stopping.is_set():
                self._end(job, "Stopped")
        except (ModelJobFailed, InvalidConversations, ClientError, BotoCoreError) as error:
            self._end(job, "Failed", str(error)[:_MAX_MESSAGE])
        except Exception as error:  # noqa: BLE001 - one job must not end the thread
            _log.exception("a customisation job failed inside the local cloud")
            self._end(job, "Failed", f"The local cloud failed: {error!r}"[:_MAX_MESSAGE])
        else:
            self._end(job, "Completed", metrics={"trainingLoss": losses[-1]})
        finally:
            with self._guard:
                self._running = None

    def _run_job(self, job: CustomisationJob, stopping: threading.Event) -> Sequence[float]:
        s3 = self._clients("s3", str(job.request["roleArn"]))
        conversations = self._fetch(job, s3)
        folder = self.model_path(job.id).parent
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settings = job.request["hyperParameters"]
        losses = self._train(CustomisationTask(conversations, settings, folder, stopping))
        if not losses:
            raise ModelJobFailed("The training made no step.")
        self._upload_metrics(job, s3, losses)
        return losses

    def _fetch(self, job: CustomisationJob, s3: Any) -> list[list[Turn]]:
        base = find_base(
            job.request["baseModelIdentifier"],
            job.request["customizationType"],
            self._surroundings.region,
        )
        source = JobFileLocation.parse(job.request["trainingDataConfig"]["s3Uri"])
        check_name(source.key)
        found = s3.get_object(Bucket=source.bucket, Key=source.key)
        if found["ContentLength"] > _MAX_BYTES:
            raise InvalidConversations(f"The data is larger than {_MAX_BYTES} bytes.")
        content = found["Body"].read()
        return read_conversations(content, base.least_records, base.most_records)

    def _upload_metrics(self, job: CustomisationJob, s3: Any, losses: Sequence[float]) -> None:
        """Write the metrics of the steps where Bedrock does."""
        output = JobFileLocation.parse(job.request["outputDataConfig"]["s3Uri"])
        folder = output.child(f"model-customization-job-{job.id}/training_artifacts")
        table = io.StringIO()
        rows = csv.writer(table)
        rows.writerow(("step_number", "epoch_number", "training_loss"))
        epochs = int(job.request["hyperParameters"]["epochCount"])
        for step, loss in enumerate(losses):
            rows.writerow((step, step * epochs // len(losses), loss))
        location = folder.child("step_wise_training_metrics.csv")
        s3.put_object(Bucket=location.bucket, Key=location.key, Body=table.getvalue().encode())

    def _end(
        self,
        job: CustomisationJob,
        status: str,
        message: str | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        self._store.end(job, status, message, metrics=json.dumps(metrics or {}))
        ended = self._store.job(job.id)
        event = status_event(self._surroundings, ended)
        while True:
            try:
                self._publish(event)
            except Exception:  # noqa: BLE001 - whatever the bus has, no event may be lost
                _log.warning("the event bus refused an event; it is tried again", exc_info=True)
                if self._stopping.wait(_RETRY_S):
                    return
            else:
                return


def status_event(surroundings: CloudContext, job: CustomisationJob) -> dict[str, Any]:
    """Return the EventBridge event of the status of a job.

    https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge-how-it-works.html
    """
    base = job.request["baseModelIdentifier"]
    arn = surroundings.arn("bedrock", f"model-customization-job/{base}/{job.id}")
    return {
        "source": "aws.bedrock",
        "detail-type": "Model Customization Job State Change",
        "time": iso(job.modified_at),
        "resources": [arn],
        "detail": {
            "version": "0.0",
            "jobName": job.request["jobName"],
            "jobArn": arn,
            "outputModelName": job.request["customModelName"],
            "outputModelArn": surroundings.arn("bedrock", f"custom-model/{base}/{job.id}"),
            "roleArn": job.request["roleArn"],
            "jobStatus": job.status,
            "failureMessage": job.message or "",
            "creationTime": iso(job.created_at),
            "lastModifiedTime": iso(job.modified_at),
            "endTime": iso(job.ended_at or job.modified_at),
            "baseModelArn": f"arn:aws:bedrock:{surroundings.region}::foundation-model/{base}",
            "hyperParameters": json.dumps(job.request["hyperParameters"]),
        },
    }
