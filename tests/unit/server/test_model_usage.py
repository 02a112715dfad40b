"""The log of calls to models, at the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.model_usage import ANSWERED_BY, IMAGES, TOKENS_IN, TOKENS_OUT, UsageLog
from localcloud.service import EXTRA_HEADERS, ServiceCall

ROLE = "arn:aws:iam::000000000000:role/headrace-generate"


def call(operation: str, service: str = "bedrock-runtime") -> ServiceCall:
    return ServiceCall(service, operation, {"modelId": "m"}, ROLE, "req-1")


@pytest.fixture
def log(tmp_path: Path) -> UsageLog:
    ticks = iter(range(100))
    return UsageLog(tmp_path, lambda: 1_790_000_000.0, lambda: float(next(ticks)))


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "usage.jsonl").read_text().splitlines()]


def test_an_answer_should_be_written_down_whole(log: UsageLog, tmp_path: Path) -> None:
    answer = {
        "usage": {"inputTokens": 7, "outputTokens": 2},
        "additionalModelResponseFields": {"localModel": {"name": "tiny"}},
    }
    assert log.intercept(call("Converse"), lambda: answer) == answer
    assert lines(tmp_path) == [
        {
            "time": "2026-09-21T14:13:20.000+00:00",
            "request_id": "req-1",
            "caller": ROLE,
            "service": "bedrock-runtime",
            "operation": "Converse",
            "model": "m",
            "answered_by": "tiny",
            "tokens_in": 7,
            "tokens_out": 2,
            "images": 0,
            "seconds": 1.0,
            "outcome": "answered",
            "error": None,
        }
    ]


def test_a_stream_should_be_written_down_at_its_end(log: UsageLog, tmp_path: Path) -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield {"messageStop": {"additionalModelResponseFields": {"localModel": {"name": "tiny"}}}}
        yield {"metadata": {"usage": {"inputTokens": 5, "outputTokens": 3}}}

    stream = log.intercept(call("ConverseStream"), lambda: {"stream": events()})["stream"]
    assert not (tmp_path / "usage.jsonl").exists()
    assert len(list(stream)) == 2
    (line,) = lines(tmp_path)
    assert (line["tokens_in"], line["tokens_out"], line["answered_by"]) == (5, 3, "tiny")
    assert line["outcome"] == "answered"


def test_a_stream_that_is_not_read_to_its_end_should_say_so(log: UsageLog, tmp_path: Path) -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield {"messageStart": {"role": "assistant"}}
        raise AwsError("ModelStreamErrorException", "It broke off.", 424)

    broken = log.intercept(call("ConverseStream"), lambda: {"stream": events()})["stream"]
    with pytest.raises(AwsError, match="broke off"):
        list(broken)
    left: Any = log.intercept(call("ConverseStream"), lambda: {"stream": events()})["stream"]
    next(left)
    left.close()
    assert [(line["outcome"], line["error"]) for line in lines(tmp_path)] == [
        ("broken-off", "ModelStreamErrorException"),
        ("broken-off", "ClientDisconnected"),
    ]


def test_headers_and_the_last_chunk_should_tell_what_an_invocation_used(
    log: UsageLog, tmp_path: Path
) -> None:
    headers = {TOKENS_IN: "4", TOKENS_OUT: "1", ANSWERED_BY: "tiny"}
    metrics = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 6, "outputTokenCount": 2}}
    chunks = [{"chunk": {"bytes": b'{"generation":"a"}'}}]
    chunks.append({"chunk": {"bytes": json.dumps(metrics).encode()}})
    log.intercept(call("InvokeModel"), lambda: {"body": b"{}", EXTRA_HEADERS: headers})
    streamed = call("InvokeModelWithResponseStream")
    list(
        log.intercept(
            streamed, lambda: {"body": iter(chunks), EXTRA_HEADERS: {ANSWERED_BY: "tiny"}}
        )["body"]
    )
    found = [
        (line["tokens_in"], line["tokens_out"], line["answered_by"]) for line in lines(tmp_path)
    ]
    assert found == [(4, 1, "tiny"), (6, 2, "tiny")]


def test_a_refusal_should_be_written_down_with_its_error(log: UsageLog, tmp_path: Path) -> None:
    def refuse() -> None:
        raise AwsError("AccessDeniedException", "No.", 403)

    with pytest.raises(AwsError):
        log.intercept(call("InvokeModel"), refuse)
    (line,) = lines(tmp_path)
    assert (line["outcome"], line["error"]) == ("refused", "AccessDeniedException")


def test_calls_to_no_model_should_not_be_written_down(log: UsageLog, tmp_path: Path) -> None:
    log.intercept(call("SendMessage", "sqs"), dict)
    log.intercept(call("ListFoundationModels", "bedrock"), dict)
    assert not (tmp_path / "usage.jsonl").exists()


def test_an_endpoint_of_sagemaker_should_be_told_by_its_name(log: UsageLog, tmp_path: Path) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"""
    asked = ServiceCall(
        "sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "painter"}, ROLE, "req-2"
    )
    headers = {ANSWERED_BY: "tiny-painter", IMAGES: "2"}
    log.intercept(asked, lambda: {"Body": b"{}", EXTRA_HEADERS: headers})
    (line,) = lines(tmp_path)
    assert (line["model"], line["answered_by"], line["images"]) == ("painter", "tiny-painter", 2)
