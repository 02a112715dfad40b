"""The integration with Bedrock: calls of models, and customisation jobs.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-bedrock.html
"""

from __future__ import annotations

import hashlib
from typing import Any

from localcloud.stepfunctions.integrations import botocore_calls
from localcloud.stepfunctions.integrations.integration import (
    ClientFactory,
    IntegrationPattern,
    TaskCall,
    TaskResource,
)
from localcloud.stepfunctions.integrations.model_calls import invoke_model
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

CREATE = "createModelCustomizationJob"
_STYLE = botocore_calls.ErrorStyle("Bedrock", "Bedrock", "BedrockException", semicolons=True)
_RUNNING_STATUSES = ("InProgress", "Stopping")
_HIDDEN = ("SdkHttpMetadata", "SdkResponseMetadata")


class BedrockIntegration:
    """Invokes models, and creates customisation jobs, whose end a task can wait for."""

    patterns = frozenset({IntegrationPattern.REQUEST, IntegrationPattern.JOB})

    def find_problem(self, resource: TaskResource) -> str | None:
        """Return an error for an action or a pattern that there is not, or None."""
        if resource.action == CREATE:
            return None
        if resource.action != "invokeModel":
            return f"The local cloud has no bedrock:{resource.action}; it works on AWS only"
        if resource.pattern is not IntegrationPattern.REQUEST:
            return f"bedrock:invokeModel does not support .{resource.pattern}"
        return None

    def call(self, request: TaskCall, clients: ClientFactory) -> Json:
        """Invoke a model, or create a job or find the one that was created before a restart."""
        if request.resource.action != CREATE:
            return invoke_model(request, clients)
        client = clients("bedrock", request.role_arn)
        token = hashlib.sha256(request.name.encode()).hexdigest()
        parameters: JsonObject = {"ClientRequestToken": token, **request.parameters}
        return botocore_calls.call_optimised(
            client, _STYLE, "CreateModelCustomizationJob", parameters
        )[1]

    def job(self, output: Json) -> Json:
        """Return the job's ARN."""
        assert isinstance(output, dict)
        return output["JobArn"]

    def poll(
        self, pattern: IntegrationPattern, job: Json, role_arn: str, clients: ClientFactory
    ) -> Json:
        """Return the description of the job once it has ended, else None.

        A job that failed or was stopped fails the task with its description as the cause.
        """
        shown = _describe(clients("bedrock", role_arn), job)
        if shown["Status"] in _RUNNING_STATUSES:
            return None
        if shown["Status"] != "Completed":
            raise ReportedError(errors.TASK_FAILED, dumps(shown))
        return shown

    def cancel(self, job: Json, role_arn: str, clients: ClientFactory) -> None:
        """Stop the job."""
        client = clients("bedrock", role_arn)
        parameters: JsonObject = {"JobIdentifier": job}
        botocore_calls.call_optimised(client, _STYLE, "StopModelCustomizationJob", parameters)


def _describe(client: Any, job: Json) -> JsonObject:
    parameters: JsonObject = {"JobIdentifier": job}
    result = botocore_calls.call_optimised(client, _STYLE, "GetModelCustomizationJob", parameters)
    return {name: value for name, value in result[1].items() if name not in _HIDDEN}
