"""The operations on transform jobs.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.hosting.container import ContainerSettings
from localcloud.sagemaker.hosting.definitions import DefinitionOperations
from localcloud.sagemaker.jobs.program import JobContext
from localcloud.sagemaker.jobs.runner import JobRunner
from localcloud.sagemaker.jobs.store import JobStore, SageMakerJob
from localcloud.sagemaker.requests import check_name, check_unsupported, list_page, validation_error
from localcloud.sagemaker.transform.runner import PAYLOAD_MB, TransformRunner
from localcloud.service import CloudContext, Params, Result

_UNSUPPORTED_IN_JOB = ("DataCaptureConfig", "DataProcessing", "ExperimentConfig")
_MAX_MB_IN_FLIGHT = 100
"""The limit of MaxConcurrentTransforms times MaxPayloadInMB, as on AWS."""


class TransformOperations:
    """The operations on transform jobs."""

    def __init__(
        self,
        jobs: JobStore,
        context: JobContext,
        settings: ContainerSettings,
        models: DefinitionOperations,
        folder: Path,
    ) -> None:
        """Store jobs in `jobs`, each with a copy of its model from `models`."""
        self._surroundings: CloudContext = context.cloud
        self._jobs = jobs
        self._models = models
        self.runner = JobRunner(
            jobs, "transform", TransformRunner(jobs, context, settings, folder).run
        )

    def create_transform_job(self, params: Params) -> Result:
        """Create a job and queue it. Raises AwsError if it could not run here."""
        name = params["TransformJobName"]
        check_name(name)
        _check_request(params)
        model = dict(self._models.model(params["ModelName"]).request)
        if not self._jobs.add("transform", name, dict(params), {"model": model}):
            message = f"Transform job names must be unique: {self._arn(name)} exists."
            raise AwsError("ResourceInUse", message)
        self.runner.submit(name)
        return {"TransformJobArn": self._arn(name)}

    def describe_transform_job(self, params: Params) -> Result:
        """Return the description of a job."""
        job = self._get(params["TransformJobName"])
        request = {name: value for name, value in job.request.items() if name != "Tags"}
        started = {"TransformStartTime": utc(job.started_at)} if job.started_at else {}
        return {
            **request,
            **self._summary(job),
            **started,
            **({"FailureReason": job.reason} if job.reason else {}),
        }

    def list_transform_jobs(self, params: Params) -> Result:
        """List jobs, newest first by default."""
        check_unsupported(params, ("LastModifiedTimeBefore", "LastModifiedTimeAfter"))
        status = params.get("StatusEquals")
        jobs = [each for each in self._jobs.all("transform") if status in (None, each.status)]
        return list_page(params, "TransformJobSummaries", jobs, self._list_entry)

    def stop_transform_job(self, params: Params) -> Result:
        """Stop a job; the results so far are kept."""
        job = self._get(params["TransformJobName"])
        if not self._jobs.mark_stopping("transform", job.name):
            raise validation_error(
                f"The request was rejected because the transform job is in status {job.status}."
            )
        self.runner.interrupt(job.name)
        return {}

    def _get(self, name: str) -> SageMakerJob:
        job = self._jobs.get("transform", name)
        if job is None:
            raise AwsError("ResourceNotFound", f"Could not find transform job {name}.")
        return job

    def _arn(self, name: str) -> str:
        return self._surroundings.arn("sagemaker", f"transform-job/{name.lower()}")

    def _list_entry(self, job: SageMakerJob) -> dict[str, Any]:
        return {**self._summary(job), "LastModifiedTime": utc(job.modified_at)}

    def _summary(self, job: SageMakerJob) -> dict[str, Any]:
        return {
            "TransformJobName": job.name,
            "TransformJobArn": self._arn(job.name),
            "TransformJobStatus": job.status,
            "CreationTime": utc(job.created_at),
            **({"TransformEndTime": utc(job.ended_at)} if job.ended_at else {}),
        }


def _check_request(params: Params) -> None:
    check_unsupported(params, _UNSUPPORTED_IN_JOB)
    source_config = params["TransformInput"]
    if source_config.get("SplitType", "None") not in ("None", "Line"):
        raise validation_error(
            f"The local cloud splits by Line or None, not by {source_config['SplitType']}."
        )
    if source_config.get("CompressionType", "None") != "None":
        raise validation_error(
            "The local cloud reads no compressed input; CompressionType has to be None."
        )
    source = source_config["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise validation_error("The input has to be of an S3Prefix or a ManifestFile.")
    if not source["S3Uri"].startswith("s3://"):
        raise validation_error("S3Uri must be an address in S3, s3://BUCKET/KEY.")
    check_unsupported(params["TransformOutput"], ("KmsKeyId",), "TransformOutput")
    if not params["TransformOutput"]["S3OutputPath"].startswith("s3://"):
        raise validation_error("S3OutputPath must be an address in S3, s3://BUCKET/PREFIX.")
    if params["TransformResources"]["InstanceCount"] != 1:
        raise validation_error("The local cloud has one machine; InstanceCount has to be 1.")
    size = params.get("MaxPayloadInMB") or PAYLOAD_MB
    if size * max(1, params.get("MaxConcurrentTransforms", 1)) > _MAX_MB_IN_FLIGHT:
        raise validation_error(
            "MaxConcurrentTransforms times MaxPayloadInMB has to be at most "
            f"{_MAX_MB_IN_FLIGHT} MB."
        )
