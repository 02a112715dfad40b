"""The files of one served name below `models/serving/NAME/` of a stage's bucket, and their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.serving import ROOT, pointer_key
from infra import stages
from infra.models.shared_files import SharedFiles
from infra.models.training import TrainingStage
from infra.models.version_files import ServingError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_AT_ONCE = 1000

ObjectVersion = tuple[str, str]
"""Key and version of an object."""


class ServedFiles:
    """The files of served names in a stage's bucket."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        """Use a client and the bucket."""
        self._s3 = s3
        self._bucket = bucket

    def of(self, prefix: str) -> list[ObjectVersion]:
        """Return all objects below a prefix, deleted ones too. Raises ClientError."""
        pages = self._s3.get_paginator("list_object_versions")
        return [
            (each["Key"], each["VersionId"])
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix)
            for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]

    def delete(self, gone: Sequence[ObjectVersion]) -> None:
        """Delete objects for good. Raises ClientError, and ServingError for one that stays."""
        objects = [{"Key": key, "VersionId": version} for key, version in gone]
        for first in range(0, len(objects), _AT_ONCE):
            wanted: Any = {"Objects": objects[first : first + _AT_ONCE], "Quiet": True}
            response = self._s3.delete_objects(Bucket=self._bucket, Delete=wanted)
            if failed := response.get("Errors"):
                raise ServingError(f"{failed[0]['Key']}: {failed[0]['Message']}")


def withdraw(place: stages.StageConnection, name: str) -> None:
    """Remove what serves as `name`: first the object that names it, then its files.

    A name that nothing serves as is left alone. Raises ClientError and ServingError.
    """
    bucket, s3 = TrainingStage.of(place.outputs).bucket, place.client("s3")
    files = ServedFiles(s3, bucket)
    key = pointer_key(name)
    files.delete([each for each in files.of(key) if each[0] == key])
    files.delete(files.of(f"{ROOT}/{name}/"))
    SharedFiles(s3, bucket).tidy()
