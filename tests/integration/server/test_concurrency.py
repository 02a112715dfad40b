"""Two hundred writers at once, through the front door."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.cloud import CloudProcess
from tests.signing import signed_headers

WRITERS = 200


@pytest.fixture
def wide(cloud: CloudProcess) -> Any:
    """Return clients with a connection for each writer."""
    made: list[Any] = []

    def client(service: str) -> Any:
        made.append(
            boto3.client(  # type: ignore[call-overload]
                service,
                endpoint_url=cloud.endpoint_url,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(
                    retries={"total_max_attempts": 1},
                    max_pool_connections=WRITERS,
                    s3={"addressing_style": "path"},
                ),
            )
        )
        return made[-1]

    yield client
    for each in made:
        each.close()


def outcomes(write: Callable[[int], object]) -> Counter[str]:
    """Let every writer write at the same moment; count how each ended."""
    together = threading.Barrier(WRITERS)

    def attempt(number: int) -> str:
        together.wait(60)
        try:
            write(number)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(WRITERS) as pool:
        return Counter(pool.map(attempt, range(WRITERS)))


def test_one_of_many_should_create_an_object(cloud: CloudProcess, wide: Any) -> None:
    s3, bucket, key = wide("s3"), cloud.outputs["DocumentsBucketName"], f"races/{uuid4()}"
    ended = outcomes(
        lambda number: s3.put_object(
            Bucket=bucket, Key=key, Body=str(number).encode(), IfNoneMatch="*"
        )
    )
    assert ended["won"] == 1
    assert set(ended) <= {"won", "PreconditionFailed", "ConditionalRequestConflict"}
    versions = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    assert len(versions) == 1


def test_one_of_many_should_create_an_item(cloud: CloudProcess, wide: Any) -> None:
    dynamodb, table, name = wide("dynamodb"), cloud.outputs["RecordsTableName"], str(uuid4())
    ended = outcomes(
        lambda number: dynamodb.put_item(
            TableName=table,
            Item={"pk": {"S": name}, "sk": {"S": "race"}, "by": {"N": str(number)}},
            ConditionExpression="attribute_not_exists(pk)",
        )
    )
    assert ended == {"won": 1, "ConditionalCheckFailedException": WRITERS - 1}


def test_no_increment_of_many_should_be_lost(cloud: CloudProcess, wide: Any) -> None:
    dynamodb, table = wide("dynamodb"), cloud.outputs["RecordsTableName"]
    key = {"pk": {"S": str(uuid4())}, "sk": {"S": "count"}}
    ended = outcomes(
        lambda _: dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    )
    assert ended == {"won": WRITERS}
    assert dynamodb.get_item(TableName=table, Key=key)["Item"]["n"]["N"] == str(WRITERS)


def test_a_body_in_chunks_should_be_read_whole(cloud: CloudProcess) -> None:
    queue = f"chunked-{uuid4().hex[:8]}"
    chunks = [b'{"Queue', b'Name": "', queue.encode(), b'"}']
    headers = signed_headers(
        "sqs", cloud.endpoint_url, b"".join(chunks), {"X-Amz-Target": "AmazonSQS.CreateQueue"}
    )
    answer = httpx.post(cloud.endpoint_url, content=iter(chunks), headers=headers)
    assert answer.status_code == 200
    assert answer.json()["QueueUrl"].endswith(f"/{queue}")
    assert answer.headers["x-amzn-requestid"]
