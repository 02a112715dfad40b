"""Import jobs from their request to a model that answers, with a converter that writes a file."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.bedrock.customisation.runner import MODEL_FILE
from localcloud.bedrock.imports.service import IDLE_S, RESTORE_S, ImportService
from localcloud.bedrock.model_jobs import ModelJobFailed
from localcloud.errors import AwsError
from localcloud.service import CloudContext
from tests.unit.bedrock.customisation.test_service import ROLE, Objects, members

CONFIG = {"model_type": "llama", "max_position_embeddings": 8192}
REQUEST = {
    "jobName": "notes-1",
    "importedModelName": "notes",
    "roleArn": ROLE,
    "modelDataSource": {"s3DataSource": {"s3Uri": "s3://bucket/models/notes/"}},
}


class Bucket(Objects):
    """The calls that an import makes, with a page a file."""

    def list_objects_v2(self, **call: str) -> dict[str, Any]:
        keys = sorted(key for key in self.kept if key.startswith(call["Prefix"]))
        at = int(call.get("ContinuationToken", "0"))
        page = [{"Key": key, "Size": len(self.kept[key])} for key in keys[at : at + 1]]
        more = at + 1 < len(keys)
        return {
            "Contents": page,
            "IsTruncated": more,
            **({"NextContinuationToken": str(at + 1)} if more else {}),
        }

    def get_object(self, **call: str) -> dict[str, Any]:
        if call["Key"] not in self.kept:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "none"}}, "GetObject")
        return {"Body": io.BytesIO(self.kept[call["Key"]])}


class World:
    """A service with its fakes."""

    def __init__(self, folder: Path) -> None:
        self.bucket, self.later, self.fails = Bucket(), 0.0, False
        self.seen: list[list[str]] = []
        for name in ("tokenizer.json", "tokenizer_config.json", "model.safetensors", "run.py"):
            self.put(name, b"{}")
        self.put("config.json", json.dumps(CONFIG).encode())
        self.service = ImportService(
            CloudContext(folder, "http://127.0.0.1:1"),
            lambda _service, _role: self.bucket,
            self.convert,
            lambda: time.time() + self.later,
        )
        self.operations = self.service.operations

    def put(self, name: str, content: bytes) -> None:
        self.bucket.kept[f"models/notes/{name}"] = content

    def convert(self, folder: Path, _: threading.Event) -> None:
        self.seen.append(sorted(each.name for each in (folder / "source").iterdir()))
        if self.fails:
            raise ModelJobFailed("The tokenizer is none that is written as GGUF.")
        (folder / MODEL_FILE).write_bytes(b"GGUF")

    def create(self, **changed: Any) -> str:
        return str(self.operations.create_model_import_job({**REQUEST, **changed})["jobArn"])

    def ended(self, arn: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            job = dict(self.operations.get_model_import_job({"jobIdentifier": arn}))
            if job["status"] != "InProgress":
                return job
            time.sleep(0.01)
        raise AssertionError("the job did not end")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.service.start()
    yield made
    made.service.stop()


def test_a_folder_becomes_a_model_that_is_restored_at_its_first_call(world: World) -> None:
    job = world.ended(world.create(clientRequestToken="once"))
    assert job["status"] == "Completed"
    assert set(job) <= members("GetModelImportJob")
    assert world.seen == [
        ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    ], "code that lies beside is not read"
    arn = job["importedModelArn"]
    shown = dict(world.operations.get_imported_model({"modelIdentifier": "notes"}))
    assert (shown["modelArn"], shown["modelArchitecture"]) == (arn, "llama")
    assert set(shown) <= members("GetImportedModel")
    with pytest.raises(AwsError) as refused:
        world.service.imported(arn)
    assert refused.value.code == "ModelNotReadyException"
    world.later += RESTORE_S
    _, path = world.service.imported(arn)
    assert path.read_bytes() == b"GGUF"
    world.later += IDLE_S - 1
    world.service.imported(arn)
    world.later += IDLE_S
    with pytest.raises(AwsError, match="not ready"):
        world.service.imported(arn)
    listed = dict(world.operations.list_imported_models({}))["modelSummaries"]
    assert [each["modelName"] for each in listed] == ["notes"]
    world.operations.delete_imported_model({"modelIdentifier": arn})
    assert not path.parent.exists()
    with pytest.raises(AwsError, match="could not be found"):
        world.service.imported(arn)
    assert not dict(world.operations.list_imported_models({}))["modelSummaries"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("config.json", None, "no config.json"),
        ("config.json", b"[", "is not JSON"),
        ("config.json", b'{"model_type": "mamba"}', r"the architecture \(mamba\).*llama, mistral"),
        ("config.json", b'{"model_type": "llama", "quantization_config": {}}', "quantised"),
        (
            "config.json",
            b'{"model_type": "llama", "max_position_embeddings": 131073}',
            "takes 131,072",
        ),
        ("tokenizer.json", None, r"no tokenizer\.json"),
        ("model.safetensors", None, r"no weights as \.safetensors"),
    ],
)
def test_what_bedrock_does_not_import_fails_the_job(
    world: World, name: str, content: bytes | None, says: str
) -> None:
    world.bucket.kept.pop(f"models/notes/{name}")
    if content is not None:
        world.put(name, content)
    job = world.ended(world.create())
    assert job["status"] == "Failed"
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(job["failureMessage"])
    assert not world.seen


def test_a_conversion_that_fails_says_why_and_leaves_nothing(world: World) -> None:
    world.fails = True
    job = world.ended(world.create())
    assert job["failureMessage"] == "The tokenizer is none that is written as GGUF."
    with pytest.raises(AwsError, match="could not be found"):
        world.operations.get_imported_model({"modelIdentifier": "notes"})
    world.fails = False
    assert world.ended(world.create(jobName="notes-2"))["status"] == "Completed"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"modelDataSource": {"s3DataSource": {"s3Uri": "x"}}}, "a folder in S3"),
        ({"roleArn": "arn:aws:iam::000000000000:role/other"}, "can't assume"),
        ({"vpcConfig": {}}, "leave it out"),
        ({"importedModelName": "my notes"}, "importedModelName has to satisfy the pattern"),
        ({"jobName": "-notes"}, "jobName has to satisfy the pattern"),
    ],
)
def test_what_bedrock_refuses_is_refused(world: World, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(AwsError, match=says):
        world.create(**changed)


def test_names_are_used_once_tokens_repeat_and_three_models_are_the_most(world: World) -> None:
    first = world.create(clientRequestToken="once")
    assert world.create(clientRequestToken="once") == first
    for changed in ({"importedModelName": "other"}, {"jobName": "other"}):
        with pytest.raises(AwsError, match="in use"):
            world.create(**changed)
    for number in (2, 3):
        world.create(jobName=f"job-{number}", importedModelName=f"model-{number}")
    with pytest.raises(AwsError, match="may have no more"):
        world.create(jobName="job-4", importedModelName="model-4")
