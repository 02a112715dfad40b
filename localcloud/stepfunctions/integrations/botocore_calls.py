"""Calls through botocore, with errors named as Step Functions names them.

Optimised integrations name services like AWS's first Java SDK (`AmazonDynamoDBv2`), `aws-sdk`
integrations like the second (`DynamoDb`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.model import OperationModel

from localcloud.stepfunctions.integrations import sdk_shapes
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import Json, JsonObject

_HEADERS = {
    "content-type": "Content-Type",
    "content-length": "Content-Length",
    "date": "Date",
    "x-amzn-requestid": "x-amzn-RequestId",
}


@dataclass(frozen=True, slots=True)
class ErrorStyle:
    """The form of error names: for example `DynamoDB.…`, with `AmazonDynamoDBv2` in the cause.

    Only errors of the service's model have names of their own. Every other, such as throttling of
    SageMaker, has the name `base` of the SDK's exception for the whole service. `timeout` names a
    call whose response did not come in time.
    """

    prefix: str
    service: str
    base: str
    semicolons: bool
    timeout: str = "SdkClientException"

    def error(self, error: ClientError, known: frozenset[str]) -> ReportedError:
        """Return the error of a call; a code not in the service's model gets the base name."""
        code = str(error.response["Error"].get("Code", "Unknown"))
        message = str(error.response["Error"].get("Message", ""))
        metadata = dict(error.response.get("ResponseMetadata", {}))
        name = sdk_shapes.exception_name(code) if code in known else self.base
        return ReportedError(f"{self.prefix}.{name}", f"{message} ({self._about(code, metadata)})")

    def _about(self, code: str, metadata: dict[str, Any]) -> str:
        status, request = metadata.get("HTTPStatusCode", 400), metadata.get("RequestId", "")
        if self.semicolons:
            return (
                f"Service: {self.service}; Status Code: {status}; Error Code: {code}; "
                f"Request ID: {request}; Proxy: null"
            )
        about = f"Service: {self.service}, Status Code: {status}, Request ID: {request}"
        extended = metadata.get("HostId")
        return f"{about}, Extended Request ID: {extended}" if self.service == "S3" else about

    def validation_error(self, complaint: str) -> ReportedError:
        """Return the error of a call that the service's model does not allow."""
        about = self._about("ValidationException", {"HTTPStatusCode": 400})
        return ReportedError(f"{self.prefix}.{self.base}", f"{complaint} ({about})")

    def connection_error(self, error: BotoCoreError) -> ReportedError:
        """Return the error of a call without a response."""
        name = self.timeout if isinstance(error, ReadTimeoutError) else "SdkClientException"
        return ReportedError(f"{self.prefix}.{name}", f"Unable to execute HTTP request: {error}")


def sdk_style(client: Any) -> ErrorStyle:
    """Return the style of `aws-sdk` integrations for a client's service."""
    name = sdk_shapes.java_sdk_name(str(client.meta.service_model.service_id))
    return ErrorStyle(name, name, f"{name}Exception", semicolons=False)


def operation_of(client: Any, operation: str) -> OperationModel:
    """Return the model of an operation by its name in the API, `PutItem`."""
    model: OperationModel = client.meta.service_model.operation_model(operation)
    return model


def call_operation(
    client: Any, style: ErrorStyle, operation: str, call: dict[str, Any]
) -> dict[str, Any]:
    """Make a call and return botocore's response. Raises `ReportedError`."""
    complaint = sdk_shapes.missing_members_message(
        operation_of(client, operation).input_shape, call
    )
    if complaint is not None:
        raise style.validation_error(complaint)
    try:
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**call)
    except ClientError as error:
        raise style.error(error, _error_names(client)) from error
    except ParamValidationError as error:
        raise style.validation_error(str(error)) from error
    except BotoCoreError as error:
        raise style.connection_error(error) from error
    return answer


def _error_names(client: Any) -> frozenset[str]:
    found = client.meta.service_model.error_shapes
    names = {shape.name for shape in found} | {shape.error_code for shape in found}
    return frozenset(name for name in names if name)


def call_optimised(
    client: Any, style: ErrorStyle, operation: str, parameters: JsonObject
) -> tuple[dict[str, Any], JsonObject]:
    """Make a call with PascalCase parameters.

    Returns botocore's response, and the task's result with the metadata of the HTTP response.
    """
    model = operation_of(client, operation)
    call = sdk_shapes.to_call_parameters(model.input_shape, parameters, first_upper)
    answer = call_operation(client, style, operation, call)
    result = sdk_shapes.to_json(model.output_shape, answer, first_upper, epoch=True)
    assert isinstance(result, dict) or result is None
    return answer, dict(sorted({**(result or {}), **metadata_of(answer)}.items()))


def metadata_of(answer: dict[str, Any]) -> JsonObject:
    """Return `SdkHttpMetadata` and `SdkResponseMetadata` of an answer."""
    metadata = answer.get("ResponseMetadata", {})
    headers: dict[str, Json] = {
        _HEADERS.get(name, name): value for name, value in metadata.get("HTTPHeaders", {}).items()
    }
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": metadata.get("HTTPStatusCode", 200),
        },
        "SdkResponseMetadata": {"RequestId": metadata.get("RequestId", "")},
    }


def first_upper(name: str) -> str:
    """Return botocore's name of a member as optimised integrations have it."""
    return name[:1].upper() + name[1:]
