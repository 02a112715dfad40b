"""SNS as boto3 sees it: what a topic sends to queues, functions and HTTP endpoints.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudProcess
from tests.integration.permitting import let_service_send
from tests.integration.s3.serving import eventually

Receive = Callable[[int], list[dict[str, Any]]]


class Topic:
    """A topic of its own, and queues subscribed to it."""

    def __init__(self, cloud: CloudProcess) -> None:
        self.cloud = cloud
        self.sns, self.sqs = cloud.client("sns"), cloud.client("sqs")
        self.name = f"t{uuid4().hex}"
        self.arn = self.sns.create_topic(Name=self.name)["TopicArn"]

    def queue(self, *, permitted: bool = True, seconds: float = 30, **attributes: str) -> Receive:
        """Subscribe a queue; return what receives that many messages from it."""
        url = self.sqs.create_queue(QueueName=f"q{uuid4().hex}")["QueueUrl"]
        source = {"ArnEquals": {"aws:SourceArn": self.arn if permitted else f"{self.arn}x"}}
        arn = let_service_send(self.sqs, url, "sns.amazonaws.com", source)
        self.sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=arn, Attributes=attributes)

        def receive(count: int) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []

            def arrived() -> bool:
                got = self.sqs.receive_message(
                    QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]
                )
                found.extend(got.get("Messages", []))
                return len(found) >= count

            eventually(arrived, seconds=seconds)
            return found

        return receive


@pytest.fixture
def topic(cloud: CloudProcess) -> Topic:
    return Topic(cloud)


def test_a_queue_should_get_the_document_of_a_notification(topic: Topic) -> None:
    receive = topic.queue()
    kind = {"DataType": "String", "StringValue": "weir"}
    sent = topic.sns.publish(
        TopicArn=topic.arn, Subject="Level", Message="3 m", MessageAttributes={"kind": kind}
    )
    (message,) = receive(1)
    assert "MessageAttributes" not in message
    document = json.loads(message["Body"])
    assert document["Type"] == "Notification"
    assert document["MessageId"] == sent["MessageId"]
    assert (document["TopicArn"], document["Subject"]) == (topic.arn, "Level")
    assert document["Message"] == "3 m"
    assert document["MessageAttributes"] == {"kind": {"Type": "String", "Value": "weir"}}
    assert {"Timestamp", "SignatureVersion", "Signature", "SigningCertURL"} <= set(document)
    assert httpx.get(document["SigningCertURL"]).text.startswith("-----BEGIN CERTIFICATE")


def test_a_raw_message_should_be_the_message_with_its_attributes(topic: Topic) -> None:
    receive = topic.queue(RawMessageDelivery="true")
    level = {"DataType": "Number", "StringValue": "3"}
    raw = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    topic.sns.publish(
        TopicArn=topic.arn, Message="3 m", MessageAttributes={"level": level, "raw": raw}
    )
    (message,) = receive(1)
    assert message["Body"] == "3 m"
    assert message["MessageAttributes"]["level"] == level
    assert message["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"


def test_a_filter_should_let_through_what_it_names(topic: Topic) -> None:
    by_attribute = topic.queue(FilterPolicy=json.dumps({"kind": ["weir"]}))
    by_body = topic.queue(
        FilterPolicy=json.dumps({"level": [{"numeric": [">", 2]}]}), FilterPolicyScope="MessageBody"
    )
    for kind, level in (("mill", 3), ("weir", 1), ("end", 9), ("weir", 9)):
        attribute = {"kind": {"DataType": "String", "StringValue": kind}}
        message = json.dumps({"level": level})
        topic.sns.publish(TopicArn=topic.arn, Message=message, MessageAttributes=attribute)
    told = [json.loads(json.loads(each["Body"])["Message"])["level"] for each in by_attribute(2)]
    assert sorted(told) == [1, 9]
    told = [json.loads(json.loads(each["Body"])["Message"])["level"] for each in by_body(3)]
    assert sorted(told) == [3, 9, 9]


def test_each_protocol_should_get_its_own_message_of_a_structure(topic: Topic) -> None:
    receive = topic.queue(RawMessageDelivery="true")
    structure = json.dumps({"default": "for all", "sqs": "for queues"})
    topic.sns.publish(TopicArn=topic.arn, Message=structure, MessageStructure="json")
    entries = [{"Id": str(n), "Message": f"m{n}"} for n in range(3)]
    topic.sns.publish_batch(TopicArn=topic.arn, PublishBatchRequestEntries=entries)
    assert {each["Body"] for each in receive(4)} == {"for queues", "m0", "m1", "m2"}


def test_a_queue_whose_policy_names_another_topic_should_get_nothing(topic: Topic) -> None:
    taken, refused = topic.queue(), topic.queue(permitted=False, seconds=1)
    topic.sns.publish(TopicArn=topic.arn, Message="m")
    assert len(taken(1)) == 1
    with pytest.raises(AssertionError):
        refused(1)


@contextmanager
def endpoint() -> Iterator[tuple[str, list[tuple[Mapping[str, str], str]]]]:
    """An HTTP endpoint, and what is posted to it: headers and body."""
    posted: list[tuple[Mapping[str, str], str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posted.append((dict(self.headers), body))
            # Once: what fails with 500 is sent again.
            self.send_response(500 if len(posted) == 2 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", posted
    server.shutdown()
    server.server_close()


def test_an_http_endpoint_should_confirm_before_it_is_told(topic: Topic) -> None:
    """https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html"""
    with endpoint() as (url, posted):
        answer = topic.sns.subscribe(TopicArn=topic.arn, Protocol="http", Endpoint=url)
        assert answer["SubscriptionArn"] == "pending confirmation"
        eventually(lambda: len(posted) == 1, seconds=30)
        topic.sns.publish(TopicArn=topic.arn, Message="too early")
        headers, body = posted[0]
        asked = json.loads(body)
        assert headers["x-amz-sns-message-type"] == asked["Type"] == "SubscriptionConfirmation"
        with pytest.raises(ClientError, match="Invalid parameter: Token"):
            topic.sns.confirm_subscription(TopicArn=topic.arn, Token="guessed")
        confirmed = httpx.get(asked["SubscribeURL"])
        assert confirmed.status_code == 200
        assert topic.arn in confirmed.text
        sent = topic.sns.publish(TopicArn=topic.arn, Message="now")
        eventually(lambda: len(posted) == 3, seconds=30)
        for headers, body in posted[1:]:
            document = json.loads(body)
            assert document["Message"] == "now"
            assert headers["x-amz-sns-message-type"] == "Notification"
            assert headers["x-amz-sns-message-id"] == sent["MessageId"]
            assert headers["Content-Type"] == "text/plain; charset=UTF-8"
        assert httpx.get(document["UnsubscribeURL"]).status_code == 200
        kept = topic.sns.list_subscriptions_by_topic(TopicArn=topic.arn)["Subscriptions"]
        assert kept == []


@pytest.mark.parametrize("protocol", ["email", "sms", "firehose"])
def test_what_is_not_delivered_to_should_be_refused(topic: Topic, protocol: str) -> None:
    with pytest.raises(ClientError, match="delivers to sqs, lambda, http, https, not by"):
        topic.sns.subscribe(TopicArn=topic.arn, Protocol=protocol, Endpoint="someone")


def test_a_bucket_should_tell_a_topic_whose_policy_lets_it(
    cloud: CloudProcess, topic: Topic
) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html"""
    s3, bucket = cloud.client("s3"), topic.name
    s3.create_bucket(Bucket=bucket)
    receive = topic.queue()
    told = {"TopicConfigurations": [{"TopicArn": topic.arn, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError, match="Unable to validate"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic.arn,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    topic.sns.set_topic_attributes(
        TopicArn=topic.arn, AttributeName="Policy", AttributeValue=policy
    )
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    documents = [json.loads(each["Body"]) for each in receive(2)]
    assert {each["Subject"] for each in documents} == {"Amazon S3 Notification"}
    messages = [json.loads(each["Message"]) for each in documents]
    assert [each.get("Event") for each in messages].count("s3:TestEvent") == 1
    (record,) = next(each["Records"] for each in messages if "Records" in each)
    assert record["s3"]["object"]["key"] == "k"
