"""Webhooks in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chalicelib.contracts.webhooks import Delivery, DeliveryDue, Webhook
from chalicelib.webhooks.delivery import DeliveryProcessor, ProcessedMessage
from chalicelib.webhooks.subscriptions import OutgoingDelivery, ReceiverResponse, Subscription

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MAX_VISIBILITY = timedelta(hours=12)
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html"""
SECRET = "whsec_" + "QUJD" * 10


@dataclass
class FakeRecords:
    kept: dict[tuple[str, str], Subscription] = field(default_factory=dict)
    parcels: dict[tuple[str, str, str], OutgoingDelivery] = field(default_factory=dict)
    is_overtaken: bool = False

    def add(self, tenant: str, webhook: Webhook, secret: str = SECRET) -> None:
        self.kept[tenant, webhook.webhook_id] = Subscription(webhook, (secret,))

    def webhooks(self, tenant: str) -> list[Webhook]:
        return [found.webhook for (owner, _), found in self.kept.items() if owner == tenant]

    def webhook(self, tenant: str, webhook_id: str) -> Webhook | None:
        found = self.kept.get((tenant, webhook_id))
        return None if found is None else found.webhook

    def subscriptions(self, tenant: str, now: datetime) -> Sequence[Subscription]:
        return [found for (owner, _), found in self.kept.items() if owner == tenant]

    def subscription(self, tenant: str, webhook_id: str, now: datetime) -> Subscription | None:
        return self.kept.get((tenant, webhook_id))

    def rotate(self, tenant: str, webhook_id: str, secret: str, now: datetime) -> None:
        found = self.kept[tenant, webhook_id]
        self.kept[tenant, webhook_id] = Subscription(found.webhook, (secret, found.secrets[0]))

    def mark_gone(self, tenant: str, webhook_id: str) -> None:
        found = self.kept[tenant, webhook_id]
        gone = found.webhook.model_copy(update={"status": "gone"})
        self.kept[tenant, webhook_id] = Subscription(gone, found.secrets)

    def remove(self, tenant: str, webhook_id: str) -> None:
        self.kept.pop((tenant, webhook_id), None)

    def add_delivery(self, tenant: str, parcel: OutgoingDelivery) -> bool:
        delivery = parcel.delivery
        key = (tenant, delivery.webhook_id, delivery.delivery_id)
        return self.parcels.setdefault(key, parcel) is parcel

    def parcel(self, tenant: str, webhook_id: str, delivery_id: str) -> OutgoingDelivery | None:
        return self.parcels.get((tenant, webhook_id, delivery_id))

    def deliveries(self, tenant: str, webhook_id: str, count: int) -> list[Delivery]:
        found = [
            parcel.delivery
            for (owner, webhook, _), parcel in self.parcels.items()
            if (owner, webhook) == (tenant, webhook_id)
        ]
        return sorted(found, key=lambda delivery: delivery.delivery_id, reverse=True)[:count]

    def claim_attempt(self, tenant: str, delivery: Delivery) -> bool:
        return self._write_pending(tenant, delivery, delivery.attempts - 1)

    def record_result(self, tenant: str, delivery: Delivery) -> bool:
        return self._write_pending(tenant, delivery, delivery.attempts)

    def _write_pending(self, tenant: str, delivery: Delivery, attempts_before: int) -> bool:
        key = (tenant, delivery.webhook_id, delivery.delivery_id)
        before = self.parcels[key]
        if (before.delivery.attempts, before.delivery.status) != (attempts_before, "pending"):
            return False
        self.parcels[key] = OutgoingDelivery(delivery, before.body, before.retries)
        return True

    def force(self, delivery_id: str, status: str) -> None:
        """Put a delivery into a state as if its attempts had led there."""
        for key, parcel in self.parcels.items():
            if key[2] == delivery_id:
                changed = parcel.delivery.model_copy(update={"status": status})
                self.parcels[key] = OutgoingDelivery(changed, parcel.body, parcel.retries)

    def try_again(self, tenant: str, parcel: OutgoingDelivery, now: datetime) -> bool:
        delivery = parcel.delivery
        key = (tenant, delivery.webhook_id, delivery.delivery_id)
        before = self.parcels[key]
        if before != parcel or self.is_overtaken:
            return False
        self.parcels[key] = OutgoingDelivery(
            before.delivery.model_copy(update={"status": "pending", "next_attempt_at": now}),
            before.body,
            before.retries + 1 if delivery.status == "pending" else 1,
        )
        return True


@dataclass
class FakeQueue:
    sent: list[DeliveryDue] = field(default_factory=list)

    def send_due(self, due: DeliveryDue) -> None:
        self.sent.append(due)


class Killed(Exception):  # noqa: N818 - stands for the end of a process
    """The process of the function is killed."""


@dataclass
class FakeReceiver:
    """Answers as told, the last answer again and again; remembers what it got."""

    dies: bool = False
    meanwhile: Callable[[], object] | None = None

    answers: list[ReceiverResponse] = field(default_factory=lambda: [ReceiverResponse(204)])
    got: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> ReceiverResponse:
        self.got.append((url, headers, body))
        if self.dies:
            raise Killed
        if self.meanwhile is not None:
            self.meanwhile()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class World:
    """Webhooks with a clock that jumps to when the next message is due."""

    records: FakeRecords = field(default_factory=FakeRecords)
    queue: FakeQueue = field(default_factory=FakeQueue)
    receiver: FakeReceiver = field(default_factory=FakeReceiver)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.delivering = DeliveryProcessor(
            subscriptions=self.records,
            deliveries=self.records,
            queue=self.queue,
            sender=self.receiver,
            now=lambda: self.now,
            chance=lambda: 0.5,
        )

    def run(self, repeat: int = 1) -> list[str]:
        """Take messages until all are done with, each `repeat` times; return what became."""
        became: list[str] = []
        while self.queue.sent:
            due = self.queue.sent.pop(0)
            processed = [self.take(due) for _ in range(repeat)]
            became += [each.result.name for each in processed]
            waits = [each.again_after for each in processed if each.again_after is not None]
            if waits:
                assert max(waits) <= MAX_VISIBILITY
                self.now += min(waits)
                self.queue.sent.append(due)
        return became

    def take(self, due: DeliveryDue) -> ProcessedMessage:
        return self.delivering.take(due.model_dump_json())


def webhook(webhook_id: str = "wh_a", **fields: object) -> Webhook:
    values = {"webhook_id": webhook_id, "url": "https://example.com/hook", "created_at": NOW}
    return Webhook.model_validate(values | fields)


def event(event_id: str = "e-1", detail_type: str = "document.ready", **detail: object) -> str:
    return json.dumps(
        {
            "version": "0",
            "id": event_id,
            "source": "headrace",
            "detail-type": detail_type,
            "time": "2026-01-02T03:04:00Z",
            "detail": {"tenant": "acme", "document_id": "doc_1"} | detail,
        }
    )
