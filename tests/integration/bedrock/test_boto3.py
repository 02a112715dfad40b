"""Bedrock as boto3 sees it, on the real wire format.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

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


def test_a_stream_that_cannot_begin_is_an_error_of_the_call(client: Make) -> None:
    with pytest.raises(ClientError, match="Input is too long") as caught:
        client("bedrock-runtime").converse_stream(**asked("word " * 9000))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_titan_is_answered_in_its_own_shape(client: Make) -> None:
    answer = client("bedrock-runtime").invoke_model(
        modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "A mill."})
    )
    body = json.loads(answer["body"].read())
    assert answer["contentType"] == "application/json"
    assert (len(body["embedding"]), body["inputTextTokenCount"]) == (384, 5)


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("count_tokens", {"modelId": NOVA, "input": {"invokeModel": {"body": b"{}"}}}),
        (
            "apply_guardrail",
            {
                "guardrailIdentifier": "g",
                "guardrailVersion": "1",
                "source": "INPUT",
                "content": [{"text": {"text": "x"}}],
            },
        ),
    ],
)
def test_what_is_not_there_yet_is_refused(
    client: Make, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client("bedrock-runtime"), operation)(**params)
    assert caught.value.response["Error"]["Code"] == "UnsupportedOperation"


def test_models_are_listed(client: Make) -> None:
    bedrock = client("bedrock")
    ids = [model["modelId"] for model in bedrock.list_foundation_models()["modelSummaries"]]
    assert "amazon.nova-micro-v1:0" in ids
    details = bedrock.get_foundation_model(modelIdentifier=ids[0])["modelDetails"]
    assert details["modelId"] == ids[0]
