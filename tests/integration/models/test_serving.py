"""A version of the registry that an operator has served, and what functions read of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from click.testing import CliRunner

from chalicelib.adapters.s3vectors import index_definition
from chalicelib.contracts.model_manifest import FILE
from chalicelib.contracts.serving import (
    Serving,
    pinned_name,
    pinned_prefix,
)
from chalicelib.errors import InvalidInput, ModelFailure, NotFound
from chalicelib.inference.image_generator import ImageSampling
from chalicelib.retrieval.ids import text_index_name
from cli.main import headrace
from infra.models.served_embedders import EmbeddingChoice, ServedEmbedders
from infra.models.serving import VersionServing
from infra.models.serving_pointers import ServingPointers
from infra.models.version_files import ServingError
from tests.exported_models import (
    decoder,
    denoiser,
)
from tests.exported_texts import embedder
from tests.integration.models.serving_stage import (
    BUCKET,
    GROUP,
    OUTPUTS,
    POINTER,
    Stage,
    function,
    pointer,
    registered,
    stage,
)


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
