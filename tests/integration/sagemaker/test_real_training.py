"""A recipe trained by the template's state machine, finished, registered, and drawing.

It needs the training environment, which `make training` makes.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.contracts.exported import Signature
from infra.comparing import look, rows
from infra.registry import Registry, Version
from infra.stages import Place
from infra.training import Training
from infra.tuning import Tunings
from localcloud.composition import LocalCloud, run_cloud
from localcloud.sagemaker.jobs.program import INTERPRETER
from models.common import recipe
from models.common.request import Wish
from models.common.tuning import Effort, worth_training
from models.serving import pack
from tests.architecture.templates import plain
from tests.cloud import PROJECT
from tests.integration.sagemaker.conftest import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not INTERPRETER.exists(), reason="make training has not been run"),
]
NAMES = (
    "DocumentsBucket",
    "EventBus",
    "MachineLogs",
    "TrainingRole",
    "TrainMachine",
    "TrainMachineRole",
    "ModelJobMachine",
    "ModelJobMachineRole",
)
ON = {"Stage": "try", "Training": "on"}
BUCKET = "headrace-try-documents-000000000000-us-east-1"
OUTPUTS = {
    "DocumentsBucketName": BUCKET,
    "IngestMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:headrace-try-ingest",
}


def template() -> dict[str, Any]:
    """Return the template with what training takes and nothing more."""
    whole = plain("try")
    resources = {name: whole["Resources"][name] for name in NAMES}
    made = {name: whole[name] for name in ("Parameters", "Conditions")}
    key = {"Type": "AWS::KMS::Key", "Condition": "MakesKey", "Properties": {"KeyPolicy": {}}}
    return {**made, "Resources": {**resources, "StageKey": key}}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A stage that trains."""
    folder = tmp_path_factory.mktemp("stage")
    with run_cloud(folder, template(), ON, PROJECT, 0) as (made, _):
        yield made


def ran(cloud: LocalCloud, wish: Wish) -> dict[str, Any]:
    """Train a wish as an operator does, and return how its execution ended."""
    training = Training(Place(cloud.client, OUTPUTS))
    return dict(training.follow(training.start(wish), lambda _: time.sleep(0.1)))


def versions(cloud: LocalCloud) -> list[dict[str, Any]]:
    found = cloud.client("sagemaker").list_model_packages()
    listed: list[dict[str, Any]] = found["ModelPackageSummaryList"]
    return listed


SMOKE = Wish("headrace-try-vae-1", recipe.load("vae"), "smoke", "cpu")


@pytest.fixture(scope="module")
def told(cloud: LocalCloud) -> dict[str, Any]:
    """What the machine answered to the first training of the stage."""
    ended = ran(cloud, SMOKE)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    answered: dict[str, Any] = json.loads(ended["output"])
    version = cloud.client("sagemaker").describe_model_package(ModelPackageName=answered["arn"])
    return {**answered, "version": version}


@pytest.fixture
def approved(cloud: LocalCloud, told: dict[str, Any]) -> Iterator[Version]:
    """The version of the first training, approved for one test alone: what is trained after it
    is no challenger.
    """
    named = {"ModelPackageArn": told["arn"], "ApprovalDescription": "tried"}
    sagemaker = cloud.client("sagemaker")
    sagemaker.update_model_package(**named, ModelApprovalStatus="Approved")
    found = Registry(cloud.client).newest("headrace-try-vae", "Approved")
    assert found is not None
    assert found.arn == told["arn"]
    yield found
    sagemaker.update_model_package(**named, ModelApprovalStatus="Rejected")


def test_a_recipe_should_be_trained_finished_registered_and_draw_behind_an_endpoint(
    cloud: LocalCloud, told: dict[str, Any], tmp_path: Path
) -> None:
    assert set(told["metrics"]) == set(SMOKE.recipe.gates)
    version = told["version"]
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert version["CustomerMetadataProperties"]["training"] == SMOKE.job_name
    assert float(version["CustomerMetadataProperties"]["fid"]) == told["metrics"]["fid"]
    s3 = cloud.client("s3")
    key = told["artefact"].removeprefix(f"s3://{BUCKET}/")
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        archive.extractall(tmp_path / "model", filter="data")
    text = (tmp_path / "model" / "signature.json").read_text()
    assert Signature.model_validate_json(text).origin.recipe == "vae"
    handler = PROJECT / "models" / "serving" / "handlers" / "drawings.py"
    pack.pack(tmp_path / "model", handler, tmp_path / "package.tar.gz")
    packed = (tmp_path / "package.tar.gz").read_bytes()
    s3.put_object(Bucket=BUCKET, Key="models/served.tar.gz", Body=packed)
    drawn = drawn_behind(cloud, f"s3://{BUCKET}/models/served.tar.gz")
    assert len(drawn) == 2
    assert len(drawn[0]) == len(drawn[0][0]) == 8


def test_a_new_version_should_be_compared_with_the_one_that_is_approved(
    cloud: LocalCloud, approved: Version
) -> None:
    sagemaker = cloud.client("sagemaker")
    ended = ran(cloud, replace(SMOKE, job_name="headrace-try-vae-3"))
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    finishing = sagemaker.describe_training_job(TrainingJobName="headrace-try-vae-3-finish")
    channels = {each["ChannelName"]: each["DataSource"] for each in finishing["InputDataConfig"]}
    assert channels["champion"]["S3DataSource"]["S3Uri"] == approved.artefact
    newest = Registry(cloud.client).newest("headrace-try-vae")
    assert newest is not None
    with Registry(cloud.client).left(newest) as folder:
        told = json.loads((folder / "comparison.json").read_text())
    assert told["recognised"]["challenger"] == told["recognised"]["champion"]
    assert not told["recognised"]["worse"]
    registry = Registry(cloud.client)
    one, other = look(registry, approved), look(registry, newest)
    assert one.history == other.history
    assert len(one.history) == 60
    differing = [row for row in rows(one, other) if row[3] not in {"+0", "-0"}]
    assert differing == []


def test_a_training_that_fails_should_register_nothing_and_say_why(cloud: LocalCloud) -> None:
    before = len(versions(cloud))
    wish = replace(SMOKE, job_name="headrace-try-vae-2", overrides={"learning_rate": 9.0})
    ended = ran(cloud, wish)
    assert ended["status"] == "FAILED"
    assert "Diverged: Step " in ended["cause"]
    assert len(versions(cloud)) == before


def test_a_recipe_should_be_tuned_and_its_best_settings_be_trained(cloud: LocalCloud) -> None:
    tunings = Tunings(Place(cloud.client, OUTPUTS))
    wish = replace(SMOKE, job_name="headrace-try-tuned", overrides={"steps": 30, "hidden": 32})
    execution = tunings.tune(wish, Effort(4, 2, "random", 3))
    looks: list[int] = []
    ended = tunings.follow_job(execution, lambda: looks.append(len(tunings.outcomes(wish))))
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    outcomes = tunings.outcomes(wish)
    assert looks
    assert len(outcomes) == 4
    assert all(set(SMOKE.recipe.gates) <= set(each.numbers) for each in outcomes)
    assert len({each.settings["learning_rate"] for each in outcomes}) == 4
    best = worth_training(SMOKE.recipe, outcomes)
    assert best is not None
    assert best.value == min(each.value or 0 for each in outcomes)
    settings = {**wish.overrides, **best.settings}
    trained = ran(cloud, replace(wish, job_name="headrace-try-vae-9", overrides=settings))
    assert trained["status"] == "SUCCEEDED", trained.get("cause")
    found = json.loads(trained["output"])["metrics"]
    assert found["fid"] == pytest.approx(best.value, rel=1e-5)


def drawn_behind(cloud: LocalCloud, package: str) -> list[Any]:
    """Put a package behind an endpoint and return the pictures that it draws."""
    sagemaker = cloud.client("sagemaker")
    role = sagemaker.describe_training_job(TrainingJobName=SMOKE.job_name)["RoleArn"]
    container = {"Image": "image", "ModelDataUrl": package}
    sagemaker.create_model(ModelName="vae", ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {
        "VariantName": "main",
        "ModelName": "vae",
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
    }
    sagemaker.create_endpoint_config(EndpointConfigName="vae", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="vae", EndpointConfigName="vae")

    def settled() -> Any:
        found = sagemaker.describe_endpoint(EndpointName="vae")
        return found["EndpointStatus"] != "Creating" and found

    assert eventually(settled)["EndpointStatus"] == "InService"
    answered = cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="vae",
        Body=json.dumps({"seed": 5, "count": 2}),
        ContentType="application/json",
    )
    images: list[Any] = json.loads(answered["Body"].read())["images"]
    sagemaker.delete_endpoint(EndpointName="vae")
    return images
