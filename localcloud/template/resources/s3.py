"""S3 buckets and S3 Vectors buckets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.template.resources.iam import resource_policy
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]


def _ensure_bucket(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("BucketName") or stack.physical_name(logical_id)
    s3 = stack.client("s3")
    s3.create_bucket(Bucket=name)
    _set_versioning(s3, name, properties.get("VersioningConfiguration"))
    _set_notification(s3, name, properties.get("NotificationConfiguration", {}))
    for setting, (put, delete, argument, translate) in _BUCKET_SETTINGS.items():
        if setting in properties:
            getattr(s3, put)(Bucket=name, **{argument: translate(properties[setting])})
        else:
            getattr(s3, delete)(Bucket=name)
    return CreatedResource(
        name,
        {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{stack.cloud.region}.amazonaws.com",
        },
    )


def _set_versioning(s3: Any, name: str, versioning: Properties | None) -> None:
    """Set versioning; a bucket that was versioned once can only be suspended."""
    if versioning is None and "Status" not in s3.get_bucket_versioning(Bucket=name):
        return
    s3.put_bucket_versioning(
        Bucket=name, VersioningConfiguration=versioning or {"Status": "Suspended"}
    )


def _set_notification(s3: Any, name: str, notification: Properties) -> None:
    if set(notification) - {"EventBridgeConfiguration"}:
        raise TemplateError(f"Bucket {name}: the local cloud notifies through EventBridge only.")
    enabled = "EventBridgeConfiguration" in notification and notification[
        "EventBridgeConfiguration"
    ].get("EventBridgeEnabled", True)
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={"EventBridgeConfiguration": {}} if enabled else {},
    )


def _check_members(where: str, given: Properties, known: set[str]) -> None:
    if set(given) - known:
        raise TemplateError(
            f"{where} has members that the local cloud does not know: "
            f"{', '.join(sorted(set(given) - known))}."
        )


def _translate_encryption(configuration: Properties) -> dict[str, Any]:
    rules = []
    for rule in configuration["ServerSideEncryptionConfiguration"]:
        _check_members(
            "BucketEncryption", rule, {"ServerSideEncryptionByDefault", "BucketKeyEnabled"}
        )
        default = rule["ServerSideEncryptionByDefault"]
        _check_members("ServerSideEncryptionByDefault", default, {"SSEAlgorithm", "KMSMasterKeyID"})
        encryption: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": dict(default)}
        if "BucketKeyEnabled" in rule:
            encryption["BucketKeyEnabled"] = rule["BucketKeyEnabled"]
        rules.append(encryption)
    return {"Rules": rules}


_LIFECYCLE_RULE = {
    "Id",
    "Status",
    "Prefix",
    "ExpirationInDays",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
    "ExpiredObjectDeleteMarker",
}


def _translate_lifecycle(configuration: Properties) -> dict[str, Any]:
    return {"Rules": [_lifecycle_rule(rule) for rule in configuration["Rules"]]}


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    _check_members("LifecycleConfiguration", rule, _LIFECYCLE_RULE)
    result: dict[str, Any] = {
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "Id" in rule:
        result["ID"] = rule["Id"]
    expiration: dict[str, Any] = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule["ExpirationInDays"])
    if "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = rule["ExpiredObjectDeleteMarker"]
    if expiration:
        result["Expiration"] = expiration
    for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if name in rule:
            result[name] = dict(rule[name])
    return result


_CORS_NAMES = {
    "AllowedHeaders": "AllowedHeaders",
    "AllowedMethods": "AllowedMethods",
    "AllowedOrigins": "AllowedOrigins",
    "ExposedHeaders": "ExposeHeaders",
    "Id": "ID",
    "MaxAge": "MaxAgeSeconds",
}


def _translate_cors(configuration: Properties) -> dict[str, Any]:
    for rule in configuration["CorsRules"]:
        _check_members("CorsConfiguration", rule, set(_CORS_NAMES))
    return {
        "CORSRules": [
            {_CORS_NAMES[key]: value for key, value in rule.items()}
            for rule in configuration["CorsRules"]
        ]
    }


_BUCKET_SETTINGS: Mapping[str, tuple[str, str, str, Callable[[Properties], dict[str, Any]]]] = {
    "PublicAccessBlockConfiguration": (
        "put_public_access_block",
        "delete_public_access_block",
        "PublicAccessBlockConfiguration",
        dict,
    ),
    "BucketEncryption": (
        "put_bucket_encryption",
        "delete_bucket_encryption",
        "ServerSideEncryptionConfiguration",
        _translate_encryption,
    ),
    "LifecycleConfiguration": (
        "put_bucket_lifecycle_configuration",
        "delete_bucket_lifecycle",
        "LifecycleConfiguration",
        _translate_lifecycle,
    ),
    "CorsConfiguration": (
        "put_bucket_cors",
        "delete_bucket_cors",
        "CORSConfiguration",
        _translate_cors,
    ),
    "OwnershipControls": (
        "put_bucket_ownership_controls",
        "delete_bucket_ownership_controls",
        "OwnershipControls",
        dict,
    ),
}
"""By property: the calls that set and remove it, the argument's name, and its translation."""


def _set_bucket_policy(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    policy = resource_policy(properties["PolicyDocument"], logical_id)
    stack.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
    return CreatedResource(properties["Bucket"])


def _ensure_vector_bucket(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    name = properties.get("VectorBucketName") or stack.physical_name(logical_id)
    vectors = stack.client("s3vectors")
    with suppress(vectors.exceptions.ConflictException):
        vectors.create_vector_bucket(vectorBucketName=name)
    arn = vectors.get_vector_bucket(vectorBucketName=name)["vectorBucket"]["vectorBucketArn"]
    return CreatedResource(arn, {"VectorBucketArn": arn})


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::S3::Bucket": ResourceType(
        frozenset(
            {
                "BucketName",
                "VersioningConfiguration",
                "NotificationConfiguration",
                *_BUCKET_SETTINGS,
            }
        ),
        _ensure_bucket,
        inert=frozenset({"Tags"}),
    ),
    "AWS::S3::BucketPolicy": ResourceType(
        frozenset(),
        _set_bucket_policy,
        required=frozenset({"Bucket", "PolicyDocument"}),
        every_start=True,
    ),
    "AWS::S3Vectors::VectorBucket": ResourceType(
        frozenset({"VectorBucketName"}),
        _ensure_vector_bucket,
        inert=frozenset({"EncryptionConfiguration", "Tags"}),
    ),
}
