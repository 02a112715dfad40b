"""Objects that schedules bring from other places in S3, or take there, by copies within S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/CopyingObjectsMPUapi.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import translated
from chalicelib.errors import HeadraceError, InvalidInput, NotFound
from chalicelib.schedules.locations import S3Location, SourceObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_COPY_BYTES = 5 * 1024**3
"""The largest object that one CopyObject takes; a larger one is copied in parts."""
PART_BYTES = 1024**3
_DENIED = frozenset({"403", "AccessDenied", "AllAccessDisabled", "KMS.DisabledException"})


class S3Transfers:
    """Listings and copies between buckets; `client` waits for minutes."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def listed(self, location: S3Location, after: str = "") -> Iterator[SourceObject]:
        """Yield the objects under the folder `location` behind the key `after`, by their keys.

        Keys come in the order of their UTF-8 bytes. Those that end in a slash, which stand for
        folders, are left out.

        Raises:
            NotFound: there is no such bucket.
            InvalidInput: it may not be listed; the message says who can change that.
        """
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=location.bucket, Prefix=location.folder, StartAfter=after
        )
        with _explained(location.uri):
            for page in pages:
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):
                        modified = entry["LastModified"].isoformat()
                        yield SourceObject(entry["Key"], entry["ETag"], entry["Size"], modified)

    def copy(self, source: S3Location, target: S3Location, *, size: int, etag: str = "") -> None:
        """Copy the object `source` of `size` bytes, as long as it has `etag` ("" for any).

        Its metadata and tags stay behind.

        Raises:
            NotFound: the object, or a bucket, is gone.
            Conflict: the object has changed.
            InvalidInput: it may not be read, or the target not be written.
        """
        given: Any = {
            "CopySource": {"Bucket": source.bucket, "Key": source.key},
            **({"CopySourceIfMatch": etag} if etag else {}),
        }
        with _explained(f"{source.uri} or {target.uri}"):
            if size > MAX_COPY_BYTES:
                self._copy_parts(given, target, size)
                return
            self._client.copy_object(
                Bucket=target.bucket,
                Key=target.key,
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                **given,
            )

    def put_object(self, target: S3Location, body: bytes, content_type: str) -> None:
        """Write an object.

        Raises:
            NotFound: there is no such bucket.
            InvalidInput: it may not be written.
        """
        with _explained(target.uri):
            self._client.put_object(
                Bucket=target.bucket, Key=target.key, Body=body, ContentType=content_type
            )

    def _copy_parts(self, given: Any, target: S3Location, size: int) -> None:
        begun = self._client.create_multipart_upload(Bucket=target.bucket, Key=target.key)
        upload: Any = {
            "Bucket": target.bucket,
            "Key": target.key,
            "UploadId": begun["UploadId"],
        }
        parts: list[Any] = []
        try:
            for start in range(0, size, PART_BYTES):
                last = min(start + PART_BYTES, size) - 1
                answer = self._client.upload_part_copy(
                    PartNumber=len(parts) + 1,
                    CopySourceRange=f"bytes={start}-{last}",
                    **upload,
                    **given,
                )
                etag = answer["CopyPartResult"]["ETag"]
                parts.append({"PartNumber": len(parts) + 1, "ETag": etag})
            self._client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
        except BaseException:
            with suppress(HeadraceError), translated(f"dropping {target.uri}"):
                self._client.abort_multipart_upload(**upload)
            raise


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Raise errors that somebody can remove with what has to be done; others as usual."""
    with translated(f"using {place}"):
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _DENIED:
                raise InvalidInput(
                    f"{place}: access denied. The stage's parameter ScheduleBuckets has to name"
                    " the bucket; and if another account owns it, or a key of KMS encrypts it,"
                    " its policy has to let the role of the stage's function run-schedule in.",
                    field="uri",
                ) from error
            if code == "NoSuchBucket":
                raise NotFound(
                    f"{place}: there is no such bucket; correct the address.", field="uri"
                ) from error
            if code == "InvalidObjectState":
                raise InvalidInput(
                    f"{place}: the object is archived; restore it first.", field="uri"
                ) from error
            raise
