"""Many writers, and readers while the object changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.s3.serving import PLAIN, Running

WRITERS = 200


def outcomes(client: Any, conditions: dict[str, str]) -> list[str]:
    ready = Barrier(WRITERS)

    def write(number: int) -> str:
        ready.wait()
        try:
            client.put_object(Bucket="photos", Key="k", Body=str(number).encode(), **conditions)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return f"won {number}"

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(write, range(WRITERS)))


def test_of_two_hundred_who_create_a_key_exactly_one_does(s3: Any, local: Running) -> None:
    client = local.client(PLAIN.merge(Config(max_pool_connections=WRITERS)))
    results = outcomes(client, {"IfNoneMatch": "*"})
    won = [result for result in results if result.startswith("won")]
    assert len(won) == 1
    assert set(results) - set(won) == {"PreconditionFailed"}
    assert s3.get_object(Bucket="photos", Key="k")["Body"].read().decode() == won[0][4:]
    client.close()


def test_of_two_hundred_who_replace_a_version_exactly_one_does(s3: Any, local: Running) -> None:
    etag = s3.put_object(Bucket="photos", Key="k", Body=b"first")["ETag"]
    client = local.client(PLAIN.merge(Config(max_pool_connections=WRITERS)))
    results = outcomes(client, {"IfMatch": etag})
    assert len([result for result in results if result.startswith("won")]) == 1
    assert results.count("PreconditionFailed") == WRITERS - 1
    client.close()


def test_replacing_what_was_deleted_is_not_found(s3: Any) -> None:
    etag = s3.put_object(Bucket="photos", Key="k", Body=b"first")["ETag"]
    s3.delete_object(Bucket="photos", Key="k")
    try:
        s3.put_object(Bucket="photos", Key="k", Body=b"second", IfMatch=etag)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchKey"  # noqa: PT017


def test_a_reader_sees_one_whole_object_while_it_is_replaced_and_deleted(
    s3: Any, local: Running, tmp_path: Any
) -> None:
    size = 3_000_000
    s3.put_object(Bucket="photos", Key="k", Body=b"0" * size)
    reading = s3.get_object(Bucket="photos", Key="k")["Body"]
    first = reading.read(10)
    s3.put_object(Bucket="photos", Key="k", Body=b"1" * size)
    s3.delete_object(Bucket="photos", Key="k")
    assert first + reading.read() == b"0" * size


def test_readers_and_writers_at_once_see_only_whole_objects(s3: Any, local: Running) -> None:
    size = 400_000
    s3.put_object(Bucket="photos", Key="k", Body=b"\0" * size)
    client = local.client(PLAIN.merge(Config(max_pool_connections=8)))

    def write(number: int) -> None:
        client.put_object(Bucket="photos", Key="k", Body=bytes([number]) * size)

    def read(_: int) -> tuple[int, set[int]]:
        body = client.get_object(Bucket="photos", Key="k")["Body"].read()
        return len(body), set(body)

    with ThreadPoolExecutor(8) as pool:
        writes = pool.map(write, range(1, 60))
        seen = list(pool.map(read, range(60)))
        list(writes)
    assert all(length == size and len(values) == 1 for length, values in seen)
    client.close()
