"""What webhooks need of the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.webhooks import Delivery, DeliveryDue, Webhook


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook with what signs for it: the newest secret first."""

    webhook: Webhook
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery and the body that is sent, the same bytes at every attempt."""

    delivery: Delivery
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What a receiver made of a request: `status` is None where none came to an answer."""

    status: int | None
    error: str = ""

    @property
    def is_success(self) -> bool:
        """Tell whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class SubscriptionRecords(Protocol):
    """Webhooks by tenant."""

    def subscriptions(self, tenant: str, now: datetime) -> Sequence[Subscription]:
        """Return the webhooks of a tenant with the secrets in force."""

    def subscription(self, tenant: str, webhook_id: str, now: datetime) -> Subscription | None:
        """Return one webhook with the secrets in force, or None."""

    def mark_gone(self, tenant: str, webhook_id: str) -> None:
        """Record that the receiver wants nothing more; one that was removed is no error."""


class DeliveryRecords(Protocol):
    """Deliveries, kept for 30 days."""

    def add_delivery(self, tenant: str, parcel: Parcel) -> bool:
        """Keep a new delivery; False when it is there already."""

    def parcel(self, tenant: str, webhook_id: str, delivery_id: str) -> Parcel | None:
        """Return a delivery with its body, or None."""

    def record_attempt(self, tenant: str, delivery: Delivery) -> bool:
        """Record the attempt that makes `delivery.attempts`; False when another did before."""


class DueQueue(Protocol):
    """The queue of webhook work."""

    def send_due(self, due: DeliveryDue, delay_seconds: int) -> None:
        """Send the message, to be seen after `delay_seconds` (at most 900)."""


class Sender(Protocol):
    """Sends a request to a receiver."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Return what came of it; whatever goes wrong on the way is in the answer."""
