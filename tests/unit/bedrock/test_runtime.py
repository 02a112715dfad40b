"""The runtime with its real models; texts are never compared across engines."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chalicelib.generation.catalogue import catalogue
from localcloud.bedrock import BedrockRuntimeService
from localcloud.errors import AwsError
from localcloud.service import CloudContext

NOVA = "amazon.nova-micro-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
SMOLLM = catalogue().model("smollm2-135m-instruct-q4_1")


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, models_dir: Path
) -> Iterator[BedrockRuntimeService]:
    folder = tmp_path_factory.mktemp("bedrock")
    opened = BedrockRuntimeService(CloudContext(folder, "http://127.0.0.1:1"), models_dir)
    yield opened
    opened.stop()


def asked(text: str, **config: Any) -> dict[str, Any]:
    return {
        "modelId": NOVA,
        "messages": [{"role": "user", "content": [{"text": text}]}],
        "inferenceConfig": {"temperature": 0, "maxTokens": 16, **config},
    }


def test_an_answer_has_text_counts_and_the_name_of_who_gave_it(
    service: BedrockRuntimeService,
) -> None:
    answer = service.converse(asked("Say hello."))
    message = answer["output"]["message"]
    assert message["role"] == "assistant"
    assert message["content"][0]["text"].strip()
    usage = answer["usage"]
    assert usage["inputTokens"] > 5
    assert 1 <= usage["outputTokens"] <= 16
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert answer["metrics"]["latencyMs"] > 0
    assert answer["additionalModelResponseFields"] == {
        "localModel": {"name": SMOLLM.name, "sha256": SMOLLM.files[0].sha256}
    }


def test_at_temperature_0_the_same_request_has_the_same_answer(
    service: BedrockRuntimeService,
) -> None:
    first = service.converse(asked("Name a river."))
    service.converse(asked("Name a mountain."))
    assert service.converse(asked("Name a river."))["output"] == first["output"]


def test_a_stream_says_what_the_whole_answer_says(service: BedrockRuntimeService) -> None:
    whole = service.converse(asked("Count to ten."))
    events = list(service.converse_stream(asked("Count to ten."))["stream"])
    names = [next(iter(event)) for event in events]
    assert names[0] == "messageStart"
    assert names[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert set(names[1:-3]) == {"contentBlockDelta"}
    assert len(names) > 5
    text = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events[1:-3])
    assert [{"text": text}] == whole["output"]["message"]["content"]
    assert events[-2]["messageStop"]["stopReason"] == whole["stopReason"] == "max_tokens"
    assert events[-1]["metadata"]["usage"] == whole["usage"]


def test_a_stop_sequence_ends_the_answer_before_it(service: BedrockRuntimeService) -> None:
    whole = service.converse(asked("Count to ten."))["output"]["message"]["content"][0]["text"]
    stop = whole.split()[2]
    answer = service.converse(asked("Count to ten.", stopSequences=[stop]))
    assert answer["stopReason"] == "stop_sequence"
    text = "".join(block["text"] for block in answer["output"]["message"]["content"])
    assert text == whole[: whole.index(stop)]


def test_an_answer_that_ends_by_itself_says_so(service: BedrockRuntimeService) -> None:
    answer = service.converse(asked("Say only: yes", maxTokens=200))
    assert answer["stopReason"] == "end_turn"


def test_too_long_an_input_is_refused_as_aws_does(service: BedrockRuntimeService) -> None:
    for call in (service.converse, service.converse_stream):
        with pytest.raises(AwsError, match="Input is too long for requested model") as caught:
            call(asked("word " * 9000))
        assert caught.value.code == "ValidationException"


def test_a_crash_fails_one_request_and_the_next_is_answered(
    service: BedrockRuntimeService,
) -> None:
    service.converse(asked("Say hello."))
    stream = service.converse_stream(asked("Tell me a long story.", maxTokens=400))["stream"]
    assert "messageStart" in next(stream)
    pid = service.chat_pid(NOVA)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(AwsError, match="process ended") as caught:
        list(stream)
    assert caught.value.code == "ServiceUnavailableException"
    assert service.converse(asked("Say hello."))["usage"]["outputTokens"] > 0
    assert service.chat_pid(NOVA) != pid


def test_a_reader_that_goes_away_keeps_nobody_waiting(service: BedrockRuntimeService) -> None:
    stream = service.converse_stream(asked("Tell me a long story.", maxTokens=4000))["stream"]
    next(stream)
    stream.close()
    assert service.converse(asked("Say hello."))["usage"]["outputTokens"] > 0


def test_requests_at_once_are_all_answered(service: BedrockRuntimeService) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(service.converse(asked("Name a river."))["output"])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)


def test_a_model_id_that_is_not_there_is_refused_as_aws_does(
    service: BedrockRuntimeService,
) -> None:
    for model_id, message in (
        ("amazon.nova-unheard-of-v9:0", "The provided model identifier is invalid"),
        (TITAN, "does not answer a conversation"),
    ):
        with pytest.raises(AwsError, match=message) as caught:
            service.converse({**asked("Hello"), "modelId": model_id})
        assert caught.value.code == "ValidationException"


def embedding(service: BedrockRuntimeService, text: str) -> dict[str, Any]:
    answer = service.invoke_model(
        {
            "modelId": TITAN,
            "body": json.dumps({"inputText": text}).encode(),
            "contentType": "application/json",
            "accept": "*/*",
        }
    )
    body: dict[str, Any] = json.loads(answer["body"])
    return body


def test_titan_is_answered_by_minilm(service: BedrockRuntimeService) -> None:
    a = embedding(service, "The mill stands by the river.")
    b = embedding(service, "A watermill is built beside a stream.")
    c = embedding(service, "Interest rates rose by half a point.")
    assert a["inputTextTokenCount"] == 9
    assert a["localModel"]["name"] == "minilm-l6-v2-int8"
    near, far = (np.dot(a["embedding"], other["embedding"]) for other in (b, c))
    assert near > far + 0.3


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"modelId": NOVA}, r"required key \[messages\] not found|extraneous key \[inputText\]"),
        ({"projectIdentifier": "p"}, "can't use projectIdentifier"),
        ({"accept": "image/png"}, "application/json, not accept"),
        ({"body": b"[]"}, "the body is not an object"),
        ({"body": b"{"}, "the body is not JSON"),
        ({"modelId": "amazon.nova-canvas-v1:0"}, "no model that makes images.*Use AWS"),
        ({"modelId": "stability.sd3-5-large-v1:0"}, "no model that makes images"),
        ({"modelId": "amazon.nova-unheard-of-v9:0"}, "identifier is invalid"),
    ],
)
def test_other_invocations_are_refused(
    service: BedrockRuntimeService, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        service.invoke_model({"modelId": TITAN, "body": b'{"inputText": "x"}', **params})


def test_models_that_were_not_pulled_are_asked_for(tmp_path: Path) -> None:
    bare = BedrockRuntimeService(CloudContext(tmp_path, "http://127.0.0.1:1"), tmp_path / "none")
    calls: tuple[Callable[[], object], ...] = (
        lambda: bare.converse(asked("Hello")),
        lambda: bare.invoke_model({"modelId": TITAN, "body": b'{"inputText": "x"}'}),
    )
    for call in calls:
        with pytest.raises(AwsError, match="headrace models pull") as caught:
            call()
        assert caught.value.code == "ServiceUnavailableException"
    bare.stop()


def test_after_a_stop_there_is_no_process(tmp_path: Path, models_dir: Path) -> None:
    stopped = BedrockRuntimeService(CloudContext(tmp_path, "http://127.0.0.1:1"), models_dir)
    stopped.converse(asked("Hello", maxTokens=1))
    assert stopped.chat_pid(NOVA) is not None
    stopped.stop()
    assert stopped.chat_pid(NOVA) is None
    with pytest.raises(AwsError, match="stopping"):
        stopped.converse(asked("Hello"))
