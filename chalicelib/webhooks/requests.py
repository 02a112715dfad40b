"""Requests to webhooks: how a request is signed.

Secrets and signatures are those of Standard Webhooks.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

SECRET_PREFIX = "whsec_"  # noqa: S105 - a mark, not a secret
SECRET_BYTES = 32


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """Return a new secret in its public form: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(random_bytes(SECRET_BYTES)).decode()


def signed_headers(
    message_id: str, moment: datetime, body: bytes, secrets: Sequence[str]
) -> dict[str, str]:
    """Return the headers that let a receiver verify `body`, with one signature a secret.

    After a rotation, both secrets are valid for a day.
    """
    timestamp = str(int(moment.timestamp()))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "content-type": "application/json",
        "user-agent": "headrace-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
