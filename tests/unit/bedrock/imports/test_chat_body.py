"""How imported models are asked: InvokeModel by chat completions, and Converse not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chalicelib.contracts.generations import ChatCall, Message, TextPart
from chalicelib.generation.bodies import openai_chat
from localcloud.bedrock.bodies.openai_chat import OPENAI_CHAT
from localcloud.bedrock.runtime import BedrockRuntimeService
from localcloud.errors import AwsError
from localcloud.service import CloudContext

ARN = "arn:aws:bedrock:us-east-1:000000000000:imported-model/abc123def456"
USAGE = {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12}
CALL = ChatCall(
    system="Be brief.",
    messages=(Message(role="user", content=(TextPart(text="Which?"),)),),
    max_tokens=8,
    temperature=0.5,
    stop=("END",),
)


def test_what_production_sends_should_be_read_and_what_is_answered_understood() -> None:
    parsed = OPENAI_CHAT.parse_request(openai_chat.build_request(CALL, stream=True))
    assert parsed == {
        "system": [{"text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"text": "Which?"}]}],
        "inferenceConfig": {"maxTokens": 8, "temperature": 0.5, "stopSequences": ["END"]},
    }
    answer = {"output": {"message": {"content": [{"text": "Red."}]}}, "usage": USAGE}
    for reason, finish in (("end_turn", "stop"), ("max_tokens", "length")):
        body = OPENAI_CHAT.render_response({**answer, "stopReason": reason}, "notes")
        read = openai_chat.parse_answer(body, CALL)
        assert (read.output.text, read.output.finish) == ("Red.", finish)
        assert (read.usage.tokens_in, read.usage.tokens_out) == (9, 3)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"prompt": "Hi"}, "messages, and no prompt"),
        ({"messages": "Hi"}, "a list of objects"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "parts of text"),
        ({"messages": [], "tools": []}, r"extraneous key \[tools\]"),
        ({}, r"required key \[messages\]"),
    ],
)
def test_a_body_that_is_none_should_be_refused(body: dict[str, Any], says: str) -> None:
    with pytest.raises(AwsError, match=says):
        OPENAI_CHAT.parse_request(body)


def test_converse_should_refuse_an_imported_model(tmp_path: Path) -> None:
    runtime = BedrockRuntimeService(CloudContext(tmp_path, "http://127.0.0.1:1"), tmp_path)
    for call in (runtime.converse, runtime.converse_stream):
        with pytest.raises(AwsError, match="doesn't support the model that you provided"):
            call({"modelId": ARN, "messages": []})
    runtime.stop()
