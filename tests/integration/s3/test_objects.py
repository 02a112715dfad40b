"""Objects through boto3. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.s3.serving import SIGNED_V4, Running


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def status_of(raised: pytest.ExceptionInfo[ClientError]) -> int:
    return int(raised.value.response["ResponseMetadata"]["HTTPStatusCode"])


def test_an_object_comes_back_with_all_that_was_said_of_it(s3: Any) -> None:
    put = s3.put_object(
        Bucket="photos",
        Key="a/b c+d/ü€.txt",
        Body=b"hello",
        ContentType="text/plain",
        CacheControl="no-cache",
        ContentDisposition='attachment; filename="x.txt"',
        ContentEncoding="identity",
        ContentLanguage="en",
        Metadata={"document_id": "42", "with-dash": "yes"},
        Tagging="kind=letter&year=2026",
        StorageClass="STANDARD_IA",
    )
    got = s3.get_object(Bucket="photos", Key="a/b c+d/ü€.txt")
    assert got["Body"].read() == b"hello"
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert got["ContentType"] == "text/plain"
    assert got["CacheControl"] == "no-cache"
    assert got["ContentDisposition"] == 'attachment; filename="x.txt"'
    assert got["ContentEncoding"] == "identity"
    assert got["ContentLanguage"] == "en"
    assert got["Metadata"] == {"document_id": "42", "with-dash": "yes"}
    assert got["TagCount"] == 2
    assert got["StorageClass"] == "STANDARD_IA"
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
    assert got["ServerSideEncryption"] == "AES256"


def test_an_empty_object_is_an_object(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="empty")
    assert s3.get_object(Bucket="photos", Key="empty")["Body"].read() == b""


@pytest.mark.parametrize(
    ("header", "expected", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-500", b"56789", "bytes 5-9/10"),
    ],
)
def test_a_range_returns_those_bytes(
    s3: Any, header: str, expected: bytes, content_range: str
) -> None:
    s3.put_object(Bucket="photos", Key="ten", Body=b"0123456789")
    got = s3.get_object(Bucket="photos", Key="ten", Range=header)
    assert got["Body"].read() == expected
    assert got["ContentRange"] == content_range
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_past_the_end_is_refused(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="ten", Body=b"0123456789")
    with pytest.raises(ClientError) as raised:
        s3.get_object(Bucket="photos", Key="ten", Range="bytes=10-")
    assert (code_of(raised), status_of(raised)) == ("InvalidRange", 416)


def test_conditional_reads_answer_as_http_says(s3: Any) -> None:
    etag = s3.put_object(Bucket="photos", Key="k", Body=b"x")["ETag"]
    assert s3.get_object(Bucket="photos", Key="k", IfMatch=etag)["Body"].read() == b"x"
    with pytest.raises(ClientError) as unmatched:
        s3.get_object(Bucket="photos", Key="k", IfMatch='"other"')
    assert (code_of(unmatched), status_of(unmatched)) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as unchanged:
        s3.head_object(Bucket="photos", Key="k", IfNoneMatch=etag)
    assert status_of(unchanged) == 304
    later = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(ClientError) as not_since:
        s3.get_object(Bucket="photos", Key="k", IfModifiedSince=later)
    assert status_of(not_since) == 304
    with pytest.raises(ClientError) as modified:
        s3.get_object(Bucket="photos", Key="k", IfUnmodifiedSince=datetime(2020, 1, 1, tzinfo=UTC))
    assert status_of(modified) == 412


def test_the_response_headers_can_be_overridden(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="k", Body=b"x", ContentType="text/plain")
    got = s3.get_object(
        Bucket="photos",
        Key="k",
        ResponseContentType="application/x-mine",
        ResponseContentDisposition='attachment; filename="ü€.pdf"',
    )
    assert got["ContentType"] == "application/x-mine"
    assert got["ContentDisposition"].startswith("attachment")


def test_what_is_missing_is_named(s3: Any) -> None:
    with pytest.raises(ClientError) as no_key:
        s3.get_object(Bucket="photos", Key="nothing")
    assert (code_of(no_key), status_of(no_key)) == ("NoSuchKey", 404)
    assert no_key.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    with pytest.raises(ClientError) as no_bucket:
        s3.get_object(Bucket="nowhere", Key="nothing")
    assert code_of(no_bucket) == "NoSuchBucket"
    with pytest.raises(ClientError) as head:
        s3.head_object(Bucket="photos", Key="nothing")
    assert status_of(head) == 404


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_checksum_is_kept_and_returned(s3: Any, algorithm: str) -> None:
    value = {
        "CRC32": "y/Q5Jg==",
        "CRC32C": "4waSgw==",
        "SHA1": _base64(hashlib.sha1(b"123456789").digest()),
        "SHA256": _base64(hashlib.sha256(b"123456789").digest()),
    }
    field = f"Checksum{algorithm}"
    s3.put_object(Bucket="photos", Key="k", Body=b"123456789", **{field: value[algorithm]})
    head = s3.head_object(Bucket="photos", Key="k", ChecksumMode="ENABLED")
    assert (head[field], head["ChecksumType"]) == (value[algorithm], "FULL_OBJECT")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_bytes_without_a_checksum_get_crc64nvme(s3: Any, local: Running) -> None:
    client = local.client(SIGNED_V4.merge(Config(request_checksum_calculation="when_required")))
    client.put_object(Bucket="photos", Key="k", Body=b"123456789")
    head = client.head_object(Bucket="photos", Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"] == _base64(0xAE8B14860A799888.to_bytes(8, "big"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"ChecksumCRC32": "AAAAAA=="},
        {"ChecksumSHA256": "A" * 43 + "="},
        {"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="},
    ],
)
def test_bytes_that_are_not_as_declared_are_refused_and_not_kept(
    s3: Any, wrong: dict[str, str], local: Running, tmp_path: Any
) -> None:
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket="photos", Key="k", Body=b"123456789", **wrong)
    assert (code_of(raised), status_of(raised)) == ("BadDigest", 400)
    assert "Contents" not in s3.list_objects_v2(Bucket="photos")
    assert not [path for path in (tmp_path / "s3" / "blobs").rglob("*") if path.is_file()]
    assert not list((tmp_path / "s3" / "incoming").iterdir())


def test_a_copy_shares_bytes_and_may_change_what_is_said_of_them(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="from", Body=b"abc", Metadata={"a": "1"}, Tagging="t=1")
    copied = s3.copy_object(
        Bucket="photos", Key="to", CopySource={"Bucket": "photos", "Key": "from"}
    )
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"abc").hexdigest()}"'
    s3.delete_object(Bucket="photos", Key="from")
    got = s3.get_object(Bucket="photos", Key="to")
    assert (got["Body"].read(), got["Metadata"], got["TagCount"]) == (b"abc", {"a": "1"}, 1)
    s3.copy_object(
        Bucket="photos",
        Key="to",
        CopySource="photos/to",
        MetadataDirective="REPLACE",
        Metadata={"b": "2"},
        ContentType="text/csv",
    )
    head = s3.head_object(Bucket="photos", Key="to")
    assert (head["Metadata"], head["ContentType"]) == ({"b": "2"}, "text/csv")


def test_a_copy_onto_itself_that_changes_nothing_is_refused(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="k", Body=b"abc")
    with pytest.raises(ClientError) as raised:
        s3.copy_object(Bucket="photos", Key="k", CopySource="photos/k")
    assert code_of(raised) == "InvalidRequest"


def test_a_copy_is_made_only_while_its_source_is_as_expected(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="k", Body=b"abc")
    with pytest.raises(ClientError) as raised:
        s3.copy_object(
            Bucket="photos", Key="to", CopySource="photos/k", CopySourceIfMatch='"other"'
        )
    assert code_of(raised) == "PreconditionFailed"


def test_tags_are_put_read_and_deleted(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="k", Body=b"abc")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.put_object_tagging(Bucket="photos", Key="k", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket="photos", Key="k")["TagSet"] == tags
    s3.delete_object_tagging(Bucket="photos", Key="k")
    assert s3.get_object_tagging(Bucket="photos", Key="k")["TagSet"] == []
    with pytest.raises(ClientError) as raised:
        s3.put_object_tagging(Bucket="photos", Key="k", Tagging={"TagSet": [tags[0], tags[0]]})
    assert code_of(raised) == "InvalidTag"


def test_attributes_are_those_asked_for(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="k", Body=b"abc")
    got = s3.get_object_attributes(
        Bucket="photos", Key="k", ObjectAttributes=["ETag", "ObjectSize", "Checksum"]
    )
    assert got["ETag"] == hashlib.md5(b"abc").hexdigest()
    assert got["ObjectSize"] == 3
    assert got["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert "StorageClass" not in got


def test_many_keys_are_deleted_at_once(s3: Any) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket="photos", Key=key, Body=b"x")
    result = s3.delete_objects(
        Bucket="photos",
        Delete={"Objects": [{"Key": "a"}, {"Key": "zz"}, {"Key": "b", "ETag": '"no"'}]},
    )
    assert {entry["Key"] for entry in result["Deleted"]} == {"a", "zz"}
    assert [(e["Key"], e["Code"]) for e in result["Errors"]] == [("b", "PreconditionFailed")]
    assert [e["Key"] for e in s3.list_objects_v2(Bucket="photos")["Contents"]] == ["b", "c"]


@pytest.mark.parametrize(
    "unsupported",
    [
        {"ObjectLockMode": "GOVERNANCE"},
        {"WebsiteRedirectLocation": "/x"},
        {"ServerSideEncryption": "aws:kms"},
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
        {"IfNoneMatch": '"etag"'},
    ],
)
def test_a_header_that_is_not_implemented_is_refused(s3: Any, unsupported: dict[str, str]) -> None:
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket="photos", Key="k", Body=b"x", **unsupported)
    assert (code_of(raised), status_of(raised)) == ("NotImplemented", 501)


@pytest.mark.parametrize(
    "call",
    [
        lambda s3: s3.get_bucket_acl(Bucket="photos"),
        lambda s3: s3.get_bucket_website(Bucket="photos"),
        lambda s3: s3.get_object_torrent(Bucket="photos", Key="k"),
        lambda s3: s3.restore_object(Bucket="photos", Key="k", RestoreRequest={"Days": 1}),
    ],
)
def test_an_operation_that_is_not_implemented_is_refused(s3: Any, call: Any) -> None:
    with pytest.raises(ClientError) as raised:
        call(s3)
    assert (code_of(raised), status_of(raised)) == ("NotImplemented", 501)


def test_another_owner_is_denied(s3: Any) -> None:
    with pytest.raises(ClientError) as raised:
        s3.list_objects_v2(Bucket="photos", ExpectedBucketOwner="111122223333")
    assert code_of(raised) in ("AccessDenied", "403")
