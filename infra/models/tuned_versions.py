"""The version that serves under a name: what it was trained on, and what the training cost.

The registry names the training, whose jobs at SageMaker have the data and the billed seconds.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.contracts.serving import CANDIDATE, Serving, pointer_key
from infra.models.added_models import AddedModelStage
from infra.models.own_data import fetch_objects
from infra.models.training import TrainingError, TrainingStage
from infra.stages import StageConnection
from models.training.job import TRAINING_CHANNEL
from models.training.targets import targets

_HOUR_S = 3600
_ABSENT = ("NoSuchKey", "404")
_UNKNOWN_JOB = ("ValidationException", "ResourceNotFound")


@dataclass(frozen=True, slots=True)
class TrainingBill:
    """The billed seconds of a training's jobs, and dollars at list prices.

    `dollars` is None where a job or a price is not known; `note` then says why.
    """

    seconds: float = 0.0
    dollars: Decimal | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class TunedVersion:
    """The version that answers as `name`.

    `data` is the location of the rows that it was trained on, and `base` the name under which its
    base answers without what was tuned, "" if none does. `champion` is the name of the version
    that serves while this one is a candidate, or "".
    """

    name: str
    label: str
    recipe: str
    data: str
    bill: TrainingBill
    base: str = ""
    champion: str = ""


class TunedVersions:
    """The tuned versions that a stage serves."""

    def __init__(self, place: StageConnection) -> None:
        """Connect to the stage by `place`."""
        self._place = place
        self._home = TrainingStage.of(place.outputs)

    def find(self, name: str) -> TunedVersion:
        """Return the version that answers as `name`, or as NAME@candidate.

        Raises:
            TrainingError: none does, or its training is not known any more.
            ClientError, AddedModelError: AWS refuses, or the stage is too old.
        """
        plain, _, variant = name.partition("@")
        serving = self._serving(plain)
        if serving is None:
            known = ", ".join(each for each, _ in self._own()) or "none"
            raise TrainingError(
                f"No trained version serves as {plain!r}: `headrace models serve {plain} VERSION`. "
                f"Names that serve: {known}."
            )
        version = serving.candidate if variant == CANDIDATE else serving.serves
        if version is None or variant not in ("", CANDIDATE):
            raise TrainingError(f"{plain} has no candidate: `headrace models serve --rollout`.")
        if version.base_only:
            raise TrainingError(f"{plain} is the base of {version.label}; name the tuned model.")
        training = self._training(version.arn)
        jobs = [self._job(training), self._job(f"{training}-finish")]
        if jobs[0] is None:
            raise TrainingError(f"{version.label}: SageMaker does not know its job {training}.")
        return TunedVersion(
            name=name,
            label=version.label,
            recipe=str(json.loads(jobs[0]["HyperParameters"]["recipe"])),
            data=_data_of(jobs[0]),
            bill=training_bill(jobs),
            base=next(
                (
                    each
                    for each, served in self._own()
                    if served.serves.base_only and served.serves.arn == version.arn
                ),
                "",
            ),
            champion=plain if variant else "",
        )

    def fetch_data(self, version: TunedVersion, into: Path) -> Path:
        """Download the rows that a version was trained on, and return their folder.

        Raises:
            BadData: nothing is there.
            ClientError: AWS refuses.
        """
        return fetch_objects(self._place.client, version.data, into)

    def _own(self) -> Iterator[tuple[str, Serving]]:
        for entry in AddedModelStage(self._place).added().models:
            serving = self._serving(str(entry["name"]))
            if serving is not None:
                yield str(entry["name"]), serving

    def _serving(self, name: str) -> Serving | None:
        s3 = self._place.client("s3")
        try:
            found = s3.get_object(Bucket=self._home.bucket, Key=pointer_key(name))
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise
        return Serving.model_validate_json(found["Body"].read())

    def _training(self, arn: str) -> str:
        found = self._place.client("sagemaker").describe_model_package(ModelPackageName=arn)
        training = found.get("CustomerMetadataProperties", {}).get("training")
        if not training:
            raise TrainingError(f"{arn} does not say by which training it was made.")
        return str(training)

    def _job(self, name: str) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._place.client("sagemaker").describe_training_job(
                TrainingJobName=name
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _UNKNOWN_JOB:
                return None
            raise
        return found


def training_bill(jobs: list[Mapping[str, Any] | None]) -> TrainingBill:
    """Return what jobs were billed; a job that SageMaker does not know is None."""
    prices = {each.instance: each.price.usd_an_hour for each in targets().values() if each.price}
    seconds, dollars, unknown = 0.0, Decimal(0), []
    for job in jobs:
        if job is None:
            unknown.append("a job of the training is not known any more")
            continue
        resources = job["ResourceConfig"]
        billed = float(job.get("BillableTimeInSeconds", 0))
        billed *= int(resources.get("InstanceCount", 1))
        seconds += billed
        price = prices.get(resources["InstanceType"])
        if price is None:
            unknown.append(f"no price of {resources['InstanceType']} is known")
            continue
        dollars += price * Decimal(str(billed)) / _HOUR_S
    if unknown:
        return TrainingBill(seconds, None, "; ".join(dict.fromkeys(unknown)))
    return TrainingBill(seconds, dollars.quantize(Decimal("0.000001")))


def _data_of(job: Mapping[str, Any]) -> str:
    for channel in job["InputDataConfig"]:
        if channel["ChannelName"] == TRAINING_CHANNEL:
            return str(channel["DataSource"]["S3DataSource"]["S3Uri"])
    raise TrainingError(f"{job['TrainingJobName']} has no channel of data.")
