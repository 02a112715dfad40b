"""OpenAI's own client against the API, as its guide uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, AuthenticationError, BadRequestError, NotFoundError, OpenAI
from openai.types import Batch

from tests.cloud import CloudProcess
from tests.e2e.bedrock_wire import BedrockWire
from tests.e2e.driving import until
from tests.media_files import encode
from tests.unit.inference.speech.recordings import FILE as RECORDING
from tests.unit.inference.speech.recordings import FIRST, SECOND

pytestmark = pytest.mark.slow

MODEL = "nova-micro"
TOO_LARGE = 4_800_000
"""Bytes of a file that, as base64, are more than the 6 MB that a function is invoked with."""


@pytest.fixture(scope="module")
def client(cloud: CloudProcess) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=f"{cloud.endpoint_url}/v1", api_key=cloud.api_key, max_retries=0, timeout=60
    ) as client:
        yield client


def asked(words: str = "Say hello.", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": words}]
    return {"model": MODEL, "messages": messages, "max_tokens": 12, "temperature": 0, **more}


def test_should_answer_whole(client: OpenAI) -> None:
    told = client.chat.completions.create(**asked())
    assert told.choices[0].message.content
    assert told.choices[0].finish_reason in {"stop", "length"}
    assert told.usage is not None
    assert told.usage.completion_tokens <= 12
    assert told.model == MODEL
    ours = told.model_extra or {}
    assert ours["headrace"]["answered_by"] == "smollm2-135m-instruct-q4_1"
    assert ours["headrace"]["receipt"]["lines"][0]["tokens_in"] == told.usage.prompt_tokens


def test_should_stream_what_it_would_answer_whole(client: OpenAI) -> None:
    whole = client.chat.completions.create(**asked())
    chunks = list(
        client.chat.completions.create(**asked(stream=True, stream_options={"include_usage": True}))
    )
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == whole.choices[0].message.content
    assert len([text for text in texts if text]) > 1
    assert chunks[-1].usage == whole.usage


def test_should_send_the_first_token_before_the_last_is_made(
    client: OpenAI, wire: BedrockWire
) -> None:
    """A call is written down at the wire once the model has ended its answer."""
    client.chat.completions.create(**asked())
    wire.forget()
    more = {"max_tokens": 60, "stream": True}
    stream = client.chat.completions.create(**{**asked("Tell a long story."), **more})
    first = next(chunk for chunk in stream if chunk.choices[0].delta.content)
    assert wire.calls() == []
    rest = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
    assert first.choices[0].delta.content
    assert len([text for text in rest if text]) > 20
    assert len(wire.calls()) == 1


def test_should_take_tools_and_pass_on_what_they_answered(client: OpenAI) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a town.",
            "parameters": {
                "type": "object",
                "properties": {"town": {"type": "string"}},
                "required": ["town"],
            },
        },
    }
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": json.dumps({"town": "Ulm"})},
    }
    messages = [
        {"role": "user", "content": "What is the weather in Ulm?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "It rains."},
    ]
    told = client.chat.completions.create(**{**asked(tools=[tool]), "messages": messages})
    assert told.choices[0].message.content is not None or told.choices[0].message.tool_calls
    named = {"type": "function", "function": {"name": "other"}}
    with pytest.raises(BadRequestError) as raised:
        client.chat.completions.create(**asked(tools=[tool], tool_choice=named))
    assert raised.value.param == "tool_choice"


def test_should_answer_as_a_response_whole_and_by_its_events(client: OpenAI) -> None:
    given: dict[str, Any] = {"model": MODEL, "input": "Say hello.", "max_output_tokens": 12}
    whole = client.responses.create(**given, temperature=0, instructions="Be brief.")
    assert whole.output_text
    assert whole.store is False
    kinds, text = [], ""
    with client.responses.stream(**given, temperature=0, instructions="Be brief.") as events:
        for event in events:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
    assert text == whole.output_text
    assert kinds[0] == "response.created"
    assert kinds[-1] in {"response.completed", "response.incomplete"}
    with pytest.raises(BadRequestError) as raised:
        client.responses.create(**given, previous_response_id=whole.id)
    assert raised.value.param == "previous_response_id"


def test_should_embed_texts_as_numbers_and_packed(client: OpenAI) -> None:
    texts = ["a turbine", "a weir"]
    packed = client.embeddings.create(model="minilm-l6-v2", input=texts)
    floats = client.embeddings.create(model="minilm-l6-v2", input=texts, encoding_format="float")
    assert [len(each.embedding) for each in packed.data] == [384, 384]
    for one, other in zip(packed.data, floats.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-7)


def test_should_write_down_speech(client: OpenAI) -> None:
    with RECORDING.open("rb") as file:
        said = client.audio.transcriptions.create(
            model="whisper-1",
            file=file,
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
    assert said.text == f"{FIRST} {SECOND}"
    assert (said.language, round(said.duration)) == ("english", 6)
    assert said.words is not None
    assert [word.word for word in said.words[:2]] == ["The", "salt"]
    with RECORDING.open("rb") as file:
        captions = client.audio.transcriptions.create(
            model="whisper-base", file=file, response_format="vtt"
        )
    assert str(captions).startswith("WEBVTT\n\n00:00:00.")


def test_should_write_down_an_mp3_whole_and_streamed(client: OpenAI, tmp_path: Path) -> None:
    mp3 = encode(tmp_path / "two_voices.mp3", "-i", str(RECORDING), "-b:a", "48k")
    whole = client.audio.transcriptions.create(model="whisper-1", file=mp3, language="en")
    assert whole.text == f"{FIRST} {SECOND}"
    lines = (whole.model_extra or {})["receipt"]["lines"]
    assert [line["role"] for line in lines] == ["decoding", "transcription"]
    assert float(lines[1]["dollars"]) > 0
    *deltas, done = client.audio.transcriptions.create(model="whisper-1", file=mp3, stream=True)
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert done.type == "transcript.text.done"
    assert done.text == whole.text
    pieces = [event.delta for event in deltas if event.type == "transcript.text.delta"]
    assert "".join(pieces) == whole.text
    with pytest.deprecated_call():
        english = client.audio.translations.create(model="whisper-1", file=mp3)
    assert "wrist" in english.text
    with pytest.raises(BadRequestError, match="damaged") as raised:
        client.audio.transcriptions.create(model="whisper-1", file=("a.mp3", b"ID3\4" + bytes(99)))
    assert raised.value.param == "file"
    with pytest.raises(NotFoundError) as missing:
        client.audio.transcriptions.create(model="gpt-4o-transcribe", file=mp3)
    assert missing.value.code == "model_not_found"


def test_should_list_the_models_that_answer(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert {"auto", MODEL, "minilm-l6-v2", "whisper-base"} <= set(names)
    assert client.models.retrieve("whisper-1").id == "whisper-base"
    assert client.models.retrieve(MODEL).owned_by == "Amazon"


def test_should_keep_files_of_any_bytes_that_a_function_can_be_invoked_with(
    client: OpenAI,
) -> None:
    line = json.dumps({"custom_id": "ä", "body": asked()}).encode() + b"\n"
    small = client.files.create(file=("calls.jsonl", line), purpose="batch")
    assert client.files.content(small.id).read() == line
    large = client.files.create(file=("large.jsonl", line * 25_000), purpose="batch")
    assert large.bytes > 3_000_000
    assert client.files.content(large.id).read() == line * 25_000
    assert {small.id, large.id} <= {file.id for file in client.files.list(purpose="batch")}
    assert client.files.delete(small.id).deleted
    with pytest.raises(NotFoundError):
        client.files.retrieve(small.id)
    with pytest.raises(APIStatusError) as raised:
        client.files.create(file=("larger.jsonl", b"x" * TOO_LARGE), purpose="batch")
    assert raised.value.status_code == 413
    assert "/v1/generations/batches/uploads" in str(raised.value)
    assert isinstance(raised.value.body, dict)
    assert (raised.value.body["param"], raised.value.body["limit"]) == ("body", "6291456")


def test_should_answer_a_batch_and_tell_of_a_line_that_is_no_call(client: OpenAI) -> None:
    body = {"model": "minilm-l6-v2", "input": "a turbine"}
    lines = [
        {"custom_id": f"v{n}", "method": "POST", "url": "/v1/embeddings", "body": body}
        for n in range(3)
    ]
    lines.append({"custom_id": "bad", "method": "POST", "url": "/v1/embeddings", "body": {}})
    content = "\n".join(map(json.dumps, lines)).encode()
    file = client.files.create(file=("calls.jsonl", content), purpose="batch")
    begun = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/embeddings",
        completion_window="24h",
        metadata={"for": "tests"},
    )
    assert begun.status == "validating"

    def ended() -> Batch | None:
        found = client.batches.retrieve(begun.id)
        return found if found.status in {"completed", "failed", "expired"} else None

    batch = until(ended, "the batch did not end")
    assert (batch.status, batch.metadata) == ("completed", {"for": "tests"})
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (3, 1)
    assert batch.output_file_id is not None
    assert batch.error_file_id is not None
    results = jsonl(client.files.content(batch.output_file_id).read())
    assert [each["custom_id"] for each in results] == ["v0", "v1", "v2"]
    assert all(each["response"]["status_code"] == 200 for each in results)
    assert len(results[0]["response"]["body"]["data"][0]["embedding"]) == 384
    (error,) = jsonl(client.files.content(batch.error_file_id).read())
    assert error["custom_id"] == "bad"
    assert begun.id in {each.id for each in client.batches.list()}
    with pytest.raises(APIStatusError) as raised:
        client.batches.cancel(begun.id)
    assert raised.value.status_code == 409


def jsonl(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def test_should_raise_what_clients_expect(cloud: CloudProcess, client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as missing:
        client.chat.completions.create(**{**asked(), "model": "gpt-nobody"})
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert MODEL in missing.value.message
    with pytest.raises(BadRequestError) as wrong:
        client.chat.completions.create(**asked(n=2))
    assert (wrong.value.type, wrong.value.param) == ("invalid_request_error", "n")
    with (
        OpenAI(base_url=f"{cloud.endpoint_url}/v1", api_key="sk-wrong", max_retries=0) as stranger,
        pytest.raises(AuthenticationError) as refused,
    ):
        stranger.models.list()
    assert refused.value.code == "invalid_api_key"
