"""PutEvents: what an entry must be, and the event it becomes.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from localcloud.clock import Clock, iso
from localcloud.errors import AwsError, unsupported
from localcloud.events.names import invalid
from localcloud.events.transform import compact
from localcloud.service import CloudContext

MAX_ENTRIES = 10
MAX_BYTES = 1_048_576
"""The entries of one request must stay below 1 MB together."""

Entry = Mapping[str, Any]


def check_request(entries: Sequence[Entry]) -> None:
    """Raise ValidationException unless the request's count and size are within the limits."""
    if not 1 <= len(entries) <= MAX_ENTRIES:
        bound = f"less than or equal to {MAX_ENTRIES}" if entries else "greater than or equal to 1"
        raise invalid(
            "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed to "
            f"satisfy constraint: Member must have length {bound}"
        )
    if sum(size(entry) for entry in entries) >= MAX_BYTES:
        raise invalid("Total size of the entries in the request is over the limit.")


def size(entry: Entry) -> int:
    """Return the bytes that an entry counts, by AWS's rule.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    """
    texts = [entry.get(name) or "" for name in ("Source", "DetailType", "Detail")]
    total = sum(len(text.encode()) for text in [*texts, *(entry.get("Resources") or [])])
    return total + (14 if entry.get("Time") is not None else 0)


def event_of(context: CloudContext, clock: Clock, entry: Entry) -> dict[str, Any]:
    """Return the event that `entry` becomes, or raise AwsError with its per-entry error code."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            raise AwsError(
                "InvalidArgument",
                f"Parameter {name} is not valid. Reason: {name} is a required argument.",
            )
    if entry.get("TraceHeader") is not None:
        raise unsupported("EventBridge", "TraceHeader of an entry")
    if re.match(r"aws\.", entry["Source"], re.IGNORECASE):
        raise AwsError("NotAuthorizedForSourceException", "Not authorized for the source.")
    return new_event(
        context,
        clock,
        {
            "source": entry["Source"],
            "detail-type": entry["DetailType"],
            "resources": list(entry.get("Resources") or []),
            "detail": parse_detail(entry["Detail"]),
            "time": _time(entry.get("Time")),
        },
    )


def new_event(context: CloudContext, clock: Clock, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole event from `given` source, detail-type, detail and what else it names.

    https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
    """
    return {
        "version": "0",
        "id": given.get("id") or str(uuid.uuid4()),
        "detail-type": given["detail-type"],
        "source": given["source"],
        "account": context.account_id,
        "time": given.get("time") or iso(clock()),
        "region": context.region,
        "resources": list(given.get("resources") or []),
        "detail": given["detail"],
    }


def parse_detail(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`, or raise MalformedDetail."""
    try:
        detail = json.loads(text, parse_constant=_refuse_constant)
        compact(detail)
    except (ValueError, RecursionError) as error:
        raise AwsError("MalformedDetail", "Detail is malformed.") from error
    if not isinstance(detail, dict):
        raise AwsError("MalformedDetail", "Detail is malformed.")
    return detail


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _time(given: datetime | float | None) -> str | None:
    if given is None:
        return None
    return iso(given.timestamp() if isinstance(given, datetime) else given)
