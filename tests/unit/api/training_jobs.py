"""SageMaker's training jobs and the files that they wrote, in memory."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.trainings import card_key, progress_key
from chalicelib.contracts.model_card import CardNumber, ModelCard, TrainingCurves, TrainingProgress
from tests.unit.api.packages import refused

VAE, GAN = "headrace-test-vae-1", "headrace-test-gan-1"
_BEGAN, _ENDED = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 1, 1, tzinfo=UTC)
CURVES = TrainingCurves(steps=(1, 2), values={"loss": (0.5, None)})
CARD = ModelCard(
    name="vae-tiny",
    about="A VAE.",
    verdict="It reaches every gate.",
    pictures=("samples.png",),
    numbers=(CardNumber(name="fid", value=5.0, gate="at most 8"),),
    curves=CURVES,
)


class FakeTrainings:
    """The calls of boto3's clients that are made here, with their errors.

    A VAE was trained and finished, a GAN diverged, and another stage trains one of its own.
    """

    def __init__(self) -> None:
        diverged = "AlgorithmError: Step 2 diverged: loss is nan, exit code: 1"
        self.jobs = {
            VAE: _job(VAE, "Completed"),
            f"{VAE}-finish": _job(f"{VAE}-finish", "InProgress", SecondaryStatus="Downloading"),
            GAN: _job(GAN, "Failed", FailureReason=diverged),
            "headrace-other-vae-1": _job("headrace-other-vae-1", "Completed"),
        }
        progress = TrainingProgress(
            state="diverged", step=2, steps=9, updated_at=_ENDED, curves=CURVES
        )
        self.files = {
            progress_key(GAN): progress.model_dump_json().encode(),
            card_key(VAE, "card.json"): CARD.model_dump_json().encode(),
        }

    def list_training_jobs(self, **params: Any) -> Any:
        found = [each for name, each in self.jobs.items() if params["NameContains"] in name]
        token = params.get("NextToken", "0")
        if not token.isdigit():
            raise refused("The NextToken is not valid.")
        begin = int(token)
        end = begin + params["MaxResults"]
        rest = {"NextToken": str(end)} if end < len(found) else {}
        return {"TrainingJobSummaries": found[begin:end], **rest}

    def describe_training_job(self, **params: Any) -> Any:
        if params["TrainingJobName"] not in self.jobs:
            raise refused("Requested resource not found.")
        return self.jobs[params["TrainingJobName"]]

    def get_object(self, **params: Any) -> Any:
        if params["Key"] not in self.files:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        given = re.fullmatch(r"bytes=0-(\d+)", params["Range"])
        assert given is not None
        return {"Body": io.BytesIO(self.files[params["Key"]][: int(given[1]) + 1])}


def _job(name: str, status: str, **given: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "TrainingJobStatus": status,
        "SecondaryStatus": status,
        "CreationTime": _BEGAN,
        "TrainingStartTime": _BEGAN,
        "HyperParameters": {"recipe": '"vae"', "preset": '"tiny"', "sagemaker_program": "train.py"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        **({} if status == "InProgress" else {"TrainingEndTime": _ENDED}),
        **given,
    }
