"""A stage with a bucket and a registry, whose versions serve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.adapters.model_versions import ModelVersions
from chalicelib.adapters.s3 import S3Objects
from chalicelib.contracts.model_manifest import FILE, ModelOrigin, Signature
from chalicelib.errors import HeadraceError
from chalicelib.inference.hot_swap import HotSwap
from chalicelib.inference.image_generator import ImageGenerator, open_model
from cli.failures import CommandError
from cli.main import headrace
from infra import stages
from infra.models.serving import VersionServing
from tests import exported_models
from tests.exported_models import (
    APPROVED,
    Files,
    packed,
)

BUCKET = "headrace-try-documents-000000000000-us-east-1"
GROUP = "headrace-try-vae"
OUTPUTS = {
    "DocumentsBucketName": BUCKET,
    "IngestMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:headrace-try-ingest",
    "RecordsTableName": "headrace-try-records",
    "VectorBucketName": "headrace-try-vectors",
    "ModelKeysPrefix": "headrace/try/models/",
}
POINTER = "models/serving/digits-vae.json"


@dataclass(frozen=True)
class Stage:
    """A stage with a bucket and a registry, and the folder in which its cloud says where it is."""

    place: stages.StageConnection
    folder: Path

    def client(self, service: str) -> Any:
        return self.place.client(service)


def registered(cloud: Stage, content: Files | bytes, status: str = APPROVED) -> str:
    """Register what a job left as the next version; return its ARN."""
    body = content if isinstance(content, bytes) else packed(content)
    return exported_models.registered(cloud.client, (BUCKET, GROUP), body, status)


def origin_of(files: Files, **fields: Any) -> ModelOrigin:
    """Return a model's origin with other fields."""
    return Signature.model_validate_json(files[FILE]).origin.model_copy(update=fields)


def stage(cloud: Stage) -> VersionServing:
    return VersionServing(cloud.place)


def function(cloud: Stage) -> HotSwap[ImageGenerator]:
    """Return what a new process of the function has; it must have nothing to tell."""

    def told(error: HeadraceError) -> None:
        pytest.fail(str(error))

    versions = ModelVersions(S3Objects(cloud.client("s3")), BUCKET)
    return HotSwap(versions, open_model, lambda: 0.0, told)


def pointer(cloud: Stage) -> Mapping[str, Any]:
    body = cloud.client("s3").get_object(Bucket=BUCKET, Key=POINTER)["Body"].read()
    found: Mapping[str, Any] = json.loads(body)
    return found


def served_by_command(cloud: Stage, name: str, version: str) -> CommandError:
    """Return what `headrace models serve` fails by."""
    asked = ["models", "serve", name, version, "--data-dir", str(cloud.folder)]
    failed = CliRunner().invoke(headrace, asked).exception
    assert isinstance(failed, CommandError), failed
    return failed
