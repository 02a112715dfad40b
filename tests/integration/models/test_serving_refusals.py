"""What an operator cannot have served, why, and what says so."""

from __future__ import annotations

import gzip

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from chalicelib.adapters.model_versions import ModelVersions
from chalicelib.adapters.s3 import S3Objects
from chalicelib.contracts.model_manifest import FILE, Signature
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import FunctionBackend
from chalicelib.inference.hot_swap import HotSwap
from chalicelib.inference.image_generator import open_model
from cli.failures import CommandError
from cli.main import headrace
from infra.models.registry import APPROVED, Registry
from infra.models.version_files import ServingError, require_memory
from infra.models.version_trial import OPENED_BY
from models.training.recipe import names
from tests import exported_models
from tests.exported_models import (
    WAITS,
    Files,
    changed,
    decoder,
)
from tests.exported_texts import embedder
from tests.integration.models.serving_stage import (
    BUCKET,
    GROUP,
    Stage,
    origin_of,
    pointer,
    registered,
    served_by_command,
    stage,
)


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


def test_should_hand_on_what_aws_refuses(cloud: Stage) -> None:
    arn = registered(cloud, decoder(0.9))
    artefact = Registry(cloud.client).version(arn).artefact
    key = artefact.removeprefix(f"s3://{BUCKET}/")
    cloud.client("s3").delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ClientError, match="NoSuchKey"):
        stage(cloud).serve("digits-vae", arn)
