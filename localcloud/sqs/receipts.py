"""Receipt handles: one for each receive of a message, opaque to callers but no secret."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

from localcloud.errors import AwsError
from localcloud.sqs.queues import Queue


@dataclass(frozen=True, slots=True)
class MessageReceipt:
    """One receive of one message from one queue; `nonce` tells receives apart."""

    queue_id: int
    message_id: str
    nonce: str

    def handle(self) -> str:
        """Return the receipt handle that callers see."""
        text = f"{self.queue_id}:{self.message_id}:{self.nonce}"
        return base64.urlsafe_b64encode(text.encode()).decode()


def new_nonce() -> str:
    """Return a random nonce for a receive."""
    return secrets.token_hex(8)


def parse_receipt_handle(queue: Queue, handle: str) -> MessageReceipt:
    """Return the receipt in `handle`. Raises ReceiptHandleIsInvalid if `queue` did not issue it."""
    try:
        text = base64.b64decode(handle.encode(), altchars=b"-_", validate=True).decode()
        queue_id, message_id, nonce = text.split(":")
        receipt = MessageReceipt(int(queue_id), message_id, nonce)
    except (binascii.Error, ValueError) as error:
        raise _invalid_handle(handle) from error
    if receipt.queue_id != queue.id:
        raise _invalid_handle(handle)
    return receipt


def _invalid_handle(handle: str) -> AwsError:
    return AwsError(
        "ReceiptHandleIsInvalid",
        f'The input receipt handle "{handle}" is not a valid receipt handle.',
    )
