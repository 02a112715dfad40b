"""The registry of integrations: the one place to add another."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.stepfunctions.integrations.aws_sdk import AwsSdkIntegration
from localcloud.stepfunctions.integrations.bedrock import BedrockIntegration
from localcloud.stepfunctions.integrations.integration import Integration, TaskResource
from localcloud.stepfunctions.integrations.lambda_ import InvokeFunctionIntegration
from localcloud.stepfunctions.integrations.parameter_actions import (
    DYNAMODB,
    SNS,
    SQS,
    PutEventsIntegration,
)
from localcloud.stepfunctions.integrations.sagemaker import SageMakerJobIntegration
from localcloud.stepfunctions.integrations.start_execution import StartExecutionIntegration

INTEGRATIONS: Mapping[str, Integration] = {
    "lambda": InvokeFunctionIntegration(),
    "dynamodb": DYNAMODB,
    "sqs": SQS,
    "sns": SNS,
    "events": PutEventsIntegration(),
    "states": StartExecutionIntegration(),
    "bedrock": BedrockIntegration(),
    "sagemaker": SageMakerJobIntegration(),
}
"""Optimised integrations by the service in the resource."""

_AWS_SDK = AwsSdkIntegration()


def integration_for(resource: TaskResource) -> Integration | None:
    """Return the integration for `resource`, or None."""
    return _AWS_SDK if resource.sdk else INTEGRATIONS.get(resource.service)


def resource_problem(arn: str) -> str | None:
    """Return why a Task cannot have this resource, or None if it can."""
    try:
        resource = TaskResource.parse(arn)
    except ValueError:
        return f"The resource {arn} is not supported"
    if resource.is_activity:
        return None
    integration = integration_for(resource)
    if integration is None:
        return f"The local cloud has no integration with {resource.service}; it works on AWS only"
    if resource.pattern not in integration.patterns:
        return f"{resource.resource_type}:{resource.action} does not support .{resource.pattern}"
    return integration.find_problem(resource)
