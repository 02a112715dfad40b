"""The objects that name what serves, one a model: read and written with S3's conditions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from chalicelib.contracts.serving import Serving, pointer_key
from infra.models.version_files import ServingError

_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")


@dataclass(frozen=True, slots=True)
class ServingPointers:
    """The pointers in a stage's bucket; `s3` is a boto3 client."""

    s3: Any
    bucket: str

    def read(self, name: str) -> tuple[Serving | None, Mapping[str, str]]:
        """Return what serves now, and the condition of a write that detects concurrent changes."""
        try:
            response = self.s3.get_object(Bucket=self.bucket, Key=pointer_key(name))
        except self.s3.exceptions.NoSuchKey:
            return None, {"IfNoneMatch": "*"}
        condition = {"IfMatch": response["ETag"]}
        try:
            return Serving.model_validate_json(response["Body"].read()), condition
        except ValidationError:
            return None, condition

    def write(self, serving: Serving, condition: Mapping[str, str]) -> Serving:
        """Name what serves, and return it.

        Raises:
            ServingError: somebody else named another version since `condition` was read.
            ClientError: AWS refuses.
        """
        key, body = pointer_key(serving.name), serving.model_dump_json().encode()
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TAKEN:
                raise
            raise ServingError(
                f"Somebody else had another version of {serving.name} served just now; look, and "
                "repeat."
            ) from error
        return serving
