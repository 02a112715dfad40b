"""Asynchronous invocations: durable, retried by AWS's schedule, and never silently lost.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from localcloud.errors import AwsError
from tests.integration.lambdas.conftest import Bench, build, eventually


def _send(bench: Bench, name: str, event: Any) -> None:
    result = bench.service.invoke(
        {"FunctionName": name, "InvocationType": "Event", "Payload": json.dumps(event).encode()}
    )
    assert result["StatusCode"] == 202


def _kept(bench: Bench) -> list[tuple[int, float]]:
    """Return the failures and next time of every event that is kept."""
    with closing(sqlite3.connect(bench.context.data_dir / "lambdas/events.sqlite")) as file:
        return file.execute("SELECT failures, due FROM events").fetchall()


def _await_kept(bench: Bench, expected: tuple[int, float]) -> None:
    eventually(lambda: _kept(bench) == [expected])


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_an_event_is_run_once_when_it_succeeds(bench: Bench, tmp_path: Path) -> None:
    bench.add("flaky")
    log = tmp_path / "log"
    _send(bench, "flaky", {"log": str(log), "succeed_at": 1})
    eventually(lambda: bench.service.pending() == 0)
    assert len(_lines(log)) == 1


def test_a_function_error_is_retried_after_one_and_two_minutes(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add("flaky")
    log = tmp_path / "log"
    _send(bench, "flaky", {"log": str(log), "succeed_at": 3})
    for tries, wait in ((1, 60), (2, 120)):
        due = bench.now + wait
        _await_kept(bench, (tries, due))
        bench.now = due
    eventually(lambda: bench.service.pending() == 0)
    lines = _lines(log)
    assert len(lines) == 3
    assert len(set(lines)) == 1, "a retry has the request id of the first try"


def test_the_failure_destination_gets_the_record_of_aws(bench: Bench) -> None:
    url, arn = bench.queue("failures")
    bench.add("fail", failure_destination=arn, maximum_retry_attempts=0)
    _send(bench, "fail", {"what": "x"})
    message = eventually(lambda: bench.messages(url))[0]
    record = json.loads(message["Body"])
    assert record["version"] == "1.0"
    assert record["timestamp"] == "2027-01-15T08:00:00.000Z"
    context = record["requestContext"]
    assert context["functionArn"].endswith(":function:fail:$LATEST")
    assert context["condition"] == "RetriesExhausted"
    assert context["approximateInvokeCount"] == 1
    assert record["requestPayload"] == {"what": "x"}
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorType"] == "ValueError"
    assert record["responsePayload"]["requestId"] == context["requestId"]


def test_a_dead_letter_queue_gets_the_bare_event_with_attributes(bench: Bench) -> None:
    url, arn = bench.queue("dead")
    bench.add("fail", dead_letter=arn, maximum_retry_attempts=0)
    _send(bench, "fail", {"what": "x"})
    message = eventually(lambda: bench.messages(url))[0]
    assert json.loads(message["Body"]) == {"what": "x"}
    attributes = message["MessageAttributes"]
    assert attributes["ErrorCode"]["StringValue"] == "200"
    assert attributes["ErrorMessage"]["StringValue"] == "no such thing: x"
    assert attributes["RequestID"]["StringValue"]


def test_a_topic_or_bus_is_told_through_the_callable(bench: Bench) -> None:
    bus = bench.context.arn("events", "event-bus/headrace")
    bench.add("fail", failure_destination=bus, maximum_retry_attempts=0)
    _send(bench, "fail", {})
    eventually(lambda: bench.failures)
    assert bench.failures[0].arn == bus


def test_a_function_may_be_the_failure_destination(bench: Bench, tmp_path: Path) -> None:
    target = bench.add("talk")
    arn = bench.context.arn("lambda", f"function:{target.name}")
    bench.add("fail", failure_destination=arn, maximum_retry_attempts=0)
    _send(bench, "fail", {})
    log = bench.context.data_dir / "lambdas" / "logs" / "talk.log"
    eventually(lambda: log.exists() and "REPORT" in log.read_text())


def test_a_throttled_event_is_given_up_when_it_is_too_old(bench: Bench) -> None:
    url, arn = bench.queue("failures")
    bench.add("echo", reserved_concurrency=0, failure_destination=arn, maximum_event_age_s=60)
    _send(bench, "echo", {})
    bench.now += 61
    message = eventually(lambda: bench.messages(url))[0]
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["responseContext"]["statusCode"] == 429


def test_an_accepted_event_survives_a_restart(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    before = build(tmp_path / "data", tmp_path / "code")
    before.add("flaky")
    _send(before, "flaky", {"log": str(log), "succeed_at": 1})
    assert before.service.pending() == 1
    after = make_bench()
    after.add("flaky")
    eventually(lambda: after.service.pending() == 0)
    assert len(_lines(log)) == 1


def test_an_event_that_was_cut_off_by_the_end_is_run_again(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    started = tmp_path / "started"
    before = make_bench()
    before.add("sleep")
    _send(before, "sleep", {"started": str(started), "seconds": 60})
    eventually(lambda: started.exists() and started.read_text())
    before.service.stop()
    started.unlink()
    after = make_bench()
    after.add("sleep")
    eventually(lambda: started.exists() and started.read_text())
    assert after.service.pending() == 1


def test_an_event_over_one_megabyte_is_refused(bench: Bench) -> None:
    bench.add("echo")
    with pytest.raises(AwsError) as refused:
        _send(bench, "echo", "x" * (1024 * 1024))
    assert refused.value.code == "RequestEntityTooLargeException"
    assert refused.value.status == 413
