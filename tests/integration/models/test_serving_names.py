"""Versions that answer under a name of an operator's own, alone and beside others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.contracts.generations import ChatCall, Message, Terms, TextPart
from chalicelib.contracts.model_manifest import FILE, TEMPLATE_FILE
from chalicelib.contracts.serving import (
    SHARED,
    SharedFile,
    pointer_key,
)
from chalicelib.generation.models import FunctionBackend
from chalicelib.generation.requirements import CallRegion, derive_requirements
from chalicelib.generation.router import plan_route
from cli.main import headrace
from infra.models.added_models import AddedModelStage
from infra.models.registry import Registry
from infra.models.shared_files import KEPT_FOR, SharedFiles
from infra.models.trained_entry import NameStanding
from infra.models.training import TrainingError
from infra.models.tuned_versions import TunedVersions
from infra.models.version_files import ServingError
from tests import exported_models
from tests.exported_models import (
    changed,
    exported,
)
from tests.exported_texts import classifier, speaker
from tests.integration.models.serving_stage import (
    BUCKET,
    Stage,
    origin_of,
    registered,
    served_by_command,
    stage,
)


def test_should_serve_a_version_under_a_name_of_the_operators_own(cloud: Stage) -> None:
    """The stage lists it as its manifest describes it, and another version takes its place."""
    own = speaker()
    first = registered(cloud, own)
    asked = ["models", "serve", "our-rooms", first, "--data-dir", str(cloud.folder)]
    CliRunner().invoke(headrace, asked, catch_exceptions=False)
    model = AddedModelStage(cloud.place).models().models.model("our-rooms")
    assert isinstance(model.backend, FunctionBackend)
    assert (model.backend.function, model.backend.chat) == ("complete_text", False)
    assert (model.task, model.limits.context_tokens) == ("chat", 8)
    assert "our-rooms" in stage(cloud).served_names(Registry(cloud.client).version(first))
    constants = json.loads(own[FILE])["constants"]
    templated = exported(
        {"decoder": (("tokens", "past_keys", "past_values"), own["decoder.onnx"])},
        constants,
        {"tokenizer.json": own["tokenizer.json"], TEMPLATE_FILE: b"{{ messages[0].content }}"},
        "aligned",
    )
    stage(cloud).serve("our-rooms", registered(cloud, templated))
    model = AddedModelStage(cloud.place).models().models.model("our-rooms")
    assert isinstance(model.backend, FunctionBackend)
    assert (model.backend.recipes, model.backend.chat) == (("aligned",), True)
    before = AddedModelStage(cloud.place).added()
    with pytest.raises(ServingError, match="is of classification: serve it under another name"):
        stage(cloud).serve("our-rooms", registered(cloud, classifier()))
    with pytest.raises(ServingError, match="has no chat template, and our-rooms is sent"):
        stage(cloud).serve("our-rooms", first, share=5)
    other = registered(cloud, changed(templated, constants={**constants, "context": 6}))
    stage(cloud).serve("our-rooms", other, share=5)
    assert AddedModelStage(cloud.place).added() == before
    asked = ["models", "remove", "our-rooms", "--data-dir", str(cloud.folder)]
    CliRunner().invoke(headrace, asked, catch_exceptions=False)
    assert not AddedModelStage(cloud.place).added().has("our-rooms")
    left = cloud.client("s3").list_object_versions(Bucket=BUCKET, Prefix="models/serving/our-rooms")
    assert not {*left.get("Versions", ()), *left.get("DeleteMarkers", ())}


def test_what_one_tenant_s_data_taught_should_answer_all_only_if_that_is_said(
    cloud: Stage,
) -> None:
    files = speaker()
    owned = changed(files, origin=origin_of(files, tenant="acme"))
    arn = registered(cloud, owned)
    with pytest.raises(ServingError, match=r"data of the tenant acme.* give --for-all-tenants"):
        stage(cloud).serve("our-people", arn, unapproved=True)
    assert stage(cloud).serve("our-people", arn, for_all_tenants=True).serves.arn == arn


class Billed:
    """SageMaker of a stage, and two jobs that a training was billed for."""

    def __init__(self, inner: Any, jobs: Mapping[str, Mapping[str, Any]]) -> None:
        self._inner, self._jobs = inner, jobs

    def describe_model_package(self, **asked: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._inner.describe_model_package(**asked)
        return {**found, "CustomerMetadataProperties": {"training": "t"}}

    def describe_training_job(self, *, TrainingJobName: str) -> Mapping[str, Any]:  # noqa: N803
        if TrainingJobName not in self._jobs:
            return dict(self._inner.describe_training_job(TrainingJobName=TrainingJobName))
        return self._jobs[TrainingJobName]


def billed_job(instance: str, seconds: int) -> Mapping[str, Any]:
    source = {"S3DataSource": {"S3Uri": f"s3://{BUCKET}/models/data/own/v/"}}
    return {
        "TrainingJobName": "t",
        "HyperParameters": {"recipe": '"aligned"'},
        "InputDataConfig": [{"ChannelName": "training", "DataSource": source}],
        "ResourceConfig": {"InstanceType": instance, "InstanceCount": 1},
        "BillableTimeInSeconds": seconds,
    }


def test_should_find_data_cost_and_base_of_what_serves_under_a_name(
    cloud: Stage, tmp_path: Path
) -> None:
    serving = stage(cloud).serve("our-halls", registered(cloud, speaker()))
    (entry,) = (e for e in AddedModelStage(cloud.place).added().models if e["name"] == "our-halls")
    base = {**entry, "name": "our-halls-base"}
    AddedModelStage(cloud.place).add(base, [], None, replaces=True, for_questions=False)
    beside = serving.serves.model_copy(update={"base_only": True})
    exported_models.name(
        cloud.client("s3"), BUCKET, exported_models.serving(beside, name="our-halls-base")
    )
    cloud.client("s3").put_object(Bucket=BUCKET, Key="models/data/own/v/data.json", Body=b"{}")

    def versions(jobs: Mapping[str, Mapping[str, Any]]) -> TunedVersions:
        billed = Billed(cloud.client("sagemaker"), jobs)
        place = replace(
            cloud.place,
            client=lambda name: billed if name == "sagemaker" else cloud.client(name),
        )
        return TunedVersions(place)

    cpu = billed_job("ml.m5.xlarge", 1_800)
    found = versions({"t": cpu, "t-finish": cpu}).find("our-halls")
    assert (found.label, found.recipe) == (serving.serves.label, "aligned")
    assert (found.base, found.champion) == ("our-halls-base", "")
    assert (found.bill.seconds, found.bill.dollars) == (3_600, Decimal("0.230000"))
    folder = versions({}).fetch_data(found, tmp_path / "data")
    assert [path.name for path in folder.iterdir()] == ["data.json"]
    half_known = versions({"t": billed_job("ml.p9.huge", 60)}).find("our-halls").bill
    assert (half_known.seconds, half_known.dollars) == (60, None)
    assert "no price of ml.p9.huge is known; a job of the training" in half_known.note
    for name, told in (
        ("our-attic", "No trained version serves as 'our-attic'"),
        ("our-halls@candidate", "has no candidate"),
        ("our-halls-base", "is the base of headrace-try-vae/"),
    ):
        with pytest.raises(TrainingError, match=told):
            versions({"t": cpu}).find(name)
    with pytest.raises(TrainingError, match="does not know its job t"):
        versions({}).find("our-halls")


def test_should_stand_before_its_teacher_and_keep_that_for_the_next_version(cloud: Stage) -> None:
    """A student answers first; its fallback is tried where a check refuses what it said."""
    own = speaker()
    constants = {**json.loads(own[FILE])["constants"], "context": 512}
    version = registered(cloud, changed(own, constants=constants))
    asked = ["models", "serve", "our-student", version, "--data-dir", str(cloud.folder)]
    options = ["--fallback", "nova-pro", "--tier", "2"]
    CliRunner().invoke(headrace, [*asked, *options], catch_exceptions=False)
    CliRunner().invoke(headrace, asked, catch_exceptions=False)
    models = AddedModelStage(cloud.place).models()
    student = models.models.model("our-student")
    assert (student.tier, student.fallbacks) == (2, ("nova-pro",))
    call = ChatCall(messages=(Message(role="user", content=(TextPart(text="a"),)),), max_tokens=2)
    terms = Terms(model="our-student", checks=("finish",))
    wanted = derive_requirements(call, terms, CallRegion("us-east-1", "geography"))
    plan = plan_route(wanted, models.models, models.prices, datetime(2026, 11, 30, tzinfo=UTC))
    assert [step.model for step in plan.steps][:2] == ["our-student", "nova-pro"]
    for name, standing, told in (
        ("our-student", NameStanding(fallbacks=("nova-max",)), "'nova-max' cannot answer where"),
        ("our-student", NameStanding(fallbacks=("minilm-l6-v2",)), "of the task chat"),
        ("digits-vae", NameStanding(tier=2), "is a model of the catalogue, which has its tier"),
    ):
        with pytest.raises(ServingError, match=told):
            stage(cloud).serve(name, version, standing=standing)


def test_should_give_no_model_a_name_that_is_taken_and_no_base_that_is_none(cloud: Stage) -> None:
    version = registered(cloud, speaker())
    assert "is the name of a model of the catalogue" in str(
        served_by_command(cloud, "nova-lite", version)
    )
    assert "is no name of a model" in str(served_by_command(cloud, "Our Rooms", version))
    assert "is of the recipe policy, and dictionary-lm is served by" in str(
        served_by_command(cloud, "dictionary-lm", version)
    )
    with pytest.raises(ServingError, match="has no base beside what was tuned"):
        stage(cloud).serve("our-base", version, base_only=True)


def test_shared_files_should_stay_while_something_serves_by_them_and_a_day_more(
    cloud: Stage,
) -> None:
    s3 = cloud.client("s3")
    digests = [hashlib.sha256(text).hexdigest() for text in (b"named", b"new", b"old")]
    files = [SharedFile(name="decoder.onnx", key=f"{SHARED}{digest}") for digest in digests]
    version = exported_models.version(speaker()).model_copy(update={"shared": tuple(files)})
    assert version.key_of("decoder.onnx") == files[-1].key
    assert version.key_of("tokenizer.json") == f"{version.prefix}tokenizer.json"
    shared = SharedFiles(s3, BUCKET)
    shared.put(version, lambda _name: b"a base")
    named = version.model_copy(update={"shared": (files[0],)})
    exported_models.name(s3, BUCKET, exported_models.serving(named, name="tuned"))

    def there() -> set[str]:
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=SHARED).get("Contents", ())
        return {each["Key"] for each in listed}

    shared.tidy()
    assert there() == {file.key for file in files}
    later = SharedFiles(s3, BUCKET, lambda: datetime.now(UTC) + KEPT_FOR)
    later.put(version.model_copy(update={"shared": (files[0],)}), lambda _name: b"not again")
    later.tidy()
    assert there() == {files[0].key}
    assert s3.get_object(Bucket=BUCKET, Key=files[0].key)["Body"].read() == b"a base"
    s3.delete_object(Bucket=BUCKET, Key=pointer_key("tuned"))
