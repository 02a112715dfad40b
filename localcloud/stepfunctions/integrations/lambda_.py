"""Lambda functions: `lambda:invoke`, and functions named by their own ARN.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.stepfunctions.integrations import botocore_calls
from localcloud.stepfunctions.integrations.integration import (
    ClientFactory,
    IntegrationPattern,
    TaskCall,
    TaskResource,
)
from localcloud.stepfunctions.language.errors import (
    MAX_DATA_BYTES,
    ReportedError,
    data_limit_exceeded,
)
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps, loads

_STYLE = botocore_calls.ErrorStyle(
    "Lambda",
    "AWSLambda",
    "AWSLambdaException",
    semicolons=True,
    timeout="ClientExecutionTimeoutException",
)
"""https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html"""
_UNKNOWN = (
    "The cause could not be determined because Lambda did not return an error type. "
    "Returned payload: "
)


class InvokeFunctionIntegration:
    """Invokes a function; its error becomes the task's."""

    patterns = frozenset({IntegrationPattern.REQUEST, IntegrationPattern.TOKEN})

    def find_problem(self, resource: TaskResource) -> str | None:
        """Return an error for any action but `invoke`, or None."""
        return None if resource.action == "invoke" else f"lambda has no action {resource.action}"

    def call(self, request: TaskCall, clients: ClientFactory) -> Json:
        """Invoke the function."""
        client = clients("lambda", request.role_arn)
        if request.resource.is_function:
            parameters: JsonObject = {
                "FunctionName": request.resource.arn,
                "Payload": dumps(request.payload),
            }
            answer, result = botocore_calls.call_optimised(client, _STYLE, "Invoke", parameters)
            return _payload(request.resource.name, answer, result)
        parameters = dict(request.parameters)
        if "Payload" in parameters:
            parameters["Payload"] = payload_text(parameters["Payload"])
        answer, result = botocore_calls.call_optimised(client, _STYLE, "Invoke", parameters)
        result.pop("FunctionError", None)
        result["Payload"] = _payload(request.resource.name, answer, result)
        return result


def payload_text(payload: Json) -> str:
    """Return what `lambda:invoke` sends: a string that is JSON as it is, and null as `{}`."""
    if payload is None:
        return "{}"
    if isinstance(payload, str):
        try:
            loads(payload)
        except ValueError:
            return dumps(payload)
        return payload
    return dumps(payload)


def _payload(task: str, answer: dict[str, Any], result: JsonObject) -> Json:
    """Return the function's answer, whose size counts as it was sent, before it is parsed.

    `task` is what an error names: `lambda`, or the ARN of a function that is the resource itself.
    """
    text = str(result["Payload"])
    if len(text.encode()) > MAX_DATA_BYTES:
        raise data_limit_exceeded(task, by_task=True)
    payload: Json = json.loads(text) if text else {}
    if "FunctionError" not in answer:
        return payload
    named = payload.get("errorType") if isinstance(payload, dict) else None
    if isinstance(named, str) and named:
        raise ReportedError(named, text)
    raise ReportedError("Lambda.Unknown", _UNKNOWN + dumps(payload))
