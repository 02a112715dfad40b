"""Subscriptions of webhooks and their deliveries, and the interfaces that store and send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.webhooks import Delivery, DeliveryDue, Webhook


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook with its valid secrets, the newest first."""

    webhook: Webhook
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OutgoingDelivery:
    """A delivery and its body, the same bytes at every attempt.

    `retries` counts those by hand since it was last given up: each left a message in the queue.
    """

    delivery: Delivery
    body: bytes
    retries: int = 0


@dataclass(frozen=True, slots=True)
class ReceiverResponse:
    """A receiver's response to a request; `status` is None if there was none."""

    status: int | None
    error: str = ""

    @property
    def is_success(self) -> bool:
        """Tell whether the receiver accepted it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class SubscriptionRecords(Protocol):
    """Webhooks by tenant."""

    def subscriptions(self, tenant: str, now: datetime) -> Sequence[Subscription]:
        """Return the webhooks of a tenant with their valid secrets."""

    def subscription(self, tenant: str, webhook_id: str, now: datetime) -> Subscription | None:
        """Return one webhook with its valid secrets, or None."""

    def mark_gone(self, tenant: str, webhook_id: str) -> None:
        """Record that the receiver wants no more; a removed webhook is no error."""


class DeliveryRecords(Protocol):
    """Deliveries, kept for 30 days."""

    def add_delivery(self, tenant: str, parcel: OutgoingDelivery) -> bool:
        """Store a new delivery; return False if it exists already."""

    def parcel(self, tenant: str, webhook_id: str, delivery_id: str) -> OutgoingDelivery | None:
        """Return a delivery with its body, or None."""

    def claim_attempt(self, tenant: str, delivery: Delivery) -> bool:
        """Count attempt `delivery.attempts` before it is made; return False if another did."""

    def record_result(self, tenant: str, delivery: Delivery) -> bool:
        """Record the result of attempt `delivery.attempts`; return False if it is not the last."""


class DueQueue(Protocol):
    """The queue of webhook work."""

    def send_due(self, due: DeliveryDue) -> None:
        """Send the message that stands for a delivery."""


class Sender(Protocol):
    """Sends a request to a receiver."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> ReceiverResponse:
        """Return the response; errors on the way are part of it."""
