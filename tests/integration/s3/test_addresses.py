"""Presigned addresses name the bucket's region, as S3 refuses any other for a new bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
https://docs.aws.amazon.com/AmazonS3/latest/API/UsingRouting.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from chalicelib.adapters.aws import REGIONAL_ADDRESSES
from chalicelib.adapters.s3 import S3Downloads, S3Objects
from tests.integration.s3.serving import PLAIN, Door, Running, running
from tests.integration.s3.test_presigned import code_of

GLOBAL_ADDRESSES = Config(signature_version="s3v4")
BUCKET = "headrace-dev-documents"


def client(region: str, config: Config, endpoint: str | None = None) -> Any:
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


def addresses(region: str, config: Config = REGIONAL_ADDRESSES) -> tuple[str, str]:
    s3 = client(region, config)
    form = S3Objects(s3).sign_upload(BUCKET, "inbox/a", max_bytes=9, seconds=60, metadata={})
    return str(form.url), S3Downloads(s3, BUCKET).sign("inbox/a", name="a", seconds=60)


@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-central-1", "eu-central-2", "ap-southeast-5", "mx-central-1"]
)
def test_presigned_addresses_are_regional_and_virtual(region: str) -> None:
    form, download = addresses(region)
    assert form == f"https://{BUCKET}.s3.{region}.amazonaws.com/"
    assert download.startswith(f"https://{BUCKET}.s3.{region}.amazonaws.com/inbox/a?")


@pytest.fixture
def served(tmp_path: Path, door: Door) -> Callable[[str], AbstractContextManager[Running]]:
    return lambda region: running(tmp_path, door, region)


def make_bucket(cloud: Running, region: str) -> Any:
    s3 = client(region, PLAIN, cloud.endpoint)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
    return s3


def through(cloud: Running) -> httpx.Client:
    """Return an HTTP client whose every connection, to whatever host, reaches `cloud`."""

    class ToLoopback(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.url = httpx.URL(cloud.endpoint).copy_with(raw_path=request.url.raw_path)
            return super().handle_request(request)

    return httpx.Client(transport=ToLoopback())


@pytest.fixture
def old_region(
    served: Callable[[str], AbstractContextManager[Running]],
) -> Iterator[Running]:
    with served("eu-central-1") as cloud:
        yield cloud


def test_a_regional_address_reaches_a_new_bucket(old_region: Running) -> None:
    make_bucket(old_region, "eu-central-1")
    upload = S3Objects(client("eu-central-1", REGIONAL_ADDRESSES)).sign_upload(
        BUCKET, "inbox/ü a", max_bytes=9, seconds=60, metadata={"x": "1"}
    )
    downloads = S3Downloads(client("eu-central-1", REGIONAL_ADDRESSES), BUCKET)
    with through(old_region) as http:
        sent = http.post(str(upload.url), data=dict(upload.fields), files={"file": b"hello"})
        assert sent.status_code == 204
        assert sent.headers["location"].partition("://")[2] == (
            f"{BUCKET}.s3.eu-central-1.amazonaws.com/inbox/%C3%BC%20a"
        )
        got = http.get(downloads.sign("inbox/ü a", name="a", seconds=60))
    assert (got.status_code, got.content) == (200, b"hello")


def test_the_global_host_redirects_for_a_new_bucket_elsewhere(old_region: Running) -> None:
    s3 = make_bucket(old_region, "eu-central-1")
    form, download = addresses("eu-central-1", GLOBAL_ADDRESSES)
    with through(old_region) as http:
        sent = http.post(form, data={"key": "inbox/a"}, files={"file": b"x"})
        got = http.get(download)
    for response in (sent, got):
        assert (response.status_code, code_of(response)) == (307, "TemporaryRedirect")
        assert response.headers["x-amz-bucket-region"] == "eu-central-1"
    assert got.headers["location"] == download.replace(".s3.", ".s3.eu-central-1.")
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_a_later_region_refuses_what_comes_to_another(
    served: Callable[[str], AbstractContextManager[Running]],
) -> None:
    with served("ap-southeast-5") as cloud, through(cloud) as http:
        make_bucket(cloud, "ap-southeast-5")
        for config, region in ((GLOBAL_ADDRESSES, "ap-southeast-5"), (PLAIN, "eu-west-1")):
            got = http.get(
                client(region, config).generate_presigned_url("head_bucket", {"Bucket": BUCKET})
            )
            assert (got.status_code, code_of(got)) == (400, "IllegalLocationConstraintException")


def test_another_regions_host_is_answered_with_the_right_one(old_region: Running) -> None:
    make_bucket(old_region, "eu-central-1")
    with through(old_region) as http:
        got = http.get(addresses("eu-west-1")[1])
    assert (got.status_code, code_of(got)) == (301, "PermanentRedirect")
    assert f"<Endpoint>{BUCKET}.s3.eu-central-1.amazonaws.com</Endpoint>" in got.text
    assert "location" not in got.headers


def test_a_signature_for_another_region_is_refused(old_region: Running) -> None:
    make_bucket(old_region, "eu-central-1")
    with through(old_region) as http:
        got = http.get(
            f"https://{BUCKET}.s3.eu-central-1.amazonaws.com/",
            headers={
                "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/"
                "aws4_request, SignedHeaders=host, Signature=0"
            },
        )
    assert (got.status_code, code_of(got)) == (400, "AuthorizationHeaderMalformed")
    assert "<Region>eu-central-1</Region>" in got.text


def test_a_bucket_is_addressed_by_a_name_on_this_machine(local: Running, s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="a b", Body=b"hello")
    here = client("us-east-1", REGIONAL_ADDRESSES, "http://localhost:4566")
    url = here.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "a b"})
    assert url.startswith("http://photos.localhost:4566/a%20b?")
    with through(local) as http:
        assert http.get(url).content == b"hello"


def test_boto3_asks_again_with_the_region_that_a_refusal_names(old_region: Running) -> None:
    make_bucket(old_region, "eu-central-1")
    listed = client("us-east-1", PLAIN, old_region.endpoint).list_objects_v2(Bucket=BUCKET)
    assert listed["KeyCount"] == 0
