"""Jobs, models and keys of a stage in services of AWS, which outlive its stack.

A job is of no stack: it runs on, and is billed, after everything that asked for it is gone.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-stop.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteModelPackageGroup.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.account import Account
from infra.deployment.console import Console
from infra.deployment.failures import (
    code_of,
    is_denied,
    is_missing,
    is_unreachable,
    message_of,
)

POLL_SECONDS = 5.0
MAX_POLLS = 60
"""Five minutes; SageMaker gives a program two to end, and Bedrock finishes what it has begun."""


@dataclass(frozen=True, slots=True)
class ServiceResource:
    """A running job, model or endpoint: `kind` says what it is, `id` is what stops it."""

    kind: str
    name: str
    id: str
    status: str


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """A group of SageMaker's model registry, and the ARNs of its versions."""

    name: str
    versions: Sequence[str]


@dataclass(frozen=True, slots=True)
class ServiceInventory:
    """The jobs, models and endpoints of a stage in Bedrock and SageMaker, and keys of models.

    `jobs` run, `groups` and `hosted` (models, endpoints and their configurations) lie there.
    `secrets` are the names of the keys of added models in Secrets Manager. `unseen` are sentences
    about what could not be looked for.
    """

    jobs: Sequence[ServiceResource] = ()
    groups: Sequence[ModelGroup] = ()
    hosted: Sequence[ServiceResource] = ()
    unseen: Sequence[str] = ()
    secrets: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was found."""
        return not (self.jobs or self.groups or self.hosted or self.secrets)


@dataclass(frozen=True, slots=True)
class SageMakerKind:
    """The calls that list resources of one kind, and stop or delete them by their names."""

    kind: str
    listing: str
    summaries: str
    name: str
    status: str
    end: str


JOB_KINDS = (
    # Tuning first: it begins trainings until it is stopped.
    SageMakerKind(
        "tuning job",
        "list_hyper_parameter_tuning_jobs",
        "HyperParameterTuningJobSummaries",
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobStatus",
        "stop_hyper_parameter_tuning_job",
    ),
    SageMakerKind(
        "training job",
        "list_training_jobs",
        "TrainingJobSummaries",
        "TrainingJobName",
        "TrainingJobStatus",
        "stop_training_job",
    ),
    SageMakerKind(
        "processing job",
        "list_processing_jobs",
        "ProcessingJobSummaries",
        "ProcessingJobName",
        "ProcessingJobStatus",
        "stop_processing_job",
    ),
    SageMakerKind(
        "transform job",
        "list_transform_jobs",
        "TransformJobSummaries",
        "TransformJobName",
        "TransformJobStatus",
        "stop_transform_job",
    ),
)
HOSTED_KINDS = (
    SageMakerKind(
        "endpoint",
        "list_endpoints",
        "Endpoints",
        "EndpointName",
        "EndpointStatus",
        "delete_endpoint",
    ),
    SageMakerKind(
        "endpoint configuration",
        "list_endpoint_configs",
        "EndpointConfigs",
        "EndpointConfigName",
        "",
        "delete_endpoint_config",
    ),
    SageMakerKind("model", "list_models", "Models", "ModelName", "", "delete_model"),
)
_BATCH = "batch job of Bedrock"
_BATCH_RUNNING = frozenset({"Submitted", "Validating", "Scheduled", "InProgress", "Stopping"})
_RUNNING = ("InProgress", "Stopping")
_ENDED_MEANWHILE = frozenset({"ConflictException", "ResourceNotFound", "ValidationException"})
"""Codes of Bedrock and SageMaker for what has ended, or is gone, since it was listed."""

_T = TypeVar("_T")


def find_service_resources(
    account: Account, stage: str, buckets: Sequence[str]
) -> ServiceInventory:
    """Return what the stage has in Bedrock and SageMaker.

    SageMaker's names begin with the stage's. Batch jobs are those that read from one of `buckets`.
    """
    unseen: list[str] = []
    batches = _look(unseen, "batch jobs of Bedrock", lambda: _batch_jobs(account, buckets))
    jobs = _look(unseen, "jobs of SageMaker", lambda: _sagemaker_jobs(account, stage))
    hosted = _look(unseen, "models and endpoints of SageMaker", lambda: _hosted(account, stage))
    groups = _look(unseen, "groups of SageMaker's model registry", lambda: _groups(account, stage))
    secrets = _look(unseen, "keys of added models", lambda: _secrets(account, stage))
    return ServiceInventory([*batches, *jobs], groups, hosted, unseen, secrets)


def stop_service_jobs(
    account: Account,
    stage: str,
    jobs: Sequence[ServiceResource],
    voice: Console,
    sleep: Callable[[float], None],
) -> list[str]:
    """Stop jobs, and wait until they have ended; return a line for each that has not."""
    for job in jobs:
        voice.line(f"Stopping the {job.kind} {job.name}.", "dim")
        if job.status != "Stopping":
            _stop(account, job)
    running = list(jobs)
    for poll in range(MAX_POLLS):
        running = [job for job in running if _is_running(account, job)]
        if not running or poll == MAX_POLLS - 1:
            break
        sleep(POLL_SECONDS)
    return [
        f"The {job.kind} {job.name}, which is stopping and is billed until it has ended: "
        f"{account.commands.headrace(f'destroy --stage {stage}')} looks again."
        for job in running
    ]


def delete_service_resources(account: Account, inventory: ServiceInventory, voice: Console) -> None:
    """Delete keys of models, endpoints, models, and groups of the registry with all versions."""
    for secret in inventory.secrets:
        voice.line(f"Removing the secret {secret}.", "dim")
        with _ignore_ended():
            account.client("secretsmanager").delete_secret(
                SecretId=secret, ForceDeleteWithoutRecovery=True
            )
    sagemaker: Any = account.client("sagemaker") if not inventory.is_empty else None
    for each in inventory.hosted:
        voice.line(f"Removing the {each.kind} {each.name}.", "dim")
        kind = next(kind for kind in HOSTED_KINDS if kind.kind == each.kind)
        with _ignore_ended():
            getattr(sagemaker, kind.end)(**{kind.name: each.name})
    for group in inventory.groups:
        voice.line(f"Removing the model package group {group.name}.", "dim")
        for version in group.versions:
            with _ignore_ended():
                sagemaker.delete_model_package(ModelPackageName=version)
        with _ignore_ended():
            sagemaker.delete_model_package_group(ModelPackageGroupName=group.name)


def _batch_jobs(account: Account, buckets: Sequence[str]) -> Iterator[ServiceResource]:
    if not buckets:
        return
    prefixes = tuple(f"s3://{bucket}/" for bucket in buckets)
    listed = account.client("bedrock").get_paginator("list_model_invocation_jobs")
    for page in listed.paginate(nameContains="headrace-"):
        for job in page["invocationJobSummaries"]:
            source = job["inputDataConfig"].get("s3InputDataConfig", {}).get("s3Uri", "")
            if job["status"] in _BATCH_RUNNING and source.startswith(prefixes):
                yield ServiceResource(_BATCH, job["jobName"], job["jobArn"], job["status"])


def _sagemaker_jobs(account: Account, stage: str) -> Iterator[ServiceResource]:
    for kind in JOB_KINDS:
        for status in _RUNNING:
            yield from _named(account, stage, kind, StatusEquals=status)


def _hosted(account: Account, stage: str) -> Iterator[ServiceResource]:
    for kind in HOSTED_KINDS:
        yield from _named(account, stage, kind)


def _secrets(account: Account, stage: str) -> Iterator[str]:
    prefix = f"headrace/{stage}/models/"
    listed = account.client("secretsmanager").get_paginator("list_secrets")
    for page in listed.paginate(Filters=[{"Key": "name", "Values": [prefix]}]):
        yield from (
            str(each["Name"]) for each in page["SecretList"] if each["Name"].startswith(prefix)
        )


def _named(
    account: Account, stage: str, kind: SageMakerKind, **filters: str
) -> Iterator[ServiceResource]:
    prefix = f"headrace-{stage}-"
    listed = account.client("sagemaker").get_paginator(kind.listing)
    for page in listed.paginate(NameContains=prefix, **filters):
        for each in page[kind.summaries]:
            if each[kind.name].startswith(prefix):
                name = str(each[kind.name])
                yield ServiceResource(kind.kind, name, name, str(each.get(kind.status, "")))


def _groups(account: Account, stage: str) -> Iterator[ModelGroup]:
    sagemaker, prefix = account.client("sagemaker"), f"headrace-{stage}-"
    listed = sagemaker.get_paginator("list_model_package_groups")
    versions = sagemaker.get_paginator("list_model_packages")
    for page in listed.paginate(NameContains=prefix):
        for group in page["ModelPackageGroupSummaryList"]:
            name = str(group["ModelPackageGroupName"])
            if name.startswith(prefix):
                arns = [
                    str(each["ModelPackageArn"])
                    for of_group in versions.paginate(ModelPackageGroupName=name)
                    for each in of_group["ModelPackageSummaryList"]
                ]
                yield ModelGroup(name, arns)


def _stop(account: Account, job: ServiceResource) -> None:
    with _ignore_ended():
        if job.kind == _BATCH:
            account.client("bedrock").stop_model_invocation_job(jobIdentifier=job.id)
            return
        kind = next(kind for kind in JOB_KINDS if kind.kind == job.kind)
        getattr(account.client("sagemaker"), kind.end)(**{kind.name: job.id})


def _is_running(account: Account, job: ServiceResource) -> bool:
    if job.kind == _BATCH:
        described = account.client("bedrock").get_model_invocation_job(jobIdentifier=job.id)
        return described["status"] in _BATCH_RUNNING
    kind = next(kind for kind in JOB_KINDS if kind.kind == job.kind)
    describe = getattr(account.client("sagemaker"), kind.end.replace("stop_", "describe_"))
    return describe(**{kind.name: job.id})[kind.status] in _RUNNING


@contextmanager
def _ignore_ended() -> Iterator[None]:
    """Leave the block silently if what it is about has ended, or is gone."""
    try:
        yield
    except ClientError as error:
        if not is_missing(error) and code_of(error) not in _ENDED_MEANWHILE:
            raise


def _look(unseen: list[str], what: str, look: Callable[[], Iterator[_T]]) -> list[_T]:
    """Return what is found, or nothing and a sentence in `unseen` if nobody may look.

    A region without the service has none of them.
    """
    try:
        return list(look())
    except (BotoCoreError, ClientError) as error:
        if is_unreachable(error):
            return []
        if not is_denied(error):
            raise
        unseen.append(
            f"{what[0].upper()}{what[1:]}, if there are any: the credentials may not look for them "
            f"({message_of(error)}). Running ones are billed until they end. "
            "infra/deployer-jobs-policy.json has the permissions."
        )
        return []
