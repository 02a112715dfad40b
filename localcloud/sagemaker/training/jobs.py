"""Training jobs: made, described, listed, stopped.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.listing import listed
from localcloud.sagemaker.refusals import invalid, refuse
from localcloud.sagemaker.roles import CheckRole
from localcloud.sagemaker.training.keeping import Keeper
from localcloud.sagemaker.training.record import Record, Records
from localcloud.service import CloudContext, Params, Result

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_PROGRAM, _CODE = "sagemaker_program", "sagemaker_submit_directory"
_CHECKPOINTS = "/opt/ml/checkpoints"
_NOT_OF_JOBS = (
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
_NOT_OF_ALGORITHMS = ("AlgorithmName", "ContainerEntrypoint", "ContainerArguments")
_NOT_OF_CHANNELS = ("CompressionType", "RecordWrapperType", "ShuffleConfig")


class TrainingOperations:
    """Training jobs."""

    def __init__(
        self,
        surroundings: CloudContext,
        records: Records,
        keeper: Keeper,
        check_role: CheckRole,
        interpreter: Path,
    ) -> None:
        """Keep jobs in `records` and let `keeper` run them, by `interpreter`."""
        self._surroundings = surroundings
        self._records = records
        self._keeper = keeper
        self._check_role = check_role
        self._interpreter = interpreter

    def create_training_job(self, params: Params) -> Result:
        """Keep a job and begin it. Raises AwsError for what could not run here."""
        name = params["TrainingJobName"]
        if not _NAME.fullmatch(name):
            raise invalid(f"{name!r} is no name: at most 63 letters, digits, hyphens between them.")
        self.check(params)
        if not self.begin(dict(params)):
            message = f"Training job names must be unique: {self.arn(name)} exists."
            raise AwsError("ResourceInUse", message)
        return {"TrainingJobArn": self.arn(name)}

    def check(self, params: Params) -> None:
        """Raise AwsError where what a job is asked for could not run here."""
        _check(params)
        if not self._interpreter.exists():
            raise invalid(
                f"The local cloud has no training environment at {self._interpreter}; "
                "`make training` makes it."
            )
        self._check_role(params["RoleArn"])

    def begin(self, asked: Mapping[str, Any]) -> bool:
        """Keep a job that was checked, and let it run; False where its name is taken."""
        name = str(asked["TrainingJobName"])
        made = self._records.add(name, asked)
        if made:
            self._keeper.submit(name)
        return made

    def describe_training_job(self, params: Params) -> Result:
        """Describe a job."""
        found = self._found(params["TrainingJobName"])
        asked = {name: value for name, value in found.asked.items() if name != "Tags"}
        return {
            **asked,
            **self._summary(found),
            "SecondaryStatus": found.secondary,
            "SecondaryStatusTransitions": _transitions(found),
            "FinalMetricDataList": [
                {"MetricName": name, "Value": value, "Timestamp": utc(at)}
                for name, (value, at) in found.metrics.items()
            ],
            "EnableManagedSpotTraining": bool(asked.get("EnableManagedSpotTraining")),
            "ModelArtifacts": {"S3ModelArtifacts": found.artefact or ""},
            **_times(found),
            **({"FailureReason": found.reason} if found.reason else {}),
        }

    def list_training_jobs(self, params: Params) -> Result:
        """List jobs, newest first unless asked otherwise."""
        refuse(
            params,
            ("LastModifiedTimeBefore", "LastModifiedTimeAfter", "WarmPoolStatusEquals"),
        )
        wanted = params.get("StatusEquals")
        found = [each for each in self._records.all() if wanted in (None, each.status)]
        return listed(params, "TrainingJobSummaries", found, self._summary)

    def stop_training_job(self, params: Params) -> Result:
        """Let a job end: SIGTERM, and 120 seconds later SIGKILL."""
        found = self._found(params["TrainingJobName"])
        if not self.stop(found.name):
            raise invalid(
                f"The request was rejected because the training job is in status {found.status}."
            )
        return {}

    def stop(self, name: str) -> bool:
        """Let a job end that is in progress; False where it is not."""
        if not self._records.begin_to_stop(name):
            return False
        self._records.pass_to(name, "Stopping", "Stopping the training job")
        self._keeper.interrupt(name)
        return True

    def find(self, name: str) -> Record | None:
        """Return a job as it is kept, or None."""
        return self._records.get(name)

    def _found(self, name: str) -> Record:
        found = self._records.get(name)
        if found is None:
            raise invalid("Requested resource not found.")
        return found

    def arn(self, name: str) -> str:
        """Return the ARN of a job, which has its name in lower case."""
        return self._surroundings.arn("sagemaker", f"training-job/{name.lower()}")

    def _summary(self, found: Record) -> dict[str, Any]:
        ended = {"TrainingEndTime": utc(found.ended_at)} if found.ended_at else {}
        return {
            "TrainingJobName": found.name,
            "TrainingJobArn": self.arn(found.name),
            "CreationTime": utc(found.created_at),
            "LastModifiedTime": utc(found.modified_at),
            "TrainingJobStatus": found.status,
            **ended,
        }


def _check(params: Params) -> None:
    refuse(params, _NOT_OF_JOBS)
    refuse(params["AlgorithmSpecification"], _NOT_OF_ALGORITHMS, "an algorithm")
    if params["AlgorithmSpecification"]["TrainingInputMode"] != "File":
        raise invalid("The local cloud downloads channels; TrainingInputMode has to be File.")
    given = params.get("HyperParameters", {})
    missing = [name for name in (_PROGRAM, _CODE) if not given.get(name)]
    if missing:
        raise invalid(
            f"The local cloud runs no images, and so needs the hyperparameters {_PROGRAM} and "
            f"{_CODE}, as AWS's framework containers do; {' and '.join(missing)} is missing."
        )
    if params["ResourceConfig"].get("InstanceCount", 1) != 1:
        raise invalid("The local cloud has one machine; InstanceCount has to be 1.")
    for channel in params.get("InputDataConfig", ()):
        _check_channel(channel)
    local = params.get("CheckpointConfig", {}).get("LocalPath", _CHECKPOINTS)
    if local.rstrip("/") != _CHECKPOINTS:
        raise invalid(f"The local cloud keeps checkpoints of {_CHECKPOINTS} alone.")
    for each in params["AlgorithmSpecification"].get("MetricDefinitions", ()):
        _check_pattern(each)


def _check_channel(channel: Mapping[str, Any]) -> None:
    where = f"channel {channel['ChannelName']}"
    refuse({k: v for k, v in channel.items() if v != "None"}, _NOT_OF_CHANNELS, where)
    source = channel["DataSource"].get("S3DataSource")
    if source is None or source["S3DataType"] != "S3Prefix":
        raise invalid(f"The {where} has to be of an S3Prefix.")
    if channel.get("InputMode", "File") != "File":
        raise invalid(f"The {where} has to be downloaded: InputMode File.")


def _check_pattern(definition: Mapping[str, str]) -> None:
    try:
        re.compile(definition["Regex"])
    except re.error as error:
        raise invalid(f"The pattern of {definition['Name']} is none: {error}.") from error


def _transitions(found: Record) -> list[dict[str, Any]]:
    starts = [each["at"] for each in found.transitions]
    ends = [*starts[1:], found.ended_at]
    return [
        {
            "Status": each["status"],
            "StatusMessage": each["message"],
            "StartTime": utc(each["at"]),
            **({"EndTime": utc(end)} if end else {}),
        }
        for each, end in zip(found.transitions, ends, strict=True)
    ]


def _times(found: Record) -> dict[str, Any]:
    if found.started_at is None:
        return {}
    told: dict[str, Any] = {"TrainingStartTime": utc(found.started_at)}
    if found.ended_at is not None:
        seconds = max(1, round(found.ended_at - found.started_at))
        told |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return told
