"""Which integration serves which resource: the one place to add another."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.stepfunctions.integrations.aws_sdk import AwsSdk
from localcloud.stepfunctions.integrations.bedrock import BedrockInvokeModel
from localcloud.stepfunctions.integrations.contract import Integration
from localcloud.stepfunctions.integrations.lambda_invoke import LambdaInvoke
from localcloud.stepfunctions.integrations.optimised import DYNAMODB, SNS, SQS, PutEvents
from localcloud.stepfunctions.integrations.resource import Resource
from localcloud.stepfunctions.integrations.sagemaker import SageMakerJobs
from localcloud.stepfunctions.integrations.start_execution import StartExecution

INTEGRATIONS: Mapping[str, Integration] = {
    "lambda": LambdaInvoke(),
    "dynamodb": DYNAMODB,
    "sqs": SQS,
    "sns": SNS,
    "events": PutEvents(),
    "states": StartExecution(),
    "bedrock": BedrockInvokeModel(),
    "sagemaker": SageMakerJobs(),
}
"""By the service field of the resource."""

_AWS_SDK = AwsSdk()


def integration_for(resource: Resource) -> Integration | None:
    """Return what serves `resource`."""
    return _AWS_SDK if resource.sdk else INTEGRATIONS.get(resource.service)


def resource_problem(arn: str) -> str | None:
    """Say why a Task cannot have this resource, or return None if it can."""
    if ":activity:" in arn:
        return "The local cloud has no activities; they work on AWS only"
    try:
        resource = Resource.parse(arn)
    except ValueError:
        return f"The resource {arn} is not supported"
    serving = integration_for(resource)
    if serving is None:
        return f"The local cloud has no integration with {resource.service}; it works on AWS only"
    if resource.pattern not in serving.patterns:
        return f"{resource.resource_type}:{resource.action} does not support .{resource.pattern}"
    return serving.problem(resource)
