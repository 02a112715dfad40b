"""The queues of arrivals and of webhook work.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.aws import translated
from chalicelib.contracts.arrivals import RetryWanted
from chalicelib.contracts.webhooks import DeliveryDue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

DEFERRALS = "deferrals"
"""The message attribute that counts how often an arrival was sent again."""


class Inbox:
    """The queue that arrivals wait in."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_retry(self, wanted: RetryWanted) -> None:
        """Send the wish to run a failed version again; it is kept on return."""
        with translated("asking for another attempt"):
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=wanted.model_dump_json()
            )

    def send_again(self, body: str, deferrals: int, delay_seconds: int) -> None:
        """Send an arrival once more, to be seen after `delay_seconds` (at most 900)."""
        with translated("deferring an arrival"):
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body,
                DelaySeconds=delay_seconds,
                MessageAttributes={
                    DEFERRALS: {"DataType": "Number", "StringValue": str(deferrals)}
                },
            )


class WebhookQueue:
    """The queue of webhook work."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_due(self, due: DeliveryDue, delay_seconds: int) -> None:
        """Send the message, to be seen after `delay_seconds` (at most 900)."""
        with translated("asking for a delivery"):
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=due.model_dump_json(),
                DelaySeconds=delay_seconds,
            )
