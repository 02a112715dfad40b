"""How many requests a method takes: a bucket of tokens for each, as API Gateway has it.

A stage's limits are applied method by method, so that one that is asked too much leaves the others
as they are: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.apigateway.stage import Limit, Stage


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Throttle:
    """The buckets of all methods of a stage."""

    def __init__(self, stage: Stage, clock: Callable[[], float]) -> None:
        """Hold requests to the limits of `stage`; `clock` gives seconds."""
        self._stage = stage
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._guard = threading.Lock()

    def admits(self, path: str, method: str) -> bool:
        """Take a token for a request to the resource `path`; False where there is none."""
        limit = self._stage.limit(path, method)
        if limit is None:
            return True
        with self._guard:
            return self._take((path, method), limit)

    def _take(self, name: tuple[str, str], limit: Limit) -> bool:
        now = self._clock()
        bucket = self._buckets.setdefault(name, _Bucket(limit.burst, now))
        gained = (now - bucket.filled_at) * limit.rate
        bucket.tokens = min(float(limit.burst), bucket.tokens + gained)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
