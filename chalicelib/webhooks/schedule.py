"""When a delivery is tried again: soon at first, then ever more rarely, for a day."""

from __future__ import annotations

import math
from datetime import timedelta

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""Between one attempt and the next, as the specification of Standard Webhooks proposes."""

ATTEMPTS = len(WAITS) + 1
MAX_QUEUE_DELAY = timedelta(minutes=15)
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""


def wait_after(attempts: int, chance: float) -> timedelta | None:
    """Return how long to wait after `attempts` failed ones, or None after the last.

    `chance` in [0, 1) adds up to a tenth, so that what failed together does not return together.
    """
    in_round = (attempts - 1) % ATTEMPTS
    if in_round == len(WAITS):
        return None
    return WAITS[in_round] * (1 + chance / 10)


def queue_delay(left: timedelta) -> int:
    """Return for how many whole seconds the queue may hold a message that is due in `left`."""
    return max(0, min(int(MAX_QUEUE_DELAY.total_seconds()), math.ceil(left.total_seconds())))
