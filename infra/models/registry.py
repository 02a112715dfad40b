"""Versions of trained models in a stage's SageMaker registry, and their artefacts.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry.html
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.stages import Client
from models.training.metrics import HISTORY, read_history

APPROVED, WAITING = "Approved", "PendingManualApproval"
_PACKED = "model.tar.gz"
_VERSION = re.compile(r"arn:[^/ ]+:model-package/(?P<group>[A-Za-z0-9-]+)/(?P<number>\d+)")
_ABSENT = ("ValidationException", "ResourceNotFound")
_SHOWN = 10


class VersionNotFoundError(Exception):
    """Raised when a version does not exist, or its artefacts cannot be read."""


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One registered model. `artefact` is its model.tar.gz in S3, `numbers` are of its gates."""

    arn: str
    group: str
    number: int
    status: str
    artefact: str
    numbers: Mapping[str, float]

    @property
    def name(self) -> str:
        """Return the version's display name."""
        return f"{self.group}/{self.number}"


def group_of(stage: str, recipe: str) -> str:
    """Return the group that has the versions of a recipe on a stage."""
    return f"headrace-{stage}-{recipe.replace('_', '-')}"


def arn_of(region: str, account: str, wanted: str) -> str:
    """Return the ARN of a version, given its ARN or GROUP/NUMBER."""
    if wanted.startswith("arn:"):
        return wanted
    return f"arn:aws:sagemaker:{region}:{account}:model-package/{wanted}"


class Registry:
    """Reader of a stage's model registry."""

    def __init__(self, client: Client) -> None:
        """Connect to SageMaker and S3 by the stage's clients."""
        self._client = client

    def has(self, group: str) -> bool:
        """Return whether a group exists; its first version creates it. Raises ClientError."""
        return group in self.groups(group)

    def groups(self, part: str) -> Iterator[str]:
        """Yield the groups whose names contain `part`. Raises ClientError."""
        pages = self._client("sagemaker").get_paginator("list_model_package_groups")
        for page in pages.paginate(NameContains=part):
            for each in page["ModelPackageGroupSummaryList"]:
                yield str(each["ModelPackageGroupName"])

    def arns(self, group: str, status: str | None = None) -> Iterator[str]:
        """Yield the ARNs of a group's versions, newest first. Raises ClientError."""
        wanted: dict[str, Any] = {"ModelPackageGroupName": group}
        if status:
            wanted["ModelApprovalStatus"] = status
        pages = self._client("sagemaker").get_paginator("list_model_packages")
        for page in pages.paginate(**wanted, SortBy="CreationTime", SortOrder="Descending"):
            for each in page["ModelPackageSummaryList"]:
                yield str(each["ModelPackageArn"])

    def newest(self, group: str, status: str | None = None) -> RegisteredVersion | None:
        """Return the newest version of a group, of those with `status` if one is given."""
        arn = next(self.arns(group, status), None)
        return self.version(arn) if arn else None

    def version(self, arn: str) -> RegisteredVersion:
        """Return one version.

        Raises:
            VersionNotFoundError: it does not exist; the message lists those that do.
            ClientError: it may not be read.
        """
        try:
            description = self._client("sagemaker").describe_model_package(ModelPackageName=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
            raise VersionNotFoundError(self._what_there_is(arn)) from error
        numbers = dict(description.get("CustomerMetadataProperties", {}))
        numbers.pop("training", None)
        container = description["InferenceSpecification"]["Containers"][0]
        return RegisteredVersion(
            arn=str(description["ModelPackageArn"]),
            group=str(description["ModelPackageGroupName"]),
            number=int(description["ModelPackageVersion"]),
            status=str(description["ModelApprovalStatus"]),
            artefact=str(container["ModelDataUrl"]),
            numbers={name: float(value) for name, value in numbers.items()},
        )

    def _what_there_is(self, arn: str) -> str:
        named = _VERSION.fullmatch(arn)
        if named is None:
            return f"{arn} is no version: name its ARN, or GROUP/NUMBER."
        group, number = named["group"], named["number"]
        if not self.has(group):
            known = ", ".join(sorted(self.groups("headrace-"))) or "none; train one first"
            return f"There is no group {group} of versions. Groups: {known}."
        numbers = [arn.rpartition("/")[2] for arn in self.arns(group)]
        newest = ", ".join(numbers[:_SHOWN]) or "none"
        more = f" and {len(numbers) - _SHOWN} older" if len(numbers) > _SHOWN else ""
        return f"{group} has no version {number}. Versions: {newest}{more}."

    @contextmanager
    def left(self, version: RegisteredVersion) -> Iterator[Path]:
        """Provide a folder with the version's training artefacts while the block runs.

        Raises:
            VersionNotFoundError: the archive is broken.
            ClientError: it is not there, or may not be read.
        """
        bucket, _, key = version.artefact.removeprefix("s3://").partition("/")
        with tempfile.TemporaryDirectory() as scratch:
            packed, folder = Path(scratch) / _PACKED, Path(scratch) / "model"
            body = self._client("s3").get_object(Bucket=bucket, Key=key)["Body"]
            with packed.open("wb") as file:
                shutil.copyfileobj(body, file)
            try:
                with tarfile.open(packed, "r:gz") as archive:
                    archive.extractall(folder, filter="data")
            except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
                raise VersionNotFoundError(
                    f"{version.artefact} is no whole archive: {error}"
                ) from error
            yield folder


EVALUATION = "evaluation.json"
"""The file with a finished model's measurements, which models/jobs/finish.py writes."""


_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class VersionMeasurements:
    """A version with all measurements of its evaluation, and each step of its training."""

    version: RegisteredVersion
    numbers: Mapping[str, float]
    history: Mapping[int, Mapping[str, float]]


def read_measurements(registry: Registry, version: RegisteredVersion) -> VersionMeasurements:
    """Fetch the measurements of a version. Raises VersionNotFoundError, ClientError."""
    with registry.left(version) as folder:
        return VersionMeasurements(
            version, _numbers(version, folder), read_history(folder / HISTORY)
        )


def _numbers(version: RegisteredVersion, folder: Path) -> Mapping[str, float]:
    try:
        evaluation = json.loads((folder / EVALUATION).read_text(encoding="utf-8"))
        return {str(name): float(value) for name, value in evaluation.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise VersionNotFoundError(
            f"{version.artefact} has no whole {EVALUATION}: {error}"
        ) from error


def comparison_rows(
    one: VersionMeasurements, other: VersionMeasurements
) -> list[tuple[str, str, str, str]]:
    """Return name, both values and their difference for each number of either version."""
    names = dict.fromkeys([*one.numbers, *other.numbers])
    return [_comparison_row(name, one.numbers.get(name), other.numbers.get(name)) for name in names]


def _comparison_row(name: str, one: float | None, other: float | None) -> tuple[str, str, str, str]:
    difference = "" if one is None or other is None else f"{other - one:+.4g}"
    return name, _format_number(one), _format_number(other), difference


def _format_number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """Return a curve as one line of at most `width` blocks, from lowest to highest value."""
    if not values:
        return ""
    shares = [values[at * len(values) // width] for at in range(width)]
    shown = shares if len(values) > width else list(values)
    low, high = min(shown), max(shown)
    steps = (len(_BLOCKS) - 1) / ((high - low) or 1.0)
    return "".join(_BLOCKS[round((value - low) * steps)] for value in shown)
