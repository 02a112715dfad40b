"""A registered version packed with its handler, and asked about every line of an input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.models.batch_transform import BatchTransforms, TransformError, TransformRequest
from infra.models.registry import VersionNotFoundError
from infra.stages import StageConnection
from tests.exported_models import APPROVED, WAITS, decoder, packed, registered
from tests.integration.sagemaker.conftest import BUCKET, ROLE, Bench
from tests.integration.sagemaker.test_transform import ended

GROUP = "headrace-dev-vae"
OUTPUTS = {
    "DocumentsBucketName": BUCKET,
    "IngestMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:headrace-dev-ingest",
}


@pytest.fixture
def transforms(bench: Bench) -> BatchTransforms:
    bench.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    return BatchTransforms(StageConnection(bench.client, OUTPUTS))


def ran(bench: Bench, requests: Any) -> dict[str, Any]:
    """Do what the state machine does, and return how the transform ended."""
    bench.sagemaker.create_model(**{**requests["model"], "ExecutionRoleArn": ROLE})
    bench.sagemaker.create_transform_job(**requests["transform"])
    return ended(bench, requests["transform"]["TransformJobName"])


def test_a_version_should_draw_for_every_line_of_a_file(
    bench: Bench, transforms: BatchTransforms, tmp_path: Path
) -> None:
    registered(bench.client, (BUCKET, GROUP), packed(decoder()), APPROVED)
    file = tmp_path / "seeds.jsonl"
    file.write_text("".join(f'{{"seed": {seed}, "count": 2}}\n' for seed in (1, 2, 1)))
    prepared = transforms.prepare(f"{GROUP}/1", TransformRequest(str(file), at_once=2))
    found = ran(bench, prepared.requests)
    assert found["TransformJobStatus"] == "Completed", found
    (address,) = transforms.answers(prepared)
    assert address == f"{prepared.output}/seeds.jsonl.out"
    body = bench.there(address)
    assert body is not None
    drawn = [json.loads(line)["images"] for line in body.splitlines()]
    assert [len(each) for each in drawn] == [2, 2, 2]
    assert drawn[0] == drawn[2] != drawn[1]


def test_a_line_that_the_model_refuses_should_be_named(
    bench: Bench, transforms: BatchTransforms
) -> None:
    registered(bench.client, (BUCKET, GROUP), packed(decoder()), APPROVED)
    source = bench.put("models/asked/rows.jsonl", b'{"seed": 1}\n{"seed": -1}\n')
    prepared = transforms.prepare(f"{GROUP}/1", TransformRequest(source))
    found = ran(bench, prepared.requests)
    assert "rows.jsonl, record 2: the model responded with 400: " in found["FailureReason"]
    assert "seed must be a whole number" in found["FailureReason"]
    assert transforms.answers(prepared) == []


def test_what_cannot_be_transformed_should_be_told_before_anything_is_put(
    bench: Bench, transforms: BatchTransforms
) -> None:
    registered(bench.client, (BUCKET, GROUP), packed(decoder()), APPROVED)
    with pytest.raises(TransformError, match="is not below s3://models/models/"):
        transforms.prepare(f"{GROUP}/1", TransformRequest("s3://elsewhere/rows"))
    registered(bench.client, (BUCKET, GROUP), packed(decoder()), WAITS)
    with pytest.raises(TransformError, match=rf"{GROUP}/2 is {WAITS}.* override by --unapproved"):
        transforms.prepare(f"{GROUP}/2", TransformRequest(f"s3://{BUCKET}/models/asked/"))
    with pytest.raises(VersionNotFoundError, match="has no version 9"):
        transforms.prepare(f"{GROUP}/9", TransformRequest(f"s3://{BUCKET}/models/asked/"))
    assert "Contents" not in bench.s3.list_objects_v2(Bucket=BUCKET, Prefix="models/packages/")
