"""The table of the API's resources: which module answers which paths.

A resource is a module of this package with two functions. `routes` returns its views as a
blueprint, and `build_services` takes from the parts of the stage what the views need. Nothing else
names a resource: the router, the template, the OpenAPI document and the tests read this table.

A module is imported at the first request for one of its paths. So a cold start that answers a
search loads what searches, and nothing of prompts, budgets or batches: the contracts of all
resources would be most of what it loads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from chalice.app import Blueprint, ChaliceAuthorizer

    from chalicelib.wiring.api import ApiParts


class ResourceModule(Protocol):
    """The functions that the module of a resource has."""

    def build_services(self, parts: ApiParts) -> Any:
        """Return the object that the views of this module work with."""

    def routes(self, services: Callable[[], Any], authorizer: ChaliceAuthorizer) -> Blueprint:
        """Return the views; they call `services` when a request comes, not before."""


@dataclass(frozen=True, slots=True)
class ApiResource:
    """A module of views, and the paths and operations that it answers.

    Attributes:
        module: The module's name below `chalicelib.api`.
        paths: Beginnings of the paths of its routes, as routes write them; of two resources the
            one with the longer beginning answers.
        operations: Methods of paths that are otherwise another resource's. They are apart where
            they need far more modules than the rest of their path does.
        at_start: Whether the routes are mounted before the first request.
    """

    module: str
    paths: tuple[str, ...]
    operations: tuple[tuple[str, str], ...] = ()
    at_start: bool = False

    def load(self) -> ResourceModule:
        """Import the module and return it."""
        return cast("ResourceModule", import_module(f"{__package__}.{self.module}"))


RESOURCES: tuple[ApiResource, ...] = (
    ApiResource("health", ("/v1/health",), at_start=True),
    ApiResource("reference", ("/v1/openapi.json", "/v1/docs"), at_start=True),
    ApiResource("console", ("/console",)),
    ApiResource("documents", ("/v1/documents",)),
    ApiResource("retries", ("/v1/documents/{document_id}/retry",)),
    ApiResource("document_pages", ("/v1/documents/{document_id}/pages",)),
    ApiResource(
        "document_content",
        (
            "/v1/documents/{document_id}/original",
            "/v1/documents/{document_id}/versions",
            "/v1/answers",
        ),
    ),
    ApiResource(
        "recordings",
        ("/v1/documents/{document_id}/captions", "/v1/documents/{document_id}/outline"),
    ),
    ApiResource("collections", ("/v1/collections",)),
    ApiResource("picture_jobs", ("/v1/collections/{name}/pictures",)),
    ApiResource(
        "removals",
        ("/v1/collections/{name}/documents", "/v1/tenant"),
        operations=(("DELETE", "/v1/documents/{document_id}"),),
    ),
    ApiResource("jobs", ("/v1/jobs", "/v1/exports")),
    ApiResource("executions", ("/v1/jobs/{job_id}/execution",)),
    ApiResource("job_errors", ("/v1/jobs/{job_id}/errors",)),
    ApiResource(
        "batches", ("/v1/generations/batches", "/v1/generations/jobs", "/v1/jobs/{job_id}/partial")
    ),
    ApiResource("search", ("/v1/search",)),
    ApiResource("ask", ("/v1/ask",)),
    ApiResource("feedback", ("/v1/feedback",)),
    ApiResource("prompts", ("/v1/prompts",)),
    ApiResource("prompt_runs", ("/v1/prompts/{prompt}/runs",)),
    ApiResource("generations", ("/v1/generations",)),
    ApiResource("evaluations", ("/v1/evaluations",)),
    ApiResource("extractions", ("/v1/extractions",)),
    ApiResource("extractors", ("/v1/extractors",)),
    ApiResource("extraction_reviews", ("/v1/reviews",)),
    ApiResource("labelling", ("/v1/labelling",)),
    ApiResource("schedules", ("/v1/schedules",)),
    ApiResource("schedule_times", ("/v1/schedule-times",)),
    ApiResource("registry", ("/v1/registry",)),
    ApiResource("trainings", ("/v1/trainings",)),
    ApiResource("rollouts", ("/v1/rollouts",)),
    ApiResource("monitors", ("/v1/monitors",)),
    ApiResource("screenings", ("/v1/screenings",)),
    ApiResource("usage", ("/v1/usage", "/v1/budgets")),
    ApiResource("webhooks", ("/v1/webhooks",)),
    ApiResource("mcp", ("/mcp", "/.well-known/oauth-protected-resource")),
    ApiResource("openai.moderations", ("/v1/moderations",)),
    ApiResource("openai.models", ("/v1/models",)),
    ApiResource("openai.files", ("/v1/files",)),
    ApiResource("openai.batches", ("/v1/batches",)),
)

_OF_PATH: Mapping[str, ApiResource] = {
    path: resource for resource in RESOURCES for path in resource.paths
}
_OF_OPERATION: Mapping[tuple[str, str], ApiResource] = {
    operation: resource for resource in RESOURCES for operation in resource.operations
}


def resource_at(method: str, path: str) -> ApiResource | None:
    """Return the resource that answers `method` at `path`, as routes write it, or None."""
    if (method, path) in _OF_OPERATION:
        return _OF_OPERATION[method, path]
    while path:
        if path in _OF_PATH:
            return _OF_PATH[path]
        path = path.rpartition("/")[0]
    return None
