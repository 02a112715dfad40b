"""How a payload that another service delivers becomes a SendMessage request."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any


def text_of(payload: object, definition: Mapping[str, Any]) -> str:
    """Return the body for a delivered payload: its exact text if the sender kept it, else JSON."""
    exact = definition.get("PayloadText")
    if isinstance(exact, str):
        return exact
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def delivery_params(url: str, payload: object, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the SendMessage request for a target delivery to the queue at `url`."""
    params: dict[str, Any] = {"QueueUrl": url, "MessageBody": text_of(payload, definition)}
    group = (definition.get("SqsParameters") or {}).get("MessageGroupId")
    if group:
        params["MessageGroupId"] = group
    if definition.get("MessageAttributes"):
        params["MessageAttributes"] = definition["MessageAttributes"]
    if url.endswith(".fifo") and definition.get("DeduplicationId"):
        params["MessageDeduplicationId"] = definition["DeduplicationId"]
    elif url.endswith(".fifo"):
        params["MessageDeduplicationId"] = str(uuid.uuid4())
    return params
