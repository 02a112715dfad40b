"""Buckets of objects and of vectors from their CloudFormation types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from infra.cloudformation.errors import TemplateError
from localcloud.template.policies import resource_policy
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]


def _bucket(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("BucketName") or shop.physical_name(logical_id)
    s3 = shop.client("s3")
    s3.create_bucket(Bucket=name)
    _version(s3, name, properties.get("VersioningConfiguration"))
    _notify(s3, name, properties.get("NotificationConfiguration", {}))
    for setting, (put, delete, argument, translated) in _BUCKET_SETTINGS.items():
        if setting in properties:
            getattr(s3, put)(Bucket=name, **{argument: translated(properties[setting])})
        else:
            getattr(s3, delete)(Bucket=name)
    return CreatedResource(
        name,
        {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{shop.context.region}.amazonaws.com",
        },
    )


def _version(s3: Any, name: str, wanted: Properties | None) -> None:
    """Set versioning; what was versioned once can only be suspended."""
    if wanted is None and "Status" not in s3.get_bucket_versioning(Bucket=name):
        return
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=wanted or {"Status": "Suspended"})


def _notify(s3: Any, name: str, wanted: Properties) -> None:
    if set(wanted) - {"EventBridgeConfiguration"}:
        raise TemplateError(f"Bucket {name}: the local cloud notifies through EventBridge only.")
    enabled = "EventBridgeConfiguration" in wanted and wanted["EventBridgeConfiguration"].get(
        "EventBridgeEnabled", True
    )
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={"EventBridgeConfiguration": {}} if enabled else {},
    )


def _only(where: str, given: Properties, known: set[str]) -> None:
    if set(given) - known:
        raise TemplateError(
            f"{where} has members that the local cloud does not know: "
            f"{', '.join(sorted(set(given) - known))}."
        )


def _encryption(wanted: Properties) -> dict[str, Any]:
    rules = []
    for rule in wanted["ServerSideEncryptionConfiguration"]:
        _only("BucketEncryption", rule, {"ServerSideEncryptionByDefault", "BucketKeyEnabled"})
        default = rule["ServerSideEncryptionByDefault"]
        _only("ServerSideEncryptionByDefault", default, {"SSEAlgorithm", "KMSMasterKeyID"})
        made: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": dict(default)}
        if "BucketKeyEnabled" in rule:
            made["BucketKeyEnabled"] = rule["BucketKeyEnabled"]
        rules.append(made)
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


def _lifecycle(wanted: Properties) -> dict[str, Any]:
    return {"Rules": [_lifecycle_rule(rule) for rule in wanted["Rules"]]}


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    _only("LifecycleConfiguration", rule, _LIFECYCLE_RULE)
    made: dict[str, Any] = {
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "Id" in rule:
        made["ID"] = rule["Id"]
    expiration: dict[str, Any] = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule["ExpirationInDays"])
    if "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = rule["ExpiredObjectDeleteMarker"]
    if expiration:
        made["Expiration"] = expiration
    for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if name in rule:
            made[name] = dict(rule[name])
    return made


_CORS_NAMES = {
    "AllowedHeaders": "AllowedHeaders",
    "AllowedMethods": "AllowedMethods",
    "AllowedOrigins": "AllowedOrigins",
    "ExposedHeaders": "ExposeHeaders",
    "Id": "ID",
    "MaxAge": "MaxAgeSeconds",
}


def _cors(wanted: Properties) -> dict[str, Any]:
    for rule in wanted["CorsRules"]:
        _only("CorsConfiguration", rule, set(_CORS_NAMES))
    return {
        "CORSRules": [
            {_CORS_NAMES[key]: value for key, value in rule.items()} for rule in wanted["CorsRules"]
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
        _encryption,
    ),
    "LifecycleConfiguration": (
        "put_bucket_lifecycle_configuration",
        "delete_bucket_lifecycle",
        "LifecycleConfiguration",
        _lifecycle,
    ),
    "CorsConfiguration": (
        "put_bucket_cors",
        "delete_bucket_cors",
        "CORSConfiguration",
        _cors,
    ),
    "OwnershipControls": (
        "put_bucket_ownership_controls",
        "delete_bucket_ownership_controls",
        "OwnershipControls",
        dict,
    ),
}
"""Property, to the calls that set and unset it, the argument's name, and its translation."""


def _bucket_policy(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    policy = resource_policy(properties["PolicyDocument"], logical_id)
    shop.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
    return CreatedResource(properties["Bucket"])


def _vector_bucket(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("VectorBucketName") or shop.physical_name(logical_id)
    vectors = shop.client("s3vectors")
    with suppress(vectors.exceptions.ConflictException):
        vectors.create_vector_bucket(vectorBucketName=name)
    arn = vectors.get_vector_bucket(vectorBucketName=name)["vectorBucket"]["vectorBucketArn"]
    return CreatedResource(arn, {"VectorBucketArn": arn})


TYPES: Mapping[str, ResourceType] = {
    "AWS::S3::Bucket": ResourceType(
        frozenset(
            {
                "BucketName",
                "VersioningConfiguration",
                "NotificationConfiguration",
                *_BUCKET_SETTINGS,
            }
        ),
        _bucket,
        inert=frozenset({"Tags"}),
    ),
    "AWS::S3::BucketPolicy": ResourceType(
        frozenset(), _bucket_policy, required=frozenset({"Bucket", "PolicyDocument"})
    ),
    "AWS::S3Vectors::VectorBucket": ResourceType(
        frozenset({"VectorBucketName"}),
        _vector_bucket,
        inert=frozenset({"EncryptionConfiguration", "Tags"}),
    ),
}
