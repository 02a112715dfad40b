"""Matching of requests to the operations of botocore's service models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from localcloud.errors import AwsError


@cache
def model_loader() -> Loader:
    """Return the loader of botocore's models, one for all: it keeps each that it has read.

    A session's own one lists the folders of all services, and reads every model anew.
    """
    loader: Loader = botocore.session.get_session().get_component("data_loader")
    return loader


@cache
def service_model(name: str) -> ServiceModel:
    """Return botocore's model of service `name`; raises UnknownServiceError if it has none."""
    return ServiceModel(model_loader().load_service_model(name, "service-2"), name)


@dataclass(frozen=True, slots=True)
class RestRoute:
    """A REST operation: its method, path pattern, and the query parameters that its URI fixes."""

    operation: str
    method: str
    pattern: re.Pattern[str]
    query: frozenset[str]
    literals: int


@dataclass(frozen=True, slots=True)
class OperationMatch:
    """The operation that a request names, and the values of its path's labels."""

    operation: OperationModel
    labels: Mapping[str, str]


def _route(operation: OperationModel) -> RestRoute:
    uri, _, query = operation.http["requestUri"].partition("?")
    pattern = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(uri))
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
    return RestRoute(
        operation.name,
        operation.http["method"],
        re.compile(pattern.rstrip("/") + "/?"),
        frozenset(part for part in query.split("&") if part),
        len(re.sub(r"\{\w+\+?\}", "", uri)),
    )


@cache
def _routes(service: str) -> tuple[RestRoute, ...]:
    model = service_model(service)
    routes = [_route(model.operation_model(name)) for name in model.operation_names]
    return tuple(sorted(routes, key=lambda route: (-len(route.query), -route.literals)))


def match_rest(
    service: str, method: str, raw_path: str, query: Mapping[str, Any]
) -> OperationMatch | None:
    """Return the REST operation for `method` and the still encoded `raw_path`, or None."""
    for route in _routes(service):
        matched = route.pattern.fullmatch(raw_path)
        has_query = all(fixed.split("=")[0] in query for fixed in route.query)
        if matched and route.method == method and has_query:
            labels = {name: unquote(value) for name, value in matched.groupdict().items()}
            return OperationMatch(service_model(service).operation_model(route.operation), labels)
    return None


def match_target(service: str, target: str) -> OperationMatch:
    """Return the JSON operation that the header `X-Amz-Target` names.

    Raises UnknownOperationException if the service does not have it.
    """
    prefix, _, name = target.rpartition(".")
    model = service_model(service)
    if prefix != model.metadata["targetPrefix"] or name not in model.operation_names:
        raise AwsError("UnknownOperationException", f"Unknown operation {target!r}.", 400)
    return OperationMatch(model.operation_model(name), {})
