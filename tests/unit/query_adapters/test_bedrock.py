from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import ANY, Stubber

from chalicelib.adapters.bedrock import BedrockChat
from chalicelib.errors import HeadraceError, ModelFailure, Throttled, Transient

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient


def client() -> BedrockRuntimeClient:
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


def test_should_return_what_the_model_wrote_and_used() -> None:
    bedrock = client()
    with Stubber(bedrock) as stub:
        stub.add_response(
            "converse",
            {
                "output": {
                    "message": {"role": "assistant", "content": [{"text": "41 "}, {"text": "kg."}]}
                },
                "stopReason": "end_turn",
                "usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12},
                "metrics": {"latencyMs": 5},
            },
            {
                "modelId": "nova",
                "system": [{"text": "rules"}],
                "messages": [{"role": "user", "content": [{"text": "question"}]}],
                "inferenceConfig": {"maxTokens": 50, "temperature": 0.0},
            },
        )
        reply = BedrockChat(bedrock, "nova").reply("rules", "question", 50)
    assert (reply.text, reply.model, reply.tokens_in, reply.tokens_out) == ("41 kg.", "nova", 9, 3)
    assert reply.whole


def test_should_tell_a_reply_that_was_cut_off() -> None:
    bedrock = client()
    for reason, whole in (("max_tokens", False), ("stop_sequence", True), ("tool_use", False)):
        with Stubber(bedrock) as stub:
            stub.add_response(
                "converse",
                {
                    "output": {"message": {"role": "assistant", "content": [{"text": "It"}]}},
                    "stopReason": reason,
                    "usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12},
                    "metrics": {"latencyMs": 5},
                },
            )
            assert BedrockChat(bedrock, "nova").reply("rules", "question", 3).whole is whole


def test_should_name_the_local_model_that_stood_in() -> None:
    bedrock = client()
    with Stubber(bedrock) as stub:
        stub.add_response(
            "converse",
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "Yes."}]}},
                "stopReason": "end_turn",
                "usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12},
                "metrics": {"latencyMs": 5},
                "additionalModelResponseFields": {"localModel": {"name": "small", "sha256": "0"}},
            },
        )
        assert BedrockChat(bedrock, "nova").reply("rules", "question", 50).model == "small"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ThrottlingException", Throttled),
        ("ServiceQuotaExceededException", Throttled),
        ("ModelTimeoutException", Transient),
        ("ServiceUnavailableException", Transient),
        ("ValidationException", ModelFailure),
        ("AccessDeniedException", ModelFailure),
        ("ResourceNotFoundException", ModelFailure),
    ],
)
def test_should_raise_its_errors_in_our_words(code: str, expected: type[HeadraceError]) -> None:
    bedrock = client()
    with Stubber(bedrock) as stub:
        stub.add_client_error(
            "converse",
            code,
            http_status_code=400,
            expected_params={
                "modelId": ANY,
                "system": ANY,
                "messages": ANY,
                "inferenceConfig": ANY,
            },
        )
        with pytest.raises(expected):
            BedrockChat(bedrock, "nova").reply("rules", "question", 50)
