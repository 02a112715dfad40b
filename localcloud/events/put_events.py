"""The checks of PutEvents entries, and the events that entries become.

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
from localcloud.events.errors import invalid
from localcloud.events.target_input import compact_json
from localcloud.service import CloudContext

MAX_ENTRIES = 10
MAX_REQUEST_BYTES = 1_048_576
"""The limit of all entries of one request together."""

PutEventsEntry = Mapping[str, Any]


def check_request(entries: Sequence[PutEventsEntry]) -> None:
    """Raise ValidationException unless the request's count and size are within the limits."""
    if not 1 <= len(entries) <= MAX_ENTRIES:
        bound = f"less than or equal to {MAX_ENTRIES}" if entries else "greater than or equal to 1"
        raise invalid(
            "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed to "
            f"satisfy constraint: Member must have length {bound}"
        )
    if sum(entry_size(entry) for entry in entries) >= MAX_REQUEST_BYTES:
        raise invalid("Total size of the entries in the request is over the limit.")


def entry_size(entry: PutEventsEntry) -> int:
    """Return the size of an entry in bytes, as AWS counts it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
    """
    texts = [entry.get(name) or "" for name in ("Source", "DetailType", "Detail")]
    total = sum(len(text.encode()) for text in [*texts, *(entry.get("Resources") or [])])
    return total + (14 if entry.get("Time") is not None else 0)


def event_from_entry(context: CloudContext, clock: Clock, entry: PutEventsEntry) -> dict[str, Any]:
    """Return the event of `entry`, or raise AwsError with the error code of a failed entry."""
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
            "time": _iso_time(entry.get("Time")),
        },
    )


def new_event(context: CloudContext, clock: Clock, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event with the source, detail-type and detail of `fields`.

    Id, time and resources come from `fields` if it has them.

    https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
    """
    return {
        "version": "0",
        "id": fields.get("id") or str(uuid.uuid4()),
        "detail-type": fields["detail-type"],
        "source": fields["source"],
        "account": context.account_id,
        "time": fields.get("time") or iso(clock()),
        "region": context.region,
        "resources": list(fields.get("resources") or []),
        "detail": fields["detail"],
    }


def parse_detail(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`, or raise MalformedDetail."""
    try:
        detail = json.loads(text, parse_constant=_reject_constant)
        compact_json(detail)
    except (ValueError, RecursionError) as error:
        raise AwsError("MalformedDetail", "Detail is malformed.") from error
    if not isinstance(detail, dict):
        raise AwsError("MalformedDetail", "Detail is malformed.")
    return detail


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _iso_time(time: datetime | float | None) -> str | None:
    if time is None:
        return None
    return iso(time.timestamp() if isinstance(time, datetime) else time)
