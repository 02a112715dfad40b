"""`aws-sdk:` integrations: any call of a service that the local cloud has.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError, StructureShape

from localcloud.stepfunctions.integrations import botocore_calls, sdk_shapes
from localcloud.stepfunctions.integrations.integration import (
    ClientFactory,
    IntegrationPattern,
    TaskCall,
    TaskResource,
)
from localcloud.stepfunctions.integrations.parameter_actions import to_json_text
from localcloud.stepfunctions.integrations.sdk_shapes import java_sdk_name
from localcloud.stepfunctions.language.values import Json
from localcloud.wire.service_models import service_model

SERVICES = {
    "bedrock": "bedrock",
    "bedrockruntime": "bedrock-runtime",
    "cloudwatch": "cloudwatch",
    "cloudwatchlogs": "logs",
    "dynamodb": "dynamodb",
    "eventbridge": "events",
    "iam": "iam",
    "kms": "kms",
    "lambda": "lambda",
    "s3": "s3",
    "s3vectors": "s3vectors",
    "sagemaker": "sagemaker",
    "scheduler": "scheduler",
    "secretsmanager": "secretsmanager",
    "sfn": "stepfunctions",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "sts": "sts",
    "transcribe": "transcribe",
}
"""The services that the local cloud has: botocore's names by those in resources.

The latter are the models' service ids in the Java SDK's spelling. They stand here, as reading all
models to learn them takes longer than all else of a definition's checks.
"""
_TEXTS = {
    ("stepfunctions", "StartExecution"): frozenset({"Input"}),
    ("stepfunctions", "StartSyncExecution"): frozenset({"Input"}),
}
"""Parameters of JSON text that AWS is recorded to take as JSON values too."""


class AwsSdkIntegration:
    """Calls any operation that the resource names, by botocore's model of the service."""

    patterns = frozenset({IntegrationPattern.REQUEST, IntegrationPattern.TOKEN})

    def find_problem(self, resource: TaskResource) -> str | None:
        """Return an error for an unknown service or action, or None."""
        service = SERVICES.get(resource.service)
        if service is None:
            return f"The local cloud has no service {resource.service}"
        if _operation(service, resource.action) is None:
            return f"{resource.service} has no action {resource.action}"
        return None

    def call(self, request: TaskCall, clients: ClientFactory) -> Json:
        """Make the call."""
        service = SERVICES[request.resource.service]
        operation = _operation(service, request.resource.action)
        if operation is None:
            raise LookupError(f"{request.resource.arn} was not checked")
        client = clients(service, request.role_arn)
        model = botocore_calls.operation_of(client, operation)
        given = to_json_text(request.parameters, _TEXTS.get((service, operation), frozenset()))
        call = sdk_shapes.to_call_parameters(model.input_shape, given, java_sdk_name)
        answer = botocore_calls.call_operation(
            client, botocore_calls.sdk_style(client), operation, call
        )
        return sdk_shapes.to_json(model.output_shape, answer, java_sdk_name) or {}


def output_shape(service: str, action: str) -> StructureShape | None:
    """Return the output of an action by its names in resources; None if there is no model."""
    name = SERVICES.get(service, service)
    try:
        operation = _operation(name, action)
        return (
            None
            if operation is None
            else service_model(name).operation_model(operation).output_shape
        )
    except UnknownServiceError:
        return None


def _operation(service: str, action: str) -> str | None:
    name = action[:1].upper() + action[1:]
    model = service_model(service)
    try:
        model.operation_model(name)
    except OperationNotFoundError:
        return next((one for one in model.operation_names if java_sdk_name(one) == name), None)
    return name
