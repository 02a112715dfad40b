"""What befalls calls, in which order, and what is counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.faults.injector import FaultInjector, FaultsFileError
from localcloud.faults.quotas import MINUTE_S, QuotaWindow, estimate_tokens
from localcloud.faults.rules import Fault
from localcloud.service import EXTRA_HEADERS, ServiceCall


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faults(clock: Clock) -> FaultInjector:
    return FaultInjector(clock, clock.sleep)


NOVA = ServiceCall("bedrock-runtime", "Converse", {"modelId": "amazon.nova-micro-v1:0"})


def converse(tokens: int = 10) -> Mapping[str, Any]:
    return {"usage": {"inputTokens": tokens - 1, "outputTokens": 1}}


def counts(faults: FaultInjector) -> dict[str, int]:
    found: dict[str, int] = faults.describe()[0]["counts"]
    return found


def test_a_call_should_fail_before_its_service_is_reached(faults: FaultInjector) -> None:
    faults.set(Fault(error="ThrottlingException", times=2))
    reached: list[int] = []
    for _ in range(2):
        with pytest.raises(AwsError, match="ThrottlingException"):
            faults.intercept(NOVA, lambda: reached.append(1))
    faults.intercept(NOVA, lambda: reached.append(1))
    assert reached == [1]
    assert counts(faults) == {"fitted": 3, "failed": 2, "delayed": 0, "throttled": 0}


def test_latency_should_be_waited_and_then_the_service_asked(
    faults: FaultInjector, clock: Clock
) -> None:
    faults.set(Fault(latency_ms=250))
    assert faults.intercept(NOVA, lambda: "answer") == "answer"
    assert clock.slept == [0.25]
    assert counts(faults)["delayed"] == 1


def test_of_many_threads_as_many_calls_should_fail_as_of_one() -> None:
    def failed(threads: int) -> int:
        faults = FaultInjector()
        faults.set(Fault(error="X", rate=0.3, seed=5))

        def run() -> None:
            for _ in range(200 // threads):
                try:
                    faults.intercept(NOVA, lambda: None)
                except AwsError:
                    continue

        running = [threading.Thread(target=run) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return counts(faults)["failed"]

    assert failed(1) == failed(8) > 30


def test_requests_over_a_minute_should_be_throttled_for_each_model(
    faults: FaultInjector, clock: Clock
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/quotas.html"""
    faults.set(Fault(requests_per_minute=2))
    for _ in range(2):
        faults.intercept(NOVA, converse)
    with pytest.raises(AwsError, match="ThrottlingException") as caught:
        faults.intercept(NOVA, converse)
    assert caught.value.status == 429
    faults.intercept(ServiceCall("bedrock-runtime", "Converse", {"modelId": "other"}), converse)
    clock.now += 60
    faults.intercept(NOVA, converse)
    assert counts(faults)["throttled"] == 1


def test_tokens_should_be_set_aside_at_the_begin_and_settled_at_the_end(
    faults: FaultInjector, clock: Clock
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html"""
    faults.set(Fault(tokens_per_minute=1000))
    asked = {"modelId": "m", "messages": [], "inferenceConfig": {"maxTokens": 900}}
    call = ServiceCall("bedrock-runtime", "Converse", asked)
    for _ in range(5):
        faults.intercept(call, lambda: converse(10))
    faults.intercept(call, lambda: converse(200))
    with pytest.raises(AwsError, match="ThrottlingException"):
        faults.intercept(call, lambda: converse(10))
    clock.now += 60
    faults.intercept(call, lambda: converse(10))


def test_what_fails_should_count_as_a_request_and_as_no_tokens(faults: FaultInjector) -> None:
    faults.set(Fault(tokens_per_minute=1000, requests_per_minute=4))
    asked = {"modelId": "m", "body": json.dumps({"max_tokens": 990}).encode()}
    call = ServiceCall("bedrock-runtime", "InvokeModel", asked)

    def broken() -> None:
        raise AwsError("ModelErrorException", "It broke.", 424)

    for _ in range(3):
        with pytest.raises(AwsError, match="ModelErrorException"):
            faults.intercept(call, broken)
    faults.intercept(call, lambda: {EXTRA_HEADERS: {}})
    with pytest.raises(AwsError, match="ThrottlingException"):
        faults.intercept(call, lambda: {EXTRA_HEADERS: {}})


def test_a_stream_should_break_off_after_so_many_events(faults: FaultInjector) -> None:
    faults.set(Fault(error="ModelStreamErrorException", after_events=2))

    def events() -> Iterator[int]:
        yield from range(5)

    stream = faults.intercept(NOVA, lambda: {"stream": events()})["stream"]
    assert (next(stream), next(stream)) == (0, 1)
    with pytest.raises(AwsError, match="ModelStreamErrorException"):
        next(stream)
    with pytest.raises(AwsError, match="ModelStreamErrorException"):
        faults.intercept(NOVA, converse)


def test_a_cleared_fault_should_befall_nothing(faults: FaultInjector) -> None:
    faults.set(Fault(name="a", error="X"), Fault(name="b", error="Y"))
    assert faults.clear("a") == 1
    assert faults.clear("a") == 0
    with pytest.raises(AwsError, match="Y"):
        faults.intercept(NOVA, converse)
    assert faults.clear() == 1
    assert faults.intercept(NOVA, converse) == converse()
    assert faults.describe() == []


def test_the_file_should_be_read_and_a_bad_one_named(faults: FaultInjector, tmp_path: Path) -> None:
    faults.load(tmp_path)
    assert faults.describe() == []
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"faults": [{"name": "slow", "latency_ms": 5}]}))
    faults.load(tmp_path)
    assert faults.describe()[0]["name"] == "slow"
    file.write_text('{"faults": [{"rate": 7}]}')
    with pytest.raises(FaultsFileError, match=r"faults\.json cannot be read"):
        faults.load(tmp_path)


@pytest.mark.parametrize(
    ("params", "tokens"),
    [
        ({"modelId": "m", "messages": [], "inferenceConfig": {"maxTokens": 900}}, 904),
        ({"modelId": "m", "messages": []}, 516),
        ({"modelId": "m", "body": b'{"prompt": "12345678", "max_gen_len": 5}'}, 15),
        ({"modelId": "m", "body": b'{"inputText": "12345678"}'}, 6),
        ({"modelId": "m", "body": b"not JSON"}, 0),
        ({"modelId": "m", "body": b"[1]"}, 0),
    ],
)
def test_a_call_should_be_estimated_by_its_text_and_its_most(
    params: dict[str, Any], tokens: int
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html"""
    assert estimate_tokens(params) == tokens


@given(gaps=st.lists(st.integers(0, 30), max_size=60), most=st.integers(1, 5))
def test_no_minute_should_have_more_requests_than_the_quota(gaps: list[int], most: int) -> None:
    clock, taken = Clock(), []
    window = QuotaWindow(clock)
    for gap in gaps:
        clock.now += gap
        if window.charge(most, None, 0) is not None:
            taken.append(clock.now)
    for begin in taken:
        assert sum(begin <= moment < begin + MINUTE_S for moment in taken) <= most
    clock.now += MINUTE_S
    assert window.charge(most, None, 0) is not None
