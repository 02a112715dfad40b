"""Handlers of Lambda's events about webhooks: partial failures, logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib.observability import observed

if TYPE_CHECKING:
    from chalicelib.webhooks.delivery import DeliveryProcessor


@dataclass(frozen=True, slots=True)
class WebhookHandlers:
    """Handlers of the webhook queue, which `app.py` binds."""

    delivering: DeliveryProcessor

    def webhook_due(self, event: dict[str, Any]) -> dict[str, Any]:
        """Process a batch of messages; return which have to come again."""
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        response = process_partial_response(event, self._take, processor)
        return {"batchItemFailures": response["batchItemFailures"]}

    def _take(self, record: SQSRecord) -> None:
        with observed("webhook_due", record.message_id) as observation:
            observation.became(self.delivering.take(record.body))
