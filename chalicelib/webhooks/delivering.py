"""From an event on the bus to an accepted delivery, however often it takes.

Every step may be repeated: the queue delivers at least once. A delivery's id is the event's, and
its record counts attempts, so a message that comes twice neither delivers nor counts twice,
except where a receiver got a request whose answer was lost; `webhook-id` lets it tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from chalicelib.contracts.webhooks import BusEvent, Delivery, DeliveryDue
from chalicelib.errors import InvalidInput
from chalicelib.webhooks.ports import (
    Answered,
    DeliveryRecords,
    DueQueue,
    Parcel,
    Sender,
    Subscription,
    SubscriptionRecords,
)
from chalicelib.webhooks.schedule import queue_delay, wait_after
from chalicelib.webhooks.signing import headers

_MESSAGE: TypeAdapter[DeliveryDue | BusEvent] = TypeAdapter(DeliveryDue | BusEvent)
_GONE = 410


class Handled(StrEnum):
    """What became of a message, as the line in the log that ends it says."""

    ANNOUNCED = "announced"
    DELIVERED = "delivered"
    FAILED = "failed"
    GIVEN_UP = "given up"
    EARLY = "early"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Delivering:
    """Takes the messages of the queue of webhook work."""

    subscriptions: SubscriptionRecords
    deliveries: DeliveryRecords
    queue: DueQueue
    sender: Sender
    now: Callable[[], datetime]
    chance: Callable[[], float]

    def take(self, body: str) -> Handled:
        """Take one message.

        Raises:
            InvalidInput: it is none that this queue is for; it belongs with the dead letters.
        """
        message = parse(body)
        if isinstance(message, BusEvent):
            return self._announce(message)
        return self._attempt(message)

    def _announce(self, event: BusEvent) -> Handled:
        """Make one delivery for each webhook that wants the event."""
        tenant = str(event.detail["tenant"])
        now = self.now()
        for subscription in self.subscriptions.subscriptions(tenant, now):
            if _wants(subscription, event.detail_type):
                parcel = parcel_of(event, subscription.webhook.webhook_id, now)
                self.deliveries.add_delivery(tenant, parcel)
                self.queue.send_due(next_attempt(tenant, parcel.delivery, now), 0)
        return Handled.ANNOUNCED

    def _attempt(self, due: DeliveryDue) -> Handled:
        parcel = self.deliveries.parcel(due.tenant, due.webhook_id, due.delivery_id)
        if parcel is None or parcel.delivery.status != "pending":
            return Handled.REPEATED
        delivery = parcel.delivery
        if delivery.attempts >= due.attempt:
            self._ask_again_if_lost(due, delivery)
            return Handled.REPEATED
        now = self.now()
        if now < due.due_at:
            self.queue.send_due(due, queue_delay(due.due_at - now))
            return Handled.EARLY
        subscription = self.subscriptions.subscription(due.tenant, due.webhook_id, now)
        if subscription is None or subscription.webhook.status == "gone":
            return self._give_up(due, delivery, Answered(None, "The webhook was removed."), now)
        answer = self.sender.post(
            subscription.webhook.url,
            headers(delivery.delivery_id, now, parcel.body, subscription.secrets),
            parcel.body,
        )
        return self._conclude(due, delivery, answer)

    def _conclude(self, due: DeliveryDue, delivery: Delivery, answer: Answered) -> Handled:
        now = self.now()
        if answer.is_success:
            self._record(due, delivery, answer, now, status="delivered")
            return Handled.DELIVERED
        if answer.status == _GONE:
            self.subscriptions.mark_gone(due.tenant, due.webhook_id)
            return self._give_up(due, delivery, answer, now)
        wait = wait_after(due.attempt, self.chance())
        if wait is None:
            return self._give_up(due, delivery, answer, now)
        if self._record(due, delivery, answer, now, status="pending", wait=wait):
            self._ask_for_next(due, now + wait)
        return Handled.FAILED

    def _give_up(
        self, due: DeliveryDue, delivery: Delivery, answer: Answered, now: datetime
    ) -> Handled:
        self._record(due, delivery, answer, now, status="failed")
        return Handled.GIVEN_UP

    def _record(
        self,
        due: DeliveryDue,
        delivery: Delivery,
        answer: Answered,
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
        """Ask for the next attempt once more, in case an earlier delivery of this message died
        between recording its attempt and asking.
        """
        if delivery.attempts == due.attempt and delivery.next_attempt_at is not None:
            self._ask_for_next(due, delivery.next_attempt_at)

    def _ask_for_next(self, due: DeliveryDue, due_at: datetime) -> None:
        following = due.model_copy(update={"attempt": due.attempt + 1, "due_at": due_at})
        self.queue.send_due(following, queue_delay(due_at - self.now()))


def parcel_of(event: BusEvent, webhook_id: str, now: datetime) -> Parcel:
    """Return the delivery of `event` to one webhook, with what is sent.

    Its id is the same for every webhook, and ids order as the events' times do.
    """
    delivery = Delivery(
        delivery_id=f"evt_{event.time.astimezone(UTC):%Y%m%dT%H%M%S}_{event.id}",
        webhook_id=webhook_id,
        type=event.detail_type,
        created_at=now,
        updated_at=now,
        next_attempt_at=now,
    )
    return Parcel(delivery, _body(event))


def next_attempt(tenant: str, delivery: Delivery, now: datetime) -> DeliveryDue:
    """Return the message that asks for the next attempt at `delivery` at once."""
    return DeliveryDue(
        tenant=tenant,
        webhook_id=delivery.webhook_id,
        delivery_id=delivery.delivery_id,
        attempt=delivery.attempts + 1,
        due_at=now,
    )


def _body(event: BusEvent) -> bytes:
    """Return what a receiver gets: the event's type, time and detail."""
    content = {
        "type": event.detail_type,
        "timestamp": event.time.isoformat().replace("+00:00", "Z"),
        "data": event.detail,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def parse(body: str) -> DeliveryDue | BusEvent:
    """Parse a message of the queue, or raise `InvalidInput`."""
    try:
        message = _MESSAGE.validate_json(body)
    except ValidationError as error:
        raise InvalidInput(f"Not webhook work: {error.error_count()} problems.") from error
    if isinstance(message, BusEvent) and not isinstance(message.detail.get("tenant"), str):
        raise InvalidInput("The event names no tenant.", field="detail.tenant")
    return message


def _wants(subscription: Subscription, detail_type: str) -> bool:
    webhook = subscription.webhook
    return webhook.status == "active" and (not webhook.events or detail_type in webhook.events)
