"""Transform jobs: made, described, listed, stopped.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTransformJob.html
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.container import Setting
from localcloud.sagemaker.definitions import Definitions
from localcloud.sagemaker.jobs.keeper import JobKeeper
from localcloud.sagemaker.jobs.record import Job, Jobs
from localcloud.sagemaker.listing import listed
from localcloud.sagemaker.refusals import invalid, refuse
from localcloud.sagemaker.transform.running import PAYLOAD_MB, Transformer
from localcloud.sagemaker.workplace import Workplace
from localcloud.service import CloudContext, Params, Result

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_NOT_OF_JOBS = ("DataCaptureConfig", "DataProcessing", "ExperimentConfig")
_MOST_MB = 100
"""MaxConcurrentTransforms times MaxPayloadInMB may be as much, on AWS too."""


class TransformOperations:
    """Transform jobs."""

    def __init__(
        self, jobs: Jobs, workplace: Workplace, setting: Setting, models: Definitions, folder: Path
    ) -> None:
        """Keep transforms in `jobs`; a model is taken as `models` has it when one is made."""
        self._surroundings: CloudContext = workplace.surroundings
        self._jobs = jobs
        self._models = models
        self.keeper = JobKeeper(jobs, "transform", Transformer(jobs, workplace, setting, folder).do)

    def create_transform_job(self, params: Params) -> Result:
        """Keep a transform and begin it. Raises AwsError for what could not run here."""
        name = params["TransformJobName"]
        if not _NAME.fullmatch(name):
            raise invalid(f"{name!r} is no name: at most 63 letters, digits, hyphens between them.")
        _check(params)
        model = dict(self._models.model(params["ModelName"]).asked)
        if not self._jobs.add("transform", name, dict(params), {"model": model}):
            message = f"Transform job names must be unique: {self._arn(name)} exists."
            raise AwsError("ResourceInUse", message)
        self.keeper.submit(name)
        return {"TransformJobArn": self._arn(name)}

    def describe_transform_job(self, params: Params) -> Result:
        """Describe a transform."""
        found = self._found(params["TransformJobName"])
        asked = {name: value for name, value in found.asked.items() if name != "Tags"}
        started = {"TransformStartTime": utc(found.started_at)} if found.started_at else {}
        return {
            **asked,
            **self._summary(found),
            **started,
            **({"FailureReason": found.reason} if found.reason else {}),
        }

    def list_transform_jobs(self, params: Params) -> Result:
        """List transforms, newest first unless asked otherwise."""
        refuse(params, ("LastModifiedTimeBefore", "LastModifiedTimeAfter"))
        wanted = params.get("StatusEquals")
        found = [each for each in self._jobs.all("transform") if wanted in (None, each.status)]
        return listed(params, "TransformJobSummaries", found, self._listed)

    def stop_transform_job(self, params: Params) -> Result:
        """Let a transform end; what is done stays."""
        found = self._found(params["TransformJobName"])
        if not self._jobs.begin_to_stop("transform", found.name):
            raise invalid(
                f"The request was rejected because the transform job is in status {found.status}."
            )
        self.keeper.interrupt(found.name)
        return {}

    def _found(self, name: str) -> Job:
        found = self._jobs.get("transform", name)
        if found is None:
            raise AwsError("ResourceNotFound", f"Could not find transform job {name}.")
        return found

    def _arn(self, name: str) -> str:
        return self._surroundings.arn("sagemaker", f"transform-job/{name.lower()}")

    def _listed(self, found: Job) -> dict[str, Any]:
        return {**self._summary(found), "LastModifiedTime": utc(found.modified_at)}

    def _summary(self, found: Job) -> dict[str, Any]:
        return {
            "TransformJobName": found.name,
            "TransformJobArn": self._arn(found.name),
            "TransformJobStatus": found.status,
            "CreationTime": utc(found.created_at),
            **({"TransformEndTime": utc(found.ended_at)} if found.ended_at else {}),
        }


def _check(params: Params) -> None:
    refuse(params, _NOT_OF_JOBS)
    given = params["TransformInput"]
    if given.get("SplitType", "None") not in ("None", "Line"):
        raise invalid(f"The local cloud splits by Line or None, not by {given['SplitType']}.")
    if given.get("CompressionType", "None") != "None":
        raise invalid("The local cloud reads no compressed input; CompressionType has to be None.")
    source = given["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise invalid("The input has to be of an S3Prefix or a ManifestFile.")
    if not source["S3Uri"].startswith("s3://"):
        raise invalid("S3Uri must be an address in S3, s3://BUCKET/KEY.")
    refuse(params["TransformOutput"], ("KmsKeyId",), "TransformOutput")
    if not params["TransformOutput"]["S3OutputPath"].startswith("s3://"):
        raise invalid("S3OutputPath must be an address in S3, s3://BUCKET/PREFIX.")
    if params["TransformResources"]["InstanceCount"] != 1:
        raise invalid("The local cloud has one machine; InstanceCount has to be 1.")
    size = params.get("MaxPayloadInMB") or PAYLOAD_MB
    if size * max(1, params.get("MaxConcurrentTransforms", 1)) > _MOST_MB:
        raise invalid(
            f"MaxConcurrentTransforms times MaxPayloadInMB has to be at most {_MOST_MB} MB."
        )
