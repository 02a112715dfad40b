"""Stored responses of requests that are sent with an `Idempotency-Key`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdempotentResponse:
    """The response to an earlier request with the key; `body` is compressed JSON.

    The status is `BEGUN` while it is being made.
    """

    request_hash: str
    status: int
    body: bytes


BEGUN = 0
