"""S3 behind the front door of the whole local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudProcess
from tests.integration.permitting import let_bucket_send, let_rules_send
from tests.integration.s3.serving import eventually


@pytest.fixture
def bucket(cloud: CloudProcess) -> str:
    name = f"photos-{uuid4().hex}"
    cloud.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


def test_metadata_keeps_its_names_through_the_front_door(cloud: CloudProcess, bucket: str) -> None:
    s3 = cloud.client("s3")
    metadata = {"a_b": "1", "a-b": "2"}
    s3.put_object(Bucket=bucket, Key="ü/a b", Body=b"x", Metadata=metadata)
    assert s3.get_object(Bucket=bucket, Key="ü/a b")["Metadata"] == metadata


def test_presigned_urls_and_forms_find_their_way_through_the_front_door(
    cloud: CloudProcess, bucket: str, http: httpx.Client
) -> None:
    s3 = cloud.client("s3")
    form = s3.generate_presigned_post(bucket, "k", Conditions=[["content-length-range", 1, 5]])
    sent = http.post(form["url"], data=form["fields"], files={"file": b"hello"})
    assert sent.status_code == 204
    sent = http.post(form["url"], data=form["fields"], files={"file": b"hello!"})
    assert (sent.status_code, "EntityTooLarge" in sent.text) == (400, True)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert http.get(url).content == b"hello"


def test_a_created_object_reaches_a_queue_through_a_rule(cloud: CloudProcess, bucket: str) -> None:
    s3, sqs, events = cloud.client("s3"), cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = let_rules_send(sqs, queue)
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "queue", "Arn": arn}])
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello")
    received: list[dict[str, Any]] = []

    def arrived() -> bool:
        received.extend(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []))
        return bool(received)

    eventually(arrived, seconds=30)
    event = json.loads(received[0]["Body"])
    assert event["detail-type"] == "Object Created"
    assert event["account"] == "000000000000"
    assert (event["detail"]["object"]["key"], event["detail"]["object"]["size"]) == ("k", 5)


def test_an_object_reaches_a_queue_by_a_bucket_notification(
    cloud: CloudProcess, bucket: str
) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html

    A queue is tested before the configuration is kept, and its policy must let S3 send.
    """
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    arn = asked["Attributes"]["QueueArn"]
    keys = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}}
    told = {"Id": "mine", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": keys}
    removed = {"QueueArn": arn, "Events": ["s3:ObjectRemoved:Delete"]}
    wanted = {"QueueConfigurations": [told, removed]}
    with pytest.raises(ClientError, match="Unable to validate the following destination") as denied:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    error: dict[str, Any] = {**denied.value.response["Error"]}
    assert error["ArgumentValue"].startswith("Permissions on the destination queue do not allow")
    let_bucket_send(sqs, queue, bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert kept[0] == {**told, "Filter": {"Key": {"FilterRules": [*keys["Key"]["FilterRules"]]}}}
    s3.put_object(Bucket=bucket, Key="out/b", Body=b"no")
    s3.put_object(Bucket=bucket, Key="in/a b+ü", Body=b"hello")
    s3.delete_object(Bucket=bucket, Key="in/a b+ü")
    bodies: list[dict[str, Any]] = []

    def arrived() -> bool:
        got = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        bodies.extend(json.loads(each["Body"]) for each in got.get("Messages", []))
        return len(bodies) >= 4

    eventually(arrived, seconds=30)
    tests = [each for each in bodies if "Event" in each]
    assert [(each["Event"], each["Bucket"]) for each in tests] == [("s3:TestEvent", bucket)] * 2
    records = {each["Records"][0]["eventName"]: each["Records"][0] for each in bodies[2:]}
    created, gone = records["ObjectCreated:Put"], records["ObjectRemoved:Delete"]
    assert created["s3"]["configurationId"] == "mine"
    assert created["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    assert created["s3"]["object"]["key"] == gone["s3"]["object"]["key"] == "in/a+b%2B%C3%BC"
    assert created["s3"]["object"]["size"] == 5
    assert created["s3"]["object"]["sequencer"] < gone["s3"]["object"]["sequencer"]
    assert "size" not in gone["s3"]["object"]


def test_a_bucket_tells_no_target_that_is_not_there(cloud: CloudProcess, bucket: str) -> None:
    s3 = cloud.client("s3")
    missing = "arn:aws:sqs:us-east-1:000000000000:nowhere"
    wanted = {"QueueConfigurations": [{"QueueArn": missing, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError) as refused:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    assert refused.value.response["Error"]["Code"] == "InvalidArgument"
    assert "NotificationConfiguration" not in s3.get_bucket_notification_configuration(
        Bucket=bucket
    )
