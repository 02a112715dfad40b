"""Events to EventBridge, and what a killed process leaves.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import itertools
import json
import random
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.integration.s3.serving import PLAIN, Door, Running, eventually, running


def switch_on(s3: Any, bucket: str = "photos") -> None:
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def test_a_created_object_is_told_of_as_aws_tells(s3: Any, local: Running) -> None:
    switch_on(s3)
    put = s3.put_object(Bucket="photos", Key="a b/ü", Body=b"hello")
    eventually(lambda: len(local.events) == 1)
    event = local.events[0]
    sequencer = event["detail"]["object"].pop("sequencer")
    assert int(sequencer, 16) > 0
    assert re.fullmatch(r"[0-9a-f-]{36}", event.pop("id"))
    head = s3.head_object(Bucket="photos", Key="a b/ü")
    assert datetime.fromisoformat(event.pop("time")) == head["LastModified"]
    assert event == {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "resources": ["arn:aws:s3:::photos"],
        "detail": {
            "version": "0",
            "bucket": {"name": "photos"},
            "object": {"key": "a b/ü", "size": 5, "etag": put["ETag"].strip('"')},
            "request-id": put["ResponseMetadata"]["RequestId"],
            "requester": "000000000000",
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }


def test_every_way_to_write_and_delete_is_told_of_in_order(s3: Any, local: Running) -> None:
    switch_on(s3)
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="photos", Key="k", Body=b"x")["VersionId"]
    s3.copy_object(Bucket="photos", Key="copy", CopySource="photos/k")
    upload = s3.create_multipart_upload(Bucket="photos", Key="k")["UploadId"]
    which = {"Bucket": "photos", "Key": "k", "UploadId": upload}
    part = s3.upload_part(PartNumber=1, Body=b"y", **which)
    s3.complete_multipart_upload(
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}, **which
    )
    s3.delete_object(Bucket="photos", Key="k")
    s3.delete_object(Bucket="photos", Key="k", VersionId=first)
    eventually(lambda: len(local.events) == 5)
    told = [
        (event["detail-type"], event["detail"]["reason"], event["detail"].get("deletion-type"))
        for event in local.events
    ]
    assert told == [
        ("Object Created", "PutObject", None),
        ("Object Created", "CopyObject", None),
        ("Object Created", "CompleteMultipartUpload", None),
        ("Object Deleted", "DeleteObject", "Delete Marker Created"),
        ("Object Deleted", "DeleteObject", "Permanently Deleted"),
    ]
    sequencers = [event["detail"]["object"]["sequencer"] for event in local.events]
    assert sequencers == sorted(sequencers)
    assert local.events[4]["detail"]["object"]["version-id"] == first


def test_a_bucket_that_did_not_ask_is_not_told_of(s3: Any, local: Running) -> None:
    s3.put_object(Bucket="photos", Key="quiet", Body=b"x")
    s3.create_bucket(Bucket="loud")
    switch_on(s3, "loud")
    s3.put_object(Bucket="loud", Key="k", Body=b"x")
    eventually(lambda: len(local.events) == 1)
    assert local.events[0]["detail"]["bucket"]["name"] == "loud"


def start_writer(folder: Path, published: Path) -> tuple[subprocess.Popen[str], Any]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.s3.writer", str(folder), str(published)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    endpoint = process.stdout.readline().strip()
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=PLAIN,
    )
    return process, client


def write_until_killed(
    process: subprocess.Popen[str], client: Any, seed: int
) -> dict[str, bytes | None]:
    """Let four write and delete, kill the server in the midst, return what it acknowledged."""
    enough = threading.Event()
    wanted = random.Random(seed).randrange(20, 120)
    count = itertools.count(1)

    def work(worker: int) -> dict[str, bytes | None]:
        chance = random.Random(f"{seed} {worker}")
        known: dict[str, bytes | None] = {}
        while True:
            key = f"{seed}/{worker}/{chance.randrange(8)}"
            body = None if chance.random() < 0.2 else chance.randbytes(chance.choice([9, 99_999]))
            known.pop(key, None)
            try:
                if body is None:
                    client.delete_object(Bucket="kept", Key=key)
                else:
                    client.put_object(Bucket="kept", Key=key, Body=body)
            except (BotoCoreError, ClientError):
                return known
            known[key] = body
            if next(count) == wanted:
                enough.set()

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, worker) for worker in range(4)]
        assert enough.wait(timeout=60)
        process.kill()
        return {key: body for done in working for key, body in done.result().items()}


@pytest.mark.slow
def test_what_was_acknowledged_outlives_kill_minus_nine(tmp_path: Path, door: Door) -> None:
    folder, published = tmp_path / "data", tmp_path / "events.jsonl"
    acknowledged: dict[str, bytes | None] = {}
    for seed in range(5):
        process, client = start_writer(folder, published)
        assert process.stdout is not None
        try:
            client.create_bucket(Bucket="kept")
            switch_on(client, "kept")
            acknowledged |= write_until_killed(process, client, seed)
        finally:
            process.kill()
            process.wait(timeout=10)
            process.stdout.close()
            client.close()
    with running(folder, door) as last:
        check_kept(last, acknowledged, published, folder)


def check_kept(
    last: Running, acknowledged: dict[str, bytes | None], published: Path, folder: Path
) -> None:
    """Hold a restarted S3 to what its killed predecessors acknowledged."""
    s3 = last.client()
    listed = s3.list_objects_v2(Bucket="kept").get("Contents", [])
    assert len(acknowledged) > 20
    for key, body in acknowledged.items():
        if body is None:
            assert key not in {entry["Key"] for entry in listed}
        else:
            assert s3.get_object(Bucket="kept", Key=key)["Body"].read() == body
    eventually(lambda: not last.service.pending_events())
    lines = published.read_text().splitlines()
    told = [json.loads(line) for line in lines] + last.events
    created = {
        (event["detail"]["object"]["key"], event["detail"]["object"]["etag"])
        for event in told
        if event["detail-type"] == "Object Created"
    }
    assert {(entry["Key"], entry["ETag"].strip('"')) for entry in listed} <= created
    blobs = [path for path in (folder / "s3" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == len(listed)
    s3.close()
