"""Events that S3 sends to EventBridge.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from localcloud.clock import iso

PERMANENTLY_DELETED = "Permanently Deleted"
DELETE_MARKER_CREATED = "Delete Marker Created"


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """The request that caused a change; `reason` is in S3's words, for example `PutObject`."""

    reason: str
    request_id: str
    requester: str
    source_ip: str


@dataclass(frozen=True, slots=True)
class ChangedObject:
    """The object version that an event is about.

    `version_id` is None in an unversioned bucket; `moment` is in seconds since 1970.
    """

    bucket: str
    key: str
    etag: str
    size: int
    version_id: str | None
    sequence: int
    moment: int


def object_created_event(subject: ChangedObject, cause: ChangeCause) -> dict[str, Any]:
    """Return an `Object Created` event for EventBridge."""
    detail = _detail(subject, cause)
    detail["object"]["size"] = subject.size
    return _event("Object Created", subject, detail)


def object_deleted_event(
    subject: ChangedObject, cause: ChangeCause, deletion_type: str
) -> dict[str, Any]:
    """Return an `Object Deleted` event; `deletion_type` is one of the constants above."""
    detail = _detail(subject, cause)
    detail["deletion-type"] = deletion_type
    return _event("Object Deleted", subject, detail)


def _detail(subject: ChangedObject, cause: ChangeCause) -> dict[str, Any]:
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


def _event(kind: str, subject: ChangedObject, detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "time": iso(subject.moment),
        "source": "aws.s3",
        "detail-type": kind,
        "resources": [f"arn:aws:s3:::{subject.bucket}"],
        "detail": detail,
    }
