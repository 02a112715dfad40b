"""Parts of requests that several operations share: errors, names, ARNs and page tokens.

Errors are worded as the service words them:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_S3_Vectors.html
Names: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-buckets-naming.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-indexes-naming.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re

from localcloud.errors import AwsError
from localcloud.service import CloudContext, Params


def validation_error(path: str, message: str) -> AwsError:
    """Return a ValidationException about the input member `path`."""
    fields = [{"path": path, "message": message}]
    return AwsError("ValidationException", message, 400, fieldList=fields)


def record_error(key: str, message: str) -> AwsError:
    """Return a ValidationException about the vector `key` of a PutVectors request."""
    return validation_error("vectors", f"Invalid record for key '{key}': {message}")


def not_found_error(resource: str) -> AwsError:
    """Return the NotFoundException for a kind of resource, such as `vector bucket`."""
    return AwsError("NotFoundException", f"The specified {resource} could not be found", 404)


def conflict_error(message: str) -> AwsError:
    """Return a ConflictException."""
    return AwsError("ConflictException", message, 409)


def quota_error(message: str) -> AwsError:
    """Return a ServiceQuotaExceededException."""
    return AwsError("ServiceQuotaExceededException", message, 402)


_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


_INDEX = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


_ARN = re.compile(
    r"(arn:aws[-a-z0-9]*:s3vectors:[a-z0-9-]+:\d{12}):bucket/([^/]+)(?:/index/([^/]+))?"
)


def bucket_arn(surroundings: CloudContext, bucket: str) -> str:
    """Return the ARN of a vector bucket."""
    return surroundings.arn("s3vectors", f"bucket/{bucket}")


def index_arn(surroundings: CloudContext, bucket: str, index: str) -> str:
    """Return the ARN of a vector index."""
    return surroundings.arn("s3vectors", f"bucket/{bucket}/index/{index}")


def check_bucket_name(name: str) -> str:
    """Return `name` if it is a valid name of a vector bucket. Raises ValidationException."""
    if not _BUCKET.fullmatch(name):
        raise validation_error("vectorBucketName", "Invalid vector bucket name")
    return name


def check_index_name(name: str) -> str:
    """Return `name` if it is a valid name of a vector index. Raises ValidationException."""
    if not _INDEX.fullmatch(name):
        raise validation_error("indexName", "Invalid index name")
    return name


def requested_bucket(params: Params) -> str:
    """Return the name of the bucket that a request gives either by name or by ARN."""
    name, arn = params.get("vectorBucketName"), params.get("vectorBucketArn")
    if (name is None) == (arn is None):
        raise validation_error(
            "vectorBucketName",
            "Must specify either vectorBucketName or vectorBucketArn but not both",
        )
    if name is not None:
        return str(name)
    bucket, index = parse_arn(str(arn), "vectorBucketArn")
    if index is not None:
        raise validation_error("vectorBucketArn", "Invalid vector bucket ARN")
    return bucket


def requested_index(params: Params) -> tuple[str, str]:
    """Return the bucket and index name that a request gives by both names or by an ARN."""
    bucket, index, arn = (
        params.get(name) for name in ("vectorBucketName", "indexName", "indexArn")
    )
    if arn is not None and bucket is None and index is None:
        bucket, index = parse_arn(str(arn), "indexArn")
        if index is None:
            raise validation_error("indexArn", "Invalid index ARN")
    elif arn is not None or bucket is None or index is None:
        raise validation_error(
            "indexName", "Must specify either indexArn or both vectorBucketName and indexName"
        )
    return str(bucket), str(index)


def parse_arn(arn: str, path: str) -> tuple[str, str | None]:
    """Return the bucket and, if it is the ARN of an index, the index that `arn` names.

    Raises ValidationException about the member `path` if `arn` is malformed.
    """
    match = _ARN.fullmatch(arn)
    if match is None:
        raise validation_error(path, "Invalid ARN")
    return match.group(2), match.group(3)


def encode_page_token(position: int, scope: str) -> str:
    """Return the token of the page that starts at `position` of the request `scope`."""
    return base64.urlsafe_b64encode(json.dumps([position, _scope_digest(scope)]).encode()).decode()


def decode_page_token(token: str | None, scope: str) -> int:
    """Return the position in `token`, or 0 if it is None.

    Raises ValidationException if the token is malformed or belongs to another request.
    """
    if token is None:
        return 0
    try:
        position, stamp = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise validation_error("nextToken", "Invalid pagination token") from error
    if not isinstance(position, int) or stamp != _scope_digest(scope):
        raise validation_error("nextToken", "Invalid pagination token")
    return position


def _scope_digest(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:16]
