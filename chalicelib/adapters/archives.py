"""Objects read and written in pieces, so that memory does not grow with their size.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

BLOCK_BYTES = 1024 * 1024
PART_BYTES = 8 * 1024 * 1024
"""One part of an upload; with at most 10,000 of them an object has up to 80 GB."""


class Archives:
    """Objects of one bucket, as they are listed, read block by block and written part by part."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield key and size of the objects under `prefix`, in order of their keys."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        with translated(f"listing {prefix}"):
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"], entry["Size"]

    def blocks(self, bucket: str, key: str, version_id: str = "") -> Iterator[bytes]:
        """Return an object's bytes in blocks; raise `NotFound` before the first is read."""
        given: Any = {"VersionId": version_id} if version_id else {}
        with translated(f"reading {key}"):
            body = self._client.get_object(Bucket=bucket, Key=key, **given)["Body"]

        def read() -> Iterator[bytes]:
            with translated(f"reading {key}"):
                yield from body.iter_chunks(BLOCK_BYTES)

        return read()

    @contextmanager
    def writing(self, bucket: str, key: str) -> Iterator[Upload]:
        """Give a stream whose content becomes the object `key` at the end of the block.

        Where the block raises, nothing is written; where the process dies, the bucket's lifecycle
        rule removes the parts.
        """
        with translated(f"writing {key}"):
            begun = self._client.create_multipart_upload(Bucket=bucket, Key=key)
        upload = Upload(self._client, bucket, key, begun["UploadId"])
        try:
            yield upload
            upload.complete()
        except BaseException:
            upload.abort()
            raise


class Upload:
    """A stream into one object: it can be written and not sought."""

    def __init__(self, client: S3Client, bucket: str, key: str, upload_id: str) -> None:
        self._client = client
        self._where: Any = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
        self._key = key
        self._waiting = bytearray()
        self._parts: list[CompletedPartTypeDef] = []
        self._sent = 0

    @property
    def size(self) -> int:
        """Return how many bytes were written."""
        return self._sent + len(self._waiting)

    def write(self, data: bytes) -> int:
        """Take `data`, sending what makes a whole part."""
        self._waiting += data
        while len(self._waiting) >= PART_BYTES:
            self._send(bytes(self._waiting[:PART_BYTES]))
            del self._waiting[:PART_BYTES]
        return len(data)

    def flush(self) -> None:
        """Send nothing early: parts before the last have a smallest size."""

    def complete(self) -> None:
        """Send the rest and make the object."""
        if self._waiting or not self._parts:
            self._send(bytes(self._waiting))
            self._waiting.clear()
        with translated(f"writing {self._key}"):
            self._client.complete_multipart_upload(
                **self._where, MultipartUpload={"Parts": self._parts}
            )

    def abort(self) -> None:
        """Drop what was sent."""
        with translated(f"dropping {self._key}"):
            self._client.abort_multipart_upload(**self._where)

    def _send(self, part: bytes) -> None:
        number = len(self._parts) + 1
        with translated(f"writing part {number} of {self._key}"):
            answer = self._client.upload_part(**self._where, PartNumber=number, Body=part)
        self._parts.append({"ETag": answer["ETag"], "PartNumber": number})
        self._sent += len(part)
