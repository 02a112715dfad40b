"""Webhooks: where a tenant wants to hear of events, and what became of each delivery.

Signatures, headers and bodies follow Standard Webhooks, so that its libraries verify them.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, AwareDatetime, Field
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import Contract, HttpInput

EventType = Literal[
    "document.ready",
    "document.rejected",
    "document.failed",
    "job.accepted",
    "job.completed",
    "job.failed",
    "feedback.received",
    "budget.exceeded",
    "schedule.ended",
    "schedule.paused",
    "rollout.advanced",
    "rollout.waiting",
    "rollout.promoted",
    "rollout.rolled_back",
    "drift.detected",
    "improvement.ended",
    "extraction.ready",
    "extraction.needs_review",
    "webhook.test",
]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
DeliveryStatus = Literal["pending", "delivered", "failed"]

MAX_URL_CHARACTERS = 2_048
MAX_DESCRIPTION_CHARACTERS = 256


def _each_once(types: tuple[EventType, ...]) -> tuple[EventType, ...]:
    if len(set(types)) != len(types):
        raise PydanticCustomError("events", "name each event once")
    return types


class CreateWebhookRequest(HttpInput):
    """`POST /v1/webhooks`: no `events` means all of them, those of later releases too."""

    url: str = Field(
        min_length=1,
        max_length=MAX_URL_CHARACTERS,
        json_schema_extra={"pattern": "^https?://[A-Za-z0-9]"},
    )
    """Where events are posted to; https, unless the stage lets webhooks name any address."""
    events: Annotated[
        tuple[EventType, ...],
        AfterValidator(_each_once),
        Field(json_schema_extra={"uniqueItems": True}),
    ] = ()
    description: str = Field(default="", max_length=MAX_DESCRIPTION_CHARACTERS)


class Webhook(Contract):
    """An address that hears of events. Its secret is shown once, when it is made."""

    webhook_id: str
    url: str
    events: tuple[EventType, ...] = ()
    description: str = ""
    status: Literal["active", "gone"] = "active"
    """`gone`: the receiver answered 410, and gets nothing more until the webhook is made anew."""
    created_at: AwareDatetime


class CreatedWebhook(Webhook):
    """The answer to `POST /v1/webhooks` and to a rotation: the one time the secret is shown."""

    secret: str


class WebhookList(Contract):
    """A tenant's webhooks."""

    items: tuple[Webhook, ...]


class Delivery(Contract):
    """One event on its way to one webhook. `delivery_id` is the `webhook-id` that is sent."""

    delivery_id: str
    webhook_id: str
    type: str
    status: DeliveryStatus = "pending"
    attempts: int = Field(default=0, ge=0)
    last_http_status: int | None = None
    last_error: str = ""
    next_attempt_at: AwareDatetime | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class DeliveryList(Contract):
    """The newest deliveries of a webhook."""

    items: tuple[Delivery, ...]


class WebhookEvent(Contract):
    """An event of the bus `headrace` as EventBridge hands it to the queue.

    https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html
    """

    id: str
    source: Literal["headrace"]
    detail_type: str = Field(alias="detail-type")
    time: AwareDatetime
    detail: dict[str, Any]


class DeliveryDue(Contract):
    """The message that stands for a delivery until its record is final."""

    tenant: str
    webhook_id: str
    delivery_id: str
