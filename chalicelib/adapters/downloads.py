"""Addresses from which objects can be had for a while, without a key.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.aws import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Downloads:
    """Objects of one bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def sign(self, key: str, *, name: str, seconds: int) -> str:
        """Return an address from which `key` can be had for `seconds`, as a file `name`.

        It ends sooner where the credentials that sign it do.
        """
        with translated(f"signing {key}"):
            return self._client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": key,
                    "ResponseContentDisposition": f'attachment; filename="{name}"',
                },
                ExpiresIn=seconds,
            )
