"""The permissions of S3 operations on buckets and objects. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from localcloud.iam.resources import RequiredPermission

_VERSIONED = {
    "GetObject": ("s3:GetObject", "s3:GetObjectVersion"),
    "HeadObject": ("s3:GetObject", "s3:GetObjectVersion"),
    "GetObjectTagging": ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
    "PutObjectTagging": ("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
    "DeleteObjectTagging": ("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
    "DeleteObject": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
}
"""Actions of an operation: without a version id, and with one."""

_ON_OBJECTS = {
    "PutObject": "s3:PutObject",
    "PostObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListParts": "s3:ListMultipartUploadParts",
}

_ON_BUCKETS = {
    "CreateBucket": "s3:CreateBucket",
    "DeleteBucket": "s3:DeleteBucket",
    "HeadBucket": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "GetBucketLocation": "s3:GetBucketLocation",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "PutBucketVersioning": "s3:PutBucketVersioning",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "GetBucketTagging": "s3:GetBucketTagging",
    "PutBucketTagging": "s3:PutBucketTagging",
    "DeleteBucketTagging": "s3:PutBucketTagging",
    "GetBucketCors": "s3:GetBucketCORS",
    "PutBucketCors": "s3:PutBucketCORS",
    "DeleteBucketCors": "s3:PutBucketCORS",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "DeleteBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "GetBucketPolicy": "s3:GetBucketPolicy",
    "PutBucketPolicy": "s3:PutBucketPolicy",
    "DeleteBucketPolicy": "s3:DeleteBucketPolicy",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "GetBucketOwnershipControls": "s3:GetBucketOwnershipControls",
    "PutBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
}

SECURE = {"aws:securetransport": ("true",)}
"""The local cloud is reached over loopback only, so every request counts as secure."""


def bucket_arn(bucket: str) -> str:
    """Return the ARN of a bucket."""
    return f"arn:aws:s3:::{bucket}"


def object_permission(action: str, bucket: str, key: str) -> RequiredPermission:
    """Return the permission of `action` on an object."""
    return RequiredPermission(action, f"{bucket_arn(bucket)}/{key}", SECURE)


def bucket_permission(action: str, bucket: str, prefix: str | None = None) -> RequiredPermission:
    """Return the permission of `action` on a bucket; `prefix` is the one of a listing."""
    context = {**SECURE, "s3:prefix": (prefix,)} if prefix is not None else SECURE
    return RequiredPermission(action, bucket_arn(bucket), context)


def delete_permission(bucket: str, key: str, version_id: str | None) -> RequiredPermission:
    """Return the permission to delete an object or one version of it."""
    return object_permission(_VERSIONED["DeleteObject"][version_id is not None], bucket, key)


def request_permissions(
    operation: str, bucket: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[RequiredPermission, ...]:
    """Return the permissions that a request requires before its body is read.

    DeleteObjects and PostObject name their keys in the body, so they require none yet.
    """
    versioned = "versionId" in query
    if operation in _VERSIONED:
        return (object_permission(_VERSIONED[operation][versioned], bucket, key),)
    if operation == "GetObjectAttributes":
        kind = "ObjectVersion" if versioned else "Object"
        actions = (f"s3:Get{kind}", f"s3:Get{kind}Attributes")
        return tuple(object_permission(action, bucket, key) for action in actions)
    if operation in ("CopyObject", "UploadPartCopy"):
        return (_copy_source_permission(headers), *_write_permissions(bucket, key, headers))
    if operation in ("DeleteObjects", "PostObject"):
        return ()
    if operation in _ON_OBJECTS:
        action = _ON_OBJECTS[operation]
        return (
            _write_permissions(bucket, key, headers)
            if action == "s3:PutObject"
            else (object_permission(action, bucket, key),)
        )
    if operation == "ListBuckets":
        return (RequiredPermission("s3:ListAllMyBuckets", "*", SECURE),)
    return (bucket_permission(_ON_BUCKETS[operation], bucket, query.get("prefix")),)


def _write_permissions(
    bucket: str, key: str, headers: Mapping[str, str]
) -> tuple[RequiredPermission, ...]:
    """Return the permissions to write an object; its tags require an action of their own."""
    actions = ["s3:PutObject", *(["s3:PutObjectTagging"] if headers.get("x-amz-tagging") else [])]
    return tuple(object_permission(action, bucket, key) for action in actions)


def _copy_source_permission(headers: Mapping[str, str]) -> RequiredPermission:
    """Return the permission to read the source of a copy.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    path, _, query = headers.get("x-amz-copy-source", "").partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    action = "s3:GetObjectVersion" if query.startswith("versionId=") else "s3:GetObject"
    return object_permission(action, bucket, key)
