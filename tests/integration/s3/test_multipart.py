"""Multipart uploads. https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"""

from __future__ import annotations

import base64
import hashlib
import io
import random
import zlib
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024
FIRST = random.Random(1).randbytes(5 * MIB)
SECOND = random.Random(2).randbytes(1234)


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def begin(s3: Any, **said: Any) -> str:
    return str(s3.create_multipart_upload(Bucket="photos", Key="k", **said)["UploadId"])


def upload(s3: Any, upload_id: str, number: int, body: bytes, **said: Any) -> dict[str, Any]:
    answer = s3.upload_part(
        Bucket="photos", Key="k", UploadId=upload_id, PartNumber=number, Body=body, **said
    )
    part = {"PartNumber": number, "ETag": answer["ETag"]}
    return part | {key: answer[key] for key in answer if key.startswith("Checksum")}


def complete(s3: Any, upload_id: str, parts: list[dict[str, Any]], **said: Any) -> Any:
    return s3.complete_multipart_upload(
        Bucket="photos", Key="k", UploadId=upload_id, MultipartUpload={"Parts": parts}, **said
    )


def test_the_parts_become_one_object(s3: Any) -> None:
    upload_id = begin(s3, Metadata={"a": "1"}, ContentType="text/x", Tagging="t=1")
    parts = [upload(s3, upload_id, 3, FIRST), upload(s3, upload_id, 7, SECOND)]
    done = complete(s3, upload_id, parts)
    digests = hashlib.md5(FIRST).digest() + hashlib.md5(SECOND).digest()
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    assert done["Location"] == f"{s3.meta.endpoint_url}/photos/k"
    got = s3.get_object(Bucket="photos", Key="k")
    assert got["Body"].read() == FIRST + SECOND
    assert (got["Metadata"], got["ContentType"], got["TagCount"]) == ({"a": "1"}, "text/x", 1)
    tail = s3.get_object(Bucket="photos", Key="k", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")
    assert tail["Body"].read() == FIRST[-2:] + SECOND[:2]
    part = s3.get_object(Bucket="photos", Key="k", PartNumber=2)
    assert (part["Body"].read(), part["PartsCount"]) == (SECOND, 2)
    with pytest.raises(ClientError) as raised:
        complete(s3, upload_id, parts)
    assert code_of(raised) == "NoSuchUpload"


def test_a_composite_checksum_is_made_of_the_parts_checksums(s3: Any) -> None:
    upload_id = begin(s3, ChecksumAlgorithm="SHA256")
    parts = [
        upload(s3, upload_id, number, body, ChecksumAlgorithm="SHA256")
        for number, body in ((1, FIRST), (2, SECOND))
    ]
    done = complete(s3, upload_id, parts)
    digests = hashlib.sha256(FIRST).digest() + hashlib.sha256(SECOND).digest()
    expected = base64.b64encode(hashlib.sha256(digests).digest()).decode()
    assert (done["ChecksumSHA256"], done["ChecksumType"]) == (f"{expected}-2", "COMPOSITE")
    attributes = s3.get_object_attributes(
        Bucket="photos", Key="k", ObjectAttributes=["ObjectParts"]
    )["ObjectParts"]
    assert attributes["TotalPartsCount"] == 2
    assert [part["Size"] for part in attributes["Parts"]] == [len(FIRST), len(SECOND)]


def test_a_full_object_checksum_is_that_of_all_bytes(s3: Any) -> None:
    upload_id = begin(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = [upload(s3, upload_id, 1, FIRST), upload(s3, upload_id, 2, SECOND)]
    whole = base64.b64encode(zlib.crc32(FIRST + SECOND).to_bytes(4, "big")).decode()
    with pytest.raises(ClientError) as raised:
        complete(s3, upload_id, parts, ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")
    assert code_of(raised) == "BadDigest"
    done = complete(s3, upload_id, parts, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT")
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (whole, "FULL_OBJECT")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda parts: parts[::-1], "InvalidPartOrder"),
        (lambda parts: [parts[0], {**parts[1], "ETag": '"0"'}], "InvalidPart"),
        (lambda parts: [parts[0], {**parts[1], "PartNumber": 9}], "InvalidPart"),
        (lambda _: [], "MalformedXML"),
    ],
)
def test_a_wrong_list_of_parts_is_refused(s3: Any, change: Any, code: str) -> None:
    upload_id = begin(s3)
    parts = [upload(s3, upload_id, 1, FIRST), upload(s3, upload_id, 2, SECOND)]
    with pytest.raises(ClientError) as raised:
        complete(s3, upload_id, change(parts))
    assert code_of(raised) == code


def test_a_part_but_the_last_must_have_five_mebibytes(s3: Any) -> None:
    upload_id = begin(s3)
    parts = [upload(s3, upload_id, 1, SECOND), upload(s3, upload_id, 2, SECOND)]
    with pytest.raises(ClientError) as raised:
        complete(s3, upload_id, parts)
    assert code_of(raised) == "EntityTooSmall"


def test_a_part_sent_again_replaces_the_first(s3: Any) -> None:
    upload_id = begin(s3)
    upload(s3, upload_id, 1, FIRST)
    complete(s3, upload_id, [upload(s3, upload_id, 1, SECOND)])
    assert s3.get_object(Bucket="photos", Key="k")["Body"].read() == SECOND


def test_completion_fails_where_the_key_exists_and_must_not(s3: Any) -> None:
    upload_id = begin(s3)
    parts = [upload(s3, upload_id, 1, SECOND)]
    s3.put_object(Bucket="photos", Key="k", Body=b"first")
    with pytest.raises(ClientError) as raised:
        complete(s3, upload_id, parts, IfNoneMatch="*")
    assert code_of(raised) == "PreconditionFailed"
    assert s3.get_object(Bucket="photos", Key="k")["Body"].read() == b"first"


def test_an_aborted_upload_is_gone_with_its_bytes(s3: Any, tmp_path: Any) -> None:
    upload_id = begin(s3)
    upload(s3, upload_id, 1, SECOND)
    s3.abort_multipart_upload(Bucket="photos", Key="k", UploadId=upload_id)
    with pytest.raises(ClientError) as raised:
        s3.list_parts(Bucket="photos", Key="k", UploadId=upload_id)
    assert code_of(raised) == "NoSuchUpload"
    assert not [path for path in (tmp_path / "s3" / "blobs").rglob("*") if path.is_file()]


def test_a_part_may_be_a_range_of_another_object(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="source", Body=FIRST + SECOND)
    upload_id = begin(s3)
    parts = []
    for number, wanted in (
        (1, f"bytes=0-{len(FIRST) - 1}"),
        (2, f"bytes={len(FIRST)}-{len(FIRST) + 9}"),
    ):
        copied = s3.upload_part_copy(
            Bucket="photos",
            Key="k",
            UploadId=upload_id,
            PartNumber=number,
            CopySource="photos/source",
            CopySourceRange=wanted,
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    s3.delete_object(Bucket="photos", Key="source")
    complete(s3, upload_id, parts)
    assert s3.get_object(Bucket="photos", Key="k")["Body"].read() == FIRST + SECOND[:10]


def test_uploads_and_parts_are_listed_in_pages(s3: Any) -> None:
    uploads = [begin(s3) for _ in range(3)]
    for number in (1, 2, 5):
        upload(s3, uploads[0], number, SECOND)
    listed = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket="photos", PaginationConfig={"PageSize": 2}
    )
    assert [u["UploadId"] for page in listed for u in page["Uploads"]] == uploads
    parts = s3.get_paginator("list_parts").paginate(
        Bucket="photos", Key="k", UploadId=uploads[0], PaginationConfig={"PageSize": 2}
    )
    assert [p["PartNumber"] for page in parts for p in page["Parts"]] == [1, 2, 5]


def test_boto3s_transfer_manager_uploads_and_downloads(s3: Any) -> None:
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(FIRST + SECOND), "photos", "big", Config=config)
    target = io.BytesIO()
    s3.download_fileobj("photos", "big", target, Config=config)
    assert target.getvalue() == FIRST + SECOND
    s3.copy({"Bucket": "photos", "Key": "big"}, "photos", "copy", Config=config)
    assert s3.head_object(Bucket="photos", Key="copy")["ContentLength"] == len(FIRST + SECOND)
