"""SQS as boto3 sees it, https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/."""

from __future__ import annotations

import json
import threading

import pytest
from botocore.exceptions import ClientError

from tests.integration.messaging import Messaging


def test_a_message_goes_through_with_its_attributes(messaging: Messaging) -> None:
    """API_SendMessage.html; boto3 checks the MD5 of the body itself."""
    sqs = messaging.client("sqs")
    url = sqs.create_queue(QueueName="q", tags={"team": "a"})["QueueUrl"]
    assert url == f"{messaging.url}/000000000000/q"
    attributes = {
        "kind": {"DataType": "String", "StringValue": "greeting"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="héllo", MessageAttributes=attributes)
    (message,) = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )["Messages"]
    assert message["Body"] == "héllo"
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "a"}


def test_errors_are_modelled_exceptions(messaging: Messaging) -> None:
    """CommonErrors.html"""
    sqs = messaging.client("sqs")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="none")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "9"})
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="garbage")
    entry = {"Id": "a", "MessageBody": "x"}
    with pytest.raises(sqs.exceptions.BatchEntryIdsNotDistinct):
        sqs.send_message_batch(QueueUrl=url, Entries=[entry, entry])
    with pytest.raises(sqs.exceptions.InvalidAttributeName):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Colour": "red"})


def test_an_operation_that_is_not_there_is_refused(messaging: Messaging) -> None:
    sqs = messaging.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(ClientError) as refusal:
        sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["1"], Actions=["*"])
    assert "UnsupportedOperation" in refusal.value.response["Error"]["Code"]


def test_a_long_poll_over_http_wakes_on_send(messaging: Messaging) -> None:
    """SQSDeveloperGuide/sqs-short-and-long-polling.html"""
    sqs = messaging.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    received: list[str] = []

    def poll() -> None:
        answer = messaging.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
        received.extend(message["Body"] for message in answer.get("Messages", []))

    poller = threading.Thread(target=poll)
    poller.start()
    sqs.send_message(QueueUrl=url, MessageBody="now")
    poller.join(15)
    assert received == ["now"]


def test_many_consumers_share_a_queue_without_a_message_twice(messaging: Messaging) -> None:
    """SQSDeveloperGuide/sqs-visibility-timeout.html"""
    sqs = messaging.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for start in range(0, 100, 10):
        sqs.send_message_batch(
            QueueUrl=url,
            Entries=[{"Id": str(n), "MessageBody": str(start + n)} for n in range(10)],
        )
    received: list[str] = []

    def consume() -> None:
        client = messaging.client("sqs")
        while True:
            answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=7)
            if "Messages" not in answer:
                return
            for message in answer["Messages"]:
                received.append(message["Body"])
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    consumers = [threading.Thread(target=consume) for _ in range(6)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join(30)
    assert sorted(map(int, received)) == list(range(100))


def test_dead_letters_can_be_sent_back(messaging: Messaging) -> None:
    """API_StartMessageMoveTask.html"""
    sqs = messaging.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    arn = arn["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
    url = sqs.create_queue(
        QueueName="q", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    )["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.start_message_move_task(SourceArn=arn)
    answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    assert [message["Body"] for message in answer["Messages"]] == ["poison"]
