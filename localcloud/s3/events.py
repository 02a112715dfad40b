"""The events that S3 sends to EventBridge.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from localcloud.clock import iso

DELETED = "Permanently Deleted"
MARKED = "Delete Marker Created"


@dataclass(frozen=True, slots=True)
class Cause:
    """The request behind a change. `reason` is S3's own, for example `PutObject`."""

    reason: str
    request_id: str
    requester: str
    source_ip: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The version that an event tells of; `version_id` is None in an unversioned bucket.

    `moment` is when it happened, in seconds since 1970.
    """

    bucket: str
    key: str
    etag: str
    size: int
    version_id: str | None
    sequence: int
    moment: int


def object_created(subject: Subject, cause: Cause) -> dict[str, Any]:
    """Return an `Object Created` event."""
    detail = _detail(subject, cause)
    detail["object"]["size"] = subject.size
    return _event("Object Created", subject, detail)


def object_deleted(subject: Subject, cause: Cause, deletion_type: str) -> dict[str, Any]:
    """Return an `Object Deleted` event; `deletion_type` is `DELETED` or `MARKED`."""
    detail = _detail(subject, cause)
    detail["deletion-type"] = deletion_type
    return _event("Object Deleted", subject, detail)


def _detail(subject: Subject, cause: Cause) -> dict[str, Any]:
    about: dict[str, Any] = {"key": subject.key, "etag": subject.etag}
    if subject.version_id is not None:
        about["version-id"] = subject.version_id
    about["sequencer"] = f"{subject.sequence:018X}"
    return {
        "version": "0",
        "bucket": {"name": subject.bucket},
        "object": about,
        "request-id": cause.request_id,
        "requester": cause.requester,
        "source-ip-address": cause.source_ip,
        "reason": cause.reason,
    }


def _event(kind: str, subject: Subject, detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "time": iso(subject.moment),
        "source": "aws.s3",
        "detail-type": kind,
        "resources": [f"arn:aws:s3:::{subject.bucket}"],
        "detail": detail,
    }
