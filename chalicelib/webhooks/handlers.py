"""Handlers of Lambda's events about webhooks: messages that come again, logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib.observability import observed

if TYPE_CHECKING:
    from chalicelib.webhooks.delivery import DeliveryProcessor


class _NotDoneError(Exception):
    """Raised for a message that has to come again, which Lambda deletes unless it failed."""


class HiddenMessages(Protocol):
    """The messages that Lambda received of the webhook queue."""

    def hide(self, receipt_handle: str, wait: timedelta) -> None:
        """Hide a received message for `wait`, at most 12 hours from when it was received."""


@dataclass(frozen=True, slots=True)
class WebhookHandlers:
    """Handlers of the webhook queue, which `app.py` binds."""

    delivering: DeliveryProcessor
    messages: HiddenMessages

    def webhook_due(self, event: dict[str, Any]) -> dict[str, Any]:
        """Process a batch of messages; return which have to come again.

        A message that waits is never sent anew: Lambda stops a function that feeds its own queue
        after 16 rounds. https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        """
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        response = process_partial_response(event, self._take, processor)
        return {"batchItemFailures": response["batchItemFailures"]}

    def _take(self, record: SQSRecord) -> None:
        with observed("webhook_due", record.message_id) as observation:
            processed = self.delivering.take(record.body)
            observation.became(processed.result)
            if processed.again_after is not None:
                self.messages.hide(record.receipt_handle, processed.again_after)
        if processed.again_after is not None:
            raise _NotDoneError
