"""S3 behind the front door of the whole local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.integration.permitting import let_rules_send
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
