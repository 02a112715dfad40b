"""The operations on model invocation jobs.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html
https://docs.aws.amazon.com/general/latest/gr/bedrock.html
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from chalicelib.generation.catalogue import Catalogue
from localcloud.bedrock.batch.jobs import DEFAULT_HOURS, InvocationJob, InvocationJobStore
from localcloud.bedrock.batch.runner import BatchRunner, ClientFactory
from localcloud.bedrock.content import validation_error
from localcloud.bedrock.roles import check_role
from localcloud.bedrock.stand_ins import find_stand_in
from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.service import CloudContext, Params, Result

MAX_JOBS = 20
"""Submitted and running jobs of one model: AWS's default quota, which can be raised."""

_ALPHABET = string.ascii_lowercase + string.digits
_UNSUPPORTED_FIELDS = ("vpcConfig",)
_PAGE_SIZE = 100
_COUNTS = ("totalRecordCount", "processedRecordCount", "successRecordCount", "errorRecordCount")


class BatchOperations:
    """The operations on model invocation jobs (batch inference)."""

    def __init__(
        self,
        surroundings: CloudContext,
        known: Catalogue,
        jobs: InvocationJobStore,
        runner: BatchRunner,
        clients: ClientFactory,
    ) -> None:
        """Store jobs in `jobs` for `runner` to process."""
        self._surroundings = surroundings
        self._catalogue = known
        self._jobs = jobs
        self._runner = runner
        self._clients = clients

    def create_model_invocation_job(self, params: Params) -> Result:
        """Create a job, which is durable when this returns. Raises AwsError."""
        for name in _UNSUPPORTED_FIELDS:
            if name in params:
                raise validation_error(f"The local cloud has no networks; leave out {name}.")
        output = params["outputDataConfig"].get("s3OutputDataConfig")
        if not output or "s3InputDataConfig" not in params["inputDataConfig"]:
            raise validation_error(
                "inputDataConfig and outputDataConfig must name locations in S3."
            )
        source = params["inputDataConfig"]["s3InputDataConfig"]
        own = self._surroundings.account_id
        if {location.get("s3BucketOwner", own) for location in (source, output)} != {own}:
            raise validation_error(f"The local cloud has the buckets of the account {own} only.")
        if "s3EncryptionKeyId" in output:
            raise validation_error("The local cloud encrypts nothing; leave out s3EncryptionKeyId.")
        find_stand_in(self._catalogue, params["modelId"])
        check_role(self._clients, params["roleArn"])
        job_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        request = {name: value for name, value in params.items() if name != "tags"}
        job = self._jobs.add(job_id, request, MAX_JOBS)
        self._runner.wake()
        return {"jobArn": self._runner.arn(job)}

    def get_model_invocation_job(self, params: Params) -> Result:
        """Return the description of a job."""
        return self._describe(self._jobs.get(params["jobIdentifier"]))

    def list_model_invocation_jobs(self, params: Params) -> Result:
        """List the jobs that match the filters, newest first by default."""
        jobs = [job for job in self._jobs.all() if _matches(job, params)]
        if params.get("sortOrder", "Descending") == "Descending":
            jobs.reverse()
        begin, size = _offset(params.get("nextToken")), params.get("maxResults", _PAGE_SIZE)
        page = [self._describe(job) for job in jobs[begin : begin + size]]
        more = {"nextToken": str(begin + size)} if len(jobs) > begin + size else {}
        return {"invocationJobSummaries": page, **more}

    def stop_model_invocation_job(self, params: Params) -> Result:
        """Stop a job after its current record; the results so far are written."""
        job = self._jobs.get(params["jobIdentifier"])
        updated = self._jobs.set_status(job, "Stopping")
        if updated.status != "Stopping" or job.status == "Stopping":
            raise AwsError(
                "ConflictException",
                f"The model invocation job is {updated.status} and can't be stopped.",
            )
        self._runner.wake()
        return {}

    def _describe(self, job: InvocationJob) -> dict[str, Any]:
        ended = {} if job.ended_at is None else {"endTime": utc(job.ended_at)}
        message = {} if job.message is None else {"message": job.message}
        counts = {name: job.counts[name] for name in _COUNTS if name in job.counts}
        return {
            "jobArn": self._runner.arn(job),
            "modelInvocationType": "InvokeModel",
            "timeoutDurationInHours": DEFAULT_HOURS,
            **job.request,
            "status": job.status,
            "submitTime": utc(job.submitted_at),
            "lastModifiedTime": utc(job.modified_at),
            "jobExpirationTime": utc(job.expires_at),
            **ended,
            **message,
            **counts,
        }


def _matches(job: InvocationJob, params: Params) -> bool:
    submitted = utc(job.submitted_at)
    return (
        params.get("statusEquals", job.status) == job.status
        and params.get("nameContains", "") in job.request["jobName"]
        and params.get("submitTimeAfter", submitted) <= submitted
        and params.get("submitTimeBefore", submitted) >= submitted
    )


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise validation_error("The nextToken is not valid.")
    return int(token)
