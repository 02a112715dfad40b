"""Batch jobs of Bedrock.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html
"""

from __future__ import annotations

from typing import Any

from chalicelib.adapters.aws import translated


class BedrockBatches:
    """Batch jobs that read and write below prefixes of one bucket, in the name of `role_arn`."""

    def __init__(self, client: Any, role_arn: str) -> None:
        self._client = client
        self._role_arn = role_arn

    def create(
        self, name: str, model_id: str, bucket: str, records: str, into: str, hours: int
    ) -> str:
        """Ask for a job called `name` for the object `records`; return its ARN.

        Asked for again under its name, it is the same job. `into` is a prefix with its final slash.
        """
        with translated(f"asking for the batch job {name}"):
            made = self._client.create_model_invocation_job(
                jobName=name,
                clientRequestToken=name,
                roleArn=self._role_arn,
                modelId=model_id,
                modelInvocationType="Converse",
                inputDataConfig={"s3InputDataConfig": {"s3Uri": f"s3://{bucket}/{records}"}},
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}/{into}"}},
                timeoutDurationInHours=hours,
            )
        return str(made["jobArn"])

    def named(self, prefix: str) -> str:
        """Return the ARN of the newest job whose name begins so, empty if there is none."""
        with translated(f"looking for the batch job {prefix}"):
            pages = self._client.get_paginator("list_model_invocation_jobs")
            found = (
                str(job["jobArn"])
                for page in pages.paginate(nameContains=prefix)
                for job in page["invocationJobSummaries"]
                if job["jobName"].startswith(prefix)
            )
            return next(found, "")

    def status(self, arn: str) -> str:
        """Return the state of a job, as Bedrock calls it; raise `NotFound`."""
        with translated(f"looking at {arn}"):
            return str(self._client.get_model_invocation_job(jobIdentifier=arn)["status"])

    def message(self, arn: str) -> str:
        """Return why a job failed, as Bedrock says it, empty if it says nothing."""
        with translated(f"looking at {arn}"):
            found = self._client.get_model_invocation_job(jobIdentifier=arn)
        return str(found.get("message", ""))

    def stop(self, arn: str) -> None:
        """Have a job answer no more; one that has ended is `Conflict`."""
        with translated(f"stopping {arn}"):
            self._client.stop_model_invocation_job(jobIdentifier=arn)
