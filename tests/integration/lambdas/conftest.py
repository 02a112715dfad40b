"""A Lambda service with real processes, with a queue and a clock that tests move."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from localcloud.lambdas import FunctionSpec, LambdaService
from localcloud.lambdas.destinations import DestinationMessage
from localcloud.lambdas.pool import ConcurrencyLimits
from localcloud.lambdas.service import LambdaDependencies
from localcloud.service import CloudContext
from localcloud.sqs import SqsService
from tests.integration.lambdas.functions import BROKEN, SOURCE


def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return the first true value of `condition`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    return pytest.fail("it did not come true in time")


@dataclass
class Bench:
    """A running Lambda service and what a test needs around it."""

    service: LambdaService
    sqs: SqsService
    context: CloudContext
    code: Path
    now: float = 1_800_000_000.0
    failures: list[DestinationMessage] = field(default_factory=list)

    def add(self, name: str, handler: str | None = None, **settings: Any) -> FunctionSpec:
        spec = FunctionSpec(name, handler or f"made.{name}", self.code, timeout_s=10)
        spec = replace(spec, **settings)
        self.service.register(spec)
        return spec

    def invoke(self, name: str, event: Any = None, **params: Any) -> dict[str, Any]:
        payload = json.dumps(event if event is not None else {}).encode()
        result = self.service.invoke({"FunctionName": name, "Payload": payload, **params})
        return {**result, "Payload": json.loads(result.get("Payload") or "null")}

    def queue(self, name: str, **attributes: str) -> tuple[str, str]:
        url = self.sqs.create_queue({"QueueName": name, "Attributes": attributes})["QueueUrl"]
        return url, self.context.arn("sqs", name)

    def messages(self, url: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        )
        return list(answer.get("Messages") or ())


def build(
    data: Path, code: Path, limits: ConcurrencyLimits | None = None, init_s: float = 10.0
) -> Bench:
    code.mkdir(exist_ok=True)
    (code / "made.py").write_text(SOURCE)
    for name, text in BROKEN.items():
        (code / name).write_text(text)
    context = CloudContext(data, "http://127.0.0.1:1")
    sqs = SqsService(context)
    bench: Bench
    dependencies = LambdaDependencies(
        deliver_failure=lambda message: bench.failures.append(message),
        clock=lambda: bench.now,
        limits=limits or ConcurrencyLimits(),
        init_s=init_s,
    )
    bench = Bench(LambdaService(context, sqs, dependencies), sqs, context, code)
    return bench


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: Any) -> Bench:
        bench = build(tmp_path / "data", tmp_path / "code", **settings)
        bench.sqs.start()
        bench.service.start()
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.service.stop()
        bench.sqs.stop()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
