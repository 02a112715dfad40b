"""Receipt handles: one a receive, opaque to callers, and no secret."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

from localcloud.errors import AwsError
from localcloud.sqs.queues import Queue


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receive of one message from one queue."""

    queue_id: int
    message_id: str
    nonce: str

    def handle(self) -> str:
        """Return the receipt handle that callers see."""
        text = f"{self.queue_id}:{self.message_id}:{self.nonce}"
        return base64.urlsafe_b64encode(text.encode()).decode()


def new_nonce() -> str:
    """Return what tells one receive of a message from another."""
    return secrets.token_hex(8)


def parse(queue: Queue, handle: str) -> Receipt:
    """Return the receipt in `handle`; raise ReceiptHandleIsInvalid if `queue` gave none such."""
    try:
        text = base64.b64decode(handle.encode(), altchars=b"-_", validate=True).decode()
        queue_id, message_id, nonce = text.split(":")
        receipt = Receipt(int(queue_id), message_id, nonce)
    except (binascii.Error, ValueError) as error:
        raise _invalid(handle) from error
    if receipt.queue_id != queue.id:
        raise _invalid(handle)
    return receipt


def _invalid(handle: str) -> AwsError:
    return AwsError(
        "ReceiptHandleIsInvalid",
        f'The input receipt handle "{handle}" is not a valid receipt handle.',
    )
