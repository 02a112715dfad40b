"""InvokeEndpoint and InvokeEndpointWithResponseStream in boto3's terms.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.integration.sagemaker.conftest import Bench, eventually


def failure(bench: Bench, endpoint: str, **data: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as raised:
        bench.ask(endpoint, **data)
    response: dict[str, Any] = raised.value.response  # type: ignore[assignment]
    return response


def test_what_the_container_answers_should_come_back_with_who_answered(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    answered = bench.runtime.invoke_endpoint(EndpointName="e", Body=b'{"a": 1}')
    assert b'"a": 1' in answered["Body"].read()
    assert answered["InvokedProductionVariant"] == "main"
    assert answered["ContentType"] == "application/json"
    assert "x-local-cold-wake-ms" not in answered["ResponseMetadata"]["HTTPHeaders"]


def test_an_error_of_the_container_should_be_a_model_error_with_its_words(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    told = failure(bench, "e", refuse=True)
    assert told["Error"]["Code"] == "ModelError"
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert told["OriginalStatusCode"] == 400
    assert told["OriginalMessage"] == '{"error": "too long"}'
    assert told["Error"]["Message"].startswith("Received client error (400) from primary")
    assert bench.ask("e")["said"] == "hello", "the container lives on"


def test_a_container_that_dies_should_be_an_error_of_ours_and_be_started_anew(
    bench: Bench,
) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    before = bench.ask("e")
    told = failure(bench, "e", crash=True)
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == (
        *("ServiceUnavailable", 503),
    )
    after = bench.ask("e")
    assert after["pid"] != before["pid"]
    assert int(after["cold_ms"]) > 0


def test_a_container_that_is_killed_between_calls_should_be_started_by_the_next(
    bench: Bench,
) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    before = bench.ask("e")
    os.kill(before["pid"], signal.SIGKILL)
    (host,) = bench.service.hosts.all()
    eventually(lambda: host.pid is None)
    after = bench.ask("e")
    assert after["pid"] != before["pid"]


def test_endpoints_that_are_not_there_or_not_for_this_should_be_refused(bench: Bench) -> None:
    told = failure(bench, "x")
    assert told["Error"] == {
        "Code": "ValidationError",
        "Message": "Endpoint x of account 000000000000 not found.",
    }
    bench.endpoint("later", bench.asynchronous("c", bench.model()))
    assert "use InvokeEndpointAsync" in failure(bench, "later")["Error"]["Message"]
    with pytest.raises(ClientError, match="can't use InferenceComponentName"):
        bench.runtime.invoke_endpoint(
            EndpointName="later", Body=b"{}", InferenceComponentName="part"
        )


def test_a_stream_should_come_in_payload_parts(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    answered = bench.runtime.invoke_endpoint_with_response_stream(
        EndpointName="e", Body=b'{"stream": ["one ", "two ", "three"]}'
    )
    with closing(answered["Body"]) as events:
        parts = [event["PayloadPart"]["Bytes"] for event in events]
    assert b"".join(parts) == b"one two three"


def test_a_stream_that_the_container_breaks_should_end_in_an_error(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    answered = bench.runtime.invoke_endpoint_with_response_stream(
        EndpointName="e", Body=b'{"stream": ["one ", 1.5]}'
    )
    with closing(answered["Body"]), pytest.raises(EventStreamError, match="ModelStreamError"):
        list(answered["Body"])


def test_a_serverless_endpoint_should_sleep_and_be_woken_by_the_next_call(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(idle_s=0.5)
    made = bench.endpoint("e", bench.config("c", bench.model(), serverless=True))
    assert "CurrentInstanceCount" not in made["ProductionVariants"][0]
    before = bench.ask("e")
    (host,) = bench.service.hosts.all()
    eventually(lambda: host.pid is None)
    after = bench.ask("e")
    assert after["pid"] != before["pid"]
    assert int(after["cold_ms"]) > 0
    eventually(lambda: len(bench.values("ModelSetupTime")) >= 2)
    assert all(value > 1_000 for value in bench.values("ModelSetupTime")), "in microseconds"


def test_metrics_should_tell_a_caller_s_errors_from_the_model_s(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    bench.ask("e")
    for data in ({"refuse": True}, {"crash": True}):
        with pytest.raises(ClientError):
            bench.ask("e", **data)
    wanted = {
        "Invocations": [1.0, 1.0, 1.0],
        "Invocation4XXErrors": [0.0, 1.0, 0.0],
        "Invocation5XXErrors": [0.0, 0.0, 0.0],
        "InvocationModelErrors": [0.0, 1.0, 1.0],
    }
    eventually(lambda: {name: bench.values(name) for name in wanted} == wanted)
    assert all(value > 0 for value in bench.values("ModelLatency"))


def test_a_call_in_hand_should_keep_a_serverless_endpoint_awake(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(idle_s=0.3)
    bench.endpoint("e", bench.config("c", bench.model(), serverless=True))
    assert bench.ask("e", seconds=1.2)["said"] == "hello"


def test_endpoints_should_be_there_after_a_restart_and_start_when_they_are_asked(
    make_bench: Callable[..., Bench],
) -> None:
    first = make_bench()
    first.endpoint("e", first.config("c", first.model()))
    before = first.ask("e")
    second = make_bench()
    assert second.settled("e")["EndpointStatus"] == "InService"
    (host, *_) = second.service.hosts.all() or (None,)
    assert host is None or host.pid is None
    after = second.ask("e")
    assert after["pid"] != before["pid"]
    assert int(after["cold_ms"]) > 0


def test_a_deleted_endpoint_should_leave_no_process_and_no_files(bench: Bench) -> None:
    bench.endpoint("e", bench.config("c", bench.model()))
    pid = bench.ask("e")["pid"]
    bench.sagemaker.delete_endpoint(EndpointName="e")
    assert failure(bench, "e")["Error"]["Code"] == "ValidationError"

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    eventually(gone)
    assert not (bench.data / "sagemaker" / "endpoints" / "e").exists()
