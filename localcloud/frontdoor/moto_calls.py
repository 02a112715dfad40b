"""Calls of moto's services: which operation a request names, in one reading for all.

Permissions, the journal and moto must agree on the operation. So it is read once, by the one
protocol that the request speaks, and a request that could be read in two ways is refused.

https://smithy.io/2.0/aws/protocols/index.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from localcloud.errors import AwsError
from localcloud.frontdoor.request import FrontDoorRequest
from localcloud.moto.journal import RawCall
from localcloud.wire.requests import parse_json
from localcloud.wire.service_models import service_model

_MODELS: Mapping[str, str] = {"monitoring": "cloudwatch"}
"""The name of botocore's model by signing name, where they differ."""

_FORM = "application/x-www-form-urlencoded"
_TARGET = "x-amz-target"
_FORWARDED_HEADERS = (_TARGET, "content-type", "authorization", "x-amz-date", "smithy-protocol")
_RPC_PATH = re.compile(r"/service/(\w+)/operation/(\w+)")


def read_call(signing_name: str, request: FrontDoorRequest, body: bytes) -> RawCall:
    """Read a call as moto takes it, with the name of its operation.

    Raises AwsError for a request that names no operation of the service, or more than one.
    """
    if request.method != "POST" or request.query_string:
        raise AwsError(
            "InvalidAction",
            f"{signing_name} takes the operation in the body or a header of a POST, not in a query",
        )
    operation = _operation(signing_name, request, body)
    if operation not in _model(signing_name).operation_names:
        code = "InvalidAction" if _is_form(request) else "UnknownOperationException"
        raise AwsError(code, f"{signing_name} has no operation {operation!r}.")
    headers = {
        name: request.headers[name] for name in _FORWARDED_HEADERS if name in request.headers
    }
    return RawCall(signing_name, operation, "POST", request.path, headers, body)


def call_params(call: RawCall) -> dict[str, Any]:
    """Return the parameters of a call, as permissions need them: of JSON or a form."""
    if _TARGET not in call.headers:
        return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
    params = parse_json(call.body)
    if not isinstance(params, dict):
        raise AwsError("SerializationException", "The body must be a JSON object.")
    return params


def _model(signing_name: str) -> Any:
    return service_model(_MODELS.get(signing_name, signing_name))


def _is_form(request: FrontDoorRequest) -> bool:
    return request.headers["content-type"].partition(";")[0].strip().lower() == _FORM


def _operation(signing_name: str, request: FrontDoorRequest, body: bytes) -> str:
    metadata = _model(signing_name).metadata
    target = request.headers.get(_TARGET)
    if "smithy-protocol" in request.headers:
        found = _RPC_PATH.fullmatch(request.path)
        if found is not None and found[1] == metadata.get("targetPrefix") and target is None:
            return found[2]
    elif request.path == "/" and target is not None and not _is_form(request):
        prefix, _, operation = target.rpartition(".")
        if prefix == metadata.get("targetPrefix"):
            return operation
    elif request.path == "/" and target is None and "query" in metadata["protocols"]:
        return _form_action(request, body)
    raise AwsError(
        "UnknownOperationException",
        f"{request.path} with the target {target!r} names no operation of {signing_name}.",
    )


def _form_action(request: FrontDoorRequest, body: bytes) -> str:
    if not _is_form(request):
        raise AwsError("MissingAction", f"The body must be of the type {_FORM}.")
    names = [
        value
        for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        if name == "Action"
    ]
    if len(names) != 1:
        raise AwsError("MissingAction", f"Action must be given once, not {len(names)} times.")
    return names[0]
