"""The API put on a Chalice app: routes as they are asked for, uniform errors, logs and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalice.app import Chalice, ChaliceAuthorizer, ConvertToMiddleware, Request, Response

from chalicelib.api import health, reference
from chalicelib.api.groups import GROUPS, Group, group_of
from chalicelib.api.http import FORM, SERVICE, framework_errors, readable_for, request_id_of
from chalicelib.contracts.http import NO_ORIGIN
from chalicelib.observability import logger, observed

if TYPE_CHECKING:
    from chalicelib.api.services import ApiServices


class Mounted:
    """The routes of an app, each group of which is there once one of its paths was asked for."""

    def __init__(self, app: Chalice, services: ApiServices, authorizer: ChaliceAuthorizer) -> None:
        """Have nothing mounted yet."""
        self._app = app
        self._services = services
        self._authorizer = authorizer
        self._there: set[Group] = set()

    def everything(self) -> None:
        """Mount all groups, for who reads the routes: the template and the API's description."""
        for group in GROUPS.values():
            self._mount(group)

    def on_demand(self, event: Request, get_response: Callable[[Request], Response]) -> Response:
        """Chalice middleware: have the routes of the request's path, before they are looked at."""
        group = group_of(event.method, str(event.context.get("resourcePath", "")))
        if group is not None:
            self._mount(group)
        return get_response(event)

    def _mount(self, group: Group) -> None:
        if group not in self._there:
            self._app.register_blueprint(group(self._services, self._authorizer))
            self._there.add(group)


def mount(
    app: Chalice,
    services: ApiServices,
    authorizer: ChaliceAuthorizer,
    stage: str,
    allowed_origins: str = NO_ORIGIN,
) -> Mounted:
    """Register the API's middleware on `app`, and its routes as they are asked for; pages of
    `allowed_origins` may read.
    """
    mounted = Mounted(app, services, authorizer)
    with_context = logger(SERVICE).inject_lambda_context(
        correlation_id_path="requestContext.requestId"
    )
    app.register_middleware(ConvertToMiddleware(with_context), "http")
    app.register_middleware(_observe, "http")
    app.register_middleware(readable_for(allowed_origins), "http")
    app.register_middleware(framework_errors, "http")
    app.register_middleware(mounted.on_demand, "http")
    # A form holds any bytes; the gateway hands on as text what is not listed here.
    app.api.binary_types.append(FORM)
    app.register_blueprint(health.routes(stage))
    app.register_blueprint(reference.routes())
    return mounted


def _observe(event: Request, get_response: Callable[[Request], Response]) -> Response:
    """Chalice middleware: one log line a request, and its end."""
    with observed(SERVICE, request_id_of(event)) as observation:
        response = get_response(event)
        observation.log.info(
            "answered",
            extra={"method": event.method, "route": event.path, "status": response.status_code},
        )
    return response
