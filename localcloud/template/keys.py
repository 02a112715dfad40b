"""Keys and their names from their CloudFormation types.

The engine keeps a key and works with it when it is called. What a template encrypts with one is
kept here as it is: it lies on a disk of the one user's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]
_OWNER = "headrace:resource"


def _key(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    kms = shop.client("kms")
    policy = json.dumps(properties["KeyPolicy"])
    description = properties.get("Description", "")
    arn = _made_before(kms, f"{shop.name}/{logical_id}")
    if arn is None:
        arn = kms.create_key(
            Policy=policy,
            Description=description,
            Tags=[{"TagKey": _OWNER, "TagValue": f"{shop.name}/{logical_id}"}],
        )["KeyMetadata"]["Arn"]
    key_id = arn.rpartition("/")[2]
    kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy)
    kms.update_key_description(KeyId=key_id, Description=description)
    if properties.get("EnableKeyRotation", False):
        kms.enable_key_rotation(KeyId=key_id)
    else:
        kms.disable_key_rotation(KeyId=key_id)
    return CreatedResource(key_id, {"Arn": arn, "KeyId": key_id})


def _made_before(kms: Any, owner: str) -> str | None:
    """Return the ARN of the key that this resource made: a key has no name to find it by."""
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            tags = kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
            if {"TagKey": _OWNER, "TagValue": owner} in tags:
                return str(key["KeyArn"])
    return None


def _alias(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    kms, name = shop.client("kms"), properties["AliasName"]
    try:
        kms.create_alias(AliasName=name, TargetKeyId=properties["TargetKeyId"])
    except kms.exceptions.AlreadyExistsException:
        kms.update_alias(AliasName=name, TargetKeyId=properties["TargetKeyId"])
    return CreatedResource(name)


TYPES: Mapping[str, ResourceType] = {
    "AWS::KMS::Key": ResourceType(
        frozenset({"Description", "EnableKeyRotation"}),
        _key,
        required=frozenset({"KeyPolicy"}),
        inert=frozenset({"PendingWindowInDays", "Tags"}),
    ),
    "AWS::KMS::Alias": ResourceType(
        frozenset(), _alias, required=frozenset({"AliasName", "TargetKeyId"})
    ),
}
