"""Large objects in S3, a bounded piece in memory at a time.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/range-get-olap.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import IncompleteReadError

from chalicelib.adapters.aws import translated
from chalicelib.adapters.objects import Objects
from chalicelib.contracts.uploads import Download
from chalicelib.errors import HeadraceError, Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK = 1024 * 1024
"""Bytes that are read of a body at a time."""

UPLOAD_PART = 16 * CHUNK
"""Bytes of a part of an upload: 10,000 of them, the most there may be, hold 156 GiB."""


class StreamedObjects(Objects):
    """Objects in buckets that keep versions, also ones that do not fit into memory."""

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
        """Yield the bytes `start` to `end` of an object in pieces; an `end` of 0 is its own.

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

        It appears whole or not at all: what was sent is dropped when anything goes wrong.
        """
        sent: list[Any] = []
        size = 0
        with translated(f"beginning to write {key}"):
            begun = self._streaming.create_multipart_upload(
                Bucket=bucket, Key=key, Metadata=dict(metadata)
            )
        upload: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}
        try:
            for body in joined(pieces, UPLOAD_PART):
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
            answer = self._streaming.get_object(**asked)
            body, left = answer["Body"], answer["ContentLength"]
            try:
                while chunk := body.read(min(CHUNK, left)) if left else b"":
                    left -= len(chunk)
                    yield chunk
            except IncompleteReadError as error:
                raise Transient(f"reading {key}: the connection ended too early") from error
            finally:
                body.close()


def joined(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield `pieces` put together: `size` bytes each, the last as many as are left, at least one.

    Something is yielded even of nothing, because an upload has at least one part.
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
