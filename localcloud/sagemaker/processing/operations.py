"""The operations on processing jobs.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.jobs.program import JobContext, ProgramSettings
from localcloud.sagemaker.jobs.runner import JobRunner
from localcloud.sagemaker.jobs.store import JobStore, SageMakerJob
from localcloud.sagemaker.processing.runner import ML_ROOT, ProcessingRunner
from localcloud.sagemaker.requests import check_name, check_unsupported, list_page, validation_error
from localcloud.service import Params, Result

_LOCAL_ROOT = f"{ML_ROOT}/processing/"


class ProcessingOperations:
    """The operations on processing jobs."""

    def __init__(
        self, jobs: JobStore, context: JobContext, settings: ProgramSettings, folder: Path
    ) -> None:
        """Store jobs in `jobs`; programs run in folders below `folder`."""
        self._jobs = jobs
        self._context = context
        self._interpreter = settings.interpreter
        self.runner = JobRunner(
            jobs, "processing", ProcessingRunner(jobs, context, settings, folder).run
        )

    def create_processing_job(self, params: Params) -> Result:
        """Create a job and queue it. Raises AwsError if it could not run here."""
        name = params["ProcessingJobName"]
        check_name(name)
        _check_request(params)
        if not self._interpreter.exists():
            raise validation_error(
                f"The local cloud has no training environment at {self._interpreter}; "
                "`make training` makes it."
            )
        self._context.check_role(params["RoleArn"])
        if not self._jobs.add("processing", name, dict(params)):
            message = f"Processing job names must be unique: {self._arn(name)} exists."
            raise AwsError("ResourceInUse", message)
        self.runner.submit(name)
        return {"ProcessingJobArn": self._arn(name)}

    def describe_processing_job(self, params: Params) -> Result:
        """Return the description of a job."""
        job = self._get(params["ProcessingJobName"])
        request = {name: value for name, value in job.request.items() if name != "Tags"}
        started = {"ProcessingStartTime": utc(job.started_at)} if job.started_at else {}
        return {**request, **self._summary(job), **started}

    def list_processing_jobs(self, params: Params) -> Result:
        """List jobs, newest first by default."""
        check_unsupported(params, ("LastModifiedTimeBefore", "LastModifiedTimeAfter"))
        status = params.get("StatusEquals")
        jobs = [each for each in self._jobs.all("processing") if status in (None, each.status)]
        return list_page(params, "ProcessingJobSummaries", jobs, self._summary)

    def stop_processing_job(self, params: Params) -> Result:
        """Stop a job: its program gets SIGTERM, and later SIGKILL."""
        job = self._get(params["ProcessingJobName"])
        if not self._jobs.mark_stopping("processing", job.name):
            raise validation_error(
                f"The request was rejected because the processing job is in status {job.status}."
            )
        self.runner.interrupt(job.name)
        return {}

    def _get(self, name: str) -> SageMakerJob:
        job = self._jobs.get("processing", name)
        if job is None:
            raise AwsError("ResourceNotFound", f"Could not find processing job {name}.")
        return job

    def _arn(self, name: str) -> str:
        return self._context.cloud.arn("sagemaker", f"processing-job/{name.lower()}")

    def _summary(self, job: SageMakerJob) -> dict[str, Any]:
        message = job.state.get("message")
        return {
            "ProcessingJobName": job.name,
            "ProcessingJobArn": self._arn(job.name),
            "ProcessingJobStatus": job.status,
            "CreationTime": utc(job.created_at),
            "LastModifiedTime": utc(job.modified_at),
            **({"ProcessingEndTime": utc(job.ended_at)} if job.ended_at else {}),
            **({"FailureReason": job.reason} if job.reason else {}),
            **({"ExitMessage": message} if message else {}),
        }


def _check_request(params: Params) -> None:
    check_unsupported(params, ("NetworkConfig", "ExperimentConfig"))
    cluster = params["ProcessingResources"]["ClusterConfig"]
    if cluster.get("InstanceCount", 1) != 1:
        raise validation_error("The local cloud has one machine; InstanceCount has to be 1.")
    entry = params["AppSpecification"].get("ContainerEntrypoint", ())
    if len(entry) < 2 or not entry[0].rpartition("/")[2].startswith("python"):
        raise validation_error(
            "The local cloud runs no images, and so needs a ContainerEntrypoint of Python and a "
            f'program, such as ["python3", "{_LOCAL_ROOT}input/code/program.py"].'
        )
    for each in params.get("ProcessingInputs", ()):
        _check_input(each)
    config = params.get("ProcessingOutputConfig", {})
    check_unsupported(config, ("KmsKeyId",), "ProcessingOutputConfig")
    for each in config.get("Outputs", ()):
        where = f"output {each['OutputName']}"
        check_unsupported(each, ("FeatureStoreOutput", "AppManaged"), where)
        _check_location(each.get("S3Output", {}), where)


def _check_input(input_: Mapping[str, Any]) -> None:
    where = f"input {input_['InputName']}"
    check_unsupported(input_, ("DatasetDefinition", "AppManaged"), where)
    source = input_.get("S3Input", {})
    _check_location(source, where)
    if source["S3DataType"] != "S3Prefix" or source.get("S3InputMode", "File") != "File":
        raise validation_error(
            f"The {where} has to be an S3Prefix that is downloaded: S3InputMode File."
        )
    if source.get("S3CompressionType", "None") != "None":
        raise validation_error(f"The {where} has to be as it is: S3CompressionType None.")


def _check_location(location: Mapping[str, Any], where: str) -> None:
    path = str(location.get("LocalPath", ""))
    if not path.startswith(_LOCAL_ROOT) or ".." in path.split("/"):
        raise validation_error(f"The {where} needs a LocalPath below {_LOCAL_ROOT}.")
    if not str(location.get("S3Uri", "")).startswith("s3://"):
        raise validation_error(f"The {where} needs an S3Uri, s3://BUCKET/PREFIX.")
