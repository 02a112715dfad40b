"""Webhooks and deliveries in the records table.

    TENANT#<tenant>   WEBHOOK#<id>              where to send, and the secrets that sign
    TENANT#<tenant>   DELIVERY#<webhook>#<id>   one event on its way; expires after 30 days

The id of a delivery begins with the event's time, so deliveries lie in their order.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.adapters.dynamodb import (
    Delete,
    DynamoTable,
    Item,
    Key,
    Put,
    Update,
    Value,
    WriteCondition,
)
from chalicelib.adapters.records.writes import EXISTS, tenant_pk
from chalicelib.contracts.webhooks import Delivery, Webhook
from chalicelib.errors import Conflict
from chalicelib.webhooks.subscriptions import OutgoingDelivery, Subscription

DELIVERY_LIFETIME = timedelta(days=30)
OLD_SECRET_LIFETIME = timedelta(days=1)
_WEBHOOK = "WEBHOOK#"


class WebhookTable:
    """Stores webhooks by tenant, and their deliveries."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def add(self, tenant: str, webhook: Webhook, secret: str) -> None:
        """Store a new webhook."""
        item: dict[str, Value] = {
            "pk": tenant_pk(tenant),
            "sk": _WEBHOOK + webhook.webhook_id,
            "webhook": webhook.model_dump_json(exclude={"status"}),
            "status": webhook.status,
            "secret": secret,
        }
        self._table.put(Put(item, WriteCondition("attribute_not_exists(pk)")))

    def webhooks(self, tenant: str) -> list[Webhook]:
        """Return the tenant's webhooks."""
        items = self._table.query(tenant_pk(tenant), _WEBHOOK)
        return [_webhook(item) for item in items]

    def webhook(self, tenant: str, webhook_id: str) -> Webhook | None:
        """Return one webhook, or None."""
        item = self._table.get(_webhook_key(tenant, webhook_id))
        return None if item is None else _webhook(item)

    def subscriptions(self, tenant: str, now: datetime) -> Sequence[Subscription]:
        """Return the webhooks of a tenant with the secrets in force."""
        items = self._table.query(tenant_pk(tenant), _WEBHOOK)
        return [_subscription(item, now) for item in items]

    def subscription(self, tenant: str, webhook_id: str, now: datetime) -> Subscription | None:
        """Return one webhook with the secrets in force, or None."""
        item = self._table.get(_webhook_key(tenant, webhook_id))
        return None if item is None else _subscription(item, now)

    def rotate(self, tenant: str, webhook_id: str, secret: str, now: datetime) -> None:
        """Sign with `secret` from now on, and for a day also with the previous one.

        Raises:
            Conflict: there is no such webhook.
        """
        update = Update(
            _webhook_key(tenant, webhook_id),
            "SET #old_secret = #secret, #old_until = :until, #secret = :secret",
            {":until": int((now + OLD_SECRET_LIFETIME).timestamp()), ":secret": secret},
            EXISTS,
        )
        self._table.update(update)

    def mark_gone(self, tenant: str, webhook_id: str) -> None:
        """Record that the receiver wants no more; a removed webhook is no error."""
        update = Update(
            _webhook_key(tenant, webhook_id), "SET #status = :gone", {":gone": "gone"}, EXISTS
        )
        try:
            self._table.update(update)
        except Conflict:
            return

    def remove(self, tenant: str, webhook_id: str) -> None:
        """Remove a webhook; its deliveries expire by themselves."""
        self._table.delete(Delete(_webhook_key(tenant, webhook_id)))

    def add_delivery(self, tenant: str, parcel: OutgoingDelivery) -> bool:
        """Store a new delivery; return False if it exists already."""
        delivery = parcel.delivery
        pk, sk = _delivery_key(tenant, delivery.webhook_id, delivery.delivery_id)
        item: dict[str, Value] = {
            "pk": pk,
            "sk": sk,
            "delivery": delivery.model_dump_json(exclude={"attempts", "status"}),
            "status": delivery.status,
            "attempts": delivery.attempts,
            "body": parcel.body,
            "expires_at": int((delivery.created_at + DELIVERY_LIFETIME).timestamp()),
        }
        try:
            self._table.put(Put(item, WriteCondition("attribute_not_exists(pk)")))
        except Conflict:
            return False
        return True

    def parcel(self, tenant: str, webhook_id: str, delivery_id: str) -> OutgoingDelivery | None:
        """Return a delivery with its body, or None."""
        item = self._table.get(_delivery_key(tenant, webhook_id, delivery_id))
        if item is None:
            return None
        return OutgoingDelivery(_delivery(item), item["body"], item.get("retries", 0))

    def deliveries(self, tenant: str, webhook_id: str, count: int) -> list[Delivery]:
        """Return the newest deliveries of a webhook, at most `count`, newest first."""
        prefix = f"DELIVERY#{webhook_id}#"
        newest = self._table.query(tenant_pk(tenant), prefix, limit=count, newest_first=True)
        return [_delivery(item) for item in itertools.islice(newest, count)]

    def claim_attempt(self, tenant: str, delivery: Delivery) -> bool:
        """Count attempt `delivery.attempts` before it is made; return False if another did."""
        return self._write_pending(tenant, delivery, delivery.attempts - 1)

    def record_result(self, tenant: str, delivery: Delivery) -> bool:
        """Record the result of attempt `delivery.attempts`; return False if it is not the last."""
        return self._write_pending(tenant, delivery, delivery.attempts)

    def _write_pending(self, tenant: str, delivery: Delivery, attempts_before: int) -> bool:
        update = Update(
            _delivery_key(tenant, delivery.webhook_id, delivery.delivery_id),
            "SET #attempts = :attempts, #status = :status, #delivery = :delivery",
            {
                ":attempts": delivery.attempts,
                ":status": delivery.status,
                ":delivery": delivery.model_dump_json(exclude={"attempts", "status"}),
                ":before": attempts_before,
                ":pending": "pending",
            },
            WriteCondition("#attempts = :before AND #status = :pending"),
        )
        return self._updated(update)

    def try_again(self, tenant: str, parcel: OutgoingDelivery, now: datetime) -> bool:
        """Make a delivery due now; return False if it was delivered or tried meanwhile.

        One that waits for its next attempt counts another retry, one that was given up the first.
        """
        delivery = parcel.delivery
        again = delivery.model_copy(update={"next_attempt_at": now, "updated_at": now})
        waits = delivery.status == "pending"
        update = Update(
            _delivery_key(tenant, delivery.webhook_id, delivery.delivery_id),
            "SET #status = :pending, #delivery = :delivery, #retries = :retries",
            {
                ":retries": parcel.retries + 1 if waits else 1,
                ":before": parcel.retries,
                ":was": delivery.status,
                ":pending": "pending",
                ":delivery": again.model_dump_json(exclude={"attempts", "status"}),
                ":attempts": delivery.attempts,
            },
            WriteCondition(
                "#status = :was AND #attempts = :attempts"
                " AND (attribute_not_exists(#retries) OR #retries = :before)"
            ),
        )
        return self._updated(update)

    def _updated(self, update: Update) -> bool:
        try:
            self._table.update(update)
        except Conflict:
            return False
        return True


def _webhook_key(tenant: str, webhook_id: str) -> Key:
    return tenant_pk(tenant), _WEBHOOK + webhook_id


def _delivery_key(tenant: str, webhook_id: str, delivery_id: str) -> Key:
    return tenant_pk(tenant), f"DELIVERY#{webhook_id}#{delivery_id}"


def _webhook(item: Item) -> Webhook:
    webhook = Webhook.model_validate_json(item["webhook"])
    return webhook.model_copy(update={"status": item["status"]})


def _subscription(item: Item, now: datetime) -> Subscription:
    secrets = [item["secret"]]
    if item.get("old_until", 0) > now.timestamp():
        secrets.append(item["old_secret"])
    return Subscription(_webhook(item), tuple(secrets))


def _delivery(item: Item) -> Delivery:
    delivery = Delivery.model_validate_json(item["delivery"])
    return delivery.model_copy(update={"status": item["status"], "attempts": item["attempts"]})
