"""The thread that processes batch jobs, one record at a time, so that online calls go first.

Each output is on disk before the next record begins; after a kill at most one record is repeated.
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.bedrock.batch.job_files import (
    BatchQuotas,
    BatchRecord,
    InvalidRecords,
    JobFiles,
    RecordCounts,
    RecordOutput,
)
from localcloud.bedrock.batch.jobs import (
    FINAL_STATUSES,
    OPEN_STATUSES,
    InvocationJob,
    InvocationJobStore,
    status_event,
)
from localcloud.bedrock.invoke import converse_params
from localcloud.errors import AwsError
from localcloud.model_usage import ModelUsage, meter
from localcloud.service import CallInterceptor, CloudContext, Params, Result, ServiceCall
from localcloud.threaded_runner import ThreadedRunner

ClientFactory = Callable[[str, str], Any]
"""Returns a client by a service's botocore name and a role's ARN ("" for the administrator)."""

PublishEvent = Callable[[dict[str, Any]], None]
InvokeRuntime = Callable[[str, Params], Result]
"""Calls `InvokeModel` or `Converse` of the runtime with the operation's parameters."""
AuthorizeModel = Callable[[str, str], None]
"""Given a role's ARN and a model id, raises AwsError unless a job of the role may use the model."""


def allow_model(role_arn: str, model: str) -> None:
    """Allow the jobs of every role to use every model."""


_RETRY_S = 1.0
_STOP_TIMEOUT_S = 3.0
_UPLOAD_ATTEMPTS = 3
_log = logging.getLogger(__name__)


class BatchRunner(ThreadedRunner):
    """Processes jobs, the oldest first. Validating, stopping and publishing precede records."""

    def __init__(
        self,
        surroundings: CloudContext,
        jobs: InvocationJobStore,
        clients: ClientFactory,
        publish: PublishEvent,
        invoke: InvokeRuntime,
        around: CallInterceptor,
        authorize: AuthorizeModel = allow_model,
    ) -> None:
        """Create a runner that `start` starts.

        Args:
            surroundings: the account and the data folder.
            jobs: where jobs are stored.
            clients: returns a client of a service with a role.
            publish: puts an event on the default event bus.
            invoke: processes a record.
            around: wraps each record as it wraps calls of the front door.
            authorize: checks the role of each job, which fails if it may not use the model.
        """
        super().__init__("bedrock-batch", _STOP_TIMEOUT_S)
        self.quotas = BatchQuotas()
        self._surroundings = surroundings
        self._jobs = jobs
        self._folder = surroundings.folder("bedrock") / "jobs"
        self._clients = clients
        self._publish = publish
        self._invoke_runtime = invoke
        self._around = around
        self._authorize = authorize

    def arn(self, job: InvocationJob) -> str:
        """Return the ARN of a job."""
        return self._surroundings.arn("bedrock", f"model-invocation-job/{job.id}")

    def _step(self) -> bool:
        """Advance one job by one step; return whether there may be more to do."""
        try:
            return self._advance_next()
        except Exception:  # noqa: BLE001 - one job that can't be done must not end the thread
            _log.exception("a batch job failed inside the local cloud")
            return False

    def _pause_s(self) -> float | None:
        return _RETRY_S if self._jobs.unpublished() else None

    def _advance_next(self) -> bool:
        self._publish_statuses()
        jobs = [job for job in self._jobs.all() if job.status in OPEN_STATUSES]
        order = ("Stopping", "Submitted", "Validating", "InProgress", "Scheduled")
        jobs.sort(key=lambda job: order.index(job.status))
        if not jobs:
            return False
        try:
            self._advance(jobs[0])
        except Exception as error:
            self._jobs.set_status(jobs[0], "Failed", f"The local cloud failed: {error!r}")
            raise
        self._publish_statuses()
        return True

    def _publish_statuses(self) -> None:
        for job in self._jobs.unpublished():
            try:
                self._publish(status_event(self._surroundings, job, self.arn(job)))
            except Exception:  # noqa: BLE001 - whatever the bus has, no event may be lost
                _log.warning("the event bus refused an event; it is tried again", exc_info=True)
                return
            self._jobs.mark_published(job)

    def _advance(self, job: InvocationJob) -> None:
        s3 = self._clients("s3", str(job.request["roleArn"]))
        files = JobFiles(self._folder, job, s3)
        expired = self._jobs.now() >= job.expires_at
        if job.status == "Stopping":
            self._finish(job, files, "Stopped")
        elif expired and job.status != "InProgress":
            self._jobs.set_status(job, "Expired", "The job timed out before it began.")
        elif job.status == "Submitted":
            self._jobs.set_status(job, "Validating")
        elif job.status == "Validating":
            self._validate(job, files)
        elif job.status == "Scheduled":
            self._jobs.set_status(job, "InProgress")
        else:
            self._process_records(job, files)

    def _validate(self, job: InvocationJob, files: JobFiles) -> None:
        try:
            self._authorize(str(job.request["roleArn"]), str(job.request["modelId"]))
            total = files.fetch(self.quotas)
        except (InvalidRecords, AwsError) as error:
            files.remove()
            self._jobs.set_status(job, "Failed", str(error)[:2048])
            return
        self._jobs.set_counts(job, RecordCounts(total).manifest())
        self._jobs.set_status(job, "Scheduled")

    def _process_records(self, job: InvocationJob, files: JobFiles) -> None:
        """Process records until all are done or the thread is woken for something else."""
        counts = files.counts()
        for path, record in files.remaining_records():
            if self._woken.is_set() or self._stopping.is_set():
                return
            if self._jobs.now() >= job.expires_at:
                self._finish(job, files, "PartiallyCompleted", "Not every record was done in time.")
                return
            output = self._process_record(job, record)
            if self._stopping.is_set():
                return  # the model may have failed because the cloud is stopping
            files.append_output(path, output)
            counts = counts.add(output)
            self._jobs.set_counts(job, counts.manifest())
        self._finish(job, files, "Completed")

    def _process_record(self, job: InvocationJob, record: BatchRecord) -> RecordOutput:
        visit = ServiceCall(
            "bedrock",
            "ModelInvocationJob",
            {"modelId": job.request["modelId"]},
            str(job.request["roleArn"]),
            f"{job.id}/{record['recordId']}",
        )
        used: list[ModelUsage] = []
        try:
            result = self._around(visit, lambda: self._invoke(job, record["modelInput"]))
        except AwsError as error:
            failed = {"errorCode": error.status, "errorMessage": error.message}
            return RecordOutput({**record, "error": failed})
        result = meter(result, lambda usage, _: used.append(usage))
        model_output = json.loads(result["body"]) if "body" in result else result
        return RecordOutput(
            {**record, "modelOutput": model_output}, used[0].tokens_in, used[0].tokens_out
        )

    def _invoke(self, job: InvocationJob, model_input: Mapping[str, Any]) -> Result:
        """Return the model's answer; a job waits as long as the queue of a model is full."""
        while True:
            try:
                return self._invoke_once(job, model_input)
            except AwsError as error:
                if error.code != "ThrottlingException" or self._stopping.wait(_RETRY_S):
                    raise

    def _invoke_once(self, job: InvocationJob, model_input: Mapping[str, Any]) -> Result:
        model = {"modelId": job.request["modelId"]}
        if job.request.get("modelInvocationType") == "Converse":
            return self._invoke_runtime("Converse", converse_params({**model_input, **model}))
        return self._invoke_runtime(
            "InvokeModel", {**model, "body": json.dumps(model_input).encode()}
        )

    def _finish(
        self, job: InvocationJob, files: JobFiles, status: str, message: str | None = None
    ) -> None:
        """Upload the outputs, then set the final status."""
        counts = files.counts()
        for attempts_left in reversed(range(_UPLOAD_ATTEMPTS)):
            try:
                if counts.total:
                    files.upload_outputs(counts)
                break
            except (ClientError, BotoCoreError) as error:
                if not attempts_left:
                    status, message = "Failed", f"The output can't be written: {error}"[:2048]
        self._jobs.set_counts(job, counts.manifest())
        if self._jobs.set_status(job, status, message).status in FINAL_STATUSES:
            files.remove()


def runtime_invoker(runtime: Any) -> InvokeRuntime:
    """Return a function that calls `runtime`, the service bedrock-runtime."""
    operations = {"InvokeModel": runtime.invoke_model, "Converse": runtime.converse}
    return lambda operation, params: operations[operation](params)
