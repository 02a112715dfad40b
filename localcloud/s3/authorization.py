"""Authorize requests by IAM policies; without an access guard, everything is allowed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from localcloud.errors import AwsError
from localcloud.iam import s3_actions
from localcloud.iam.guard import AccessGuard
from localcloud.iam.resources import RequiredPermission
from localcloud.s3.request import S3Request

_TOKEN = "x-amz-security-token"  # noqa: S105 - a header's name
_OBJECT_READS = frozenset(
    {"GetObject", "HeadObject", "GetObjectAttributes", "GetObjectTagging", "CopyObject"}
)


@dataclass(frozen=True, slots=True)
class S3Authorizer:
    """Authorizes each request for the caller whose access key signed it."""

    guard: AccessGuard | None

    def authorize(self, request: S3Request, operation: str, access_key: str) -> S3Request:
        """Return `request` with its caller; raise AccessDenied before its body is read."""
        if self.guard is None:
            return request
        token = request.headers.get(_TOKEN) or request.query.get("X-Amz-Security-Token")
        caller = self.guard.authenticate("s3", access_key, token)
        needs = s3_actions.request_permissions(
            operation, request.bucket, request.key, request.query, request.headers
        )
        self.guard.authorize(caller, "s3", operation, needs)
        return replace(request, caller=caller)

    def check_form(self, bucket: str, fields: Mapping[str, str], access_key: str) -> None:
        """Raise AccessDenied unless the signer of an upload form may put its key."""
        if self.guard is not None:
            caller = self.guard.authenticate("s3", access_key, fields.get(_TOKEN))
            needs = s3_actions.request_permissions(
                "PutObject", bucket, fields["key"], {}, {"x-amz-tagging": fields.get("tagging", "")}
            )
            self.guard.authorize(caller, "s3", "PostObject", needs)

    def check_deletion(self, request: S3Request, key: str, version_id: str | None) -> None:
        """Raise AccessDenied unless one entry of DeleteObjects may be deleted."""
        self._check(request, s3_actions.delete_permission(request.bucket, key, version_id))

    def hide_missing_object(self, request: S3Request, operation: str, error: AwsError) -> None:
        """Raise AccessDenied in place of `error` if the caller may not list the bucket.

        S3 does not disclose that an object is missing to a caller without `s3:ListBucket`.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        if operation in _OBJECT_READS and error.code in ("NoSuchKey", "NoSuchVersion"):
            need = s3_actions.bucket_permission("s3:ListBucket", request.bucket)
            self._check(request, need)

    def invalidate(self, operation: str) -> None:
        """Drop what the guard has cached of policies that a finished operation changed."""
        if self.guard is not None:
            self.guard.invalidate_after("s3", operation)

    def _check(self, request: S3Request, need: RequiredPermission) -> None:
        if self.guard is not None and request.caller is not None:
            self.guard.check_permissions(request.caller, "s3", [need])
