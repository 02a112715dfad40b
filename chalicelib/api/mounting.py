"""The API put on a Chalice app: blueprints, uniform errors, logs and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chalice.app import Chalice, ChaliceAuthorizer, ConvertToMiddleware, Request, Response

from chalicelib.api import (
    ask,
    collections,
    documents,
    feedback,
    health,
    jobs,
    removals,
    retries,
    search,
    webhooks,
)
from chalicelib.api.ask import AskServices
from chalicelib.api.collections import CollectionServices
from chalicelib.api.documents import DocumentServices
from chalicelib.api.feedback import FeedbackServices
from chalicelib.api.http import SERVICE, framework_errors, request_id_of
from chalicelib.api.jobs import JobServices
from chalicelib.api.removals import RemovalServices
from chalicelib.api.retries import RetryServices
from chalicelib.api.search import SearchServices
from chalicelib.api.webhooks import WebhookServices
from chalicelib.observability import logger, observed

_SERVER_FAULT = 500


class ApiServices(Protocol):
    """What the views stand on, each built when it is first asked for."""

    @property
    def documents(self) -> DocumentServices:
        """What `/v1/documents` stands on."""

    @property
    def collections(self) -> CollectionServices:
        """What `/v1/collections` stands on."""

    @property
    def retries(self) -> RetryServices:
        """What `/v1/documents/{document_id}/retry` stands on."""

    @property
    def jobs(self) -> JobServices:
        """What `/v1/jobs` and `/v1/exports` stand on."""

    @property
    def removals(self) -> RemovalServices:
        """What the removal of a tenant or of a collection's documents stands on."""

    @property
    def search(self) -> SearchServices:
        """What `/v1/search` stands on."""

    @property
    def webhooks(self) -> WebhookServices:
        """What `/v1/webhooks` stands on."""

    @property
    def ask(self) -> AskServices:
        """What `/v1/ask` stands on."""

    @property
    def feedback(self) -> FeedbackServices:
        """What `/v1/feedback` stands on."""


def mount(app: Chalice, services: ApiServices, authorizer: ChaliceAuthorizer, stage: str) -> None:
    """Register the API's routes and middleware on `app`."""
    with_context = logger(SERVICE).inject_lambda_context(
        correlation_id_path="requestContext.requestId"
    )
    app.register_middleware(ConvertToMiddleware(with_context), "http")
    app.register_middleware(_observe, "http")
    app.register_middleware(framework_errors, "http")
    app.register_blueprint(health.routes(stage))
    app.register_blueprint(documents.routes(lambda: services.documents, authorizer))
    app.register_blueprint(collections.routes(lambda: services.collections, authorizer))
    app.register_blueprint(retries.routes(lambda: services.retries, authorizer))
    app.register_blueprint(jobs.routes(lambda: services.jobs, authorizer))
    app.register_blueprint(removals.routes(lambda: services.removals, authorizer))
    app.register_blueprint(search.routes(lambda: services.search, authorizer))
    app.register_blueprint(webhooks.routes(lambda: services.webhooks, authorizer))
    app.register_blueprint(ask.routes(lambda: services.ask, authorizer))
    app.register_blueprint(feedback.routes(lambda: services.feedback, authorizer))


def _observe(event: Request, get_response: Callable[[Request], Response]) -> Response:
    """Chalice middleware: one log line and one set of metrics a request."""
    with observed(SERVICE, request_id_of(event)) as observation:
        response = get_response(event)
        observation.count("Requests")
        if response.status_code >= _SERVER_FAULT:
            observation.count("ServerFaults")
        observation.log.info(
            "answered",
            extra={"method": event.method, "route": event.path, "status": response.status_code},
        )
    return response
