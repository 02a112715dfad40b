"""The queues of arrivals and of webhook work.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import translated
from chalicelib.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from chalicelib.contracts.arrivals import MemberGone, RetryWanted
    from chalicelib.contracts.webhooks import DeliveryDue
    from chalicelib.errors import HeadraceError

_MAX_REASON = 1_000
"""The most characters of an error that go with a message."""
_BATCH = 10
"""Messages that one call sends at most."""


class Inbox:
    """The inbox queue, where arrivals wait."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_retry(self, wanted: RetryWanted) -> None:
        """Send the request to run a failed version again; it is stored on return."""
        with translated("asking for another attempt"):
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=wanted.model_dump_json()
            )

    def send_gone(self, gone: Sequence[MemberGone]) -> None:
        """Send messages about members that are gone; all are stored on return.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
        """
        for start in range(0, len(gone), _BATCH):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(n), "MessageBody": message.model_dump_json()}
                for n, message in enumerate(gone[start : start + _BATCH])
            ]
            with translated("telling of members that are gone"):
                answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            failed = answer.get("Failed", [])
            if failed:
                raise Transient(
                    f"{len(failed)} of {len(entries)} messages were not taken, the first because"
                    f" of {failed[0]['Code']}."
                )

    def send_failed(self, body: str, error: HeadraceError) -> None:
        """Send an arrival that keeps failing, with the error in attributes that stay with it.

        The attributes have the names of those that EventBridge gives to dead letters. The queue
        moves the message to them by itself, so that a redrive finds its way back.
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
        """
        with translated("giving an arrival back to the queue"):
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body,
                MessageAttributes={
                    "ERROR_CODE": {"DataType": "String", "StringValue": type(error).__name__},
                    "ERROR_MESSAGE": {
                        "DataType": "String",
                        "StringValue": error.message[:_MAX_REASON] or type(error).__name__,
                    },
                },
            )

    def hide(self, receipt_handle: str, seconds: int) -> None:
        """Let a message that was received come again after `seconds`.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
        """
        with translated("leaving a message in the queue"):
            self._client.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )


class WebhookQueue:
    """The queue of webhook work."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_due(self, due: DeliveryDue) -> None:
        """Send the message that stands for a delivery.

        Its group is the tenant, by which the queue is fair: while one tenant's messages occupy
        the receivers, those of others are received first.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        with translated("asking for a delivery"):
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=due.model_dump_json(),
                MessageGroupId=due.tenant,
            )

    def hide(self, receipt_handle: str, wait: timedelta) -> None:
        """Hide a received message for `wait`, at most 12 hours from when it was received.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
        """
        with translated("hiding a message until it is due"):
            self._client.change_message_visibility(
                QueueUrl=self._queue_url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=max(1, math.ceil(wait.total_seconds())),
            )
