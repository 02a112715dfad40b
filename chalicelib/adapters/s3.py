"""Objects in S3: read, written, removed by version, and shared by presigned URLs.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

from __future__ import annotations

import string
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

from chalicelib.adapters.aws import translated
from chalicelib.contracts.uploads import PresignedUpload
from chalicelib.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


_MAX_DELETES_PER_CALL = 1_000
"""Object versions that one request may delete."""
_FILE_NAME_CHARACTERS = frozenset(f"{string.ascii_letters}{string.digits}._ -()+,=@")


class S3Objects:
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

    def delete_folders(self, bucket: str, prefix: str, folders: Collection[str]) -> int:
        """Remove every version of every object in `folders` below `prefix`; return how many.

        `prefix` ends in a slash.
        """
        return self._delete_versions(
            bucket, prefix, lambda found: found.removeprefix(prefix).partition("/")[0] in folders
        )

    def delete_object(self, bucket: str, key: str) -> int:
        """Remove every version of the object `key`; return how many."""
        return self._delete_versions(bucket, key, lambda found: found == key)

    def versions_until(self, bucket: str, key: str, newest: str | None = None) -> Sequence[str]:
        """Return the versions of the object `key` up to `newest` (None for all), newest first.

        There are none once the version `newest` is gone. Delete markers are not versions.
        """
        found = [entry["VersionId"] for entry in self._listed(bucket, key, "Versions")]
        if newest is None:
            return found
        return found[found.index(newest) :] if newest in found else ()

    def delete_until(self, bucket: str, key: str, newest: str) -> int:
        """Remove the version `newest` of the object `key` and all before it; return how many.

        `newest` goes last, so that an interrupted removal can be repeated. Delete markers
        are removed, too, once no version is left above which they could stand.
        """
        doomed = self.versions_until(bucket, key, newest)
        with translated(f"deleting {key}"):
            for at in range(len(doomed), 0, -_MAX_DELETES_PER_CALL):
                some = doomed[max(0, at - _MAX_DELETES_PER_CALL) : at]
                self._delete(bucket, [{"Key": key, "VersionId": each} for each in reversed(some)])
        self._delete_lone_markers(bucket, key)
        return len(doomed)

    def delete_version(self, bucket: str, key: str, version_id: str) -> None:
        """Remove one version of the object `key`; it is no error if it is gone.

        Delete markers are removed, too, once no version is left.
        """
        with translated(f"deleting {key}"):
            self._delete(bucket, [{"Key": key, "VersionId": version_id}])
        self._delete_lone_markers(bucket, key)

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

        S3 itself enforces the size and the metadata.
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

    def _delete_lone_markers(self, bucket: str, key: str) -> None:
        """Remove the delete markers of an object that has no version."""
        if self._listed(bucket, key, "Versions"):
            return
        markers = self._listed(bucket, key, "DeleteMarkers")
        with translated(f"deleting {key}"):
            for at in range(0, len(markers), _MAX_DELETES_PER_CALL):
                some = markers[at : at + _MAX_DELETES_PER_CALL]
                self._delete(
                    bucket, [{"Key": key, "VersionId": each["VersionId"]} for each in some]
                )

    def _listed(
        self, bucket: str, key: str, what: Literal["Versions", "DeleteMarkers"]
    ) -> list[Any]:
        """Return what there is of the object `key`, as S3 lists it: newest first."""
        with translated(f"listing {key}"):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=bucket, Prefix=key
            )
            return [entry for page in pages for entry in page.get(what, ()) if entry["Key"] == key]

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


def content_disposition(name: str) -> str:
    """Return the header that has a browser save a file as `name`, of whatever characters.

    https://www.rfc-editor.org/rfc/rfc6266#section-5
    """
    plain = "".join(each if each in _FILE_NAME_CHARACTERS else "_" for each in name)
    header = f'attachment; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe='')}"


class S3Downloads:
    """Presigned URLs of objects in one bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def origin(self) -> str:
        """Return scheme, host and port of the URLs, as pages name whom they may talk to."""
        url = urlsplit(self.sign("any", name="any", seconds=1))
        return f"{url.scheme}://{url.netloc}"

    def sign(self, key: str, *, name: str, seconds: int) -> str:
        """Return a URL that downloads `key` as a file `name`, valid for `seconds`.

        It expires sooner if the credentials that sign it do.
        """
        with translated(f"signing {key}"):
            return self._client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": key,
                    "ResponseContentDisposition": content_disposition(name),
                },
                ExpiresIn=seconds,
            )
