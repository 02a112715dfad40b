"""Base models of a stage: uploaded once, taken in place, or refused."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.models.bases import BaseWish, StageBases
from infra.models.own_data import KEPT_DAYS
from infra.models.row_check import check_against_placed
from infra.models.training import StageTraining
from infra.models.training_environment import run_module
from infra.stages import StageConnection
from models.bases.folder import record_base
from models.failures import BadData, BadRecipe
from models.pull.base_references import NoBase
from models.sagemaker.job_requests import JobSpec
from models.training import recipe
from models.training.recipe import BaseUse
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import ChatExample, ChatTurn
from tests.unit.infra.test_training import OUTPUTS

BUCKET = OUTPUTS["DocumentsBucketName"]
INTERPRETER = Path(sys.executable)
CHAT = ChatExample(
    messages=(ChatTurn(role="user", content="a"), ChatTurn(role="assistant", content="b"))
)


@dataclass
class S3:
    """Buckets in memory, as far as bases need them."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    age_days: int = 0

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        return {"LastModified": datetime.now(UTC) - timedelta(days=self.age_days)}

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        self.objects[bucket, key] = Path(path).read_bytes()
        self.uploads.append(key.rpartition("/")[2])

    def list_objects_v2(self, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:  # noqa: N803
        (found,) = self.paginate(Bucket, Prefix)
        return {"Contents": found["Contents"][:MaxKeys]}

    def download_file(self, bucket: str, key: str, path: str) -> None:
        Path(path).write_bytes(self.objects[bucket, key])

    def get_paginator(self, _: str) -> S3:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        keys = [key for bucket, key in self.objects if bucket == Bucket]
        yield {"Contents": [{"Key": key} for key in keys if key.startswith(Prefix)]}


def stage(s3: S3) -> StageBases:
    return StageBases(lambda _: s3, BUCKET, "eu-west-1", "000000000001", INTERPRETER)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").write_bytes(b"weights")
    record_base(folder, name="small", source="test", licence="MIT")
    return folder


def test_a_base_should_be_uploaded_once_and_its_record_last(base: Path) -> None:
    s3 = S3()
    placed = stage(s3).place(BaseWish(str(base)))
    assert s3.uploads == ["config.json", "model.safetensors", "base.json"]
    assert placed.uri.startswith(f"s3://{BUCKET}/models/bases/")
    assert len(placed.uri.rstrip("/").rpartition("/")[2]) == 64
    assert (placed.record.name, placed.config) == ("small", {"model_type": "bert"})
    assert stage(s3).place(BaseWish(str(base))) == placed
    assert stage(s3).place(BaseWish(placed.uri)) == placed
    assert len(s3.uploads) == 3
    assert [each.name for each in stage(s3).uploaded()] == ["small"]
    s3.age_days = KEPT_DAYS // 2 + 1
    assert stage(s3).place(BaseWish(str(base))) == placed
    assert len(s3.uploads) == 6, "it would expire while a training reads it"


def test_the_same_files_under_another_licence_should_have_it_in_their_record(base: Path) -> None:
    s3 = S3()
    first = stage(s3).place(BaseWish(str(base)))
    record_base(base, name="small", source="test", licence="Apache-2.0")
    assert stage(s3).place(BaseWish(str(base))).uri == first.uri
    assert s3.uploads[3:] == ["base.json"]
    assert [each.licence for each in stage(s3).uploaded()] == ["Apache-2.0"]


def test_what_a_record_names_elsewhere_should_not_be_uploaded(base: Path) -> None:
    record = json.loads((base / "base.json").read_text())
    (base.parent / "secret.json").write_bytes(b"weights")
    record["files"]["../secret.json"] = record["files"]["model.safetensors"]
    (base / "base.json").write_text(json.dumps(record))
    s3 = S3()
    with pytest.raises(BadData, match=r"names '\.\./secret\.json', which is not a file beside"):
        stage(s3).upload(base)
    assert not s3.uploads


def test_a_prefix_of_another_bucket_should_be_copied_with_its_licence() -> None:
    s3 = S3()
    there = {"config.json": b'{"model_type": "t5"}', "model.safetensors": b"w", "run.py": b""}
    s3.objects = {("other", f"a/flan/{name}"): content for name, content in there.items()}
    with pytest.raises(NoBase, match="flan names no licence"):
        stage(s3).place(BaseWish("s3://other/a/flan"))
    s3.objects["other", "a/flan/README.md"] = b"---\nlicense: apache-2.0\n---\n"
    placed = stage(s3).place(BaseWish("s3://other/a/flan"))
    assert (placed.record.source, placed.record.licence) == ("s3://other/a/flan/", "apache-2.0")
    assert s3.uploads == ["config.json", "model.safetensors", "base.json"]
    with pytest.raises(NoBase, match="has no files"):
        stage(s3).place(BaseWish("s3://other/b/"))


def test_a_pipeline_of_another_bucket_should_be_copied_with_the_folders_of_its_models() -> None:
    parts = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
    classes = ("UNet2DConditionModel", "AutoencoderKL", "CLIPTextModel", "CLIPTokenizer",
               "PNDMScheduler")  # fmt: skip
    index = {part: ["library", name] for part, name in zip(parts, classes, strict=True)}
    there = {
        "model_index.json": json.dumps({"_class_name": "StableDiffusionPipeline", **index}),
        "README.md": "---\nlicense: mit\n---\n",
        "unet/diffusion_pytorch_model.safetensors": "u",
        "unet/diffusion_pytorch_model.bin": "pickle",
        "vae/diffusion_pytorch_model.safetensors": "v",
        "text_encoder/model.safetensors": "t",
        "tokenizer/vocab.json": "{}",
        "scheduler/scheduler_config.json": "{}",
        "safety_checker/model.safetensors": "s",
    }
    s3 = S3({("other", f"sd/{name}"): content.encode() for name, content in there.items()})
    placed = stage(s3).place(BaseWish("s3://other/sd"))
    assert set(placed.record.files) == {*there} - {
        "README.md",
        "unet/diffusion_pytorch_model.bin",
        "safety_checker/model.safetensors",
    }
    key = f"{placed.uri.removeprefix(f's3://{BUCKET}/')}unet/diffusion_pytorch_model.safetensors"
    assert s3.objects[BUCKET, key] == b"u"
    s3.objects["other", "sd/model_index.json"] = json.dumps(
        {"_class_name": "StableDiffusionXLPipeline", **index}
    ).encode()
    with pytest.raises(NoBase, match="'StableDiffusionXLPipeline', which is not offered"):
        stage(s3).place(BaseWish("s3://other/sd"))


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("no-such", r"There is no base model 'no-such'\. By name there are smollm2"),
        ("/no/folder", "There is no folder /no/folder"),
        ("new:t5-tiny", "begins with the rows of a training"),
    ],
)
def test_what_cannot_be_fetched_should_say_why(reference: str, said: str) -> None:
    with pytest.raises(NoBase, match=said):
        stage(S3()).place(BaseWish(reference))
    with pytest.raises(NoBase, match="`make training` makes it"):
        replace(stage(S3()), interpreter=Path("none")).place(BaseWish(reference))


def test_a_base_that_begins_anew_should_be_made_of_the_trainings_rows(
    base: Path, tmp_path: Path
) -> None:
    """The training environment stands in as a script, which notes its arguments."""
    channel, seen, interpreter = (tmp_path / name for name in ("channel", "seen", "python"))
    write_channel(
        channel, "chat", {"train": [CHAT], "test": [CHAT]}, DataSource(source="t", licence="MIT")
    )
    (base / "config.json").write_text('{"model_type": "t5"}')
    record_base(base, name="small", source="new:t5-tiny", licence="MIT")
    told = json.dumps({"folder": str(base)})
    interpreter.write_text(f"#!/bin/sh\necho \"$*\" >> {seen}\necho '{told}'\n")
    interpreter.chmod(0o755)
    found = recipe.load("sequence_to_sequence")
    training = StageTraining(StageConnection(lambda _: S3(), OUTPUTS), interpreter)
    for own in (channel, None):
        spec = JobSpec("job", found, "smoke", "cpu", data=own, fits_unchecked=True)
        assert training._base_model(spec, "") is not None
    made, prepared, again = seen.read_text().splitlines()
    assert made == f"-m models.pull.bases new:t5-tiny --data {channel}"
    folder = again.rpartition(" ")[2]
    assert prepared == f"-m models.datasets dates {folder}"


def test_a_training_should_have_the_channel_of_its_base_and_check_its_kind(base: Path) -> None:
    s3 = S3()
    training = StageTraining(StageConnection(lambda _: s3, OUTPUTS), INTERPRETER)
    vae = recipe.load("vae")
    spec = JobSpec("job", vae, "smoke", "cpu")

    def tuning(kind: str) -> JobSpec:
        use = BaseUse.model_validate({"kind": kind, "default": str(base)})
        return replace(spec, recipe=vae.model_copy(update={"base_model": use}))

    _, places = training.from_bases(tuning("encoder"), {})
    assert places.channels["base_model"].startswith(f"s3://{BUCKET}/models/bases/")
    with pytest.raises(BadData, match=r"small is a model that reads text \(bert\)"):
        training.from_bases(tuning("decoder"), {"base_model": str(base)})
    with pytest.raises(BadRecipe, match="vae tunes no base model"):
        training.from_bases(spec, {"base_model": str(base)})


def test_rows_should_be_read_by_what_a_base_is_without_its_weights(
    base: Path, tmp_path: Path
) -> None:
    """The training environment stands in as a script, which lists the folder that it is given."""
    channel, seen = tmp_path / "channel", tmp_path / "seen"
    write_channel(
        channel, "chat", {"train": [CHAT], "test": [CHAT]}, DataSource(source="t", licence="MIT")
    )
    interpreter = tmp_path / "python"

    def check(script: str) -> list[str]:
        interpreter.write_text(f"#!/bin/sh\n{script}\n")
        interpreter.chmod(0o755)
        found = recipe.load("instruction_tuning")
        wish = JobSpec("job", found, "smoke", "cpu", {"rank": 2}, data=channel)
        s3 = S3()
        return check_against_placed(lambda _: s3, wish, stage(s3).upload(base), interpreter)

    listing = f'echo "$*" > {seen}; for each; do :; done; ls "$each" >> {seen}'
    assert check(f"{listing}; echo noise; echo '[\"2 texts are cut\"]'") == ["2 texts are cut"]
    arguments, *there = seen.read_text().split("\n")
    assert "-m models.row_check instruction_tuning --preset smoke" in arguments
    assert '--settings {"rank": 2}' in arguments
    assert [each for each in there if each] == ["base.json", "config.json"]
    with pytest.raises(BadData, match=r"^line 3 is too long$"):
        check("echo a warning >&2; echo line 3 is too long >&2; exit 1")
    with pytest.raises(BadData, match=r"models\.row_check ended with 137: killed"):
        check("echo killed >&2; exit 137")


def test_what_does_not_end_in_the_training_environment_should_be_stopped(tmp_path: Path) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\nexec sleep 60\n")
    interpreter.chmod(0o755)
    with pytest.raises(BadData, match=r"models\.datasets did not end in 0\.05 s"):
        run_module(interpreter, "models.datasets", (), timeout_s=0.05)
