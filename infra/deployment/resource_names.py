"""Names that a template gives its resources, known before the stack exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.cloudformation.intrinsics import TemplateScope
from infra.deployment.account import Account

Template = Mapping[str, Any]

BUCKET = "AWS::S3::Bucket"
TABLE = "AWS::DynamoDB::Table"
VECTOR_BUCKET = "AWS::S3Vectors::VectorBucket"
KEY = "AWS::KMS::Key"
KEY_ALIAS = "AWS::KMS::Alias"
LOG_GROUP = "AWS::Logs::LogGroup"
QUEUE = "AWS::SQS::Queue"

DATA = frozenset({BUCKET, TABLE, VECTOR_BUCKET, KEY})
"""Types that hold what users have put in, or what it cannot be read without."""

_NAME_PROPERTY = {
    BUCKET: "BucketName",
    TABLE: "TableName",
    VECTOR_BUCKET: "VectorBucketName",
    KEY_ALIAS: "AliasName",
    LOG_GROUP: "LogGroupName",
    QUEUE: "QueueName",
}


@dataclass(frozen=True, slots=True)
class NamedResource:
    """A resource whose name the template gives."""

    logical_id: str
    type: str
    name: str


def template_scope(
    template: Template, parameters: Mapping[str, str], account: Account
) -> TemplateScope:
    """Return the resolver of the template's expressions.

    Raises:
        TemplateError: a parameter is missing, not declared, or not allowed.
    """
    return TemplateScope(template, parameters, account.pseudo())


def named_resources(
    template: Template, scope: TemplateScope, *, every: bool = False
) -> list[NamedResource]:
    """Return the resources that carry names and whose conditions hold.

    With `every`, conditions do not matter: an earlier deployment may have had other parameters.
    """
    return list(_named(template, scope, every))


def _named(template: Template, scope: TemplateScope, every: bool) -> Iterator[NamedResource]:
    for logical_id, resource in template["Resources"].items():
        name_property = _NAME_PROPERTY.get(resource["Type"])
        given = resource.get("Properties", {}).get(name_property)
        if given is None:
            continue
        condition = resource.get("Condition")
        if every or condition is None or scope.condition_holds(condition):
            yield NamedResource(logical_id, resource["Type"], scope.resolve(given))
