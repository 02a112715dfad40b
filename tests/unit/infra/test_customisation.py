"""Fine-tuning on Bedrock: its data, its cost, and how its model comes to answer calls."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.errors import InvalidInput
from chalicelib.generation.added_models import AddedModels, merge_models
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.customisable import RESERVED_WORDS, customisable_models
from chalicelib.generation.model_file import served_models
from chalicelib.generation.model_schema import ModelEntry
from chalicelib.generation.models import BedrockBackend
from chalicelib.generation.pricing import is_priced
from infra.models.customisation import (
    CustomisationError,
    StageCustomisation,
    conversation_lines,
    custom_entry,
    custom_prices,
    deployment_name,
    estimate_customisation,
)
from infra.stages import StageConnection
from localcloud.bedrock.customisation import conversations
from models.training_data.rows import ChatExample

MICRO = customisable_models().base("nova-micro")
DEPLOYMENT = "arn:aws:bedrock:us-east-1:000000000000:custom-model-deployment/abc123def456"
OUTPUTS = {
    "IngestMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:headrace-test-ingest",
    "DocumentsBucketName": "bucket",
}


def chat(*texts: str, system: str = "") -> ChatExample:
    turns = [
        {"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)
    ]
    before = [{"role": "system", "content": system}] if system else []
    return ChatExample.model_validate({"messages": before + turns})


def test_conversations_are_written_as_bedrock_reads_them() -> None:
    lines = conversation_lines(MICRO, [chat("Which?", "Red.", system="Be brief.")] * 8)
    read = conversations.read_conversations("\n".join(lines).encode(), 8, 20)
    assert read[0] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Which?"},
        {"role": "assistant", "content": "Red."},
    ]


@pytest.mark.parametrize("word", RESERVED_WORDS)
def test_a_reserved_word_is_refused_by_the_command_as_by_the_local_cloud(word: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(repr(word))):
        conversation_lines(MICRO, [chat(f"Say {word} now", "b")] * 8)
    lines = "\n".join(conversation_lines(MICRO, [chat("a", f"It is {word}")] * 8))
    assert len(conversations.read_conversations(lines.encode(), 8, 8)) == 8
    asked = lines.replace('"text": "a"', f'"text": "Say {word} now"')
    with pytest.raises(conversations.InvalidConversations, match=re.escape(repr(word))):
        conversations.read_conversations(asked.encode(), 8, 8)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([chat("a", "b")] * 7, "8 to 20000"),
        ([chat("a", "b")] * 7 + [chat("Say User: now", "b")], "Conversation 8"),
    ],
)
def test_data_that_bedrock_refuses_is_refused_before_it_costs(
    rows: list[ChatExample], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        conversation_lines(MICRO, rows)


def test_the_estimate_counts_tokens_of_every_epoch() -> None:
    settings = customisable_models().settings({"epochCount": 3})
    found = estimate_customisation(MICRO, settings, ["x" * 3_000] * 1_000)
    assert (found.tokens, found.training_usd) == (1_000_000, Decimal(3))
    assert found.month_usd == Decimal("1.95")


def test_a_deployed_model_is_priced_as_its_base_and_calls_no_tools() -> None:
    entry = custom_entry("notes", MICRO, DEPLOYMENT, "us-east-1", "notes-1")
    ModelEntry.model_validate(entry)
    added = AddedModels().with_model(entry, custom_prices(MICRO, DEPLOYMENT))
    merged = merge_models(served_models(), catalogue().prices, added, shared_queues=False)
    model = merged.models.models["notes"]
    assert isinstance(model.backend, BedrockBackend)
    route = model.backend.route("us-east-1")
    assert route is not None
    assert route.model_id == DEPLOYMENT
    assert model.backend.route("eu-west-1", "global") is None
    assert is_priced(model, merged.prices)
    assert not {"tools", "tool_choice"} & set(model.abilities)
    base = f"bedrock.{served_models().models['nova-micro'].backend.model_id}.input_token"  # type: ignore[union-attr]
    assert merged.prices[f"bedrock.{DEPLOYMENT}.input_token"].dollars == merged.prices[base].dollars
    left = added.without("notes")
    assert (left.models, left.prices) == ((), ())


class Service:
    """The calls of S3, Step Functions and Bedrock that a fine-tuning makes."""

    def __init__(self, statuses: list[str] | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.statuses = statuses or ["Active"]
        self.said = {"failureMessage": "no capacity"} if "Failed" in self.statuses else {}

    def __getattr__(self, name: str) -> Any:
        def call(**given: Any) -> dict[str, Any]:
            self.calls.append((name, given))
            if name == "start_execution":
                return {"executionArn": "arn:execution"}
            if name == "get_custom_model_deployment":
                status = self.statuses[0] if len(self.statuses) == 1 else self.statuses.pop(0)
                return {"status": status, **self.said}
            return {"customModelDeploymentArn": DEPLOYMENT}

        return call


def test_the_machine_gets_the_job_and_the_bucket_its_data() -> None:
    service = Service()
    stage = StageCustomisation(StageConnection(lambda _name: service, OUTPUTS))
    lines = conversation_lines(MICRO, [chat("a", "b")] * 8)
    stage.start("notes-1", MICRO, customisable_models().settings({}), lines)
    (_, put), (_, begun) = service.calls
    rows = f"models/bedrock/rows/notes-1/{begun['name']}/train.jsonl"
    assert put["Key"] == rows
    assert put["Body"].count(b"\n") == 8
    assert begun["stateMachineArn"].endswith(":headrace-test-customise")
    job = json.loads(begun["input"])["job"]
    assert job["ClientRequestToken"] == begun["name"]
    assert job["BaseModelIdentifier"] == "amazon.nova-micro-v1:0:128k"
    assert job["TrainingDataConfig"] == {"S3Uri": f"s3://bucket/{rows}"}
    stage.start("notes-1", MICRO, customisable_models().settings({}), lines)
    assert service.calls[2][1]["Key"] != rows


@pytest.mark.parametrize("name", ["", "-a", "my notes", "a" * 64, "a--b"])
def test_a_name_that_bedrock_does_not_take_is_refused(name: str) -> None:
    stage = StageCustomisation(StageConnection(lambda _name: Service(), OUTPUTS))
    with pytest.raises(InvalidInput, match="is no name"):
        stage.start(name, MICRO, {}, [])


def test_the_name_of_a_deployment_is_one_that_bedrock_takes_and_of_one_model() -> None:
    models = [f"arn:custom-model/base/abc{number}" for number in range(2)]
    long = "notes-of.1--" + "a" * 51
    names = {deployment_name("test", name, model) for name in ("notes", long) for model in models}
    assert len(names) == 4
    assert all(re.fullmatch(r"([0-9a-zA-Z][_-]?){1,63}", name) for name in names)
    assert all(len(name) <= 63 for name in names)
    assert {name[-5:] for name in names} == {"-abc0", "-abc1"}


def test_a_deployment_is_waited_for_and_one_that_fails_says_why() -> None:
    rests: list[float] = []
    service = Service(["Creating", "Creating", "Active"])
    stage = StageCustomisation(StageConnection(lambda _name: service, OUTPUTS))
    assert stage.deploy("notes", "arn:custom-model/base/abc", rests.append) == DEPLOYMENT
    assert len(rests) == 2
    failing = StageCustomisation(StageConnection(lambda _name: Service(["Failed"]), OUTPUTS))
    with pytest.raises(CustomisationError, match=r"no capacity\. Delete the deployment arn:aws"):
        failing.deploy("notes", "arn:custom-model/base/abc", rests.append)
    slow = StageCustomisation(StageConnection(lambda _name: Service(["Creating"]), OUTPUTS))
    with pytest.raises(CustomisationError, match="is Creating"):
        slow.deploy("notes", "arn:custom-model/base/abc", lambda _seconds: None)
