"""What was asked of a batch, as its job carries it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.contracts.batches import BatchOrder
    from chalicelib.contracts.jobs import JobInput


def order_of(given: JobInput) -> BatchOrder:
    """Return what was asked of the batch; raise `Conflict` where the job is no batch."""
    if given.order is None:
        raise Conflict(f"{given.job_id} is no batch.", field="kind")
    return given.order


def is_late(order: BatchOrder, now: datetime) -> bool:
    """Tell whether it is too late to ask for more."""
    return now >= order.deadline
