"""Files that several served versions have in common, such as the graph of a base, by their sha256.

A version that adapts a base has the base's whole graph in its archive. On a stage that graph is put
once, and functions open it once. A file that nothing which serves names any more is removed after a
day, so that a version that is being served meanwhile finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chalicelib.contracts.model_manifest import ADAPTERS, Signature
from chalicelib.contracts.serving import ROOT, SHARED, ServedVersion, Serving, SharedFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEPT_FOR = timedelta(days=1)
_AT_ONCE = 1000


def shared_files(signature: Signature) -> tuple[SharedFile, ...]:
    """Return the files of a version that others which adapt the same base have too."""
    if not ADAPTERS.intersection(signature.files):
        return ()
    return tuple(
        SharedFile(name=name, key=f"{SHARED}{sha256}")
        for graph in signature.graphs.values()
        for name, sha256 in {graph.file: graph.sha256, **graph.weights}.items()
    )


class SharedFiles:
    """The shared files of a stage's bucket."""

    def __init__(
        self, s3: S3Client, bucket: str, utcnow: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Use a client, the bucket and a clock."""
        self._s3 = s3
        self._bucket = bucket
        self._utcnow = utcnow

    def put(self, version: ServedVersion, fetch: Callable[[str], bytes]) -> None:
        """Put the shared files of a version, but those that something served names already.

        Others are put again where they lie, so that nobody removes them now. Raises ClientError.
        """
        named = self._named()
        for each in version.shared:
            if each.key not in named or not self._versions(each.key):
                self._s3.put_object(Bucket=self._bucket, Key=each.key, Body=fetch(each.name))

    def tidy(self) -> None:
        """Remove what nothing served names and nobody put within a day. Raises ClientError."""
        named, oldest = self._named(), self._utcnow() - KEPT_FOR
        listed = list(self._versions(SHARED))
        fresh = {each["Key"] for each in listed if each["LastModified"] > oldest}
        gone = [
            {"Key": each["Key"], "VersionId": each["VersionId"]}
            for each in listed
            if each["Key"] not in named and each["Key"] not in fresh
        ]
        for first in range(0, len(gone), _AT_ONCE):
            wanted: Any = {"Objects": gone[first : first + _AT_ONCE], "Quiet": True}
            self._s3.delete_objects(Bucket=self._bucket, Delete=wanted)

    def _named(self) -> set[str]:
        """Return the keys that some version names which may answer."""
        return {
            file.key
            for serving in self._servings()
            for version in (serving.serves, serving.before, serving.candidate)
            if version is not None
            for file in version.shared
        }

    def _servings(self) -> Iterator[Serving]:
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=f"{ROOT}/", Delimiter="/"):
            for each in page.get("Contents", ()):
                body = self._s3.get_object(Bucket=self._bucket, Key=each["Key"])["Body"].read()
                try:
                    yield Serving.model_validate_json(body)
                except ValidationError:
                    continue

    def _versions(self, prefix: str) -> list[Mapping[str, Any]]:
        pages = self._s3.get_paginator("list_object_versions")
        return [
            each
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix)
            for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]
