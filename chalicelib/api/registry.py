"""`/v1/registry`: versions of trained models, which operators approve and reject."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.http import (
    json_response,
    limit_of,
    parse_body,
    query_value,
    require_operator,
    serve_operation,
)
from chalicelib.contracts.operations import Operation, Parameter, limit_parameter
from chalicelib.contracts.registry import (
    DecideVersionRequest,
    ModelVersionList,
    ModelVersionView,
    VersionState,
)
from chalicelib.errors import InvalidInput, NotFound, NotPermitted

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts

MAX_PAGE = 100
_MAX_DIGITS = 9
_MAX_TOKEN = 8192
_GROUP = Parameter(
    "group",
    "The group to list, `headrace-STAGE-RECIPE`; left out, all of the stage.",
    {"type": "string", "minLength": 1, "maxLength": 63},
)
_CURSOR = Parameter(
    "cursor",
    "`next_cursor` of the page before; opaque.",
    {"type": "string", "minLength": 1, "maxLength": _MAX_TOKEN},
)


class ModelRegistryVersions(Protocol):
    """The versions of a stage."""

    def versions(self, group: str | None, cursor: str | None, limit: int) -> ModelVersionList:
        """Return a page of versions; raise `NotFound` or `InvalidInput`."""

    def version(self, group: str, number: int) -> ModelVersionView:
        """Return one version; raise `NotFound`."""

    def decide(
        self, group: str, number: int, state: VersionState, comment: str
    ) -> ModelVersionView:
        """Approve or reject a version and return it; raise `NotFound`."""


def build_services(parts: ApiParts) -> ModelRegistryVersions:
    """Return the registry of the stage."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.model_registry import StageRegistry

    return StageRegistry(aws.sagemaker(), parts.stage, parts.environ.get("HEADRACE_REGISTRY", ""))


def routes(
    services: Callable[[], ModelRegistryVersions], authorizer: ChaliceAuthorizer
) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/registry/versions", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "registry",
            {200: ModelVersionList},
            query=(_GROUP, limit_parameter(MAX_PAGE), _CURSOR),
            errors=(NotFound, NotPermitted),
        ),
    )
    def list_model_versions() -> Response:
        """List versions of trained models, newest first, a page at a time; for operators."""
        request = blueprint.current_request
        require_operator(request)
        group, cursor = query_value(request, "group"), query_value(request, "cursor")
        return json_response(services().versions(group, cursor, limit_of(request, MAX_PAGE)))

    @blueprint.route(
        "/v1/registry/versions/{group}/{number}", methods=["GET"], authorizer=authorizer
    )
    @serve_operation(
        blueprint,
        Operation("registry", {200: ModelVersionView}, errors=(NotFound, NotPermitted)),
    )
    def get_model_version(group: str, number: str) -> Response:
        """Show a version of a trained model, and what its gates measured; for operators."""
        require_operator(blueprint.current_request)
        return json_response(services().version(group, _number(number)))

    @blueprint.route(
        "/v1/registry/versions/{group}/{number}/verdict", methods=["PUT"], authorizer=authorizer
    )
    @serve_operation(
        blueprint,
        Operation(
            "registry",
            {200: ModelVersionView},
            body=DecideVersionRequest,
            errors=(NotFound, NotPermitted),
        ),
    )
    def decide_on_model_version(group: str, number: str) -> Response:
        """Approve a version, so that it may serve, or reject it; for operators.

        What a rejected version answers already, it goes on answering until another is served.
        """
        request = blueprint.current_request
        require_operator(request)
        return json_response(_decided(request, group, number, services()))

    return blueprint


def _decided(
    request: Request, group: str, number: str, registry: ModelRegistryVersions
) -> ModelVersionView:
    verdict = parse_body(request, DecideVersionRequest)
    return registry.decide(group, _number(number), verdict.state, verdict.comment)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS or int(text) < 1:
        raise InvalidInput("A version's number is a whole number from 1.", field="number")
    return int(text)
