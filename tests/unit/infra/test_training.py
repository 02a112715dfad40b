from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from infra.models import training
from infra.models.registry import Registry
from infra.models.running_trainings import RunningTraining, find_training
from infra.models.training import (
    StageTraining,
    TrainingError,
    TrainingStage,
    training_name,
    translate_training_errors,
)
from infra.stages import StageConnection
from models.failures import BadData, BadRecipe
from models.sagemaker import job_requests
from models.sagemaker.job_requests import JobSpec
from models.training import recipe

OUTPUTS = {
    "DocumentsBucketName": "headrace-dev-documents-1-eu-west-1",
    "IngestMachineArn": "arn:aws:states:eu-west-1:000000000001:stateMachine:headrace-dev-ingest",
}
WISH = JobSpec("headrace-dev-vae-1", recipe.load("vae"), "smoke", "cpu")


GROUP = "headrace-dev-vae"


class Pages:
    """A listing of one page."""

    def __init__(self, page: Callable[..., dict[str, Any]]) -> None:
        self.page = page

    def paginate(self, **wanted: str) -> list[dict[str, Any]]:
        return [self.page(**wanted)]


class Sagemaker:
    """A registry with one group, `GROUP`, and its versions by status, the newest first."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = statuses

    def get_paginator(self, operation: str) -> Pages:
        return Pages(getattr(self, operation))

    def list_model_package_groups(self, **wanted: str) -> dict[str, Any]:
        there = [{"ModelPackageGroupName": f"{GROUP}-more"}, {"ModelPackageGroupName": GROUP}]
        return {"ModelPackageGroupSummaryList": there if wanted["NameContains"] in GROUP else []}

    def list_model_packages(self, **wanted: str) -> dict[str, Any]:
        assert wanted["ModelPackageGroupName"] == GROUP
        status = wanted.get("ModelApprovalStatus")
        numbered = enumerate(self.statuses)
        arns = [f"arn:{at}" for at, each in numbered if status in (None, each)]
        return {"ModelPackageSummaryList": [{"ModelPackageArn": arn} for arn in arns]}

    def describe_model_package(self, **wanted: str) -> dict[str, Any]:
        arn = wanted["ModelPackageName"]
        at = int(arn.removeprefix("arn:"))
        return {
            "ModelPackageArn": arn,
            "ModelPackageGroupName": GROUP,
            "ModelPackageVersion": len(self.statuses) - at,
            "ModelApprovalStatus": self.statuses[at],
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": f"s3://b/{at}.tar.gz"}]},
            "CustomerMetadataProperties": {"training": "a-job", "fid": "5.5"},
        }


def training_of(*statuses: str, interpreter: Path = Path("none")) -> StageTraining:
    registry = Sagemaker(*statuses)
    return StageTraining(StageConnection(lambda _: registry, OUTPUTS), interpreter)


class States:
    """Executions that end after some looks."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)

    def describe_execution(self, **_: str) -> dict[str, Any]:
        return {"status": self.statuses.pop(0)}


def test_should_find_the_machine_beside_that_of_ingests() -> None:
    home = TrainingStage.of(OUTPUTS)
    assert (home.stage, home.region, home.account) == ("dev", "eu-west-1", "000000000001")
    assert home.machine.endswith(":stateMachine:headrace-dev-train")


def test_should_give_a_name_that_the_role_may_make_and_the_api_takes() -> None:
    name = training_name(TrainingStage.of(OUTPUTS), "late_fusion", lambda: 1_700_000_000)
    assert name == "headrace-dev-late-fusion-20231114-221320"
    places = StageTraining(StageConnection(lambda _: None, OUTPUTS)).locations(WISH)
    asked = job_requests.training_request(WISH, places)
    assert asked["CheckpointConfig"]["S3Uri"].endswith("/models/checkpoints/headrace-dev-vae-1/")


def test_should_follow_an_execution_to_its_end() -> None:
    states = States("RUNNING", "RUNNING", "FAILED")
    rested: list[float] = []
    ended = StageTraining(StageConnection(lambda _: states, OUTPUTS)).follow("arn", rested.append)
    assert ended == {"status": "FAILED"}
    assert rested == [training.POLL_SECONDS] * 2


class Executions:
    """The executions of a machine, of which one is known and some run."""

    def __init__(self, *running: str) -> None:
        self.running = running

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if not executionArn.endswith(WISH.job_name):
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        given = {"recipe": '"vae"', "preset": '"smoke"', "asked_gates": '{"fid": {"most": 3}}'}
        asked = {"TrainingJobName": WISH.job_name, "HyperParameters": given}
        return {"status": "RUNNING", "input": json.dumps({"training": asked})}

    def get_paginator(self, _: str) -> Pages:
        return Pages(lambda **_: {"executions": [{"name": each} for each in self.running]})


def test_should_find_a_training_by_its_name_or_arn_and_list_those_that_run() -> None:
    def found(named: str, *running: str) -> RunningTraining:
        machine = TrainingStage.of(OUTPUTS).machine
        return find_training(lambda _: Executions(*running), machine, named)

    prefix = "arn:aws:states:eu-west-1:000000000001:execution:headrace-dev-train:"
    for named in (WISH.job_name, f"{prefix}{WISH.job_name}"):
        one = found(named)
        assert (one.arn, one.spec.job_name) == (f"{prefix}{WISH.job_name}", WISH.job_name)
        assert one.spec.recipe.name == "vae"
        assert one.spec.gates["fid"].most == 3
    with pytest.raises(TrainingError, match=r"no training 'vea'\. Running: a, b\."):
        found("vea", "a", "b")
    with pytest.raises(TrainingError, match=r"no training 'vea'\. None is running\."):
        found("vea")
    with pytest.raises(TrainingError, match="no training of this stage, whose executions begin"):
        found("arn:aws:states:eu-west-1:000000000001:execution:other:vae")


def test_should_say_how_to_get_what_prepares_data(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="`make training` makes it"):
        training_of(interpreter=tmp_path / "none").start(WISH)


def test_should_train_on_files_of_ones_own_in_place_of_the_data_sets(tmp_path: Path) -> None:
    prepared, own = tmp_path / "prepared", tmp_path / "own"
    for folder in (prepared, own):
        folder.mkdir()
    for name in ("pairs-train.jsonl", "tokenizer.json"):
        (prepared / name).write_text("theirs")
    with pytest.raises(BadData, match=r"its files are pairs-train\.jsonl, tokenizer\.json"):
        training.replace_files(prepared, own, "preferences")
    for name in ("pairs-train.jsonl", "provenance.jsonl"):
        (own / name).write_text("ours")
    training.replace_files(prepared, own, "preferences")
    left = {path.name: path.read_text() for path in prepared.iterdir()}
    assert left == {"pairs-train.jsonl": "ours", "tokenizer.json": "theirs"}
    places = training_of().locations(replace(WISH, data=own))
    assert places.channels["training"].endswith("/models/data/own/headrace-dev-vae-1/")
    assert training_of().locations(WISH).channels["training"].endswith("/models/data/digits/")


@pytest.mark.parametrize(
    ("statuses", "champion"),
    [
        ((), {}),
        (("PendingManualApproval", "Rejected"), {}),
        (("PendingManualApproval", "Approved", "Approved"), {"champion": "s3://b/1.tar.gz"}),
    ],
)
def test_the_champion_should_be_the_newest_that_is_approved(
    statuses: tuple[str, ...], champion: dict[str, str]
) -> None:
    assert training_of(*statuses)._champion(WISH) == champion


def based(on: str) -> JobSpec:
    return replace(WISH, recipe=WISH.recipe.model_copy(update={"bases": {"teacher": on}}))


def base_of(training: StageTraining, wish: JobSpec, arn: str = "") -> tuple[str, str]:
    """Return why the base should not be taken, and where it lies."""
    found, places = training.from_bases(wish, {"teacher": arn} if arn else {})
    return found.unapproved_bases, places.channels.get("teacher", "")


def test_should_begin_from_the_newest_version_or_the_one_that_is_named() -> None:
    training = training_of("PendingManualApproval", "Approved", "Approved")
    assert base_of(training, based("vae")) == ("", "s3://b/1.tar.gz")
    assert base_of(training, based("vae"), "arn:2") == ("", "s3://b/2.tar.gz")
    assert base_of(training, WISH) == ("", "")


@pytest.mark.parametrize(
    ("status", "why"),
    [("Rejected", "was rejected"), ("PendingManualApproval", "is PendingManualApproval")],
)
def test_should_begin_from_what_is_not_approved_only_where_told_and_then_hand_on_why(
    status: str, why: str
) -> None:
    training = training_of(status)
    with pytest.raises(BadRecipe, match=f"{GROUP}/1 {why}.* override by --unapproved-bases"):
        base_of(training, based("vae"), "arn:0")
    told = replace(based("vae"), unapproved_bases="--unapproved-bases was given")
    reasons, base = base_of(training, told, "arn:0")
    assert (why in reasons, base) == (True, "s3://b/0.tar.gz")
    asked = job_requests.training_request(*training.from_bases(told, {"teacher": "arn:0"}))
    assert why in asked["HyperParameters"]["unapproved_bases"]


def test_the_newest_that_waits_should_be_taken_only_where_told() -> None:
    training = training_of("Rejected", "PendingManualApproval")
    with pytest.raises(BadRecipe, match="has no approved version"):
        base_of(training, based("vae"))
    told = replace(based("vae"), unapproved_bases="--unapproved-bases was given")
    assert base_of(training, told)[1] == "s3://b/1.tar.gz"


def test_should_say_what_is_missing_to_begin_from() -> None:
    with pytest.raises(
        BadRecipe, match="train gan first and approve it, or name one by --base teacher=ARN"
    ):
        training_of("Approved")._bases(based("gan"), {})
    with pytest.raises(BadRecipe, match="train vae first"):
        training_of()._bases(based("vae"), {})
    with pytest.raises(BadRecipe, match="base: vae has no 'tacher'; its bases are: teacher"):
        training_of("Approved")._bases(based("vae"), {"tacher": "arn:0"})


def test_should_begin_from_a_model_that_only_some_settings_need() -> None:
    rewarded = replace(
        WISH,
        recipe=recipe.load("reinforcement_tuning"),
        preset="tiny",
        overrides={"rewards": [{"type": "exact"}, {"type": "reward_model"}]},
    )
    with pytest.raises(BadRecipe, match="train reward_tuning first and approve it"):
        training_of("Approved")._bases(rewarded, {})
    checked = replace(rewarded, overrides={"rewards": [{"type": "exact"}]})
    assert training_of("Approved")._bases(checked, {}) == {}
    with pytest.raises(BadRecipe, match="has no 'reward' with these settings"):
        training_of("Approved")._bases(checked, {"reward": "arn:0"})
    described = []

    class Named(Sagemaker):
        def describe_model_package(self, **wanted: str) -> dict[str, Any]:
            described.append(wanted["ModelPackageName"])
            return super().describe_model_package(ModelPackageName="arn:0")

    named = training_of("Approved")
    named._registry = Registry(lambda _: Named("Approved"))
    with pytest.raises(BadRecipe, match=r"a version of headrace-dev-reward-tuning; .* is none"):
        named._bases(rewarded, {"reward": "headrace-dev-reward-tuning/3"})
    assert described[0].endswith(":model-package/headrace-dev-reward-tuning/3")
    # What rewards a training is there when its model is judged.
    places = replace(training_of().locations(rewarded), channels={"reward": "s3://b/r.tar.gz"})
    given = training.machine_input("group", rewarded, places, {})
    channels = {each["ChannelName"] for each in given["finishing"]["InputDataConfig"]}
    assert channels == {"model", "reward"}


def test_a_group_whose_name_only_begins_alike_should_not_count() -> None:
    registry = Registry(lambda _: Sagemaker())
    assert registry.has(GROUP)
    assert not registry.has(GROUP[:-1])


def test_should_refuse_to_begin_from_a_version_of_another_recipe() -> None:
    told = (
        "base: teacher is a model of gan, a version of headrace-dev-gan; headrace-dev-vae/1 is none"
    )
    with pytest.raises(BadRecipe, match=told):
        training_of("Approved")._bases(based("gan"), {"teacher": "arn:0"})


def test_a_version_should_have_its_numbers() -> None:
    found = Registry(lambda _: Sagemaker("Approved", "Rejected")).version("arn:0")
    assert (found.name, found.status) == (f"{GROUP}/2", "Approved")
    assert found.numbers == {"fid": 5.5}


def test_should_say_what_to_do_where_a_stage_does_not_train() -> None:
    answered: Any = {"Error": {"Code": "StateMachineDoesNotExist", "Message": "none"}}
    told = "Deploy the stage with the parameter Training=on"
    with pytest.raises(TrainingError, match=told), translate_training_errors():
        raise ClientError(answered, "StartExecution")
    with pytest.raises(TrainingError, match="Could not connect"), translate_training_errors():
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
