"""Large and many objects in S3, with a bounded piece in memory at a time.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/range-get-olap.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, IncompleteReadError

from chalicelib.adapters.aws import translated
from chalicelib.adapters.s3 import S3Objects
from chalicelib.batches.storage import KEYS_PER_PAGE
from chalicelib.contracts.uploads import Download
from chalicelib.errors import HeadraceError, Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


CHUNK_BYTES = 1024 * 1024
"""Bytes that are read of a body at a time."""

UPLOAD_PART_BYTES = 16 * CHUNK_BYTES
"""Bytes of a part of an upload: 10,000 of them, the most there may be, hold 156 GiB."""


class StreamedObjects(S3Objects):
    """Objects in versioned buckets, including those that do not fit into memory."""

    def __init__(self, client: S3Client) -> None:
        super().__init__(client)
        self._streaming = client

    def download(
        self, bucket: str, key: str, version_id: str | None, into: Path, max_bytes: int
    ) -> Download:
        """Write an object to the file `into`, at most one byte more than `max_bytes` of it.

        Raises:
            NotFound: there is no such object.
            Transient: the connection broke before the end.
        """
        digest, size = hashlib.sha256(), 0
        whole = {"Bucket": bucket, "Key": key}
        if version_id is not None:
            whole["VersionId"] = version_id
        with into.open("wb") as file:
            for chunk in self._body(whole, key):
                chunk = chunk[: max_bytes + 1 - size]
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                if size > max_bytes:
                    break
        return Download(digest.hexdigest(), size)

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end` of an object in pieces.

        An `end` of 0 stands for the end of the object, behind which there is nothing.

        Raises:
            NotFound: there is no such object.
            Transient: the connection broke before the end.
        """
        asked: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if start or end:
            asked["Range"] = f"bytes={start}-{end - 1 if end else ''}"
        return self._body(asked, key)

    def upload(
        self, bucket: str, key: str, pieces: Iterable[bytes], metadata: Mapping[str, str]
    ) -> int:
        """Write an object of `pieces`, which may be many, and return its size.

        It appears whole or not at all: sent parts are dropped when anything goes wrong.
        """
        sent: list[Any] = []
        size = 0
        with translated(f"beginning to write {key}"):
            begun = self._streaming.create_multipart_upload(
                Bucket=bucket, Key=key, Metadata=dict(metadata)
            )
        upload: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}
        try:
            for body in join_pieces(pieces, UPLOAD_PART_BYTES):
                number = len(sent) + 1
                with translated(f"writing part {number} of {key}"):
                    part = self._streaming.upload_part(PartNumber=number, Body=body, **upload)
                sent.append({"PartNumber": number, "ETag": part["ETag"]})
                size += len(body)
            with translated(f"completing {key}"):
                self._streaming.complete_multipart_upload(MultipartUpload={"Parts": sent}, **upload)
        except BaseException:
            with suppress(HeadraceError), translated(f"dropping {key}"):
                self._streaming.abort_multipart_upload(**upload)
            raise
        return size

    def _body(self, asked: dict[str, Any], key: str) -> Iterator[bytes]:
        with translated(f"reading {key}"):
            try:
                answer = self._streaming.get_object(**asked)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "InvalidRange":
                    return
                raise
            body, left = answer["Body"], answer["ContentLength"]
            try:
                while chunk := body.read(min(CHUNK_BYTES, left)) if left else b"":
                    left -= len(chunk)
                    yield chunk
            except IncompleteReadError as error:
                raise Transient(f"reading {key}: the connection ended too early") from error
            finally:
                body.close()


def join_pieces(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield `pieces` joined to `size` bytes each; the last has what is left, at least one.

    Something is yielded even for no pieces, because an upload has at least one part.
    """
    held = bytearray()
    full = False
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            full = True
            del held[:size]
    if held or not full:
        yield bytes(held)


BLOCK_BYTES = 1024 * 1024
PART_BYTES = 8 * 1024 * 1024
"""One part of an upload; with at most 10,000 of them an object has up to 80 GB."""


class S3Archives:
    """Objects that are listed, read block by block and written part by part."""

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
    def writing(self, bucket: str, key: str) -> Iterator[MultipartUpload]:
        """Open a stream whose content becomes the object `key` when the block ends.

        If the block raises, nothing is written; if the process dies, the bucket's lifecycle
        rule removes the parts.
        """
        with translated(f"writing {key}"):
            begun = self._client.create_multipart_upload(Bucket=bucket, Key=key)
        upload = MultipartUpload(self._client, bucket, key, begun["UploadId"])
        try:
            yield upload
            upload.complete()
        except BaseException:
            upload.abort()
            raise


class MultipartUpload:
    """A stream into one object, which can be written but not sought."""

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
        """Append `data`, sending each complete part; return its length."""
        self._waiting += data
        while len(self._waiting) >= PART_BYTES:
            self._send(bytes(self._waiting[:PART_BYTES]))
            del self._waiting[:PART_BYTES]
        return len(data)

    def flush(self) -> None:
        """Do nothing: parts before the last have a minimum size."""

    def complete(self) -> None:
        """Send the rest and create the object."""
        if self._waiting or not self._parts:
            self._send(bytes(self._waiting))
            self._waiting.clear()
        with translated(f"writing {self._key}"):
            self._client.complete_multipart_upload(
                **self._where, MultipartUpload={"Parts": self._parts}
            )

    def abort(self) -> None:
        """Drop the sent parts."""
        with translated(f"dropping {self._key}"):
            self._client.abort_multipart_upload(**self._where)

    def _send(self, part: bytes) -> None:
        number = len(self._parts) + 1
        with translated(f"writing part {number} of {self._key}"):
            answer = self._client.upload_part(**self._where, PartNumber=number, Body=part)
        self._parts.append({"ETag": answer["ETag"], "PartNumber": number})
        self._sent += len(part)


class S3BatchObjects(StreamedObjects):
    """A bucket with many, or large, objects."""

    def __init__(self, client: S3Client) -> None:
        super().__init__(client)
        self._listing = client
        self._archives = S3Archives(client)

    def size(self, bucket: str, key: str) -> int:
        """Return the bytes of an object; raise `NotFound`."""
        with translated(f"looking at {key}"):
            return self._listing.head_object(Bucket=bucket, Key=key)["ContentLength"]

    def keys(
        self, bucket: str, prefix: str, after: str = "", page: int = KEYS_PER_PAGE
    ) -> Iterator[str]:
        """Yield the keys under `prefix` in order, `page` of them a request.

        Only those after the key `after` are listed ("" for all).
        """
        pages = self._listing.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, StartAfter=after, PaginationConfig={"PageSize": page}
        )
        with translated(f"listing {prefix}"):
            for found in pages:
                for entry in found.get("Contents", ()):
                    yield entry["Key"]

    def writing(self, bucket: str, key: str) -> AbstractContextManager[MultipartUpload]:
        """Open a stream whose content becomes the object `key` when the block ends."""
        return self._archives.writing(bucket, key)
