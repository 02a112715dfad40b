"""The CloudFormation types that the local cloud creates, one module a service or two."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.template.resources import (
    apigateway,
    dynamodb,
    events,
    iam,
    kms,
    lambda_,
    messaging,
    monitoring,
    s3,
    sagemaker,
    stepfunctions,
)
from localcloud.template.stack import ResourceType

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    **s3.RESOURCE_TYPES,
    **dynamodb.RESOURCE_TYPES,
    **kms.RESOURCE_TYPES,
    **messaging.RESOURCE_TYPES,
    **events.RESOURCE_TYPES,
    **monitoring.RESOURCE_TYPES,
    **lambda_.RESOURCE_TYPES,
    **stepfunctions.RESOURCE_TYPES,
    **iam.RESOURCE_TYPES,
    **apigateway.RESOURCE_TYPES,
    **sagemaker.RESOURCE_TYPES,
}
