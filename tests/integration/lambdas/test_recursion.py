"""Recursive loops, which Lambda stops after 16 invocations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.errors import AwsError
from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.lambdas.lineage import MAX_INVOCATIONS, next_lineage
from localcloud.service import traced
from tests.integration.lambdas.conftest import Bench, eventually


@pytest.fixture
def endpoint(bench: Bench) -> Iterator[str]:
    server = HttpServer()
    backends = Backends({"sqs": (bench.sqs,)}, None, None, None)  # type: ignore[arg-type]
    server.start(FrontDoor(backends))
    yield server.url
    server.stop()


def _looping(function: str) -> str:
    header = ""
    for _ in range(MAX_INVOCATIONS):
        header = f"Root=1;Lineage={next_lineage(header, function)}"
    return header


def test_a_function_that_feeds_its_own_queue_is_stopped(
    bench: Bench, endpoint: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The seventeenth message is left to the queue, and with that to its dead letters."""
    url, arn = bench.queue("loop", VisibilityTimeout="900")
    where = url.replace(bench.context.endpoint_url, endpoint)
    bench.add("relay", environment={"AWS_ENDPOINT_URL": endpoint, "QUEUE": where})
    made = bench.service.create_event_source_mapping(
        {"EventSourceArn": arn, "FunctionName": "relay"}
    )
    bench.sqs.send_message({"QueueUrl": url, "MessageBody": "0"})

    def is_alone() -> bool:
        count = "ApproximateNumberOfMessagesNotVisible"
        request = {"QueueUrl": url, "AttributeNames": [count]}
        return str(bench.sqs.get_queue_attributes(request)["Attributes"][count]) == "1"

    eventually(lambda: "relay ran 16 times in one chain" in caplog.text, 60)
    eventually(is_alone, 60)  # the one before is deleted once its function has returned
    bench.service.delete_event_source_mapping({"UUID": made["UUID"]})
    bench.sqs.release_in_flight(arn)
    assert [message["Body"] for message in bench.messages(url)] == [str(MAX_INVOCATIONS)]


def test_the_caller_of_a_loop_is_refused(bench: Bench) -> None:
    bench.add("echo")
    with traced(_looping("echo")):
        with pytest.raises(AwsError) as caught:
            bench.invoke("echo")
        assert caught.value.code == "RecursiveInvocationException"
        bench.add("other", "made.echo")
        assert bench.invoke("other", {"a": 1})["Payload"] == {"a": 1}


def test_an_event_of_a_loop_goes_to_the_destination_of_failures(bench: Bench) -> None:
    bench.add("echo", failure_destination=bench.context.arn("sns", "failures"))
    with traced(_looping("echo")):
        bench.invoke("echo", {"a": 1}, InvocationType="Event")
    eventually(lambda: bench.failures)
    assert '"requestPayload": {"a": 1}' in bench.failures[0].body


def test_a_function_may_be_allowed_to_loop(bench: Bench) -> None:
    bench.add("echo", recursive_loop="Allow")
    with traced(_looping("echo")):
        assert bench.invoke("echo", {"a": 1})["Payload"] == {"a": 1}
    shown = bench.service.get_function_recursion_config({"FunctionName": "echo"})
    assert shown == {"RecursiveLoop": "Allow"}
