"""The API mounted on a Chalice app: resources on demand, uniform errors, logs and metrics."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from chalice.app import Chalice, ChaliceAuthorizer, ConvertToMiddleware, Request, Response

from chalicelib.api.http import FORM, SERVICE, allow_origins, request_id_of, unify_framework_errors
from chalicelib.api.resources import RESOURCES, ApiResource, resource_at
from chalicelib.api.unknown_routes import refuse_unknown_routes
from chalicelib.contracts.http import NO_ORIGIN
from chalicelib.observability import logger, observed

ServicesOf = Callable[[ApiResource], Any]
"""Returns the object that the views of a resource work with; called once for each."""


class MountedResources:
    """The resources of an app, each registered at the first request for one of its paths."""

    def __init__(
        self, app: Chalice, services_of: ServicesOf, authorizer: ChaliceAuthorizer
    ) -> None:
        """Register the resources that are there from the start, and no other."""
        self._app = app
        self._services_of = services_of
        self._authorizer = authorizer
        self._mounted: set[ApiResource] = set()
        for resource in RESOURCES:
            if resource.at_start:
                self._mount(resource)

    def mount_all(self) -> None:
        """Register every resource, for callers that read the routes, such as the template's."""
        for resource in RESOURCES:
            self._mount(resource)

    def mount_requested(
        self, event: Request, get_response: Callable[[Request], Response]
    ) -> Response:
        """Register the resource of the request's path before it is routed (Chalice middleware)."""
        resource = resource_at(event.method, str(event.context.get("resourcePath", "")))
        if resource is not None:
            self._mount(resource)
        return get_response(event)

    def _mount(self, resource: ApiResource) -> None:
        if resource not in self._mounted:
            services = functools.cache(functools.partial(self._services_of, resource))
            self._app.register_blueprint(resource.load().routes(services, self._authorizer))
            self._mounted.add(resource)


def mount(
    app: Chalice,
    services_of: ServicesOf,
    authorizer: ChaliceAuthorizer,
    allowed_origins: str = NO_ORIGIN,
) -> MountedResources:
    """Register the API's middleware on `app`, and its resources as they are requested.

    Args:
        app: The app to mount the API on.
        services_of: Builds the services of a resource.
        authorizer: Authorizes the requests that need an API key.
        allowed_origins: Origins, with commas between, whose pages may read responses.
    """
    mounted = MountedResources(app, services_of, authorizer)
    with_context = logger(SERVICE).inject_lambda_context(
        correlation_id_path="requestContext.requestId"
    )
    app.register_middleware(ConvertToMiddleware(with_context), "http")
    app.register_middleware(_observe, "http")
    app.register_middleware(allow_origins(allowed_origins), "http")
    app.register_middleware(unify_framework_errors(_content_types_in(app)), "http")
    app.register_middleware(mounted.mount_requested, "http")
    app.register_middleware(refuse_unknown_routes(app), "http")
    # A form holds any bytes; the gateway hands on as text what is not listed here.
    app.api.binary_types.append(FORM)
    return mounted


def _observe(event: Request, get_response: Callable[[Request], Response]) -> Response:
    """Log one line for the request and one for its end (Chalice middleware)."""
    with observed(SERVICE, request_id_of(event)) as observation:
        response = get_response(event)
        observation.log.info(
            "answered",
            extra={"method": event.method, "route": event.path, "status": response.status_code},
        )
    return response


def _content_types_in(app: Chalice) -> Callable[[Request], Sequence[str]]:
    """Return what finds the types of body that the route of a request takes."""

    def content_types(event: Request) -> Sequence[str]:
        route = app.routes[str(event.context["resourcePath"])][event.method]
        return tuple(route.content_types)

    return content_types
