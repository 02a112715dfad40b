"""Queues: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/."""

from __future__ import annotations

import json

import pytest

from tests.unit.sqs.conftest import Desk
from tests.unit.timing import MovableClock, refused


def test_a_queue_url_is_endpoint_account_name(desk: Desk) -> None:
    """API_CreateQueue.html"""
    assert desk.queue("work") == "http://127.0.0.1:4566/000000000000/work"


def test_creating_again_with_the_same_attributes_answers_the_same_url(desk: Desk) -> None:
    """API_CreateQueue.html: the same name and values return the existing queue's URL."""
    first = desk.queue("work", DelaySeconds="5")
    assert desk.queue("work", DelaySeconds="5") == first
    assert desk.queue("work") == first


def test_creating_again_with_another_attribute_value_is_refused(desk: Desk) -> None:
    """API_CreateQueue.html: QueueNameExists."""
    desk.queue("work", DelaySeconds="5")
    with refused("QueueNameExists"):
        desk.queue("work", DelaySeconds="6")


@pytest.mark.parametrize("name", ["", "a b", "x" * 81, "dots.in.name", "naïve"])
def test_an_illegal_name_is_refused(desk: Desk, name: str) -> None:
    """API_CreateQueue.html: up to 80 alphanumerics, hyphens and underscores."""
    with refused("InvalidParameterValueException"):
        desk.queue(name)


def test_fifo_needs_both_the_suffix_and_the_attribute(desk: Desk) -> None:
    """SQSDeveloperGuide/FIFO-queues.html"""
    with refused("InvalidParameterValueException"):
        desk.queue("work", FifoQueue="true")
    with refused("InvalidParameterValueException"):
        desk.queue("work.fifo")
    assert desk.attributes(desk.queue("work.fifo", FifoQueue="true"))["FifoQueue"] == "true"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("DelaySeconds", "901"),
        ("DelaySeconds", "-1"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("MessageRetentionPeriod", "59"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("VisibilityTimeout", "43201"),
        ("VisibilityTimeout", "soon"),
        ("Policy", "{"),
        ("RedrivePolicy", "[]"),
        ("RedrivePolicy", '{"maxReceiveCount": 3}'),
        ("RedriveAllowPolicy", '{"redrivePermission": "maybe"}'),
        ("RedriveAllowPolicy", '{"redrivePermission": "byQueue"}'),
        ("SqsManagedSseEnabled", "yes"),
    ],
)
def test_an_attribute_value_out_of_range_is_refused(desk: Desk, attribute: str, value: str) -> None:
    """API_SetQueueAttributes.html"""
    with refused("InvalidAttributeValue"):
        desk.queue("work", **{attribute: value})


@pytest.mark.parametrize(
    "attribute", ["Colour", "QueueArn", "ApproximateNumberOfMessages", "DeduplicationScope"]
)
def test_an_attribute_that_cannot_be_set_is_refused(desk: Desk, attribute: str) -> None:
    """API_SetQueueAttributes.html: InvalidAttributeName."""
    with refused("InvalidAttributeName"):
        desk.queue("work", **{attribute: "queue"})


def test_the_defaults_are_those_of_aws(desk: Desk) -> None:
    """API_CreateQueue.html: defaults; the message limit is 1 MiB since August 2025."""
    attributes = desk.attributes(desk.queue())
    assert attributes["VisibilityTimeout"] == "30"
    assert attributes["DelaySeconds"] == "0"
    assert attributes["MessageRetentionPeriod"] == "345600"
    assert attributes["MaximumMessageSize"] == "1048576"
    assert attributes["SqsManagedSseEnabled"] == "true"
    assert attributes["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:work"
    assert attributes["CreatedTimestamp"] == "1800000000"


def test_attributes_are_answered_by_name(desk: Desk) -> None:
    """API_GetQueueAttributes.html"""
    url = desk.queue("work", VisibilityTimeout="7")
    found = desk.sqs.get_queue_attributes(
        {"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]}
    )
    assert found == {"Attributes": {"VisibilityTimeout": "7"}}
    assert desk.sqs.get_queue_attributes({"QueueUrl": url}) == {}
    with refused("InvalidAttributeName"):
        desk.sqs.get_queue_attributes({"QueueUrl": url, "AttributeNames": ["Colour"]})


def test_setting_attributes_keeps_the_others_and_survives_a_restart(desk: Desk) -> None:
    """API_SetQueueAttributes.html"""
    url = desk.queue("work", VisibilityTimeout="7")
    desk.sqs.set_queue_attributes({"QueueUrl": url, "Attributes": {"DelaySeconds": "3"}})
    desk.reopen()
    attributes = desk.attributes(url)
    assert (attributes["VisibilityTimeout"], attributes["DelaySeconds"]) == ("7", "3")


def test_kms_and_managed_encryption_exclude_each_other(desk: Desk) -> None:
    """API_SetQueueAttributes.html: only one server-side encryption option a queue."""
    url = desk.queue("work", KmsMasterKeyId="alias/mine")
    attributes = desk.attributes(url)
    assert attributes["SqsManagedSseEnabled"] == "false"
    assert attributes["KmsMasterKeyId"] == "alias/mine"
    with refused("InvalidAttributeValue"):
        desk.queue("other", KmsMasterKeyId="alias/mine", SqsManagedSseEnabled="true")


def test_a_dead_letter_queue_must_exist_be_of_the_same_type_and_allow_it(desk: Desk) -> None:
    """SQSDeveloperGuide/sqs-dead-letter-queues.html"""

    def policy(arn: str) -> str:
        return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})

    with refused("InvalidParameterValueException"):
        desk.queue("a", RedrivePolicy=policy("arn:aws:sqs:us-east-1:000000000000:none"))
    fifo = desk.arn(desk.queue("dead.fifo", FifoQueue="true"))
    with refused("InvalidParameterValueException"):
        desk.queue("a", RedrivePolicy=policy(fifo))
    closed = desk.arn(desk.queue("closed", RedriveAllowPolicy='{"redrivePermission":"denyAll"}'))
    with refused("InvalidParameterValueException"):
        desk.queue("a", RedrivePolicy=policy(closed))
    url = desk.queue("itself")
    with refused("InvalidParameterValueException"):
        desk.sqs.set_queue_attributes(
            {"QueueUrl": url, "Attributes": {"RedrivePolicy": policy(desk.arn(url))}}
        )


def test_by_queue_permission_names_its_sources(desk: Desk) -> None:
    """API_SetQueueAttributes.html: RedriveAllowPolicy."""
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [
        "arn:aws:sqs:us-east-1:000000000000:friend"]}  # fmt: skip
    dead = desk.arn(desk.queue("dead", RedriveAllowPolicy=json.dumps(allow)))
    policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 1})
    desk.queue("friend", RedrivePolicy=policy)
    with refused("InvalidParameterValueException"):
        desk.queue("stranger", RedrivePolicy=policy)


def test_dead_letter_sources_are_listed(desk: Desk) -> None:
    """API_ListDeadLetterSourceQueues.html"""
    dead = desk.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": desk.arn(dead), "maxReceiveCount": 1})
    sources = [desk.queue(name, RedrivePolicy=policy) for name in ("a", "b")]
    found = desk.sqs.list_dead_letter_source_queues({"QueueUrl": dead})
    assert found == {"queueUrls": sources}


def test_queues_are_listed_by_prefix_and_page(desk: Desk) -> None:
    """API_ListQueues.html: NextToken comes only with MaxResults."""
    urls = [desk.queue(f"jobs-{number}") for number in range(3)]
    desk.queue("other")
    assert desk.sqs.list_queues({"QueueNamePrefix": "jobs"})["QueueUrls"] == urls
    first = desk.sqs.list_queues({"QueueNamePrefix": "jobs", "MaxResults": 2})
    rest = desk.sqs.list_queues(
        {"QueueNamePrefix": "jobs", "MaxResults": 2, "NextToken": first["NextToken"]}
    )
    assert [*first["QueueUrls"], *rest["QueueUrls"]] == urls
    assert "NextToken" not in rest
    with refused("InvalidParameterValueException"):
        desk.sqs.list_queues({"MaxResults": 1, "NextToken": "made up"})


def test_an_unknown_queue_is_refused(desk: Desk) -> None:
    """API_GetQueueUrl.html: QueueDoesNotExist; another account's address is no queue of ours."""
    desk.queue("work")
    with refused("QueueDoesNotExist"):
        desk.sqs.get_queue_url({"QueueName": "none"})
    with refused("QueueDoesNotExist"):
        desk.sqs.get_queue_url({"QueueName": "work", "QueueOwnerAWSAccountId": "111111111111"})
    with refused("QueueDoesNotExist"):
        desk.send("http://127.0.0.1:4566/111111111111/work")
    with refused("InvalidAddress"):
        desk.send("work")


def test_any_host_name_reaches_the_queue(desk: Desk) -> None:
    """API_GetQueueUrl.html: only account and name tell queues apart."""
    desk.queue("work")
    assert desk.send("http://localhost:9999/000000000000/work")["MessageId"]


def test_a_deleted_queue_is_gone_and_its_name_is_free_after_a_minute(
    desk: Desk, clock: MovableClock
) -> None:
    """API_DeleteQueue.html: wait 60 seconds before creating a queue with the same name."""
    url = desk.queue("work")
    desk.send(url)
    desk.sqs.delete_queue({"QueueUrl": url})
    with refused("QueueDoesNotExist"):
        desk.receive(url)
    with refused("QueueDeletedRecently"):
        desk.queue("work")
    clock.advance(60)
    assert desk.receive(desk.queue("work")) == []


def test_purge_empties_a_queue_once_a_minute(desk: Desk, clock: MovableClock) -> None:
    """API_PurgeQueue.html: PurgeQueueInProgress within 60 seconds."""
    url = desk.queue()
    desk.send(url)
    desk.sqs.purge_queue({"QueueUrl": url})
    assert desk.receive(url) == []
    with refused("PurgeQueueInProgress"):
        desk.sqs.purge_queue({"QueueUrl": url})
    clock.advance(61)
    desk.sqs.purge_queue({"QueueUrl": url})


def test_tags_are_added_replaced_and_taken_away(desk: Desk) -> None:
    """API_TagQueue.html, API_UntagQueue.html, API_ListQueueTags.html"""
    desk.sqs.create_queue({"QueueName": "work", "tags": {"a": "1"}})
    url = desk.queue("work")
    desk.sqs.tag_queue({"QueueUrl": url, "Tags": {"a": "2", "b": "3"}})
    assert desk.sqs.list_queue_tags({"QueueUrl": url}) == {"Tags": {"a": "2", "b": "3"}}
    desk.sqs.untag_queue({"QueueUrl": url, "TagKeys": ["a", "b"]})
    assert desk.sqs.list_queue_tags({"QueueUrl": url}) == {}
    with refused("InvalidParameterValueException"):
        desk.sqs.tag_queue({"QueueUrl": url, "Tags": {f"t{n}": "" for n in range(51)}})
