"""KMS keys and aliases.

moto keeps a key and encrypts with it when it is called. What a template encrypts with a key is
kept here in the clear: it is on a disk of its one user's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

_OWNER_TAG = "headrace:resource"


def _ensure_key(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    kms = stack.client("kms")
    policy = json.dumps(properties["KeyPolicy"])
    description = properties.get("Description", "")
    arn = _find_key(kms, f"{stack.name}/{logical_id}")
    if arn is None:
        arn = kms.create_key(
            Policy=policy,
            Description=description,
            Tags=[{"TagKey": _OWNER_TAG, "TagValue": f"{stack.name}/{logical_id}"}],
        )["KeyMetadata"]["Arn"]
    key_id = arn.rpartition("/")[2]
    kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy)
    kms.update_key_description(KeyId=key_id, Description=description)
    if properties.get("EnableKeyRotation", False):
        kms.enable_key_rotation(KeyId=key_id)
    else:
        kms.disable_key_rotation(KeyId=key_id)
    return CreatedResource(key_id, {"Arn": arn, "KeyId": key_id})


def _find_key(kms: Any, owner: str) -> str | None:
    """Return the ARN of the key with the tag of its resource: a key has no name."""
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            tags = kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
            if {"TagKey": _OWNER_TAG, "TagValue": owner} in tags:
                return str(key["KeyArn"])
    return None


def _ensure_alias(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    kms, name = stack.client("kms"), properties["AliasName"]
    try:
        kms.create_alias(AliasName=name, TargetKeyId=properties["TargetKeyId"])
    except kms.exceptions.AlreadyExistsException:
        kms.update_alias(AliasName=name, TargetKeyId=properties["TargetKeyId"])
    return CreatedResource(name)


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::KMS::Key": ResourceType(
        frozenset({"Description", "EnableKeyRotation"}),
        _ensure_key,
        required=frozenset({"KeyPolicy"}),
        inert=frozenset({"PendingWindowInDays", "Tags"}),
    ),
    "AWS::KMS::Alias": ResourceType(
        frozenset(), _ensure_alias, required=frozenset({"AliasName", "TargetKeyId"})
    ),
}
