"""Processing jobs: made, described, listed, stopped.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.jobs.keeper import JobKeeper
from localcloud.sagemaker.jobs.record import Job, Jobs
from localcloud.sagemaker.listing import listed
from localcloud.sagemaker.processing.running import ML, Processor
from localcloud.sagemaker.refusals import invalid, refuse
from localcloud.sagemaker.training.service import Trainer
from localcloud.sagemaker.workplace import Workplace
from localcloud.service import Params, Result

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_PLACE = f"{ML}/processing/"


class ProcessingOperations:
    """Processing jobs."""

    def __init__(self, jobs: Jobs, workplace: Workplace, trainer: Trainer, folder: Path) -> None:
        """Keep jobs in `jobs`; programs run by the trainer's Python, in folders below `folder`."""
        self._jobs = jobs
        self._workplace = workplace
        self._interpreter = trainer.interpreter
        self.keeper = JobKeeper(jobs, "processing", Processor(jobs, workplace, trainer, folder).do)

    def create_processing_job(self, params: Params) -> Result:
        """Keep a job and begin it. Raises AwsError for what could not run here."""
        name = params["ProcessingJobName"]
        if not _NAME.fullmatch(name):
            raise invalid(f"{name!r} is no name: at most 63 letters, digits, hyphens between them.")
        _check(params)
        if not self._interpreter.exists():
            raise invalid(
                f"The local cloud has no training environment at {self._interpreter}; "
                "`make training` makes it."
            )
        self._workplace.check_role(params["RoleArn"])
        if not self._jobs.add("processing", name, dict(params)):
            message = f"Processing job names must be unique: {self._arn(name)} exists."
            raise AwsError("ResourceInUse", message)
        self.keeper.submit(name)
        return {"ProcessingJobArn": self._arn(name)}

    def describe_processing_job(self, params: Params) -> Result:
        """Describe a job."""
        found = self._found(params["ProcessingJobName"])
        asked = {name: value for name, value in found.asked.items() if name != "Tags"}
        started = {"ProcessingStartTime": utc(found.started_at)} if found.started_at else {}
        return {**asked, **self._summary(found), **started}

    def list_processing_jobs(self, params: Params) -> Result:
        """List jobs, newest first unless asked otherwise."""
        refuse(params, ("LastModifiedTimeBefore", "LastModifiedTimeAfter"))
        wanted = params.get("StatusEquals")
        found = [each for each in self._jobs.all("processing") if wanted in (None, each.status)]
        return listed(params, "ProcessingJobSummaries", found, self._summary)

    def stop_processing_job(self, params: Params) -> Result:
        """Let a job end: SIGTERM, and later SIGKILL."""
        found = self._found(params["ProcessingJobName"])
        if not self._jobs.begin_to_stop("processing", found.name):
            raise invalid(
                f"The request was rejected because the processing job is in status {found.status}."
            )
        self.keeper.interrupt(found.name)
        return {}

    def _found(self, name: str) -> Job:
        found = self._jobs.get("processing", name)
        if found is None:
            raise AwsError("ResourceNotFound", f"Could not find processing job {name}.")
        return found

    def _arn(self, name: str) -> str:
        return self._workplace.surroundings.arn("sagemaker", f"processing-job/{name.lower()}")

    def _summary(self, found: Job) -> dict[str, Any]:
        message = found.told.get("message")
        return {
            "ProcessingJobName": found.name,
            "ProcessingJobArn": self._arn(found.name),
            "ProcessingJobStatus": found.status,
            "CreationTime": utc(found.created_at),
            "LastModifiedTime": utc(found.modified_at),
            **({"ProcessingEndTime": utc(found.ended_at)} if found.ended_at else {}),
            **({"FailureReason": found.reason} if found.reason else {}),
            **({"ExitMessage": message} if message else {}),
        }


def _check(params: Params) -> None:
    refuse(params, ("NetworkConfig", "ExperimentConfig"))
    cluster = params["ProcessingResources"]["ClusterConfig"]
    if cluster.get("InstanceCount", 1) != 1:
        raise invalid("The local cloud has one machine; InstanceCount has to be 1.")
    entry = params["AppSpecification"].get("ContainerEntrypoint", ())
    if len(entry) < 2 or not entry[0].rpartition("/")[2].startswith("python"):
        raise invalid(
            "The local cloud runs no images, and so needs a ContainerEntrypoint of Python and a "
            f'program, such as ["python3", "{_PLACE}input/code/program.py"].'
        )
    for each in params.get("ProcessingInputs", ()):
        _check_input(each)
    config = params.get("ProcessingOutputConfig", {})
    refuse(config, ("KmsKeyId",), "ProcessingOutputConfig")
    for each in config.get("Outputs", ()):
        where = f"output {each['OutputName']}"
        refuse(each, ("FeatureStoreOutput", "AppManaged"), where)
        _check_place(each.get("S3Output", {}), where)


def _check_input(given: Mapping[str, Any]) -> None:
    where = f"input {given['InputName']}"
    refuse(given, ("DatasetDefinition", "AppManaged"), where)
    source = given.get("S3Input", {})
    _check_place(source, where)
    if source["S3DataType"] != "S3Prefix" or source.get("S3InputMode", "File") != "File":
        raise invalid(f"The {where} has to be an S3Prefix that is downloaded: S3InputMode File.")
    if source.get("S3CompressionType", "None") != "None":
        raise invalid(f"The {where} has to be as it is: S3CompressionType None.")


def _check_place(given: Mapping[str, Any], where: str) -> None:
    path = str(given.get("LocalPath", ""))
    if not path.startswith(_PLACE) or ".." in path.split("/"):
        raise invalid(f"The {where} needs a LocalPath below {_PLACE}.")
    if not str(given.get("S3Uri", "")).startswith("s3://"):
        raise invalid(f"The {where} needs an S3Uri, s3://BUCKET/PREFIX.")
