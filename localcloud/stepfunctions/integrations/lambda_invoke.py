"""Lambda functions: `lambda:invoke`, and functions named by their own ARN.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.integrations import calls
from localcloud.stepfunctions.integrations.contract import Clients, Request
from localcloud.stepfunctions.integrations.resource import Pattern, Resource
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

_STYLE = calls.Style("Lambda", "AWSLambda", "AWSLambdaException", semicolons=True)
_UNKNOWN = (
    "The cause could not be determined because Lambda did not return an error type. "
    "Returned payload: "
)


class LambdaInvoke:
    """Invokes a function and takes its error as the task's."""

    patterns = frozenset({Pattern.REQUEST, Pattern.TOKEN})

    def problem(self, resource: Resource) -> str | None:
        """Only `invoke` is there."""
        return None if resource.action == "invoke" else f"lambda has no action {resource.action}"

    def call(self, request: Request, clients: Clients) -> Json:
        """Invoke the function."""
        client = clients("lambda", request.role_arn)
        if request.resource.is_function:
            parameters: JsonObject = {
                "FunctionName": request.resource.arn,
                "Payload": dumps(request.payload),
            }
            return _payload(*calls.optimised(client, _STYLE, "Invoke", parameters))
        parameters = dict(request.parameters)
        if "Payload" in parameters:
            parameters["Payload"] = dumps(parameters["Payload"])
        answer, result = calls.optimised(client, _STYLE, "Invoke", parameters)
        result.pop("FunctionError", None)
        result["Payload"] = _payload(answer, result)
        return result


def _payload(answer: dict[str, Any], result: JsonObject) -> Json:
    text = str(result["Payload"])
    payload: Json = json.loads(text) if text else {}
    if "FunctionError" not in answer:
        return payload
    named = payload.get("errorType") if isinstance(payload, dict) else None
    if isinstance(named, str) and named:
        raise Stated(named, text)
    raise Stated("Lambda.Unknown", _UNKNOWN + dumps(payload))
