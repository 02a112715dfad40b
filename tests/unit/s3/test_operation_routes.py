from __future__ import annotations

import io
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.s3.operation_routes import find_route
from localcloud.s3.request import S3Request, parse_request


def request(method: str, path: str, query: str = "", **headers: str) -> S3Request:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    return parse_request(environ, "R")


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", "/", "", "ListBuckets"),
        ("PUT", "/b", "", "CreateBucket"),
        ("GET", "/b/", "list-type=2&prefix=x", "ListObjectsV2"),
        ("GET", "/b", "versions", "ListObjectVersions"),
        ("PUT", "/b", "lifecycle=", "PutBucketLifecycleConfiguration"),
        ("GET", "/b/k", "versionId=x&X-Amz-Signature=s&x-id=GetObject", "GetObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/b/k/l", "uploads", "CreateMultipartUpload"),
        ("POST", "/b", "", "PostObject"),
    ],
)
def test_a_request_is_the_operation_that_aws_documents(
    method: str, path: str, query: str, operation: str
) -> None:
    assert find_route(request(method, path, query)).operation == operation


def test_a_copy_is_told_by_its_source() -> None:
    copy = request("PUT", "/b/k", x_amz_copy_source="b/k")
    assert find_route(copy).operation == "CopyObject"
    part = request("PUT", "/b/k", "uploadId=u&partNumber=1", x_amz_copy_source="b/k")
    assert find_route(part).operation == "UploadPartCopy"


@pytest.mark.parametrize(
    ("method", "path", "query", "headers"),
    [
        ("GET", "/b", "acl", {}),
        ("PUT", "/b", "website", {}),
        ("PUT", "/b/k", "retention", {}),
        ("POST", "/b/k", "restore", {}),
        ("GET", "/b", "versions&uploads", {}),
        ("PUT", "/b/k", "", {"x_amz_object_lock_mode": "GOVERNANCE"}),
        ("PUT", "/b", "", {"x_amz_bucket_object_lock_enabled": "true"}),
        ("GET", "/b/k", "", {"x_amz_request_payer": "requester"}),
        ("GET", "/b/k", "", {"x_amz_meta_a": "not on a read"}),
    ],
)
def test_what_is_not_implemented_is_refused(
    method: str, path: str, query: str, headers: dict[str, str]
) -> None:
    with pytest.raises(AwsError) as raised:
        find_route(request(method, path, query, **headers))
    assert (raised.value.code, raised.value.status) == ("NotImplemented", 501)


def test_a_method_that_a_resource_does_not_have_is_not_allowed() -> None:
    with pytest.raises(AwsError, match="MethodNotAllowed"):
        find_route(request("POST", "/b", "versioning"))


def test_a_key_may_have_any_characters_and_at_most_1024_bytes() -> None:
    assert request("GET", "/b//a/../ü€/ ").key == "/a/../ü€/ "
    assert request("GET", "/b/" + "k" * 1024).key == "k" * 1024
    with pytest.raises(AwsError, match="KeyTooLongError"):
        request("GET", "/b/" + "ü" * 513)
    with pytest.raises(AwsError, match="InvalidURI"):
        parse_request(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/b/\xff", "wsgi.input": io.BytesIO()}, "R"
        )
