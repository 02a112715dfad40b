"""Buckets, tables and vectors from their CloudFormation types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from localcloud.template.errors import TemplateError
from localcloud.template.stack import Created, ResourceType, Workshop

Properties = Mapping[str, Any]


def _bucket(shop: Workshop, logical_id: str, properties: Properties) -> Created:
    name = properties.get("BucketName") or shop.physical_name(logical_id)
    s3 = shop.client("s3")
    s3.create_bucket(Bucket=name)
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"]
        )
    if "NotificationConfiguration" in properties:
        _notify(s3, name, properties["NotificationConfiguration"])
    if "PublicAccessBlockConfiguration" in properties:
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"],
        )
    if "BucketEncryption" in properties:
        s3.put_bucket_encryption(
            Bucket=name, ServerSideEncryptionConfiguration=_encryption(properties)
        )
    if "LifecycleConfiguration" in properties:
        rules = [_lifecycle(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    if "CorsConfiguration" in properties:
        rules = [_cors(rule) for rule in properties["CorsConfiguration"]["CorsRules"]]
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    domain = f"{name}.s3.amazonaws.com"
    return Created(name, {"Arn": f"arn:aws:s3:::{name}", "DomainName": domain})


def _notify(s3: Any, name: str, wanted: Properties) -> None:
    if set(wanted) - {"EventBridgeConfiguration"}:
        raise TemplateError(f"Bucket {name}: the local cloud notifies through EventBridge only.")
    enabled = wanted.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", True)
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={"EventBridgeConfiguration": {}} if enabled else {},
    )


def _encryption(properties: Properties) -> dict[str, Any]:
    rules = []
    for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]:
        default = rule["ServerSideEncryptionByDefault"]
        by_default = {"SSEAlgorithm": default["SSEAlgorithm"]}
        if "KMSMasterKeyID" in default:
            by_default["KMSMasterKeyID"] = default["KMSMasterKeyID"]
        rules.append({"ApplyServerSideEncryptionByDefault": by_default})
    return {"Rules": rules}


def _lifecycle(rule: Properties) -> dict[str, Any]:
    known = {
        "Id",
        "Status",
        "Prefix",
        "ExpirationInDays",
        "NoncurrentVersionExpiration",
        "AbortIncompleteMultipartUpload",
        "ExpiredObjectDeleteMarker",
    }
    if set(rule) - known:
        raise TemplateError(f"Lifecycle rule members not known: {sorted(set(rule) - known)}.")
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


def _cors(rule: Properties) -> dict[str, Any]:
    names = {
        "AllowedHeaders": "AllowedHeaders",
        "AllowedMethods": "AllowedMethods",
        "AllowedOrigins": "AllowedOrigins",
        "ExposedHeaders": "ExposeHeaders",
        "Id": "ID",
        "MaxAge": "MaxAgeSeconds",
    }
    return {names[key]: value for key, value in rule.items()}


def _bucket_policy(shop: Workshop, logical_id: str, properties: Properties) -> Created:
    shop.client("s3").put_bucket_policy(
        Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"])
    )
    return Created(properties["Bucket"])


_TABLE_SETTINGS = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
)


def _table(shop: Workshop, logical_id: str, properties: Properties) -> Created:
    name = properties.get("TableName") or shop.physical_name(logical_id)
    dynamodb = shop.client("dynamodb")
    settings = {key: properties[key] for key in _TABLE_SETTINGS if key in properties}
    try:
        dynamodb.create_table(TableName=name, **settings)
    except dynamodb.exceptions.ResourceInUseException:
        _same_keys(dynamodb.describe_table(TableName=name)["Table"], properties)
    _expiry(dynamodb, name, properties.get("TimeToLiveSpecification"))
    recovery = properties.get("PointInTimeRecoverySpecification")
    if recovery:
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification=dict(recovery)
        )
    return Created(name, {"Arn": shop.surroundings.arn("dynamodb", f"table/{name}")})


def _same_keys(table: Properties, properties: Properties) -> None:
    if table["KeySchema"] != properties["KeySchema"]:
        raise TemplateError(
            f"Table {table['TableName']} exists with other keys; keys cannot be changed. "
            "Delete the data directory or name the table anew."
        )


def _expiry(dynamodb: Any, name: str, wanted: Properties | None) -> None:
    if not wanted:
        return
    now = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if now.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=dict(wanted))


def _vector_bucket(shop: Workshop, logical_id: str, properties: Properties) -> Created:
    name = properties.get("VectorBucketName") or shop.physical_name(logical_id)
    vectors = shop.client("s3vectors")
    try:
        vectors.create_vector_bucket(vectorBucketName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
    arn = vectors.get_vector_bucket(vectorBucketName=name)["vectorBucket"]["vectorBucketArn"]
    return Created(arn, {"VectorBucketArn": arn})


TYPES: Mapping[str, ResourceType] = {
    "AWS::S3::Bucket": ResourceType(
        frozenset(
            {
                "BucketName",
                "VersioningConfiguration",
                "NotificationConfiguration",
                "PublicAccessBlockConfiguration",
                "BucketEncryption",
                "LifecycleConfiguration",
                "CorsConfiguration",
                "OwnershipControls",
                "Tags",
            }
        ),
        _bucket,
    ),
    "AWS::S3::BucketPolicy": ResourceType(frozenset({"Bucket", "PolicyDocument"}), _bucket_policy),
    "AWS::DynamoDB::Table": ResourceType(
        frozenset(
            {
                "TableName",
                *_TABLE_SETTINGS,
                "TimeToLiveSpecification",
                "PointInTimeRecoverySpecification",
                "SSESpecification",
                "DeletionProtectionEnabled",
                "Tags",
            }
        ),
        _table,
    ),
    "AWS::S3Vectors::VectorBucket": ResourceType(
        frozenset({"VectorBucketName", "EncryptionConfiguration", "Tags"}), _vector_bucket
    ),
}
