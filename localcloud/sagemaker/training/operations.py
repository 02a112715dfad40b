"""The operations on training jobs, and their composition with store and runner.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.jobs.program import JobContext, ProgramSettings
from localcloud.sagemaker.requests import check_name, check_unsupported, list_page, validation_error
from localcloud.sagemaker.roles import CheckRole
from localcloud.sagemaker.training.runner import TrainingRunner
from localcloud.sagemaker.training.store import TrainingJobRecord, TrainingJobStore
from localcloud.service import CloudContext, Params, Result

_PROGRAM, _CODE = "sagemaker_program", "sagemaker_submit_directory"
_CHECKPOINTS = "/opt/ml/checkpoints"
_UNSUPPORTED_IN_JOB = (
    "VpcConfig",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "TensorBoardOutputConfig",
    "ProfilerConfig",
    "ProfilerRuleConfigurations",
    "RetryStrategy",
    "RemoteDebugConfig",
    "InfraCheckConfig",
    "SessionChainingConfig",
    "ServerlessJobConfig",
    "ModelPackageConfig",
)
_UNSUPPORTED_IN_ALGORITHM = ("AlgorithmName", "ContainerEntrypoint", "ContainerArguments")
_UNSUPPORTED_IN_CHANNEL = ("CompressionType", "RecordWrapperType", "ShuffleConfig")


class TrainingOperations:
    """The operations on training jobs."""

    def __init__(
        self,
        surroundings: CloudContext,
        records: TrainingJobStore,
        runner: TrainingRunner,
        check_role: CheckRole,
        interpreter: Path,
    ) -> None:
        """Store jobs in `records` for `runner`, which runs them by `interpreter`."""
        self._surroundings = surroundings
        self._records = records
        self._runner = runner
        self._check_role = check_role
        self._interpreter = interpreter

    def create_training_job(self, params: Params) -> Result:
        """Create a job and queue it. Raises AwsError if it could not run here."""
        name = params["TrainingJobName"]
        check_name(name)
        self.check(params)
        if not self.submit(dict(params)):
            message = f"Training job names must be unique: {self.arn(name)} exists."
            raise AwsError("ResourceInUse", message)
        return {"TrainingJobArn": self.arn(name)}

    def check(self, params: Params) -> None:
        """Raise AwsError if a job could not run here."""
        _check_request(params)
        if not self._interpreter.exists():
            raise validation_error(
                f"The local cloud has no training environment at {self._interpreter}; "
                "`make training` makes it."
            )
        self._check_role(params["RoleArn"])

    def submit(self, request: Mapping[str, Any]) -> bool:
        """Store and queue a job that was checked; return False if its name exists."""
        name = str(request["TrainingJobName"])
        created = self._records.add(name, request)
        if created:
            self._runner.submit(name)
        return created

    def describe_training_job(self, params: Params) -> Result:
        """Return the description of a job."""
        job = self._get(params["TrainingJobName"])
        request = {name: value for name, value in job.request.items() if name != "Tags"}
        return {
            **request,
            **self._summary(job),
            "SecondaryStatus": job.secondary_status,
            "SecondaryStatusTransitions": _transitions(job),
            "FinalMetricDataList": [
                {"MetricName": name, "Value": value, "Timestamp": utc(at)}
                for name, (value, at) in job.metrics.items()
            ],
            "EnableManagedSpotTraining": bool(request.get("EnableManagedSpotTraining")),
            "ModelArtifacts": {"S3ModelArtifacts": job.artefact or ""},
            **_times(job),
            **({"FailureReason": job.reason} if job.reason else {}),
        }

    def list_training_jobs(self, params: Params) -> Result:
        """List jobs, newest first by default."""
        check_unsupported(
            params,
            ("LastModifiedTimeBefore", "LastModifiedTimeAfter", "WarmPoolStatusEquals"),
        )
        status = params.get("StatusEquals")
        jobs = [each for each in self._records.all() if status in (None, each.status)]
        return list_page(params, "TrainingJobSummaries", jobs, self._summary)

    def stop_training_job(self, params: Params) -> Result:
        """Stop a job: its program gets SIGTERM, and SIGKILL 120 seconds later."""
        job = self._get(params["TrainingJobName"])
        if not self.stop(job.name):
            raise validation_error(
                f"The request was rejected because the training job is in status {job.status}."
            )
        return {}

    def stop(self, name: str) -> bool:
        """Stop a job in progress; return False if it is not in progress."""
        if not self._records.mark_stopping(name):
            return False
        self._records.add_transition(name, "Stopping", "Stopping the training job")
        self._runner.interrupt(name)
        return True

    def find(self, name: str) -> TrainingJobRecord | None:
        """Return a job, or None."""
        return self._records.get(name)

    def _get(self, name: str) -> TrainingJobRecord:
        job = self._records.get(name)
        if job is None:
            raise validation_error("Requested resource not found.")
        return job

    def arn(self, name: str) -> str:
        """Return the ARN of a job, in which its name is in lower case."""
        return self._surroundings.arn("sagemaker", f"training-job/{name.lower()}")

    def _summary(self, job: TrainingJobRecord) -> dict[str, Any]:
        ended = {"TrainingEndTime": utc(job.ended_at)} if job.ended_at else {}
        return {
            "TrainingJobName": job.name,
            "TrainingJobArn": self.arn(job.name),
            "CreationTime": utc(job.created_at),
            "LastModifiedTime": utc(job.modified_at),
            "TrainingJobStatus": job.status,
            **ended,
        }


def _check_request(params: Params) -> None:
    check_unsupported(params, _UNSUPPORTED_IN_JOB)
    check_unsupported(params["AlgorithmSpecification"], _UNSUPPORTED_IN_ALGORITHM, "an algorithm")
    if params["AlgorithmSpecification"]["TrainingInputMode"] != "File":
        raise validation_error(
            "The local cloud downloads channels; TrainingInputMode has to be File."
        )
    hyperparameters = params.get("HyperParameters", {})
    missing = [name for name in (_PROGRAM, _CODE) if not hyperparameters.get(name)]
    if missing:
        raise validation_error(
            f"The local cloud runs no images, and so needs the hyperparameters {_PROGRAM} and "
            f"{_CODE}, as AWS's framework containers do; {' and '.join(missing)} is missing."
        )
    if params["ResourceConfig"].get("InstanceCount", 1) != 1:
        raise validation_error("The local cloud has one machine; InstanceCount has to be 1.")
    for channel in params.get("InputDataConfig", ()):
        _check_channel(channel)
    local = params.get("CheckpointConfig", {}).get("LocalPath", _CHECKPOINTS)
    if local.rstrip("/") != _CHECKPOINTS:
        raise validation_error(f"The local cloud keeps checkpoints of {_CHECKPOINTS} alone.")
    for each in params["AlgorithmSpecification"].get("MetricDefinitions", ()):
        _check_pattern(each)


def _check_channel(channel: Mapping[str, Any]) -> None:
    where = f"channel {channel['ChannelName']}"
    check_unsupported(
        {k: v for k, v in channel.items() if v != "None"}, _UNSUPPORTED_IN_CHANNEL, where
    )
    source = channel["DataSource"].get("S3DataSource")
    if source is None or source["S3DataType"] != "S3Prefix":
        raise validation_error(f"The {where} has to be of an S3Prefix.")
    if channel.get("InputMode", "File") != "File":
        raise validation_error(f"The {where} has to be downloaded: InputMode File.")


def _check_pattern(definition: Mapping[str, str]) -> None:
    try:
        re.compile(definition["Regex"])
    except re.error as error:
        raise validation_error(
            f"The pattern of {definition['Name']} is not valid: {error}."
        ) from error


def _transitions(job: TrainingJobRecord) -> list[dict[str, Any]]:
    starts = [each["at"] for each in job.transitions]
    ends = [*starts[1:], job.ended_at]
    return [
        {
            "Status": each["status"],
            "StatusMessage": each["message"],
            "StartTime": utc(each["at"]),
            **({"EndTime": utc(end)} if end else {}),
        }
        for each, end in zip(job.transitions, ends, strict=True)
    ]


def _times(job: TrainingJobRecord) -> dict[str, Any]:
    if job.started_at is None:
        return {}
    times: dict[str, Any] = {"TrainingStartTime": utc(job.started_at)}
    if job.ended_at is not None:
        seconds = max(1, round(job.ended_at - job.started_at))
        times |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return times


class TrainingService:
    """Store, runner and operations of training jobs."""

    def __init__(
        self, context: JobContext, settings: ProgramSettings, on_end: Callable[[], None]
    ) -> None:
        """Open the store; nothing runs before `start`. `on_end` is called after each job."""
        folder = context.cloud.folder("sagemaker")
        self._records = TrainingJobStore(folder)
        self._runner = TrainingRunner(self._records, folder / "training", context, settings, on_end)
        self.operations = TrainingOperations(
            context.cloud,
            self._records,
            self._runner,
            context.check_role,
            settings.interpreter,
        )

    def start(self) -> None:
        """Run unfinished and new jobs."""
        self._runner.start()

    def stop(self) -> None:
        """Stop the running job, which the next start runs again, and close the store."""
        self._runner.stop()
        self._records.close()
