"""Training jobs of SageMaker, and the files that they copy to S3 while they run.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import ValidationError

from chalicelib.adapters.aws import translated
from chalicelib.contracts.base import Contract
from chalicelib.contracts.model_card import (
    CARD_FILE,
    CARD_FOLDER,
    PROGRESS_FILE,
    ModelCard,
    TrainingProgress,
)
from chalicelib.contracts.trainings import (
    TrainingList,
    TrainingState,
    TrainingStep,
    TrainingSummary,
    TrainingView,
)
from chalicelib.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_FILE_BYTES = 1024 * 1024
"""The most that is read of a file: a job's code wrote it, which may be the user's own."""
_FINISHING = "-finish"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_STATES: Mapping[str, TrainingState] = {
    "InProgress": "running",
    "Stopping": "stopping",
    "Stopped": "stopped",
    "Completed": "completed",
    "Failed": "failed",
}


Document = TypeVar("Document", bound=Contract)


class SageMakerJobs(Protocol):
    """The part of boto3's client of `sagemaker` that is used here."""

    def list_training_jobs(self, **params: Any) -> Any: ...

    def describe_training_job(self, **params: Any) -> Any: ...


class StageTrainings:
    """The trainings of one stage, whose names begin with `headrace-STAGE-`."""

    def __init__(self, jobs: SageMakerJobs, s3: S3Client, bucket: str, stage: str) -> None:
        """Read the jobs of `stage`, which write below `models/checkpoints/` of `bucket`."""
        self._jobs = jobs
        self._s3 = s3
        self._bucket = bucket
        self._prefix = f"headrace-{stage}-"

    def trainings(self, cursor: str | None, limit: int) -> TrainingList:
        """Return a page of trainings, newest first, without the jobs that finish them.

        Raises:
            InvalidInput: SageMaker did not write the cursor.
        """
        wanted: dict[str, Any] = {"MaxResults": limit, "NameContains": self._prefix}
        wanted |= {"SortBy": "CreationTime", "SortOrder": "Descending"}
        if cursor is not None:
            wanted["NextToken"] = cursor
        try:
            with translated("listing trainings"):
                page = self._jobs.list_training_jobs(**wanted)
        except InvalidInput as error:  # The token alone is the caller's.
            raise InvalidInput(
                "The cursor is not one that this API gave out; begin again without it.",
                field="cursor",
            ) from error
        items = tuple(
            _summary(each)
            for each in page["TrainingJobSummaries"]
            if self._is_training(each["TrainingJobName"])
        )
        return TrainingList(items=items, next_cursor=page.get("NextToken"))

    def training(self, name: str) -> TrainingView:
        """Return a training with its progress. Raises `NotFound`, also of a broken file."""
        if not self._is_training(name) or not (job := self._described(name)):
            raise NotFound(f"There is no training {name[:100]} on this stage.", field="training")
        progress = self._file(progress_key(name))
        finishing = None
        if job["TrainingJobStatus"] == "Completed":
            finishing = self._described(f"{name}{_FINISHING}")
        asked = job.get("HyperParameters", {})
        return TrainingView(
            **_summary(job).model_dump(),
            recipe=_setting(asked, "recipe"),
            preset=_setting(asked, "preset"),
            instance=str(job["ResourceConfig"].get("InstanceType", "")),
            training=_step(job),
            finishing=_step(finishing) if finishing else None,
            progress=_parsed(TrainingProgress, progress, name) if progress else None,
        )

    def card(self, name: str) -> ModelCard:
        """Return the card that a training's finishing job wrote. Raises `NotFound`."""
        content = self._file(card_key(name, CARD_FILE)) if self._is_training(name) else None
        if content is None:
            raise NotFound(
                f"The training {name[:100]} left no card: it has not been finished, or was before"
                " cards were kept beside the model.",
                field="training",
            )
        return _parsed(ModelCard, content, name)

    def _is_training(self, name: str) -> bool:
        ours = name.startswith(self._prefix) and _NAME.fullmatch(name) is not None
        return ours and not name.endswith(_FINISHING)

    def _described(self, name: str) -> Mapping[str, Any] | None:
        try:
            with translated(f"reading the job {name}"):
                found: Mapping[str, Any] = self._jobs.describe_training_job(TrainingJobName=name)
        except InvalidInput:  # Its ValidationException: Requested resource not found.
            return None
        return found

    def _file(self, key: str) -> bytes | None:
        try:
            with translated(f"reading {key}"):
                answer = self._s3.get_object(
                    Bucket=self._bucket, Key=key, Range=f"bytes=0-{MAX_FILE_BYTES - 1}"
                )
                return answer["Body"].read()
        except NotFound:
            return None


def progress_key(training: str) -> str:
    """Return where a training's progress is: in its checkpoints."""
    return f"models/checkpoints/{training}/{PROGRESS_FILE}"


def card_key(training: str, name: str) -> str:
    """Return where a file of a training's card is: in the checkpoints of its finishing job."""
    return f"models/checkpoints/{training}/finish/{CARD_FOLDER}/{name}"


def _parsed(kind: type[Document], content: bytes, name: str) -> Document:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise NotFound(
            f"The {kind.__name__} that the training {name} wrote cannot be read: {error!s:.200}",
            field="training",
        ) from error


def _summary(job: Mapping[str, Any]) -> TrainingSummary:
    return TrainingSummary(
        name=str(job["TrainingJobName"]),
        state=_STATES[str(job["TrainingJobStatus"])],
        created_at=job["CreationTime"],
        ended_at=job.get("TrainingEndTime"),
    )


def _step(job: Mapping[str, Any]) -> TrainingStep:
    return TrainingStep(
        state=_STATES[str(job["TrainingJobStatus"])],
        phase=str(job.get("SecondaryStatus", "")),
        reason=str(job.get("FailureReason", "")),
        started_at=job.get("TrainingStartTime"),
        ended_at=job.get("TrainingEndTime"),
    )


def _setting(asked: Mapping[str, str], name: str) -> str:
    """Return a hyperparameter, which is JSON, or the text that it is where it is none."""
    text = asked.get(name, "")
    try:
        return str(json.loads(text))
    except ValueError:
        return text
