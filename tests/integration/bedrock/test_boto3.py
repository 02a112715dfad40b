"""Bedrock as boto3 sees it, on the real wire format.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

Make = Callable[[str], Any]
NOVA = "us.amazon.nova-micro-v1:0"


def asked(text: str, tokens: int = 12) -> dict[str, Any]:
    return {
        "modelId": NOVA,
        "system": [{"text": "Answer in one short sentence."}],
        "messages": [{"role": "user", "content": [{"text": text}]}],
        "inferenceConfig": {"temperature": 0, "maxTokens": tokens},
    }


def test_converse_answers_and_names_the_local_model(client: Make) -> None:
    answer = client("bedrock-runtime").converse(**asked("What turns a mill wheel?"))
    assert answer["output"]["message"]["content"][0]["text"]
    assert answer["stopReason"] in ("end_turn", "max_tokens")
    assert answer["usage"]["totalTokens"] > answer["usage"]["outputTokens"] > 0
    named = answer["additionalModelResponseFields"]["localModel"]
    assert named["name"] == "smollm2-135m-instruct-q4_1"
    assert len(named["sha256"]) == 64


def test_a_stream_is_read_event_by_event(client: Make) -> None:
    whole = client("bedrock-runtime").converse(**asked("What turns a mill wheel?"))
    stream = client("bedrock-runtime").converse_stream(**asked("What turns a mill wheel?"))
    events = list(stream["stream"])
    deltas = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert len(deltas) > 2
    assert "".join(deltas) == whole["output"]["message"]["content"][0]["text"]
    assert events[0] == {"messageStart": {"role": "assistant"}}
    assert events[-2]["messageStop"]["additionalModelResponseFields"]["localModel"]
    assert events[-1]["metadata"]["usage"] == whole["usage"]


@pytest.mark.parametrize("choice", [None, {"auto": {}}, {"any": {}}])
def test_a_stream_that_cannot_begin_is_an_error_of_the_call(client: Make, choice: Any) -> None:
    call = asked("word " * 9000)
    if choice is not None:
        call["toolConfig"] = {"tools": [TOOL], "toolChoice": choice}
    with pytest.raises(ClientError, match="Input is too long") as caught:
        client("bedrock-runtime").converse_stream(**call)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_titan_is_answered_in_its_own_shape(client: Make) -> None:
    answer = client("bedrock-runtime").invoke_model(
        modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "A mill."})
    )
    body = json.loads(answer["body"].read())
    assert answer["contentType"] == "application/json"
    assert (len(body["embedding"]), body["inputTextTokenCount"]) == (384, 5)


def test_what_is_not_there_yet_is_refused(client: Make) -> None:
    with pytest.raises(ClientError) as caught:
        client("bedrock-runtime").count_tokens(modelId=NOVA, input={"invokeModel": {"body": b"{}"}})
    assert caught.value.response["Error"]["Code"] == "UnsupportedOperation"


def test_models_are_listed(client: Make) -> None:
    bedrock = client("bedrock")
    ids = [model["modelId"] for model in bedrock.list_foundation_models()["modelSummaries"]]
    assert "amazon.nova-micro-v1:0" in ids
    details = bedrock.get_foundation_model(modelIdentifier=ids[0])["modelDetails"]
    assert details["modelId"] == ids[0]


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 8}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}


def test_a_forced_tool_is_called_with_what_its_schema_allows(client: Make) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html"""
    config = {"tools": [TOOL], "toolChoice": {"tool": {"name": "weather"}}}
    call = {**asked("The weather in Graz?", 24), "toolConfig": config}
    answer = client("bedrock-runtime").converse(**call)
    (block,) = answer["output"]["message"]["content"]
    assert answer["stopReason"] == "tool_use"
    assert set(block["toolUse"]["input"]) == {"city"}
    assert len(block["toolUse"]["input"]["city"]) <= 8
    events = list(client("bedrock-runtime").converse_stream(**call)["stream"])
    started = events[1]["contentBlockStart"]["start"]["toolUse"]
    assert started["name"] == "weather"
    pieces = [
        e["contentBlockDelta"]["delta"]["toolUse"]["input"]
        for e in events
        if "contentBlockDelta" in e
    ]
    assert json.loads("".join(pieces)) == block["toolUse"]["input"]
    result = {"toolUseId": block["toolUse"]["toolUseId"], "content": [{"text": "Rain."}]}
    further = {
        **call,
        "messages": [
            *call["messages"],
            answer["output"]["message"],
            {"role": "user", "content": [{"toolResult": result}]},
        ],
        "toolConfig": {"tools": [TOOL]},
        "inferenceConfig": {"temperature": 0, "maxTokens": 4},
    }
    assert client("bedrock-runtime").converse(**further)["usage"]["outputTokens"] > 0


def test_an_answer_keeps_to_its_output_schema(client: Make) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html"""
    structure = {"jsonSchema": {"schema": json.dumps(SCHEMA), "name": "place"}}
    answer = client("bedrock-runtime").converse(
        **asked("Name a city.", 24),
        outputConfig={"textFormat": {"type": "json_schema", "structure": structure}},
        serviceTier={"type": "flex"},
        requestMetadata={"team": "mill"},
    )
    said = json.loads(answer["output"]["message"]["content"][0]["text"])
    assert set(said) == {"city"}
    assert answer["serviceTier"] == {"type": "flex"}


def test_a_schema_that_cannot_be_sampled_is_refused_in_words(client: Make) -> None:
    structure = {"jsonSchema": {"schema": '{"type": "nonsense"}'}}
    with pytest.raises(ClientError, match=r"can't take this.*nonsense") as caught:
        client("bedrock-runtime").converse(
            **asked("Hi", 4),
            outputConfig={"textFormat": {"type": "json_schema", "structure": structure}},
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert client("bedrock-runtime").converse(**asked("Hi", 1))["usage"]["outputTokens"] == 1


BODIES: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "amazon.nova-lite-v1:0": (
        {
            "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
            "inferenceConfig": {"maxTokens": 4},
        },
        lambda body: body["output"]["message"]["content"][0]["text"],
    ),
    "anthropic.claude-haiku-4-5-20251001-v1:0": (
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 4,
            "messages": [{"role": "user", "content": "Hi"}],
        },
        lambda body: body["content"][0]["text"],
    ),
    "meta.llama3-1-8b-instruct-v1:0": (
        {"prompt": "Hi", "max_gen_len": 4},
        lambda body: body["generation"],
    ),
    "mistral.ministral-3-3b-instruct": (
        {"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 4},
        lambda body: body["outputs"][0]["text"],
    ),
}


@pytest.mark.parametrize("model", BODIES)
def test_every_text_model_answers_in_its_own_body(client: Make, model: str) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html"""
    asked_body, text_of = BODIES[model]
    answer = client("bedrock-runtime").invoke_model(modelId=model, body=json.dumps(asked_body))
    body = json.loads(answer["body"].read())
    assert text_of(body)
    assert body["localModel"]["name"] == "smollm2-135m-instruct-q4_1"
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert 1 <= int(headers["x-amzn-bedrock-output-token-count"]) <= 4
    assert int(headers["x-amzn-bedrock-input-token-count"]) > 4
    assert headers["x-local-model"] == "smollm2-135m-instruct-q4_1"


@pytest.mark.parametrize("model", BODIES)
def test_every_text_model_streams_its_own_chunks(client: Make, model: str) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html"""
    answer = client("bedrock-runtime").invoke_model_with_response_stream(
        modelId=model, body=json.dumps(BODIES[model][0])
    )
    chunks = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    metrics = chunks[-1].pop("amazon-bedrock-invocationMetrics")
    assert 1 <= metrics["outputTokenCount"] <= 4
    assert metrics["invocationLatency"] >= metrics["firstByteLatency"] >= 0
    assert len(chunks) > 2


@pytest.mark.parametrize(
    ("model", "body", "vector_of"),
    [
        (
            "cohere.embed-english-v3",
            {"texts": ["A mill."], "input_type": "search_document"},
            lambda body: body["embeddings"][0],
        ),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            {
                "taskType": "SINGLE_EMBEDDING",
                "singleEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX",
                    "text": {"truncationMode": "NONE", "value": "A mill."},
                },
            },
            lambda body: body["embeddings"][0]["embedding"],
        ),
    ],
)
def test_every_embedding_model_is_answered_in_384_dimensions(
    client: Make, model: str, body: dict[str, Any], vector_of: Callable[[Any], Any]
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html"""
    answer = client("bedrock-runtime").invoke_model(modelId=model, body=json.dumps(body))
    said = json.loads(answer["body"].read())
    assert len(vector_of(said)) == 384
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"] == "5"


def test_a_picture_is_refused_with_the_way_out(client: Make) -> None:
    body = {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "A mill."}}
    with pytest.raises(ClientError, match=r"no model that makes images.*Use AWS, or an endpoint"):
        client("bedrock-runtime").invoke_model(
            modelId="amazon.nova-canvas-v1:0", body=json.dumps(body)
        )
    image = {"image": {"format": "png", "source": {"bytes": b"x"}}}
    call = asked("What is it?", 4)
    call["messages"][0]["content"].append(image)
    with pytest.raises(ClientError, match="This model doesn't support images"):
        client("bedrock-runtime").converse(**call)
    call["modelId"] = "amazon.nova-lite-v1:0"
    refused = r"messages\.0\.content\.1\.image\.source\.bytes: Could not process image"
    with pytest.raises(ClientError, match=refused):
        client("bedrock-runtime").converse(**call)


def test_a_picture_is_answered_by_a_model_that_takes_one(client: Make) -> None:
    call = {**asked("What is it?", 4), "modelId": "amazon.nova-lite-v1:0"}
    alone = client("bedrock-runtime").converse(**call)
    drawn = io.BytesIO()
    Image.new("RGB", (32, 24), "red").save(drawn, "PNG")
    image = {"image": {"format": "png", "source": {"bytes": drawn.getvalue()}}}
    call["messages"][0]["content"].append(image)
    seen = client("bedrock-runtime").converse(**call)
    assert seen["output"]["message"]["content"][0]["text"]
    assert seen["usage"]["inputTokens"] > alone["usage"]["inputTokens"]
