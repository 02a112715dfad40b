"""The stage that these tests serve versions by."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from infra import stages
from localcloud.composition import run_cloud
from tests.architecture.templates import plain
from tests.cloud import PROJECT
from tests.integration.models.serving_stage import (
    GROUP,
    OUTPUTS,
    Stage,
)


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    whole = plain("try")
    made = {name: whole[name] for name in ("Parameters", "Conditions")}
    key = {"Type": "AWS::KMS::Key", "Condition": "MakesKey", "Properties": {"KeyPolicy": {}}}
    kept = {name: whole["Resources"][name] for name in ("DocumentsBucket", "RecordsTable")}
    resources = {**kept, "StageKey": key}
    template = {**made, "Resources": resources}
    folder = tmp_path_factory.mktemp("stage")
    with run_cloud(folder / "data", template, {"Stage": "try"}, PROJECT, 0) as (cloud, _):
        file = folder / "cloud.json"
        where = {"endpoint_url": cloud.context.endpoint_url, "outputs": OUTPUTS}
        file.write_text(json.dumps(where))
        stage = Stage(stages.connect(None, file), folder)
        stage.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
        vectors = stage.client("s3vectors")
        vectors.create_vector_bucket(vectorBucketName=OUTPUTS["VectorBucketName"])
        yield stage
