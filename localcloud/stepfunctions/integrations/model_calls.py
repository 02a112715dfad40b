"""`bedrock:invokeModel`, with input and output in S3 if they are large.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-bedrock.html
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.stepfunctions.integrations import botocore_calls
from localcloud.stepfunctions.integrations.integration import ClientFactory, TaskCall
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

MAX_BODY = 256 * 1024
_STYLE = botocore_calls.ErrorStyle("Bedrock", "BedrockRuntime", "BedrockException", semicolons=True)
_S3 = botocore_calls.ErrorStyle("S3", "AmazonS3", "AmazonS3Exception", semicolons=True)
_JSON = "application/json"


def invoke_model(request: TaskCall, clients: ClientFactory) -> Json:
    """Invoke a model; return its response as JSON, or the address in S3 that holds it.

    `Body` and `Input` exclude each other. Objects are read and written with the machine's role.
    """
    parameters = dict(request.parameters)
    source = _parse_s3_uri(parameters.pop("Input", None), "Input")
    target = _parse_s3_uri(parameters.pop("Output", None), "Output")
    parameters |= _body(parameters.get("Body"), source, request, clients)
    parameters.setdefault("ContentType", _JSON)
    client = clients("bedrock-runtime", request.role_arn)
    _, result = botocore_calls.call_optimised(client, _STYLE, "InvokeModel", parameters)
    text, kind = str(result["Body"]), str(result["ContentType"])
    if target is None:
        return {"Body": _parse_body(text, kind), "ContentType": kind}
    bucket, key = target
    s3 = clients("s3", request.role_arn)
    _call_s3(s3.put_object, Bucket=bucket, Key=key, Body=text.encode(), ContentType=kind)
    return {"Body": f"s3://{bucket}/{key}", "ContentType": kind}


def _body(
    body: Json, source: tuple[str, str] | None, request: TaskCall, clients: ClientFactory
) -> JsonObject:
    if (body is None) == (source is None):
        raise ReportedError(errors.RUNTIME, "Give either Body or Input, and not both.")
    if source is not None:
        bucket, key = source
        found = _call_s3(clients("s3", request.role_arn).get_object, Bucket=bucket, Key=key)
        kind = found.get("ContentType", "")
        given: JsonObject = {"Body": found["Body"].read().decode("utf-8", "replace")}
        if kind in ("", "binary/octet-stream") or "ContentType" in request.parameters:
            return given
        return {**given, "ContentType": kind}
    text = body if isinstance(body, str) else dumps(body)
    if len(text.encode()) > MAX_BODY:
        raise ReportedError(
            errors.RUNTIME, f"Body is larger than {MAX_BODY} bytes; put it into S3, as Input."
        )
    return {"Body": text}


def _parse_s3_uri(value: Json, name: str) -> tuple[str, str] | None:
    if value is None:
        return None
    uri = value.get("S3Uri") if isinstance(value, dict) else None
    bucket, _, key = str(uri).removeprefix("s3://").partition("/")
    if not isinstance(uri, str) or not uri.startswith("s3://") or not bucket or not key:
        raise ReportedError(errors.RUNTIME, f"{name} must be {{'S3Uri': 's3://bucket/key'}}.")
    return bucket, key


def _parse_body(text: str, kind: str) -> Json:
    if kind != _JSON:
        return text
    read: Json = json.loads(text)
    return read


def _call_s3(operation: Any, **call: Any) -> Any:
    try:
        return operation(**call)
    except ClientError as error:
        raise _S3.error(error, frozenset()) from error
    except BotoCoreError as error:
        raise _S3.connection_error(error) from error
