"""The objects of a batch: an input in pieces, items by number, results as streams.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from chalicelib.adapters.archives import Archives, Upload
from chalicelib.adapters.aws import translated
from chalicelib.adapters.streams import StreamedObjects
from chalicelib.batches.storage import KEYS_PER_PAGE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class BatchObjects(StreamedObjects):
    """Objects in a bucket, also those that are many or large."""

    def __init__(self, client: S3Client) -> None:
        super().__init__(client)
        self._listing = client
        self._archives = Archives(client)

    def size(self, bucket: str, key: str) -> int:
        """Return the bytes of an object; raise `NotFound`."""
        with translated(f"looking at {key}"):
            return self._listing.head_object(Bucket=bucket, Key=key)["ContentLength"]

    def keys(
        self, bucket: str, prefix: str, after: str = "", page: int = KEYS_PER_PAGE
    ) -> Iterator[str]:
        """Yield the keys under `prefix` in order, those behind the key `after` ("" for all), as
        many at a time as a `page` has.
        """
        pages = self._listing.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, StartAfter=after, PaginationConfig={"PageSize": page}
        )
        with translated(f"listing {prefix}"):
            for found in pages:
                for entry in found.get("Contents", ()):
                    yield entry["Key"]

    def writing(self, bucket: str, key: str) -> AbstractContextManager[Upload]:
        """Give a stream whose content becomes the object `key` at the end of the block."""
        return self._archives.writing(bucket, key)
