"""Objects in S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws import translated
from chalicelib.contracts import PresignedUpload
from chalicelib.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


class Objects:
    """Objects in buckets that keep versions."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        """Return an object's bytes; raise `NotFound`."""
        with translated(f"reading {key}"):
            if version_id is None:
                answer = self._client.get_object(Bucket=bucket, Key=key)
            else:
                answer = self._client.get_object(Bucket=bucket, Key=key, VersionId=version_id)
            return answer["Body"].read()

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        """Write an object with user metadata."""
        with translated(f"writing {key}"):
            self._client.put_object(Bucket=bucket, Key=key, Body=body, Metadata=dict(metadata))

    def copy(self, bucket: str, key: str, version_id: str, to_key: str) -> None:
        """Copy one version of an object within its bucket; raise `NotFound`."""
        with translated(f"copying {key}"):
            self._client.copy_object(
                Bucket=bucket,
                Key=to_key,
                CopySource={"Bucket": bucket, "Key": key, "VersionId": version_id},
            )

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> Mapping[str, str]:
        """Return an object's user metadata; raise `NotFound`."""
        with translated(f"looking at {key}"):
            if version_id is None:
                return self._client.head_object(Bucket=bucket, Key=key)["Metadata"]
            answer = self._client.head_object(Bucket=bucket, Key=key, VersionId=version_id)
            return answer["Metadata"]

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Remove every version of every object under `prefix`; return how many."""
        return self._delete_versions(bucket, prefix, lambda _: True)

    def delete_object(self, bucket: str, key: str) -> int:
        """Remove every version of the object `key`; return how many."""
        return self._delete_versions(bucket, key, lambda found: found == key)

    def sign_upload(
        self,
        bucket: str,
        key: str,
        *,
        max_bytes: int,
        seconds: int,
        metadata: Mapping[str, str],
    ) -> PresignedUpload:
        """Return a form that uploads 1 to `max_bytes` bytes to `key` within `seconds`.

        S3 itself holds the upload to its size and its metadata.
        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
        """
        fields = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        with translated(f"signing an upload to {key}"):
            form = self._client.generate_presigned_post(
                bucket,
                key,
                Fields=dict(fields),
                Conditions=[*conditions, ["content-length-range", 1, max_bytes]],
                ExpiresIn=seconds,
            )
        return PresignedUpload(url=form["url"], fields=form["fields"])

    def _delete_versions(self, bucket: str, prefix: str, wanted: Callable[[str], bool]) -> int:
        removed = 0
        with translated(f"deleting {prefix}"):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=bucket, Prefix=prefix
            )
            for page in pages:
                found: list[ObjectIdentifierTypeDef] = [
                    {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                    for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
                    if wanted(entry["Key"])
                ]
                if found:
                    self._delete(bucket, found)
                    removed += len(found)
        return removed

    def _delete(self, bucket: str, found: list[ObjectIdentifierTypeDef]) -> None:
        """Delete at most 1,000 object versions, which is what one page lists."""
        answer = self._client.delete_objects(
            Bucket=bucket, Delete={"Objects": found, "Quiet": True}
        )
        errors = answer.get("Errors", [])
        if errors:
            first = errors[0]
            raise Transient(
                f"{len(errors)} of {len(found)} objects stayed, the first "
                f"({first.get('Key')}) because of {first.get('Code')}."
            )
