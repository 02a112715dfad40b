"""Takes everything out of buckets and vector buckets."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from infra.deploying.deleting import ObjectId, Sleep, delete_objects
from infra.deploying.failures import unless_gone
from infra.deploying.inventory import Index
from infra.deploying.voice import Advance

_BATCH = 1000
"""Objects of one DeleteObjects, and of one page of a listing."""


def empty_bucket(s3: Any, bucket: str, advance: Advance, sleep: Sleep = time.sleep) -> None:
    """Remove every version, delete marker and unfinished upload.

    Raises:
        Stopped: S3 will not remove one, such as one that is locked.
    """
    for batch in _batches(_versions(s3, bucket)):
        delete_objects(s3, {"Bucket": bucket}, batch, sleep)
        advance(len(batch), "")
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            with unless_gone():
                s3.abort_multipart_upload(
                    Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
            advance(1, "")


def delete_indexes(vectors: Any, indexes: Iterable[Index]) -> None:
    """Remove indexes with all their vectors."""
    for index in indexes:
        with unless_gone():
            vectors.delete_index(vectorBucketName=index.bucket, indexName=index.name)


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
