"""Custom Model Import: what is asked for, what it costs, and how a model comes to answer."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import InvalidInput
from chalicelib.generation.added_models import AddedModels, merge_models
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.importable import import_limits
from chalicelib.generation.model_file import served_models
from chalicelib.generation.model_schema import ModelEntry
from chalicelib.generation.models import BedrockBackend
from chalicelib.generation.pricing import is_priced
from infra.models.bases import PlacedBase
from infra.models.customisation import CustomisationError
from infra.models.imports import (
    RESTORE_POLL_SECONDS,
    ImportedModel,
    StageImports,
    imported_entry,
    imported_prices,
    require_readable,
)
from infra.stages import StageConnection
from models.bases.folder import record_base

ARN = "arn:aws:bedrock:us-east-1:000000000000:imported-model/abc123def456"
MODEL = ImportedModel(ARN, "notes", "llama", 2)
OUTPUTS = {
    "IngestMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:headrace-test-ingest",
    "DocumentsBucketName": "bucket",
}
FILES = {"config.json": 1, "tokenizer.json": 1, "tokenizer_config.json": 1, "a.safetensors": 9}


class Service:
    """The calls of Step Functions and Bedrock that an import makes."""

    def __init__(self, answers: list[Any] | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers = answers or []

    def start_execution(self, **given: Any) -> dict[str, Any]:
        self.calls.append(("start_execution", given))
        return {"executionArn": "arn:execution"}

    def invoke_model(self, **given: Any) -> dict[str, Any]:
        self.calls.append(("invoke_model", given))
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": ""}}, "InvokeModel")
        return {"body": io.BytesIO(json.dumps(answer).encode())}


def stage(service: Service) -> StageImports:
    return StageImports(StageConnection(lambda _name: service, OUTPUTS))


def test_the_machine_is_asked_to_import_the_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"w")
    record = record_base(tmp_path, name="notes", source="test", licence="MIT")
    placed = PlacedBase("s3://bucket/models/bases/abc/", record, {})
    service = Service()
    stage(service).start("notes", placed)
    ((_, begun),) = service.calls
    assert begun["stateMachineArn"].endswith(":headrace-test-import")
    job = json.loads(begun["input"])["job"]
    assert job["ClientRequestToken"] == begun["name"]
    assert job["ModelDataSource"] == {"S3DataSource": {"S3Uri": "s3://bucket/models/bases/abc/"}}


def test_a_folder_that_the_role_of_imports_does_not_read_is_refused() -> None:
    require_readable("s3://bucket/models/bases/abc/", "bucket")
    for uri in ("s3://bucket/models/mine/", "s3://other/models/bases/abc/"):
        with pytest.raises(InvalidInput, match=r"imports read s3://bucket/models/bases/ alone"):
            require_readable(uri, "bucket")


@pytest.mark.parametrize("name", ["", "my notes", "my_notes", "a--b", "-a", "a" * 55])
def test_a_name_that_a_model_or_its_job_may_not_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is no name"):
        stage(Service()).require(name)
    stage(Service()).require("my-notes")


@pytest.mark.parametrize(
    ("config", "files", "region", "says"),
    [
        ({"model_type": "llama"}, FILES, "eu-west-1", "and not in eu-west-1"),
        ({"model_type": "bert"}, FILES, "us-east-1", r"the architecture \(bert\)"),
        ({"model_type": "llama"}, {**FILES, "b.safetensors": 2 * 10**11}, "us-east-1", "takes 200"),
    ],
)
def test_what_bedrock_does_not_import_is_refused_before_it_is_asked(
    config: dict[str, Any], files: dict[str, int], region: str, says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        import_limits().check(config, files, region)
    import_limits().check({"model_type": "llama"}, FILES, "us-east-1")


def test_an_imported_model_is_asked_by_invoke_model_and_priced_by_its_time() -> None:
    entry = imported_entry("notes", MODEL, "us-east-1", 8192, "Apache-2.0")
    ModelEntry.model_validate(entry)
    added = AddedModels().with_model(entry, imported_prices(MODEL))
    merged = merge_models(served_models(), catalogue().prices, added, shared_queues=False)
    model = merged.models.models["notes"]
    assert isinstance(model.backend, BedrockBackend)
    assert model.backend.api == "invoke"
    assert is_priced(model, merged.prices)
    per_token = merged.prices[f"bedrock.{ARN}.output_token"].dollars
    minute = per_token * import_limits().tokens_per_second * 60
    assert minute == pytest.approx(MODEL.usd_minute, rel=Decimal("0.001"))
    assert (MODEL.usd_minute, MODEL.usd_month) == (Decimal("0.11436"), Decimal("3.90"))


@pytest.mark.parametrize(
    ("source", "key"),
    [("s3://bucket/a/b/", "a/b/config.json"), ("s3://bucket/a/b", "a/b/config.json")],
)
def test_the_context_is_read_of_the_imported_folder(source: str, key: str) -> None:
    class Files(Service):
        def get_object(self, **given: Any) -> dict[str, Any]:
            written = {"max_position_embeddings": 512, "licence": "MIT"}
            assert given["Bucket"] == "bucket"
            found = written if given["Key"] in (key, "a/b/base.json") else {}
            return {"Body": io.BytesIO(json.dumps(found).encode())}

    model = replace(MODEL, source=source)
    assert stage(Files())._context_and_licence(model)[0] == 512
    most = import_limits().max_context
    assert stage(Service())._context_and_licence(MODEL) == (most, "that of its base")


ANSWER = {"choices": [{"message": {"content": "hello"}}]}


def test_a_model_that_is_not_ready_is_waited_for() -> None:
    rests: list[float] = []
    service = Service(["ModelNotReadyException", "ModelNotReadyException", ANSWER])
    stage(service)._try(MODEL, rests.append)
    assert rests == [RESTORE_POLL_SECONDS] * 2
    never = Service(["ModelNotReadyException"] * 1000)
    with pytest.raises(CustomisationError, match="is not ready after 600 s"):
        stage(never)._try(MODEL, rests.append)
    assert len(never.calls) == 41
    refused = Service(["AccessDeniedException"])
    with pytest.raises(ClientError):
        stage(refused)._try(MODEL, rests.append)
    assert len(refused.calls) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"generation": "hi"}, "does not answer by chat completions"),
        ({"choices": [{"message": {"content": ""}}]}, "answered nothing"),
    ],
)
def test_a_model_that_answers_nothing_does_not_serve(answer: dict[str, Any], says: str) -> None:
    with pytest.raises(CustomisationError, match=says):
        stage(Service([answer]))._try(MODEL, lambda _: None)
