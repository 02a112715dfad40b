"""CreateModelInvocationJob and its kin, botocore's `bedrock`.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html
https://docs.aws.amazon.com/general/latest/gr/bedrock.html
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.generation.catalogue import Catalogue
from localcloud.bedrock.batch.jobs import DEFAULT_HOURS, Job, Jobs
from localcloud.bedrock.batch.runner import BatchRunner
from localcloud.bedrock.content import invalid
from localcloud.bedrock.stand_ins import stand_in
from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.service import CloudContext, Params, Result

MOST_JOBS = 20
"""In-progress and submitted jobs of one model: AWS's default, which it raises when asked to."""

_ALPHABET = string.ascii_lowercase + string.digits
_CANNOT = ("vpcConfig",)
_PAGE = 100
_COUNTS = ("totalRecordCount", "processedRecordCount", "successRecordCount", "errorRecordCount")

Clients = Callable[[str, str], Any]
"""Given a service's botocore name and a role's ARN, "" for the administrator, returns a client."""


class BatchOperations:
    """Batch jobs."""

    def __init__(
        self,
        surroundings: CloudContext,
        known: Catalogue,
        jobs: Jobs,
        runner: BatchRunner,
        clients: Clients,
    ) -> None:
        """Keep jobs in `jobs` and have them done by `runner`."""
        self._surroundings = surroundings
        self._catalogue = known
        self._jobs = jobs
        self._runner = runner
        self._clients = clients

    def create_model_invocation_job(self, params: Params) -> Result:
        """Keep a job; it is durable when this returns. Raises AwsError."""
        for name in _CANNOT:
            if name in params:
                raise invalid(f"The local cloud has no networks; leave out {name}.")
        output = params["outputDataConfig"].get("s3OutputDataConfig")
        if not output or "s3InputDataConfig" not in params["inputDataConfig"]:
            raise invalid("inputDataConfig and outputDataConfig must name places in S3.")
        source = params["inputDataConfig"]["s3InputDataConfig"]
        own = self._surroundings.account_id
        if {place.get("s3BucketOwner", own) for place in (source, output)} != {own}:
            raise invalid(f"The local cloud has the buckets of the account {own} only.")
        if "s3EncryptionKeyId" in output:
            raise invalid("The local cloud encrypts nothing; leave out s3EncryptionKeyId.")
        stand_in(self._catalogue, params["modelId"])
        self._check_role(params["roleArn"])
        job_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        asked = {name: value for name, value in params.items() if name != "tags"}
        job = self._jobs.add(job_id, asked, MOST_JOBS)
        self._runner.wake()
        return {"jobArn": self._runner.arn(job)}

    def get_model_invocation_job(self, params: Params) -> Result:
        """Describe a job."""
        return self._shown(self._jobs.get(params["jobIdentifier"]))

    def list_model_invocation_jobs(self, params: Params) -> Result:
        """List jobs, newest first unless asked otherwise, narrowed as asked."""
        found = [job for job in self._jobs.all() if _is_asked_for(job, params)]
        if params.get("sortOrder", "Descending") == "Descending":
            found.reverse()
        begin, size = _offset(params.get("nextToken")), params.get("maxResults", _PAGE)
        page = [self._shown(job) for job in found[begin : begin + size]]
        more = {"nextToken": str(begin + size)} if len(found) > begin + size else {}
        return {"invocationJobSummaries": page, **more}

    def stop_model_invocation_job(self, params: Params) -> Result:
        """Stop a job after the record in hand; what is answered is written."""
        job = self._jobs.get(params["jobIdentifier"])
        moved = self._jobs.move(job, "Stopping")
        if moved.status != "Stopping" or job.status == "Stopping":
            raise AwsError(
                "ConflictException",
                f"The model invocation job is {moved.status} and can't be stopped.",
            )
        self._runner.wake()
        return {}

    def _check_role(self, role_arn: str) -> None:
        """Refuse a role that is not there, or that Bedrock may not assume.

        https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html
        """
        name = role_arn.rpartition("/")[2]
        try:
            role = self._clients("iam", "").get_role(RoleName=name)["Role"]
        except ClientError as error:
            raise invalid(f"The role {role_arn} does not exist.") from error
        trust = role["AssumeRolePolicyDocument"]
        trust = json.loads(trust) if isinstance(trust, str) else trust
        if role["Arn"] != role_arn or not _trusts_bedrock(trust):
            raise invalid(
                f"Amazon Bedrock can't assume the role {role_arn}; its trust policy must let "
                "bedrock.amazonaws.com do sts:AssumeRole."
            )

    def _shown(self, job: Job) -> dict[str, Any]:
        ended = {} if job.ended_at is None else {"endTime": utc(job.ended_at)}
        message = {} if job.message is None else {"message": job.message}
        counts = {name: job.counts[name] for name in _COUNTS if name in job.counts}
        return {
            "jobArn": self._runner.arn(job),
            "modelInvocationType": "InvokeModel",
            "timeoutDurationInHours": DEFAULT_HOURS,
            **job.asked,
            "status": job.status,
            "submitTime": utc(job.submitted_at),
            "lastModifiedTime": utc(job.modified_at),
            "jobExpirationTime": utc(job.expires_at),
            **ended,
            **message,
            **counts,
        }


def _is_asked_for(job: Job, params: Params) -> bool:
    submitted = utc(job.submitted_at)
    return (
        params.get("statusEquals", job.status) == job.status
        and params.get("nameContains", "") in job.asked["jobName"]
        and params.get("submitTimeAfter", submitted) <= submitted
        and params.get("submitTimeBefore", submitted) >= submitted
    )


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise invalid("The nextToken is not one that was given.")
    return int(token)


def _trusts_bedrock(document: Mapping[str, Any]) -> bool:
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        services = services if isinstance(services, list) else [services]
        if statement.get("Effect") == "Allow" and "bedrock.amazonaws.com" in services:
            return True
    return False
