"""Bulk deletion of S3 objects, with retries when S3 throttles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from infra.deployment.console import Advance
from infra.deployment.failures import DeploymentError, ignore_missing, is_transient_code

Sleep = Callable[[float], None]
ObjectId = dict[str, str]
"""A key, and a version's id where one version is meant."""

_ATTEMPTS = 8
"""The waits between them, doubled each time, add up to two minutes."""


def delete_objects(
    s3: Any, where: Mapping[str, str], batch: Sequence[ObjectId], sleep: Sleep = time.sleep
) -> None:
    """Delete at most 1,000 objects of a bucket, and retry those that S3 throttles.

    S3 answers per object: one may be throttled (`SlowDown`) while others are deleted.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html

    Raises:
        DeploymentError: S3 refuses to delete one, or still throttles after eight attempts.
    """
    left = list(batch)
    for attempt in range(_ATTEMPTS):
        answer = s3.delete_objects(**where, Delete={"Objects": left, "Quiet": True})
        errors = answer.get("Errors", [])
        for error in errors:
            if not is_transient_code(error.get("Code", "")):
                raise DeploymentError(
                    f"{error['Key']} in {where['Bucket']} cannot be removed: {error.get('Message')}"
                )
        if not errors:
            return
        left = [_id_of(error) for error in errors]
        if attempt < _ATTEMPTS - 1:
            sleep(2.0**attempt)
    raise DeploymentError(
        f"S3 puts off the removal of {len(left)} objects in {where['Bucket']} "
        f"({errors[0]['Code']}); run the command again later, it goes on."
    )


def _id_of(error: Mapping[str, Any]) -> ObjectId:
    return {name: str(error[name]) for name in ("Key", "VersionId") if error.get(name)}


_BATCH = 1000
"""Objects of one DeleteObjects, and of one page of a listing."""


def empty_bucket(s3: Any, bucket: str, advance: Advance, sleep: Sleep = time.sleep) -> None:
    """Delete every version, delete marker and unfinished upload of a bucket.

    Raises:
        DeploymentError: S3 refuses to delete one, for instance because it is locked.
    """
    for batch in _batches(_versions(s3, bucket)):
        delete_objects(s3, {"Bucket": bucket}, batch, sleep)
        advance(len(batch), "")
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            with ignore_missing():
                s3.abort_multipart_upload(
                    Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
            advance(1, "")


def _versions(s3: Any, bucket: str) -> Iterator[ObjectId]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            yield {"Key": each["Key"], "VersionId": each["VersionId"]}


def _batches(found: Iterable[ObjectId]) -> Iterator[list[ObjectId]]:
    batch: list[ObjectId] = []
    for each in found:
        batch.append(each)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
