"""Errors that several operations of S3 answer with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.errors import AwsError


class S3Error(AwsError):
    """An S3 error that also sets response headers, for example of a delete marker."""

    def __init__(
        self, code: str, message: str, status: int, headers: Mapping[str, str], **fields: Any
    ) -> None:
        super().__init__(code, message, status, **fields)
        self.headers = dict(headers)


def no_such_bucket(name: str) -> AwsError:
    """Return S3's error for an unknown bucket."""
    return AwsError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)


def no_such_upload(upload_id: str) -> AwsError:
    """Return S3's error for an unknown, aborted or completed multipart upload."""
    return AwsError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may "
        "have been aborted or completed.",
        404,
        UploadId=upload_id,
    )


def malformed_xml() -> AwsError:
    """Return S3's error for a body that is not the expected XML."""
    return AwsError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def unsupported_element(name: str) -> AwsError:
    """Return the error for an XML element that the local cloud does not support."""
    return AwsError(
        "NotImplemented", f"The element {name} is not implemented.", 501, ResourceType=name
    )


def not_implemented(what: str) -> AwsError:
    """Return the 501 for a feature of S3 that the local cloud does not have."""
    return AwsError("NotImplemented", f"{what} is not implemented by the local cloud.", 501)


def access_denied(message: str = "Access Denied") -> AwsError:
    """Return S3's AccessDenied (403)."""
    return AwsError("AccessDenied", message, 403)


def incomplete_body() -> AwsError:
    """Return the error for a body that is shorter or longer than its headers say."""
    return AwsError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )


def bad_digest(name: str) -> AwsError:
    """Return the error for bytes whose checksum differs from the one the client sent."""
    return AwsError("BadDigest", f"The {name} you specified did not match the calculated checksum.")


def precondition_failed(condition: str) -> AwsError:
    """Return PreconditionFailed (412) with the header whose condition failed."""
    return AwsError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
        Condition=condition,
    )
