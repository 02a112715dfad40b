"""The rules of batch requests, which all batch operations share.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.errors import AwsError
from localcloud.sqs.errors import BATCH_ERROR_CODES

MAX_ENTRIES = 10
BatchEntry = Mapping[str, Any]


def check_batch(entries: Sequence[BatchEntry]) -> None:
    """Raise AwsError unless there are 1 to 10 entries with distinct, valid ids."""
    if not entries:
        raise AwsError(
            "EmptyBatchRequest",
            "There should be at least one SendMessageBatchRequestEntry in the request.",
        )
    if len(entries) > MAX_ENTRIES:
        raise AwsError(
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are "
            f"{MAX_ENTRIES}. You have sent {len(entries)}.",
        )
    seen: set[str] = set()
    for entry in entries:
        name = str(entry.get("Id", ""))
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name):
            raise AwsError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and "
                "underscores. It can be at most 80 letters long.",
            )
        if name in seen:
            raise AwsError("BatchEntryIdsNotDistinct", f"Id {name} repeated.")
        seen.add(name)


def run_batch(
    entries: Sequence[BatchEntry], operation: Callable[[BatchEntry], Mapping[str, Any]]
) -> dict[str, Any]:
    """Run `operation` on each entry; an AwsError becomes a Failed result of its entry."""
    check_batch(entries)
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **operation(entry)})
        except AwsError as error:
            failed.append(failed_entry(entry, error))
    return {"Successful": successful, "Failed": failed}


def failed_entry(entry: BatchEntry, error: AwsError) -> dict[str, Any]:
    """Return the Failed result of `entry`."""
    return {
        "Id": entry["Id"],
        "SenderFault": True,
        "Code": BATCH_ERROR_CODES.get(error.code, error.code),
        "Message": error.message,
    }
