"""Delivery of events to webhooks, from an event on the bus to an accepted request.

A delivery has one message in the queue, which stays there until its record is final. Between
attempts the message is hidden, and the record says from when on the next one may be made. Every
step may be repeated, as the queue delivers at least once: an attempt is claimed and counted in the
record before the request is sent. A receiver may get a request twice where its response was lost;
`webhook-id` lets it detect that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from chalicelib.contracts.schedule_runs import ScheduleEnded
from chalicelib.contracts.webhooks import Delivery, DeliveryDue, WebhookEvent
from chalicelib.errors import InvalidInput
from chalicelib.webhooks.requests import signed_headers
from chalicelib.webhooks.subscriptions import (
    DeliveryRecords,
    DueQueue,
    OutgoingDelivery,
    ReceiverResponse,
    Sender,
    Subscription,
    SubscriptionRecords,
)

RETRY_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""Waits between attempts, as the specification of Standard Webhooks proposes."""
MAX_ATTEMPTS = len(RETRY_WAITS) + 1
LEASE = timedelta(minutes=1)
"""The time that a claimed attempt keeps others out: no shorter than the function may run."""


def retry_wait(attempts: int, chance: float) -> timedelta | None:
    """Return how long to wait after `attempts` failed ones, or None after the last.

    `chance` in [0, 1) adds up to a tenth, so that deliveries that failed together do not return
    together.
    """
    in_round = (attempts - 1) % MAX_ATTEMPTS
    if in_round == len(RETRY_WAITS):
        return None
    return RETRY_WAITS[in_round] * (1 + chance / 10)


_MESSAGE: TypeAdapter[DeliveryDue | WebhookEvent] = TypeAdapter(DeliveryDue | WebhookEvent)
_GONE = 410
_BROKEN_OFF = "The last attempt broke off before its result was recorded."


class DeliveryResult(StrEnum):
    """The result of a message, as its closing log line says."""

    ANNOUNCED = "announced"
    DELIVERED = "delivered"
    FAILED = "failed"
    GIVEN_UP = "given up"
    EARLY = "early"
    REPEATED = "repeated"


_STATUS = {
    DeliveryResult.DELIVERED: "delivered",
    DeliveryResult.FAILED: "pending",
    DeliveryResult.GIVEN_UP: "failed",
}


@dataclass(frozen=True, slots=True)
class ProcessedMessage:
    """The outcome of a message, and the time until it comes again; None if it is done with."""

    result: DeliveryResult
    again_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class DeliveryProcessor:
    """Processes messages of the webhook queue."""

    subscriptions: SubscriptionRecords
    deliveries: DeliveryRecords
    queue: DueQueue
    sender: Sender
    now: Callable[[], datetime]
    chance: Callable[[], float]

    def take(self, body: str) -> ProcessedMessage:
        """Process one message.

        Raises:
            InvalidInput: it is not meant for this queue; it goes to the dead letters.
        """
        message = parse_message(body)
        if isinstance(message, WebhookEvent):
            return self._announce(message)
        return self._attempt(message)

    def _announce(self, event: WebhookEvent) -> ProcessedMessage:
        """Create one delivery for each webhook that is subscribed to the event, or named by it."""
        tenant = str(event.detail["tenant"])
        now = self.now()
        for subscription in self.subscriptions.subscriptions(tenant, now):
            if _is_subscribed(subscription, event):
                parcel = new_delivery(event, subscription.webhook.webhook_id, now)
                self.deliveries.add_delivery(tenant, parcel)
                self.queue.send_due(due_message(tenant, parcel.delivery))
        return ProcessedMessage(DeliveryResult.ANNOUNCED)

    def _attempt(self, due: DeliveryDue) -> ProcessedMessage:
        parcel = self.deliveries.parcel(due.tenant, due.webhook_id, due.delivery_id)
        if parcel is None or parcel.delivery.status != "pending":
            return ProcessedMessage(DeliveryResult.REPEATED)
        delivery, now = parcel.delivery, self.now()
        due_at = delivery.next_attempt_at or delivery.updated_at + LEASE
        if now < due_at:
            return ProcessedMessage(DeliveryResult.EARLY, due_at - now)
        if delivery.next_attempt_at is None:
            return self._give_up(due.tenant, delivery, ReceiverResponse(None, _BROKEN_OFF))
        subscription = self.subscriptions.subscription(due.tenant, due.webhook_id, now)
        if subscription is None or subscription.webhook.status == "gone":
            removed = ReceiverResponse(None, "The webhook was removed.")
            return self._give_up(due.tenant, delivery, removed)
        claimed = _claimed(delivery, now)
        if not self.deliveries.claim_attempt(due.tenant, claimed):
            return ProcessedMessage(DeliveryResult.REPEATED, LEASE)
        answer = self.sender.post(
            subscription.webhook.url,
            signed_headers(delivery.delivery_id, now, parcel.body, subscription.secrets),
            parcel.body,
        )
        return self._conclude(due.tenant, claimed, answer)

    def _conclude(
        self, tenant: str, delivery: Delivery, answer: ReceiverResponse
    ) -> ProcessedMessage:
        if answer.is_success:
            return self._record(tenant, delivery, answer, DeliveryResult.DELIVERED)
        if answer.status == _GONE:
            self.subscriptions.mark_gone(tenant, delivery.webhook_id)
            return self._give_up(tenant, delivery, answer)
        wait = retry_wait(delivery.attempts, self.chance())
        if wait is None:
            return self._give_up(tenant, delivery, answer)
        return self._record(tenant, delivery, answer, DeliveryResult.FAILED, wait)

    def _give_up(
        self, tenant: str, delivery: Delivery, answer: ReceiverResponse
    ) -> ProcessedMessage:
        return self._record(tenant, delivery, answer, DeliveryResult.GIVEN_UP)

    def _record(
        self,
        tenant: str,
        delivery: Delivery,
        answer: ReceiverResponse,
        result: DeliveryResult,
        wait: timedelta | None = None,
    ) -> ProcessedMessage:
        """Record the result of the last attempt, unless another was claimed meanwhile."""
        now = self.now()
        concluded = delivery.model_copy(
            update={
                "status": _STATUS[result],
                "last_http_status": answer.status,
                "last_error": answer.error,
                "updated_at": now,
                "next_attempt_at": None if wait is None else now + wait,
            }
        )
        if self.deliveries.record_result(tenant, concluded):
            return ProcessedMessage(result, wait)
        return ProcessedMessage(DeliveryResult.REPEATED, LEASE)


def _claimed(delivery: Delivery, now: datetime) -> Delivery:
    """Return the delivery with one more attempt, which counts even if it breaks off.

    After a lost attempt the next one is due when the lease ends; after the last there is none.
    """
    attempts = delivery.attempts + 1
    is_last = retry_wait(attempts, 0) is None
    return delivery.model_copy(
        update={
            "attempts": attempts,
            "updated_at": now,
            "next_attempt_at": None if is_last else now + LEASE,
        }
    )


def new_delivery(event: WebhookEvent, webhook_id: str, now: datetime) -> OutgoingDelivery:
    """Return the delivery of `event` to one webhook, with its body.

    Its id is the same for every webhook, and ids order like the events' times.
    """
    delivery = Delivery(
        delivery_id=f"evt_{event.time.astimezone(UTC):%Y%m%dT%H%M%S}_{event.id}",
        webhook_id=webhook_id,
        type=event.detail_type,
        created_at=now,
        updated_at=now,
        next_attempt_at=now,
    )
    return OutgoingDelivery(delivery, _body(event))


def due_message(tenant: str, delivery: Delivery) -> DeliveryDue:
    """Return the message that stands for `delivery` in the queue."""
    return DeliveryDue(
        tenant=tenant, webhook_id=delivery.webhook_id, delivery_id=delivery.delivery_id
    )


def _body(event: WebhookEvent) -> bytes:
    """Return the body for a receiver: the event's type, time and detail."""
    content = {
        "type": event.detail_type,
        "timestamp": event.time.isoformat().replace("+00:00", "Z"),
        "data": event.detail,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def parse_message(body: str) -> DeliveryDue | WebhookEvent:
    """Parse a message of the queue, or raise `InvalidInput`."""
    try:
        message = _MESSAGE.validate_json(body)
    except ValidationError as error:
        raise InvalidInput(f"Not webhook work: {error.error_count()} problems.") from error
    if isinstance(message, WebhookEvent) and not isinstance(message.detail.get("tenant"), str):
        raise InvalidInput("The event names no tenant.", field="detail.tenant")
    return message


def _is_subscribed(subscription: Subscription, event: WebhookEvent) -> bool:
    """Tell whether a webhook hears of an event.

    The end of a schedule's run names webhooks as where its results go: they hear of it whatever
    they listen to.
    """
    webhook = subscription.webhook
    if webhook.status != "active":
        return False
    is_named = event.detail_type == ScheduleEnded.detail_type and webhook.webhook_id in (
        event.detail.get("webhooks") or ()
    )
    return is_named or not webhook.events or event.detail_type in webhook.events
