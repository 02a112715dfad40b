"""Objects in S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import translated
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

    def metadata(self, bucket: str, key: str) -> Mapping[str, str]:
        """Return an object's user metadata; raise `NotFound`."""
        with translated(f"looking at {key}"):
            return self._client.head_object(Bucket=bucket, Key=key)["Metadata"]

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Remove every version of every object under `prefix`; return how many."""
        removed = 0
        with translated(f"deleting {prefix}"):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=bucket, Prefix=prefix
            )
            for page in pages:
                found: list[ObjectIdentifierTypeDef] = [
                    {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                    for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
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
