"""The thread that does batch jobs, a record at a time, so that who waits for an answer goes first.

Each answer is on disk before the next record is asked; a kill repeats the one in hand at most.
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.bedrock.batch.events import status_event
from localcloud.bedrock.batch.jobs import ENDED, RUNNING, Job, Jobs
from localcloud.bedrock.batch.records import Answered, Counts, InvalidRecords, Record
from localcloud.bedrock.batch.spool import Quotas, Spool
from localcloud.bedrock.invoke import converse_params
from localcloud.errors import AwsError
from localcloud.model_usage import ModelUsage, meter
from localcloud.service import CallInterceptor, CloudContext, Params, Result, ServiceCall

Clients = Callable[[str, str], Any]
Publish = Callable[[dict[str, Any]], None]
Ask = Callable[[str, Params], Result]
"""Asks the runtime: an operation of it, `InvokeModel` or `Converse`, with its parameters."""

_AGAIN_S = 1.0
_STOP_S = 3.0
_DELIVERIES = 3
_log = logging.getLogger(__name__)


class BatchRunner:
    """Does what jobs there are, oldest first; validating, stopping and telling go before answers.

    `clients` are of a service and a role, `ask` answers a record, `around` stands around each as
    it stands around calls, and `publish` puts an event on the default bus.
    """

    def __init__(
        self,
        surroundings: CloudContext,
        jobs: Jobs,
        clients: Clients,
        publish: Publish,
        ask: Ask,
        around: CallInterceptor,
    ) -> None:
        """Do nothing before `start`."""
        self.quotas = Quotas()
        self._surroundings = surroundings
        self._jobs = jobs
        self._folder = surroundings.folder("bedrock") / "jobs"
        self._clients = clients
        self._publish = publish
        self._ask = ask
        self._around = around
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def arn(self, job: Job) -> str:
        """Return the ARN of a job."""
        return self._surroundings.arn("bedrock", f"model-invocation-job/{job.id}")

    def start(self) -> None:
        """Begin, with what an earlier run left."""
        self._wanted.set()
        self._thread = threading.Thread(target=self._run, name="bedrock-batch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the record in hand, which is asked again after the next start if it lasts."""
        self._stopping.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def wake(self) -> None:
        """Say that there is a new job, or that one is to be stopped."""
        self._wanted.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.clear()
            try:
                busy = self._step()
            except Exception:  # noqa: BLE001 - one job that can't be done must not end the thread
                _log.exception("a batch job failed inside the local cloud")
                busy = False
            if not busy:
                self._wanted.wait(_AGAIN_S if self._jobs.untold() else None)

    def _step(self) -> bool:
        """Take one job one step further; tell whether there may be more to do."""
        self._tell()
        jobs = [job for job in self._jobs.all() if job.status in RUNNING]
        order = ("Stopping", "Submitted", "Validating", "InProgress", "Scheduled")
        jobs.sort(key=lambda job: order.index(job.status))
        if not jobs:
            return False
        try:
            self._advance(jobs[0])
        except Exception as error:
            self._jobs.move(jobs[0], "Failed", f"The local cloud failed: {error!r}")
            raise
        self._tell()
        return True

    def _tell(self) -> None:
        for job in self._jobs.untold():
            try:
                self._publish(status_event(self._surroundings, job, self.arn(job)))
            except Exception:  # noqa: BLE001 - whatever the bus has, no event may be lost
                _log.warning("the event bus refused an event; it is tried again", exc_info=True)
                return
            self._jobs.tell(job)

    def _advance(self, job: Job) -> None:
        s3 = self._clients("s3", str(job.asked["roleArn"]))
        spool = Spool(self._folder, job, s3)
        late = self._jobs.now() >= job.expires_at
        if job.status == "Stopping":
            self._end(job, spool, "Stopped")
        elif late and job.status != "InProgress":
            self._jobs.move(job, "Expired", "The job timed out before it began.")
        elif job.status == "Submitted":
            self._jobs.move(job, "Validating")
        elif job.status == "Validating":
            self._validate(job, spool)
        elif job.status == "Scheduled":
            self._jobs.move(job, "InProgress")
        else:
            self._answer(job, spool)

    def _validate(self, job: Job, spool: Spool) -> None:
        try:
            total = spool.fetch(self.quotas)
        except InvalidRecords as error:
            spool.remove()
            self._jobs.move(job, "Failed", str(error)[:2048])
            return
        self._jobs.count(job, Counts(total).manifest())
        self._jobs.move(job, "Scheduled")

    def _answer(self, job: Job, spool: Spool) -> None:
        """Answer records until all are, or until something else wants to be done."""
        counts = spool.counts()
        for path, record in spool.remaining():
            if self._wanted.is_set() or self._stopping.is_set():
                return
            if self._jobs.now() >= job.expires_at:
                self._end(job, spool, "PartiallyCompleted", "Not every record was done in time.")
                return
            answered = self._answered(job, record)
            if self._stopping.is_set():
                return  # the model may have failed because all is ending
            spool.keep(path, answered)
            counts = counts.plus(answered)
            self._jobs.count(job, counts.manifest())
        self._end(job, spool, "Completed")

    def _answered(self, job: Job, record: Record) -> Answered:
        visit = ServiceCall(
            "bedrock",
            "ModelInvocationJob",
            {"modelId": job.asked["modelId"]},
            str(job.asked["roleArn"]),
            f"{job.id}/{record['recordId']}",
        )
        used: list[ModelUsage] = []
        try:
            result = self._around(visit, lambda: self._asked(job, record["modelInput"]))
        except AwsError as error:
            failed = {"errorCode": error.status, "errorMessage": error.message}
            return Answered({**record, "error": failed})
        result = meter(result, lambda each, _: used.append(each))
        output = json.loads(result["body"]) if "body" in result else result
        return Answered({**record, "modelOutput": output}, used[0].tokens_in, used[0].tokens_out)

    def _asked(self, job: Job, given: Mapping[str, Any]) -> Result:
        model = {"modelId": job.asked["modelId"]}
        if job.asked.get("modelInvocationType") == "Converse":
            return self._ask("Converse", converse_params({**given, **model}))
        return self._ask("InvokeModel", {**model, "body": json.dumps(given).encode()})

    def _end(self, job: Job, spool: Spool, status: str, message: str | None = None) -> None:
        """Write the answers to S3, then end the job."""
        counts = spool.counts()
        for left in reversed(range(_DELIVERIES)):
            try:
                if counts.total:
                    spool.deliver(counts)
                break
            except (ClientError, BotoCoreError) as error:
                if not left:
                    status, message = "Failed", f"The output can't be written: {error}"[:2048]
        self._jobs.count(job, counts.manifest())
        if self._jobs.move(job, status, message).status in ENDED:
            spool.remove()


def asking(runtime: Any) -> Ask:
    """Return what asks `runtime`, the service bedrock-runtime."""
    operations = {"InvokeModel": runtime.invoke_model, "Converse": runtime.converse}
    return lambda operation, params: operations[operation](params)
