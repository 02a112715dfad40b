from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.errors import NotFound
from chalicelib.generation.catalogue import catalogue
from localcloud.bedrock import BedrockService
from localcloud.bedrock.stand_ins import with_chat_model
from localcloud.errors import AwsError
from localcloud.service import CloudContext


@pytest.fixture
def service(tmp_path: Path) -> BedrockService:
    for model in catalogue().models.values():
        for file in model.files:
            path = tmp_path / model.name / file.name
            path.parent.mkdir(exist_ok=True)
            path.touch()
    return BedrockService(CloudContext(tmp_path, "http://127.0.0.1:1"), tmp_path)


def ids(service: BedrockService, **params: str) -> set[str]:
    return {model["modelId"] for model in service.list_foundation_models(params)["modelSummaries"]}


def test_models_are_listed_and_narrowed(service: BedrockService) -> None:
    everything = ids(service)
    assert {"amazon.nova-micro-v1:0", "amazon.titan-embed-text-v2:0"} < everything
    embedding = ids(service, byOutputModality="EMBEDDING")
    assert {"amazon.titan-embed-text-v2:0", "cohere.embed-english-v3"} <= embedding < everything
    assert ids(service, byProvider="amazon") < everything
    assert ids(service, byInferenceType="ON_DEMAND") == everything
    assert ids(service, byInferenceType="PROVISIONED") == set()
    assert ids(service, byCustomizationType="FINE_TUNING") == set()


def test_a_model_is_described_by_id_or_arn(service: BedrockService) -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"
    for identifier in ("amazon.nova-micro-v1:0", arn):
        details = service.get_foundation_model({"modelIdentifier": identifier})["modelDetails"]
        assert (details["modelArn"], details["responseStreamingSupported"]) == (arn, True)


def test_an_unknown_model_is_refused_as_aws_does(service: BedrockService) -> None:
    with pytest.raises(AwsError, match="The provided model identifier is invalid"):
        service.get_foundation_model({"modelIdentifier": "amazon.nova-unheard-of-v9:0"})


def test_what_was_not_pulled_is_not_listed(tmp_path: Path) -> None:
    bare = BedrockService(CloudContext(tmp_path, "http://127.0.0.1:1"), tmp_path)
    assert ids(bare) == set()
    with pytest.raises(AwsError, match="identifier is invalid"):
        bare.get_foundation_model({"modelIdentifier": "amazon.nova-micro-v1:0"})


def test_another_chat_model_should_answer_for_all_and_only_for_those_that_chat() -> None:
    known = with_chat_model(catalogue(), "qwen2.5-coder-0.5b-instruct-q4_k_m")
    chats = {model.local for model in known.bedrock_models.values() if model.role == "chat"}
    others = {model.local for model in known.bedrock_models.values() if model.role != "chat"}
    assert chats == {"qwen2.5-coder-0.5b-instruct-q4_k_m"}
    assert not others & chats


@pytest.mark.parametrize(
    ("name", "why"), [("minilm-l6-v2-int8", "not for chat"), ("gpt-9", "No model is called")]
)
def test_what_cannot_chat_should_not_be_a_chat_model(name: str, why: str) -> None:
    with pytest.raises(NotFound, match=why):
        with_chat_model(catalogue(), name)
