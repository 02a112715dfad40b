"""Event source mappings between a real queue and real workers.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.errors import AwsError
from tests.integration.lambdas.conftest import Bench, eventually


def _count(bench: Bench, url: str) -> int:
    asked = {"QueueUrl": url, "AttributeNames": ["All"]}
    attributes = bench.sqs.get_queue_attributes(asked)["Attributes"]
    visible = int(attributes["ApproximateNumberOfMessages"])
    return visible + int(attributes["ApproximateNumberOfMessagesNotVisible"])


def test_messages_are_handed_over_and_deleted(bench: Bench) -> None:
    url, arn = bench.queue("work")
    bench.add("talk", "made.echo")
    for number in range(15):
        bench.sqs.send_message({"QueueUrl": url, "MessageBody": str(number)})
    mapping = bench.service.create_event_source_mapping(
        {"EventSourceArn": arn, "FunctionName": "talk", "BatchSize": 5}
    )
    assert mapping["State"] == "Creating"
    eventually(lambda: _count(bench, url) == 0)
    shown = bench.service.get_event_source_mapping({"UUID": mapping["UUID"]})
    assert shown["State"] == "Enabled"
    assert shown["LastProcessingResult"] == "OK"


def test_a_failed_batch_goes_to_the_dead_letter_queue_by_the_queue_s_own_rule(
    bench: Bench,
) -> None:
    dead_url, dead_arn = bench.queue("dead")
    policy = f'{{"deadLetterTargetArn": "{dead_arn}", "maxReceiveCount": 2}}'
    url, arn = bench.queue("work", VisibilityTimeout="1", RedrivePolicy=policy)
    bench.add("fail", timeout_s=1)
    bench.sqs.send_message({"QueueUrl": url, "MessageBody": "poison"})
    bench.service.create_event_source_mapping({"EventSourceArn": arn, "FunctionName": "fail"})
    eventually(lambda: _count(bench, dead_url) == 1, 30)
    assert _count(bench, url) == 0


def test_only_the_reported_messages_of_a_batch_come_back(bench: Bench) -> None:
    url, arn = bench.queue("work", VisibilityTimeout="600")
    bench.add("partial")
    for body in ("good", "bad", "good"):
        bench.sqs.send_message({"QueueUrl": url, "MessageBody": body})
    bench.service.create_event_source_mapping(
        {
            "EventSourceArn": arn,
            "FunctionName": "partial",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
    )
    eventually(lambda: _count(bench, url) == 1)


def test_a_mapping_survives_a_restart(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    before = make_bench()
    url, arn = before.queue("work")
    before.add("echo")
    before.service.create_event_source_mapping({"EventSourceArn": arn, "FunctionName": "echo"})
    before.service.stop()
    before.sqs.stop()
    after = make_bench()
    after.add("echo")
    after.sqs.send_message({"QueueUrl": url, "MessageBody": "later"})
    eventually(lambda: _count(after, url) == 0)


def test_what_a_poller_held_when_it_was_killed_is_handed_over_again_after_a_restart(
    make_bench: Callable[..., Bench],
) -> None:
    before = make_bench()
    url, arn = before.queue("work", VisibilityTimeout="600")
    before.add("echo")
    before.service.create_event_source_mapping({"EventSourceArn": arn, "FunctionName": "echo"})
    before.service.stop()
    before.sqs.send_message({"QueueUrl": url, "MessageBody": "held"})
    # A poller that was just stopped may receive it, and gives it back.
    eventually(lambda: len(before.messages(url)) == 1)
    before.sqs.stop()
    after = make_bench()
    after.add("echo")
    eventually(lambda: _count(after, url) == 0)


def test_messages_wait_until_the_function_of_a_kept_mapping_is_registered(
    make_bench: Callable[..., Bench],
) -> None:
    before = make_bench()
    url, arn = before.queue("work", VisibilityTimeout="600")
    before.add("echo")
    before.service.create_event_source_mapping({"EventSourceArn": arn, "FunctionName": "echo"})
    before.service.stop()
    before.sqs.send_message({"QueueUrl": url, "MessageBody": "early"})
    before.sqs.stop()
    after = make_bench()
    after.add("echo")
    eventually(lambda: _count(after, url) == 0)


def test_a_message_that_no_filter_wants_is_deleted_unseen(bench: Bench) -> None:
    url, arn = bench.queue("work", VisibilityTimeout="600")
    bench.add("fail")
    bench.service.create_event_source_mapping(
        {
            "EventSourceArn": arn,
            "FunctionName": "fail",
            "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"kind": ["wanted"]}}'}]},
        }
    )
    bench.sqs.send_message({"QueueUrl": url, "MessageBody": '{"kind": "other"}'})
    eventually(lambda: _count(bench, url) == 0)
    bench.sqs.send_message({"QueueUrl": url, "MessageBody": '{"kind": "wanted"}'})
    log = bench.context.data_dir / "lambdas" / "logs" / "fail.log"
    eventually(lambda: log.exists() and "REPORT" in log.read_text())
    assert _count(bench, url) == 1


def test_a_disabled_mapping_leaves_the_queue_alone_until_it_is_enabled(bench: Bench) -> None:
    url, arn = bench.queue("work")
    bench.add("echo")
    bench.sqs.send_message({"QueueUrl": url, "MessageBody": "x"})
    mapping = bench.service.create_event_source_mapping(
        {"EventSourceArn": arn, "FunctionName": "echo", "Enabled": False}
    )
    asked = {"UUID": mapping["UUID"]}
    assert bench.service.get_event_source_mapping(asked)["State"] == "Disabled"
    assert _count(bench, url) == 1
    bench.service.update_event_source_mapping({**asked, "Enabled": True})
    eventually(lambda: _count(bench, url) == 0)
    assert bench.service.delete_event_source_mapping(asked)["State"] == "Deleting"
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        bench.service.get_event_source_mapping(asked)


def test_a_second_mapping_of_the_same_pair_is_a_conflict_but_can_be_ensured(bench: Bench) -> None:
    _, arn = bench.queue("work")
    bench.add("echo")
    wanted = {"EventSourceArn": arn, "FunctionName": "echo", "BatchSize": 2}
    first = bench.service.create_event_source_mapping(wanted)
    with pytest.raises(AwsError, match="ResourceConflictException"):
        bench.service.create_event_source_mapping(wanted)
    again = bench.service.ensure_event_source_mapping({**wanted, "BatchSize": 3})
    assert again["UUID"] == first["UUID"]
    assert again["BatchSize"] == 3


def test_a_queue_that_is_too_impatient_for_the_function_is_refused(bench: Bench) -> None:
    _, arn = bench.queue("work", VisibilityTimeout="5")
    bench.add("echo", timeout_s=6)
    with pytest.raises(AwsError, match="Queue visibility timeout: 5 seconds is less than"):
        bench.service.create_event_source_mapping({"EventSourceArn": arn, "FunctionName": "echo"})


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("StartingPosition", "LATEST"), ("BisectBatchOnFunctionError", True), ("KMSKeyArn", "x")],
)
def test_a_parameter_of_other_sources_is_refused(
    bench: Bench, parameter: str, value: object
) -> None:
    _, arn = bench.queue("work")
    bench.add("echo")
    with pytest.raises(AwsError, match=parameter):
        bench.service.create_event_source_mapping(
            {"EventSourceArn": arn, "FunctionName": "echo", parameter: value}
        )
