"""Names and ARNs of vector buckets and indexes, and how a request points at one.

Rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-buckets-naming.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-indexes-naming.html
"""

from __future__ import annotations

import re

from localcloud.s3vectors.errors import invalid
from localcloud.service import Params, Surroundings

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_INDEX = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ARN = re.compile(
    r"(arn:aws[-a-z0-9]*:s3vectors:[a-z0-9-]+:\d{12}):bucket/([^/]+)(?:/index/([^/]+))?"
)


def bucket_arn(surroundings: Surroundings, bucket: str) -> str:
    """Return the ARN of a vector bucket."""
    return surroundings.arn("s3vectors", f"bucket/{bucket}")


def index_arn(surroundings: Surroundings, bucket: str, index: str) -> str:
    """Return the ARN of a vector index."""
    return surroundings.arn("s3vectors", f"bucket/{bucket}/index/{index}")


def check_bucket_name(name: str) -> str:
    """Return `name` if a vector bucket may be called so."""
    if not _BUCKET.fullmatch(name):
        raise invalid("vectorBucketName", "Invalid vector bucket name")
    return name


def check_index_name(name: str) -> str:
    """Return `name` if a vector index may be called so."""
    if not _INDEX.fullmatch(name):
        raise invalid("indexName", "Invalid index name")
    return name


def bucket_of(params: Params) -> str:
    """Return the name of the vector bucket that a request gives by name or by ARN, not both."""
    name, arn = params.get("vectorBucketName"), params.get("vectorBucketArn")
    if (name is None) == (arn is None):
        raise invalid(
            "vectorBucketName",
            "Must specify either vectorBucketName or vectorBucketArn but not both",
        )
    if name is not None:
        return str(name)
    bucket, index = split_arn(str(arn), "vectorBucketArn")
    if index is not None:
        raise invalid("vectorBucketArn", "Invalid vector bucket ARN")
    return bucket


def index_of(params: Params) -> tuple[str, str]:
    """Return the bucket and index name that a request gives by both names or by the ARN."""
    bucket, index, arn = (
        params.get(name) for name in ("vectorBucketName", "indexName", "indexArn")
    )
    if arn is not None and bucket is None and index is None:
        bucket, index = split_arn(str(arn), "indexArn")
        if index is None:
            raise invalid("indexArn", "Invalid index ARN")
    elif arn is not None or bucket is None or index is None:
        raise invalid(
            "indexName", "Must specify either indexArn or both vectorBucketName and indexName"
        )
    return str(bucket), str(index)


def split_arn(arn: str, path: str) -> tuple[str, str | None]:
    """Return the bucket and, for an index's ARN, the index that `arn` names."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise invalid(path, "Invalid ARN")
    return found.group(2), found.group(3)
