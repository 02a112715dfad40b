"""Delivery of events to webhooks, from an event on the bus to an accepted request.

Every step may be repeated: the queue delivers at least once. A delivery's id is the event's, and
its record counts attempts, so that a repeated message neither delivers nor counts twice, except
where a receiver got a request whose answer was lost; `webhook-id` lets it detect that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

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


MAX_QUEUE_DELAY = timedelta(minutes=15)
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""


def retry_wait(attempts: int, chance: float) -> timedelta | None:
    """Return how long to wait after `attempts` failed ones, or None after the last.

    `chance` in [0, 1) adds up to a tenth, so that deliveries that failed together do not return
    together.
    """
    in_round = (attempts - 1) % MAX_ATTEMPTS
    if in_round == len(RETRY_WAITS):
        return None
    return RETRY_WAITS[in_round] * (1 + chance / 10)


def queue_delay(left: timedelta) -> int:
    """Return for how many whole seconds the queue may hold a message that is due in `left`."""
    return max(0, min(int(MAX_QUEUE_DELAY.total_seconds()), math.ceil(left.total_seconds())))


_MESSAGE: TypeAdapter[DeliveryDue | WebhookEvent] = TypeAdapter(DeliveryDue | WebhookEvent)
_GONE = 410


class DeliveryResult(StrEnum):
    """The result of a message, as its closing log line says."""

    ANNOUNCED = "announced"
    DELIVERED = "delivered"
    FAILED = "failed"
    GIVEN_UP = "given up"
    EARLY = "early"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class DeliveryProcessor:
    """Processes messages of the webhook queue."""

    subscriptions: SubscriptionRecords
    deliveries: DeliveryRecords
    queue: DueQueue
    sender: Sender
    now: Callable[[], datetime]
    chance: Callable[[], float]

    def take(self, body: str) -> DeliveryResult:
        """Process one message.

        Raises:
            InvalidInput: it is not meant for this queue; it goes to the dead letters.
        """
        message = parse_message(body)
        if isinstance(message, WebhookEvent):
            return self._announce(message)
        return self._attempt(message)

    def _announce(self, event: WebhookEvent) -> DeliveryResult:
        """Create one delivery for each webhook that is subscribed to the event."""
        tenant = str(event.detail["tenant"])
        now = self.now()
        for subscription in self.subscriptions.subscriptions(tenant, now):
            if _is_subscribed(subscription, event.detail_type):
                parcel = new_delivery(event, subscription.webhook.webhook_id, now)
                self.deliveries.add_delivery(tenant, parcel)
                self.queue.send_due(next_attempt(tenant, parcel.delivery, now), 0)
        return DeliveryResult.ANNOUNCED

    def _attempt(self, due: DeliveryDue) -> DeliveryResult:
        parcel = self.deliveries.parcel(due.tenant, due.webhook_id, due.delivery_id)
        if parcel is None or parcel.delivery.status != "pending":
            return DeliveryResult.REPEATED
        delivery = parcel.delivery
        if delivery.attempts >= due.attempt:
            self._ask_again_if_lost(due, delivery)
            return DeliveryResult.REPEATED
        now = self.now()
        if now < due.due_at:
            self.queue.send_due(due, queue_delay(due.due_at - now))
            return DeliveryResult.EARLY
        subscription = self.subscriptions.subscription(due.tenant, due.webhook_id, now)
        if subscription is None or subscription.webhook.status == "gone":
            return self._give_up(
                due, delivery, ReceiverResponse(None, "The webhook was removed."), now
            )
        answer = self.sender.post(
            subscription.webhook.url,
            signed_headers(delivery.delivery_id, now, parcel.body, subscription.secrets),
            parcel.body,
        )
        return self._conclude(due, delivery, answer)

    def _conclude(
        self, due: DeliveryDue, delivery: Delivery, answer: ReceiverResponse
    ) -> DeliveryResult:
        now = self.now()
        if answer.is_success:
            self._record(due, delivery, answer, now, status="delivered")
            return DeliveryResult.DELIVERED
        if answer.status == _GONE:
            self.subscriptions.mark_gone(due.tenant, due.webhook_id)
            return self._give_up(due, delivery, answer, now)
        wait = retry_wait(due.attempt, self.chance())
        if wait is None:
            return self._give_up(due, delivery, answer, now)
        if self._record(due, delivery, answer, now, status="pending", wait=wait):
            self._ask_for_next(due, now + wait)
        return DeliveryResult.FAILED

    def _give_up(
        self, due: DeliveryDue, delivery: Delivery, answer: ReceiverResponse, now: datetime
    ) -> DeliveryResult:
        self._record(due, delivery, answer, now, status="failed")
        return DeliveryResult.GIVEN_UP

    def _record(
        self,
        due: DeliveryDue,
        delivery: Delivery,
        answer: ReceiverResponse,
        now: datetime,
        *,
        status: str,
        wait: timedelta | None = None,
    ) -> bool:
        tried = delivery.model_copy(
            update={
                "attempts": due.attempt,
                "status": status,
                "last_http_status": answer.status,
                "last_error": answer.error,
                "updated_at": now,
                "next_attempt_at": None if wait is None else now + wait,
            }
        )
        return self.deliveries.record_attempt(due.tenant, tried)

    def _ask_again_if_lost(self, due: DeliveryDue, delivery: Delivery) -> None:
        """Request the next attempt again, in case this message's earlier delivery died before.

        It may have recorded its attempt without sending the message for the next.
        """
        if delivery.attempts == due.attempt and delivery.next_attempt_at is not None:
            self._ask_for_next(due, delivery.next_attempt_at)

    def _ask_for_next(self, due: DeliveryDue, due_at: datetime) -> None:
        following = due.model_copy(update={"attempt": due.attempt + 1, "due_at": due_at})
        self.queue.send_due(following, queue_delay(due_at - self.now()))


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


def next_attempt(tenant: str, delivery: Delivery, now: datetime) -> DeliveryDue:
    """Return the message that asks for the next attempt at `delivery` at once."""
    return DeliveryDue(
        tenant=tenant,
        webhook_id=delivery.webhook_id,
        delivery_id=delivery.delivery_id,
        attempt=delivery.attempts + 1,
        due_at=now,
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


def _is_subscribed(subscription: Subscription, detail_type: str) -> bool:
    webhook = subscription.webhook
    return webhook.status == "active" and (not webhook.events or detail_type in webhook.events)
