"""Files of the OpenAI-compatible API as objects in S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import translated
from chalicelib.adapters.s3 import S3Downloads, S3Objects
from chalicelib.openai.files import StoredFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_LISTED = 10_000


class FileObjects:
    """The objects of one bucket, as files."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._objects = S3Objects(client)
        self._downloads = S3Downloads(client, bucket)

    def write(self, key: str, content: bytes) -> None:
        """Write an object."""
        self._objects.write(self._bucket, key, content, {})

    def read(self, key: str) -> bytes:
        """Return an object's bytes; raise `NotFound`."""
        return self._objects.read(self._bucket, key)

    def look(self, key: str) -> StoredFile:
        """Return an object's size and time; raise `NotFound`."""
        with translated(f"looking at {key}"):
            found = self._client.head_object(Bucket=self._bucket, Key=key)
        return StoredFile(key, found["ContentLength"], found["LastModified"])

    def listed(self, prefix: str) -> list[StoredFile]:
        """Return the objects under `prefix` in the order of their keys, the first 10,000."""
        return list(islice(self._found(prefix), MAX_LISTED))

    def copy(self, key: str, to_key: str) -> None:
        """Copy an object of 5 GB at most; raise `NotFound`."""
        with translated(f"copying {key}"):
            source = {"Bucket": self._bucket, "Key": key}
            self._client.copy_object(Bucket=self._bucket, Key=to_key, CopySource=source)  # type: ignore[arg-type]

    def remove(self, prefix: str) -> int:
        """Remove every version of every object under `prefix`; return how many."""
        return self._objects.delete_prefix(self._bucket, prefix)

    def sign(self, key: str, *, name: str, seconds: int) -> str:
        """Return an address from which an object can be had for `seconds`, as a file `name`."""
        return self._downloads.sign(key, name=name, seconds=seconds)

    def _found(self, prefix: str) -> Iterator[StoredFile]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        with translated(f"listing {prefix}"):
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield StoredFile(entry["Key"], entry["Size"], entry["LastModified"])
