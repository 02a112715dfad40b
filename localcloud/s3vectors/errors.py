"""The errors of S3 Vectors, worded as the service words them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_S3_Vectors.html
"""

from __future__ import annotations

from localcloud.errors import AwsError


def invalid(path: str, message: str) -> AwsError:
    """Return the ValidationException that blames the input member `path`."""
    fields = [{"path": path, "message": message}]
    return AwsError("ValidationException", message, 400, fieldList=fields)


def invalid_record(key: str, message: str) -> AwsError:
    """Return the ValidationException that blames the vector called `key` of PutVectors."""
    return invalid("vectors", f"Invalid record for key '{key}': {message}")


def not_found(what: str) -> AwsError:
    """Return the NotFoundException for `what`, such as `vector bucket`."""
    return AwsError("NotFoundException", f"The specified {what} could not be found", 404)


def conflict(message: str) -> AwsError:
    """Return a ConflictException."""
    return AwsError("ConflictException", message, 409)


def too_many(message: str) -> AwsError:
    """Return a ServiceQuotaExceededException."""
    return AwsError("ServiceQuotaExceededException", message, 402)
