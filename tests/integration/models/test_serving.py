"""A version of the registry that an operator has served, and what functions read of it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from click.testing import CliRunner

from chalicelib.adapters.model_versions import ModelVersions
from chalicelib.adapters.s3 import S3Objects
from chalicelib.adapters.s3vectors import index_definition
from chalicelib.contracts.generations import ChatCall, Message, Terms, TextPart
from chalicelib.contracts.model_manifest import FILE, TEMPLATE_FILE, ModelOrigin, Signature
from chalicelib.contracts.serving import (
    SHARED,
    Serving,
    SharedFile,
    pinned_name,
    pinned_prefix,
    pointer_key,
)
from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure, NotFound
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import FunctionBackend
from chalicelib.generation.requirements import CallRegion, derive_requirements
from chalicelib.generation.router import plan_route
from chalicelib.inference.hot_swap import HotSwap
from chalicelib.inference.image_generator import ImageGenerator, ImageSampling, open_model
from chalicelib.retrieval.ids import text_index_name
from cli.failures import CommandError
from cli.main import headrace
from infra import stages
from infra.models.added_models import AddedModelStage
from infra.models.registry import Registry
from infra.models.served_embedders import EmbeddingChoice, ServedEmbedders
from infra.models.serving import VersionServing
from infra.models.serving_pointers import ServingPointers
from infra.models.shared_files import KEPT_FOR, SharedFiles
from infra.models.trained_entry import NameStanding
from infra.models.training import TrainingError
from infra.models.tuned_versions import TunedVersions
from infra.models.version_files import ServingError, require_memory
from infra.models.version_trial import OPENED_BY
from localcloud.composition import run_cloud
from models.training.recipe import names
from tests import exported_models
from tests.architecture.templates import plain
from tests.cloud import PROJECT
from tests.exported_models import (
    APPROVED,
    WAITS,
    Files,
    changed,
    decoder,
    denoiser,
    exported,
    packed,
)
from tests.exported_texts import classifier, embedder, speaker

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


@pytest.fixture(scope="module")
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


def test_should_serve_a_version_and_then_another_and_keep_the_one_before(cloud: Stage) -> None:
    cloud.client("s3").delete_object(Bucket=BUCKET, Key=POINTER)
    first = registered(cloud, {**decoder(), "CARD.md": b"a card"})
    number = first.rpartition("/")[2]
    serving = stage(cloud).serve("digits-vae", first)
    assert (serving.serves.arn, serving.before) == (first, None)
    listed = cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=serving.serves.prefix)
    assert {each["Key"].rpartition("/")[2] for each in listed["Contents"]} == set(decoder())
    found = function(cloud).get("digits-vae")
    assert found.version == serving.serves
    assert found.model.generate_images(ImageSampling(count=1, seed=1)).shape == (1, 2, 2, 1)
    second = registered(cloud, decoder(0.5))
    then = stage(cloud).serve("digits-vae", second)
    assert then.before == serving.serves
    assert stage(cloud).serve("digits-vae", second).before == serving.serves
    assert function(cloud).get("digits-vae").version.label == second.partition("model-package/")[2]
    back = stage(cloud).serve("digits-vae", f"{GROUP}/{number}")
    assert (back.serves, back.before) == (serving.serves, then.serves)


def test_should_roll_a_version_out_by_shares_of_end_users(cloud: Stage) -> None:
    cloud.client("s3").delete_object(Bucket=BUCKET, Key=POINTER)
    first, second = (registered(cloud, decoder(add)) for add in (0.0, 0.5))
    rejected = registered(cloud, decoder(0.6), "Rejected")
    with pytest.raises(ServingError, match="nothing to roll out from"):
        stage(cloud).serve("digits-vae", first, share=5)
    live = stage(cloud).serve("digits-vae", first).serves
    for version, share, told in (
        (first, 5, "is what serves as digits-vae"),
        (second, 101, "0 to 100 percent, not 101"),
        (rejected, 5, "was rejected"),
    ):
        with pytest.raises(ServingError, match=told):
            stage(cloud).serve("digits-vae", version, share=share)
    assert pointer(cloud)["candidate"] is None
    asked = ["models", "serve", "digits-vae", second, "--data-dir", str(cloud.folder)]
    said = CliRunner().invoke(headrace, [*asked, "--rollout", "25"], catch_exceptions=False)
    assert "is the candidate: it answers 25 % of the end users" in " ".join(said.stdout.split())
    swap = function(cloud)
    met = {swap.get("digits-vae", f"caller {n}").version.arn for n in range(40)}
    assert met == {first, second}
    assert swap.get("digits-vae").version == live
    done = stage(cloud).serve("digits-vae", second)
    assert (done.serves.arn, done.before, done.candidate) == (second, live, None)


def test_should_serve_what_draws_by_words(cloud: Stage) -> None:
    serving = stage(cloud).serve("digits-diffusion", registered(cloud, denoiser()))
    listed = cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=serving.serves.prefix)
    assert len(listed["Contents"]) == 3
    drawn = (
        function(cloud)
        .get("digits-diffusion")
        .model.generate_images(ImageSampling(1, 0, prompt="light"))
    )
    assert drawn.min() >= 254


def kept(cloud: Stage) -> set[str]:
    """Return the folders of versions of which any object is left, deleted ones too."""
    told = cloud.client("s3").list_object_versions(
        Bucket=BUCKET, Prefix="models/serving/digits-gan/"
    )
    found = (*told.get("Versions", ()), *told.get("DeleteMarkers", ()))
    return {each["Key"].rpartition("/")[0] + "/" for each in found}


def test_should_remove_what_neither_serves_nor_served_before(cloud: Stage) -> None:
    arns = [registered(cloud, decoder(add, recipe="gan")) for add in (0.0, 0.1, 0.2)]
    first, second, third = (stage(cloud).serve("digits-gan", each) for each in arns)
    assert kept(cloud) == {second.serves.prefix, third.serves.prefix}
    again = stage(cloud).serve("digits-gan", arns[0])
    assert again.serves == first.serves
    assert kept(cloud) == {third.serves.prefix, first.serves.prefix}
    assert function(cloud).get("digits-gan").version == first.serves


def test_what_another_operator_puts_meanwhile_should_stay(cloud: Stage) -> None:
    arns = [registered(cloud, decoder(add, recipe="gan")) for add in (0.3, 0.4, 0.5)]
    oldest = stage(cloud).serve("digits-gan", arns[0]).serves
    stage(cloud).serve("digits-gan", arns[1])

    class Overtaken(VersionServing):
        """Somebody puts the oldest version anew before what was there is removed."""

        def _tidy(self, serving: Serving, there: Sequence[tuple[str, str]]) -> None:
            key = f"{oldest.prefix}{FILE}"
            cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"anew")
            super()._tidy(serving, there)

    Overtaken(cloud.place).serve("digits-gan", arns[2])
    left = cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=oldest.prefix)
    assert [each["Key"] for each in left["Contents"]] == [f"{oldest.prefix}{FILE}"]


def test_should_say_that_a_version_serves_though_others_are_left(cloud: Stage) -> None:
    arns = [registered(cloud, decoder(add, recipe="gan")) for add in (0.6, 0.7, 0.8)]
    for arn in arns[:2]:
        stage(cloud).serve("digits-gan", arn)

    def refusing(request: Any, **_: object) -> Any:
        raise EndpointConnectionError(endpoint_url=request.url)

    events = cloud.client("s3").meta.events
    events.register("before-send.s3.DeleteObjects", refusing)
    told = rf"{GROUP}/\d+ serves as digits-gan. What earlier versions left could not be removed"
    try:
        with pytest.raises(ServingError, match=told):
            stage(cloud).serve("digits-gan", arns[2])
    finally:
        events.unregister("before-send.s3.DeleteObjects", refusing)
    assert function(cloud).get("digits-gan").version.arn == arns[2]
    serving = stage(cloud).serve("digits-gan", arns[2])
    assert serving.before is not None
    assert kept(cloud) == {serving.serves.prefix, serving.before.prefix}


def of_megabytes(size: int) -> Files:
    """Return a model whose manifest says that its graph has so many."""
    files = decoder()
    (name, spec), *_ = Signature.model_validate_json(files[FILE]).graphs.items()
    return changed(files, graphs={name: spec.model_copy(update={"size": size * 1024**2})})


BROKEN: dict[str, tuple[Files | bytes, str]] = {
    "too large": (of_megabytes(540), "has graphs of 540 MB, and a function of 1769 MB opens 539"),
    "another graph": ({**decoder(), "decoder.onnx": b"x"}, "is not the file that was exported"),
    "no graph": ({FILE: decoder()[FILE]}, "has no decoder.onnx: it was not exported whole"),
    "no manifest": ({"decoder.onnx": b"x"}, f"has no {FILE}"),
    "another manifest": ({**decoder(), FILE: b"{}"}, "is no manifest"),
    "no archive": (gzip.compress(b"nothing"), "is no whole archive"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_should_serve_nothing_that_is_not_whole_and_leave_what_serves(
    cloud: Stage, what: str
) -> None:
    stage(cloud).serve("digits-vae", registered(cloud, decoder()))
    before = pointer(cloud)
    content, told = BROKEN[what]
    failed = served_by_command(cloud, "digits-vae", registered(cloud, content))
    assert told in str(failed)
    assert pointer(cloud) == before


def served_by_command(cloud: Stage, name: str, version: str) -> CommandError:
    """Return what `headrace models serve` fails by."""
    asked = ["models", "serve", name, version, "--data-dir", str(cloud.folder)]
    failed = CliRunner().invoke(headrace, asked).exception
    assert isinstance(failed, CommandError), failed
    return failed


def test_should_name_what_cannot_be_served(cloud: Stage) -> None:
    rejected = registered(cloud, decoder(), "Rejected")
    number = int(rejected.rpartition("/")[2])
    for name, version, told in (
        ("digits", rejected, "No trained model answers as 'digits'; there are digits-vae"),
        ("minilm-l6-v2", rejected, "No trained model answers as 'minilm-l6-v2'"),
        ("digits-vae", "no version", "model-package/no version is no version: name its ARN, or"),
        ("digits-vae", f"{GROUP}/999", f"{GROUP} has no version 999. Versions: {number}"),
        ("digits-vae", "headrace-try-gan/1", "There is no group headrace-try-gan of versions."),
        ("digits-vae", "headrace-try-gan/1", f"Groups: {GROUP}."),
    ):
        assert told in str(served_by_command(cloud, name, version))


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


UNFIT: dict[str, tuple[Files, str, str]] = {
    "rejected": (decoder(), "Rejected", "was rejected, and only an approved version is used"),
    "waiting": (decoder(), WAITS, f"is {WAITS}, and only an approved version is used"),
    "smoke": (
        changed(decoder(), origin=origin_of(decoder(), preset="smoke")),
        APPROVED,
        "is of the preset smoke, which is held to no gate",
    ),
    "below a gate": (
        changed(decoder(), metrics={**exported_models.reaching("vae"), "fid": 99.0}),
        APPROVED,
        "misses its gates: fid is 99 and may be",
    ),
    "never measured": (changed(decoder(), metrics={}), APPROVED, "fid was not measured"),
    "its base": (
        changed(decoder(), origin=origin_of(decoder(), unapproved_bases=("a rejected one",))),
        APPROVED,
        "begins from a rejected one",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_should_serve_what_is_unfit_only_by_the_option_and_then_say_so_everywhere(
    cloud: Stage, what: str
) -> None:
    sound = registered(cloud, decoder())
    stage(cloud).serve("digits-vae", sound)
    content, status, why = UNFIT[what]
    arn = registered(cloud, content, status)
    assert why in str(served_by_command(cloud, "digits-vae", arn))
    assert pointer(cloud)["serves"]["arn"] == sound
    asked = ["models", "serve", "digits-vae", arn, "--data-dir", str(cloud.folder)]
    said = CliRunner().invoke(headrace, [*asked, "--unapproved"], catch_exceptions=False)
    assert "Warning: " in said.stderr
    assert why in " ".join(said.stderr.split())
    assert why in pointer(cloud)["serves"]["unapproved"][0]
    told: list[str] = []
    versions = ModelVersions(S3Objects(cloud.client("s3")), BUCKET)
    swap = HotSwap(versions, open_model, lambda: 0.0, lambda error: told.append(error.message))
    assert swap.get("digits-vae").version.receipt_name.endswith(" (unapproved)")
    assert why in told[0]


def test_what_was_rejected_since_should_not_stay_in_reserve(cloud: Stage) -> None:
    first, second, third = (registered(cloud, decoder(add)) for add in (0.1, 0.2, 0.3))
    stage(cloud).serve("digits-vae", first)
    asked = ["--data-dir", str(cloud.folder)]
    done = CliRunner().invoke(headrace, ["models", "reject", first, *asked], catch_exceptions=False)
    assert "still answers digits-vae" in done.stderr
    assert stage(cloud).serve("digits-vae", second).before is None
    CliRunner().invoke(headrace, ["models", "approve", first, *asked], catch_exceptions=False)
    stage(cloud).serve("digits-vae", first)
    assert stage(cloud).serve("digits-vae", third).before is not None


def test_should_name_what_cannot_be_compared(cloud: Stage) -> None:
    one = registered(cloud, decoder())
    asked = ["models", "compare", one, f"{GROUP}/999", "--data-dir", str(cloud.folder)]
    failed = CliRunner().invoke(headrace, asked).exception
    assert isinstance(failed, CommandError), failed
    assert f"{GROUP} has no version 999. Versions: " in str(failed)


def test_should_serve_no_version_of_another_recipe(cloud: Stage) -> None:
    arn = registered(cloud, decoder(recipe="gan"))
    told = str(served_by_command(cloud, "digits-vae", arn))
    assert "is of the recipe gan, and digits-vae is served by vae." in told
    assert stage(cloud).serve("digits-gan", arn).serves.arn == arn


def tenant_record(cloud: Stage, tenant: str, model: str, next_model: str = "") -> None:
    """Put a tenant whose index has the vectors of a model, and that index."""
    name = text_index_name(tenant, model, "-abc123")
    item = {"pk": {"S": f"TENANT#{tenant}"}, "sk": {"S": "TENANT"}, "index": {"S": name}}
    item |= {"model": {"S": model}, "vector_bucket": {"S": OUTPUTS["VectorBucketName"]}}
    if next_model:
        item |= {"next_model": {"S": next_model}, "next_index": {"S": f"{name}.next"}}
    cloud.client("dynamodb").put_item(TableName=OUTPUTS["RecordsTableName"], Item=item)
    cloud.client("s3vectors").create_index(
        vectorBucketName=OUTPUTS["VectorBucketName"], indexName=name, **index_definition(4)
    )


def test_versions_of_an_embedder_should_stay_while_an_index_has_their_vectors(cloud: Stage) -> None:
    arns = [registered(cloud, embedder(seed=seed)) for seed in range(4)]
    pins = []
    for arn in arns[:2]:
        serves = stage(cloud).serve("support-search", arn).serves
        pins.append(pinned_name("support-search", serves.signature))
        assert serves.prefix == pinned_prefix(pins[-1])
    with pytest.raises(ServingError, match="vectors, and those of two versions cannot be compared"):
        stage(cloud).serve("support-search", arns[2], share=5)
    tenant_record(cloud, "acme", "minilm-l6-v2-int8", next_model="")
    tenant_record(cloud, "acme-co", pins[0])
    later = [stage(cloud).serve("support-search", arn).serves for arn in arns[2:]]
    pins += [pinned_name("support-search", each.signature) for each in later]
    told = cloud.client("s3").list_objects_v2(
        Bucket=BUCKET, Prefix="models/serving/support-search/"
    )
    left = {each["Key"].rpartition("/")[0] + "/" for each in told["Contents"]}
    assert left == {pinned_prefix(pins[at]) for at in (0, 2, 3)}
    choices = ServedEmbedders(cloud.place)
    assert choices.choose("support-search") == EmbeddingChoice(pins[3], 4, 256, tuned=True)
    assert choices.choose(pins[2]).name == pins[2]
    assert choices.choose("mpnet-base-v2-int8").dimensions == 768
    for model, problem in (
        (pins[0], "neither serves nor served just before"),
        ("nothing-here", "headrace models serve nothing-here VERSION"),
    ):
        with pytest.raises(NotFound, match=problem):
            choices.choose(model)
    place = ["--data-dir", str(cloud.folder)]
    CliRunner().invoke(headrace, ["models", "reject", arns[3], *place], catch_exceptions=False)
    removed = CliRunner().invoke(headrace, ["models", "remove", "support-search", *place])
    assert f"Indexes of tenants have vectors of {pins[0]}." in str(removed.exception)
    with pytest.raises(InvalidInput, match="was rejected, and only an approved version is used"):
        choices.choose("support-search")


def test_an_embedder_should_leave_room_for_another_beside_those_of_the_bundle(
    cloud: Stage,
) -> None:
    signature = Signature.model_validate_json(embedder()[FILE])
    graph = signature.graphs["embedder"]
    version = Registry(cloud.client).version(registered(cloud, embedder()))

    def sized(mb: int) -> Signature:
        spec = graph.model_copy(update={"size": mb * 1024**2})
        return signature.model_copy(update={"graphs": {"embedder": spec}})

    require_memory(sized(150), version, 1769, "embed_text")
    with pytest.raises(ServingError, match="opens 199 at most, 2 at once beside those of its bund"):
        require_memory(sized(250), version, 1769, "embed_text")
    require_memory(sized(250), version, 1769)


def test_every_name_should_have_recipes_and_a_way_to_open_them() -> None:
    backends = [model.backend for model in served_models().models.values()]
    trained = [each for each in backends if isinstance(each, FunctionBackend) and each.recipes]
    assert {each.function for each in trained} == set(OPENED_BY)
    assert {recipe for each in trained for recipe in each.recipes} <= set(names())


def test_should_not_write_over_what_somebody_else_had_served_meanwhile(cloud: Stage) -> None:
    stage(cloud).serve("digits-vae", registered(cloud, decoder()))
    other = registered(cloud, decoder(0.25))

    class Overtaken(ServingPointers):
        """Is overtaken between its look and its word."""

        def read(self, name: str) -> tuple[Serving | None, Mapping[str, str]]:
            found = super().read(name)
            stage(cloud).serve(name, other)
            return found

    slow = stage(cloud)
    slow._pointers = Overtaken(cloud.client("s3"), BUCKET)
    with pytest.raises(ServingError, match="Somebody else had another version of digits-vae"):
        slow.serve("digits-vae", registered(cloud, decoder(0.75)))
    assert pointer(cloud)["serves"]["arn"] == other


def test_should_write_over_what_cannot_be_read(cloud: Stage) -> None:
    cloud.client("s3").put_object(Bucket=BUCKET, Key=POINTER, Body=b"{}")
    with pytest.raises(ModelFailure, match="serve digits-vae anew"):
        function(cloud).get("digits-vae")
    arn = registered(cloud, decoder())
    serving = stage(cloud).serve("digits-vae", arn)
    assert serving.before is None
    assert function(cloud).get("digits-vae").version.arn == arn


def test_should_tell_what_serves(cloud: Stage) -> None:
    arn = registered(cloud, decoder())
    asked = ["models", "serve", "digits-vae", arn, "--data-dir", str(cloud.folder)]
    told = CliRunner().invoke(headrace, [*asked, "--json"], catch_exceptions=False).stdout
    assert json.loads(told)["serves"]["arn"] == arn
    then = registered(cloud, decoder(0.1))
    asked[3] = then
    said = CliRunner().invoke(headrace, asked, catch_exceptions=False).stdout.splitlines()
    labels = [each.partition("model-package/")[2] for each in (then, arn)]
    assert said[0] == f"digits-vae is answered by {labels[0]}."
    assert said[1] == f"{labels[1]} stays in use where the new version cannot be loaded."


def test_should_hand_on_what_aws_refuses(cloud: Stage) -> None:
    arn = registered(cloud, decoder(0.9))
    artefact = Registry(cloud.client).version(arn).artefact
    key = artefact.removeprefix(f"s3://{BUCKET}/")
    cloud.client("s3").delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ClientError, match="NoSuchKey"):
        stage(cloud).serve("digits-vae", arn)
