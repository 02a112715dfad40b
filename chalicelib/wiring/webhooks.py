"""The composition root of the function that sends webhooks."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.settings import WebhookSettings

if TYPE_CHECKING:
    from chalicelib.webhooks.handlers import WebhookHandlers


def webhooks(environ: Mapping[str, str]) -> WebhookHandlers:
    """Return the handlers for the stage that `environ` describes, built once a process."""
    return _handlers(WebhookSettings.from_environ(environ))


@functools.cache
def _handlers(settings: WebhookSettings) -> WebhookHandlers:
    # Imported here: the API's Lambda ships the same `app.py` and needs none of this to start.
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.webhooks import WebhookTable
    from chalicelib.adapters.sqs import WebhookQueue
    from chalicelib.adapters.webhook_sender import WebhookSender
    from chalicelib.webhooks.delivery import DeliveryProcessor
    from chalicelib.webhooks.handlers import WebhookHandlers

    records = WebhookTable(DynamoTable(aws.dynamodb(), settings.records_table))
    queue = WebhookQueue(aws.sqs(), settings.webhook_queue_url)
    delivering = DeliveryProcessor(
        subscriptions=records,
        deliveries=records,
        queue=queue,
        sender=WebhookSender(private_allowed=settings.private_allowed),
        now=_now,
        chance=random.random,
    )
    return WebhookHandlers(delivering, queue)


def _now() -> datetime:
    return datetime.now(UTC)
