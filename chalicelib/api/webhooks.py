"""`/v1/webhooks`: subscriptions to events, and their deliveries."""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import (
    json_response,
    limit_of,
    parse_body,
    request_id_of,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.contracts.addresses import parse_target
from chalicelib.contracts.operations import Operation, limit_parameter
from chalicelib.contracts.webhooks import (
    CreatedWebhook,
    CreateWebhookRequest,
    Delivery,
    DeliveryList,
    Webhook,
    WebhookEvent,
    WebhookList,
)
from chalicelib.errors import Conflict, NotFound, QuotaExceeded
from chalicelib.webhooks.delivery import due_message, new_delivery
from chalicelib.webhooks.requests import new_secret

if TYPE_CHECKING:
    from chalicelib.webhooks.subscriptions import DueQueue, OutgoingDelivery
    from chalicelib.wiring.api import ApiParts

MAX_WEBHOOKS = 10
MAX_RETRIES = 5
"""The most retries by hand of a delivery that waits: each adds a message in flight, and a queue has
120,000 of those at most.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""
MAX_DELIVERIES = 100
CREATED = 201
ACCEPTED = 202


class WebhookStore(Protocol):
    """Stores webhooks by tenant, and their deliveries."""

    def add(self, tenant: str, webhook: Webhook, secret: str) -> None:
        """Store a new webhook."""

    def webhooks(self, tenant: str) -> list[Webhook]:
        """Return the tenant's webhooks."""

    def webhook(self, tenant: str, webhook_id: str) -> Webhook | None:
        """Return one webhook, or None."""

    def rotate(self, tenant: str, webhook_id: str, secret: str, now: datetime) -> None:
        """Make `secret` the signing secret; the one before it also signs for a day."""

    def remove(self, tenant: str, webhook_id: str) -> None:
        """Remove a webhook."""

    def deliveries(self, tenant: str, webhook_id: str, count: int) -> list[Delivery]:
        """Return the newest deliveries of a webhook, newest first."""

    def parcel(self, tenant: str, webhook_id: str, delivery_id: str) -> OutgoingDelivery | None:
        """Return a delivery with its body, or None."""

    def add_delivery(self, tenant: str, parcel: OutgoingDelivery) -> bool:
        """Store a new delivery; return False if it is there already."""

    def try_again(self, tenant: str, parcel: OutgoingDelivery, now: datetime) -> bool:
        """Make a delivery due now; return False if it was delivered or tried meanwhile."""


@dataclass(frozen=True, slots=True)
class WebhookServices:
    """The collaborators of the views of this module."""

    records: WebhookStore
    queue: DueQueue
    private_allowed: bool
    random_bytes: Callable[[int], bytes]
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> WebhookServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.records.webhooks import WebhookTable
    from chalicelib.adapters.sqs import WebhookQueue
    from chalicelib.settings import WebhookSettings

    settings = WebhookSettings.from_environ(parts.environ)
    return WebhookServices(
        records=WebhookTable(parts.table),
        queue=WebhookQueue(aws.sqs(), settings.webhook_queue_url),
        private_allowed=settings.private_allowed,
        random_bytes=os.urandom,
        now=utcnow,
    )


def routes(services: Callable[[], WebhookServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/webhooks", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "webhooks", {201: CreatedWebhook}, body=CreateWebhookRequest, errors=(QuotaExceeded,)
        ),
    )
    def create_webhook() -> Response:
        """Name an address that hears of events; its secret is shown this once."""
        request, deps = blueprint.current_request, services()
        body = parse_body(request, CreateWebhookRequest)
        return json_response(_create(tenant_of(request), body, deps), CREATED)

    @blueprint.route("/v1/webhooks", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("webhooks", {200: WebhookList}))
    def list_webhooks() -> Response:
        """List the webhooks."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(WebhookList(items=tuple(services().records.webhooks(tenant))))

    @blueprint.route("/v1/webhooks/{webhook_id}", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("webhooks", {200: Webhook}, errors=(NotFound,)))
    def get_webhook(webhook_id: str) -> Response:
        """Show a webhook, without its secret."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(_existing(tenant, webhook_id, services().records))

    @blueprint.route("/v1/webhooks/{webhook_id}", methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("webhooks", {204: None}, errors=(NotFound,)))
    def delete_webhook(webhook_id: str) -> Response:
        """Remove a webhook."""
        tenant, deps = tenant_of(blueprint.current_request), services()
        _existing(tenant, webhook_id, deps.records)
        deps.records.remove(tenant, webhook_id)
        return Response(body="", status_code=204)

    @blueprint.route("/v1/webhooks/{webhook_id}/secret", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("webhooks", {200: CreatedWebhook}, errors=(NotFound,)))
    def rotate_secret(webhook_id: str) -> Response:
        """Give a webhook a new secret; for a day, what is sent is signed with both."""
        tenant, deps = tenant_of(blueprint.current_request), services()
        webhook = _existing(tenant, webhook_id, deps.records)
        secret = new_secret(deps.random_bytes)
        deps.records.rotate(tenant, webhook_id, secret, deps.now())
        return json_response(CreatedWebhook(**webhook.model_dump(), secret=secret))

    @blueprint.route("/v1/webhooks/{webhook_id}/test", methods=["POST"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("webhooks", {202: Delivery}, errors=(NotFound,)))
    def test_webhook(webhook_id: str) -> Response:
        """Send an event that means nothing, so that a receiver can be tried."""
        request, deps = blueprint.current_request, services()
        tenant = tenant_of(request)
        _existing(tenant, webhook_id, deps.records)
        return json_response(_test(tenant, webhook_id, request_id_of(request), deps), ACCEPTED)

    _delivery_routes(blueprint, services, authorizer)
    return blueprint


def _delivery_routes(
    blueprint: Blueprint,
    services: Callable[[], WebhookServices],
    authorizer: ChaliceAuthorizer,
) -> None:
    place = "/v1/webhooks/{webhook_id}/deliveries"

    @blueprint.route(place, methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "webhooks",
            {200: DeliveryList},
            query=(limit_parameter(MAX_DELIVERIES),),
            errors=(NotFound,),
        ),
    )
    def list_deliveries(webhook_id: str) -> Response:
        """Show the newest deliveries of a webhook, newest first."""
        request, deps = blueprint.current_request, services()
        tenant = tenant_of(request)
        _existing(tenant, webhook_id, deps.records)
        found = deps.records.deliveries(tenant, webhook_id, limit_of(request, MAX_DELIVERIES))
        return json_response(DeliveryList(items=tuple(found)))

    @blueprint.route(place + "/{delivery_id}/retry", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("webhooks", {202: Delivery}, errors=(NotFound, Conflict, QuotaExceeded)),
    )
    def retry_delivery(webhook_id: str, delivery_id: str) -> Response:
        """Try a delivery again that was given up, or at once one that waits."""
        tenant, deps = tenant_of(blueprint.current_request), services()
        _existing(tenant, webhook_id, deps.records)
        return json_response(_retry(tenant, webhook_id, delivery_id, deps), ACCEPTED)


def _create(tenant: str, body: CreateWebhookRequest, deps: WebhookServices) -> CreatedWebhook:
    parse_target(body.url, private_allowed=deps.private_allowed)
    if len(deps.records.webhooks(tenant)) >= MAX_WEBHOOKS:
        raise QuotaExceeded(
            f"A tenant has at most {MAX_WEBHOOKS} webhooks; delete one first.",
            limit=str(MAX_WEBHOOKS),
        )
    webhook = Webhook(
        webhook_id="wh_" + base64.b32encode(deps.random_bytes(15)).decode().lower(),
        url=body.url,
        events=body.events,
        description=body.description,
        created_at=deps.now(),
    )
    secret = new_secret(deps.random_bytes)
    deps.records.add(tenant, webhook, secret)
    return CreatedWebhook(**webhook.model_dump(), secret=secret)


def _existing(tenant: str, webhook_id: str, records: WebhookStore) -> Webhook:
    webhook = records.webhook(tenant, webhook_id)
    if webhook is None:
        raise NotFound(f"There is no webhook {webhook_id}.", field="webhook_id")
    return webhook


def _test(tenant: str, webhook_id: str, request_id: str, deps: WebhookServices) -> Delivery:
    """Send an event that means nothing, so that a receiver can be tried."""
    now = deps.now()
    detail = {"tenant": tenant, "webhook_id": webhook_id}
    event = WebhookEvent.model_validate(
        {
            "id": request_id,
            "source": "headrace",
            "detail-type": "webhook.test",
            "time": now,
            "detail": detail,
        }
    )
    parcel = new_delivery(event, webhook_id, now)
    deps.records.add_delivery(tenant, parcel)
    deps.queue.send_due(due_message(tenant, parcel.delivery))
    return parcel.delivery


def _retry(tenant: str, webhook_id: str, wanted: str, deps: WebhookServices) -> Delivery:
    """Try a delivery that was given up once more, and after that as often as a new one.

    One that waits for its next attempt is tried at once.
    """
    parcel = deps.records.parcel(tenant, webhook_id, wanted)
    if parcel is None:
        raise NotFound(f"There is no delivery {wanted}.", field="delivery_id")
    if parcel.delivery.status == "delivered":
        raise Conflict("The delivery was accepted; there is nothing to retry.", field="delivery_id")
    now = deps.now()
    if parcel.delivery.status == "pending" and parcel.retries >= MAX_RETRIES:
        raise _too_many_retries(parcel.delivery, now)
    if not deps.records.try_again(tenant, parcel, now):
        raise Conflict("The delivery was tried at the same time; look at it, and then retry it.")
    deps.queue.send_due(due_message(tenant, parcel.delivery))
    return parcel.delivery.model_copy(update={"status": "pending", "next_attempt_at": now})


def _too_many_retries(delivery: Delivery, now: datetime) -> QuotaExceeded:
    """Return the refusal of a retry by hand, with the time until the next attempt."""
    next_attempt = delivery.next_attempt_at or now
    return QuotaExceeded(
        f"The delivery was retried by hand {MAX_RETRIES} times and waits for its next attempt, due"
        f" at {next_attempt:%Y-%m-%dT%H:%M:%SZ}. Once it is given up, it can be retried.",
        field="delivery_id",
        limit=str(MAX_RETRIES),
        retry_after=max(1, math.ceil((next_attempt - now).total_seconds())),
    )
