"""Admission: how many requests of one function the gateway has in flight at once.

API Gateway throttles by requests a second, as an account on AWS has a thousand functions at once
behind it. A laptop has a handful, and a request that waits for one of them holds a thread and may
wait in vain. So the gateway refuses early what would wait long, as a throttled request.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import threading
from collections import Counter

MAX_IN_FLIGHT = 16
"""Requests of one function: not three times as many as run at once on a laptop. More of them
answer no more a second, as they only contend with each other.
"""


class FunctionAdmission:
    """Counts the requests in flight of each function, and refuses those above a limit."""

    def __init__(self, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        """Admit `max_in_flight` requests of each function."""
        self._max_in_flight = max_in_flight
        self._in_flight: Counter[str] = Counter()
        self._lock = threading.Lock()

    def admits(self, function: str) -> bool:
        """Count a request of `function` in; return False if it has too many in flight."""
        with self._lock:
            if self._in_flight[function] >= self._max_in_flight:
                return False
            self._in_flight[function] += 1
            return True

    def release(self, function: str) -> None:
        """Count a request of `function` out."""
        with self._lock:
            self._in_flight[function] -= 1
