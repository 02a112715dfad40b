"""A recipe tuned, trained by the template's state machine, finished, registered, and drawing.

Every job is a real process, which imports torch; so one tuning and one training serve all tests,
and the champion is the smoke model that other tests have. It needs the training environment, which
`make training` makes.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.trainings import StageTrainings, card_key
from chalicelib.contracts.model_manifest import Signature
from infra.models.registry import RegisteredVersion, Registry, comparison_rows, read_measurements
from infra.models.training import StageTraining
from infra.models.tuning import StageTuning
from infra.stages import StageConnection
from localcloud.composition import LocalCloud, run_cloud
from localcloud.sagemaker.jobs.program import INTERPRETER
from models.sagemaker.job_requests import JobSpec
from models.sagemaker.tuning import TrialResult, TuningEffort, best_trial
from models.serving import pack
from models.training import recipe
from models.training.ranges import TuningRanges, ValueChoices
from tests.architecture.templates import plain
from tests.cloud import PROJECT
from tests.exported_models import packed, registered
from tests.integration.sagemaker.conftest import eventually
from tests.trained_models import ensure_trained, files

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
GROUP = "headrace-try-vae"
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
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A stage that trains, with nothing else of the template."""
    folder = tmp_path_factory.mktemp("stage")
    with run_cloud(folder, template(), ON, PROJECT, 0) as (made, _):
        yield made


def execute(stage: LocalCloud, wish: JobSpec) -> dict[str, Any]:
    """Train a wish as an operator does, and return how its execution ended."""
    training = StageTraining(StageConnection(stage.client, OUTPUTS))
    return dict(training.follow(training.start(wish), lambda _: time.sleep(0.3)))


def versions(stage: LocalCloud) -> list[dict[str, Any]]:
    """Return all versions in the registry."""
    found = stage.client("sagemaker").list_model_packages()
    listed: list[dict[str, Any]] = found["ModelPackageSummaryList"]
    return listed


RATES = (0.0005, 0.002)
"""Of these the second, which is that of the smoke preset, draws better digits in so few steps."""
RECIPE = recipe.load("vae").model_copy(
    update={
        "tuning": TuningRanges(
            objective="fid", ranges={"learning_rate": ValueChoices(values=RATES)}
        )
    }
)
WISH = JobSpec("headrace-try-vae-1", RECIPE, "smoke", "cpu")


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of a tuning, and how many trials an operator saw while it ran."""

    outcomes: list[TrialResult]
    seen: list[int]

    @property
    def best(self) -> TrialResult:
        """The outcome that is worth training."""
        found = best_trial(RECIPE, self.outcomes)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def tuned(stage: LocalCloud) -> Tuned:
    """A tuning of two trials."""
    tunings = StageTuning(StageConnection(stage.client, OUTPUTS))
    wish = replace(WISH, job_name="headrace-try-tuned")
    execution = tunings.tune(wish, TuningEffort(strategy="grid"))
    seen: list[int] = []
    ended = tunings.follow_job(execution, lambda: seen.append(len(tunings.outcomes(wish))))
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    return Tuned(tunings.outcomes(wish), seen)


@pytest.fixture(scope="module")
def approved(stage: LocalCloud) -> RegisteredVersion:
    """An approved version that other trainings are compared with: the smoke model."""
    registry = Registry(stage.client)
    if not registry.has(GROUP):  # a training that failed may have made it already
        stage.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    model = packed(files(ensure_trained("vae")["vae"]))
    return registry.version(registered(stage.client, (BUCKET, GROUP), model, "Approved"))


@pytest.fixture(scope="module")
def told(stage: LocalCloud, tuned: Tuned, approved: RegisteredVersion) -> dict[str, Any]:
    """What the machine answered to the training of the best settings of the tuning."""
    assert approved.status == "Approved"
    ended = execute(stage, replace(WISH, overrides=tuned.best.settings))
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    answered: dict[str, Any] = json.loads(ended["output"])
    version = stage.client("sagemaker").describe_model_package(ModelPackageName=answered["arn"])
    return {**answered, "version": version}


def test_a_tuning_should_have_as_many_outcomes_as_trials_and_find_the_best(tuned: Tuned) -> None:
    assert tuned.seen
    assert len(tuned.outcomes) == 2
    assert all(set(RECIPE.gates) <= set(each.numbers) for each in tuned.outcomes)
    assert {each.settings["learning_rate"] for each in tuned.outcomes} == set(RATES)
    assert tuned.best.value == min(each.value or 0 for each in tuned.outcomes)


def test_a_trial_should_be_judged_by_other_rows_than_the_training_of_its_settings(
    tuned: Tuned, told: dict[str, Any]
) -> None:
    assert told["metrics"]["fid"] != pytest.approx(tuned.best.value, rel=1e-3)


def test_a_recipe_should_be_trained_finished_registered_and_draw_behind_an_endpoint(
    stage: LocalCloud, told: dict[str, Any], tmp_path: Path
) -> None:
    assert set(told["metrics"]) == set(RECIPE.gates)
    version = told["version"]
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert version["CustomerMetadataProperties"]["training"] == WISH.job_name
    assert float(version["CustomerMetadataProperties"]["fid"]) == told["metrics"]["fid"]
    s3 = stage.client("s3")
    key = told["artefact"].removeprefix(f"s3://{BUCKET}/")
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        archive.extractall(tmp_path / "model", filter="data")
    text = (tmp_path / "model" / "signature.json").read_text()
    assert Signature.model_validate_json(text).origin.recipe == "vae"
    pack.pack(tmp_path / "model", None, tmp_path / "package.tar.gz")
    package = (tmp_path / "package.tar.gz").read_bytes()
    s3.put_object(Bucket=BUCKET, Key="models/served.tar.gz", Body=package)
    drawn = drawn_behind(stage, f"s3://{BUCKET}/models/served.tar.gz")
    assert len(drawn) == 2
    assert len(drawn[0]) == len(drawn[0][0]) == 8


def trainings(stage: LocalCloud) -> StageTrainings:
    """Return what the API reads trainings by."""
    return StageTrainings(stage.client("sagemaker"), stage.client("s3"), BUCKET, "try")


def test_a_training_should_leave_its_curves_and_a_card_with_pictures(
    stage: LocalCloud, told: dict[str, Any]
) -> None:
    seen = trainings(stage)
    shown = seen.training(WISH.job_name)
    assert (shown.state, shown.recipe, shown.preset) == ("completed", "vae", "smoke")
    assert shown.finishing is not None
    assert shown.finishing.state == "completed"
    assert shown.progress is not None
    assert (shown.progress.state, shown.progress.step) == ("completed", 60)
    assert len(shown.progress.curves.values["loss"]) == 60
    card = seen.card(WISH.job_name)
    numbers = {each.name: each.value for each in card.numbers}
    gated = {name: numbers[name] for name in told["metrics"]}
    assert gated == pytest.approx(told["metrics"], rel=1e-5)
    assert card.curves == shown.progress.curves
    assert "samples.png" in card.pictures
    for name in card.pictures:
        key = card_key(WISH.job_name, name)
        drawn = stage.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert drawn.startswith(b"\x89PNG")
    assert WISH.job_name in {each.name for each in seen.trainings(None, 100).items}


def test_a_new_version_should_be_compared_with_the_one_that_is_approved(
    stage: LocalCloud, told: dict[str, Any], approved: RegisteredVersion
) -> None:
    finishing = stage.client("sagemaker").describe_training_job(
        TrainingJobName=f"{WISH.job_name}-finish"
    )
    channels = {each["ChannelName"]: each["DataSource"] for each in finishing["InputDataConfig"]}
    assert channels["champion"]["S3DataSource"]["S3Uri"] == approved.artefact
    registry = Registry(stage.client)
    newest = registry.newest(GROUP)
    assert newest is not None
    assert newest.arn == told["arn"]
    with registry.left(newest) as folder:
        compared = json.loads((folder / "comparison.json").read_text())
    assert compared["recognised"]["challenger"] == compared["recognised"]["champion"]
    assert not compared["recognised"]["worse"]
    one, other = read_measurements(registry, approved), read_measurements(registry, newest)
    assert one.history == other.history
    assert len(one.history) == 60
    differing = [row for row in comparison_rows(one, other) if row[3] not in {"+0", "-0"}]
    assert differing == []


def test_a_training_that_fails_should_register_nothing_and_say_why(stage: LocalCloud) -> None:
    before = len(versions(stage))
    wish = replace(WISH, job_name="headrace-try-vae-2", overrides={"learning_rate": 9.0})
    ended = execute(stage, wish)
    assert ended["status"] == "FAILED"
    assert "Diverged: Step " in ended["cause"]
    assert len(versions(stage)) == before
    shown = trainings(stage).training(wish.job_name)
    assert shown.state == "failed"
    assert shown.progress is not None
    assert shown.progress.state == "diverged"
    assert shown.progress.message in shown.training.reason


def drawn_behind(stage: LocalCloud, package: str) -> list[Any]:
    """Put a package behind an endpoint and return the pictures that it draws."""
    sagemaker = stage.client("sagemaker")
    role = sagemaker.describe_training_job(TrainingJobName=WISH.job_name)["RoleArn"]
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
    answered = stage.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="vae",
        Body=json.dumps({"seed": 5, "count": 2}),
        ContentType="application/json",
    )
    images: list[Any] = json.loads(answered["Body"].read())["images"]
    sagemaker.delete_endpoint(EndpointName="vae")
    return images
