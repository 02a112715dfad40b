"""The guard of one process: circuit breakers and rate limiters of all models.

Each process adapts its own rate to the throttling that it meets, like senders that share a line of
unknown capacity. A breaker that opens or closes is saved to a store, which every process reads
every few seconds while it works, and never while it idles.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.errors import HeadraceError, Throttled, Transient
from chalicelib.generation.rate_limits.breaker import (
    BREAKER_RULES,
    CLOSED_BREAKER,
    Breaker,
    BreakerRules,
    ProbeTicket,
    admit_call,
    classify_ending,
    describe_rest,
    load_breaker,
    open_until,
    record_call,
)
from chalicelib.generation.rate_limits.limiter import (
    LIMITER_RULES,
    UNLIMITED,
    Limiter,
    LimiterRules,
    record_throttling,
    request_call,
)

_MIN_WAIT_S = 0.001


class BreakerStore(Protocol):
    """Stores breakers for all processes, as text."""

    def breakers(self) -> Mapping[str, str]:
        """Return the saved breakers by model. Raises `Transient` or `Throttled`."""

    def save(self, model: str, breaker: str, seconds: float) -> None:
        """Save a breaker for `seconds`. Raises `Transient` or `Throttled`."""


@dataclass(frozen=True, slots=True)
class GuardRules:
    """The times of a guard, in seconds, and the rules of its breakers and limiters.

    `max_wait_s` is how long a call waits for its turn, `fresh_s` how long breakers read from the
    store are used, `ttl_s` how long the store keeps them.
    """

    max_wait_s: float = 2.0
    fresh_s: float = 5.0
    ttl_s: float = 3_600.0
    breaker: BreakerRules = BREAKER_RULES
    limiter: LimiterRules = LIMITER_RULES


@dataclass(slots=True)
class ModelGuard:
    """The guard of one process; threads share it. Times are seconds since the epoch.

    `on_error` is called if the store fails: the process goes on with its own breakers.
    """

    store: BreakerStore
    epoch_seconds: Callable[[], float]
    sleep: Callable[[float], None]
    on_error: Callable[[HeadraceError], None]
    rules: GuardRules = GuardRules()
    _breakers: dict[str, Breaker] = field(default_factory=dict)
    _limiters: dict[str, Limiter] = field(default_factory=dict)
    _refreshed_at: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def health(self) -> Mapping[str, Breaker]:
        """Return the breakers of models, including those that other processes opened."""
        self._refresh()
        with self._lock:
            return dict(self._breakers)

    def admit(self, model: str, tenant: str) -> ProbeTicket:
        """Wait for the tenant's turn to call `model`, as `CallGuard.admit` does."""
        waited = 0.0
        while (wait_s := self._turn(model, tenant)) > 0:
            wait_s = max(wait_s, _MIN_WAIT_S)
            if waited + wait_s > self.rules.max_wait_s:
                raise Throttled(
                    f"{model} is asked as often as it takes; try again in {wait_s:.1f} s.",
                    retry_after=math.ceil(wait_s),
                )
            self.sleep(wait_s)
            waited += wait_s
        with self._lock:
            now = self.epoch_seconds()
            before = self._breakers.get(model, CLOSED_BREAKER)
            admitted, breaker = admit_call(before, now, self.rules.breaker)
            self._breakers[model] = breaker
        if not admitted:
            until = open_until(breaker, now, self.rules.breaker) or now
            raise Transient(
                f"{model} is {describe_rest(breaker, until, now)}.",
                retry_after=max(1, math.ceil(until - now)),
            )
        return breaker.since if breaker.state == "half-open" else None

    def record_end(
        self, model: str, error: HeadraceError | None, ticket: ProbeTicket = None
    ) -> None:
        """Record how a call ended: throttling lowers the rate, failures may open the breaker."""
        with self._lock:
            now = self.epoch_seconds()
            if isinstance(error, Throttled):
                limiter = self._limiters.get(model, UNLIMITED)
                self._limiters[model] = record_throttling(limiter, now, self.rules.limiter)
            before = self._breakers.get(model, CLOSED_BREAKER)
            ending = classify_ending(error)
            after = record_call(before, ending, now, ticket, self.rules.breaker)
            self._breakers[model] = after
        if after.state != before.state:
            self._save(model, after)

    def _turn(self, model: str, tenant: str) -> float:
        with self._lock:
            limiter = self._limiters.get(model, UNLIMITED)
            grant = request_call(limiter, tenant, self.epoch_seconds(), self.rules.limiter)
            self._limiters[model] = grant.limiter
            return grant.wait_s

    def _save(self, model: str, breaker: Breaker) -> None:
        try:
            self.store.save(model, breaker.dump(), self.rules.ttl_s)
        except (Throttled, Transient) as error:
            self.on_error(error)

    def _refresh(self) -> None:
        now = self.epoch_seconds()
        with self._lock:
            if self._refreshed_at is not None and now - self._refreshed_at < self.rules.fresh_s:
                return
            self._refreshed_at = now
        try:
            saved = {model: load_breaker(text) for model, text in self.store.breakers().items()}
        except (Throttled, Transient) as error:
            self.on_error(error)
            return
        with self._lock:
            for model, breaker in saved.items():
                own = self._breakers.get(model, CLOSED_BREAKER)
                if own.state == "closed" and breaker.state == "open" and breaker.since > own.since:
                    self._breakers[model] = breaker
                elif own.state == "open" and breaker.state == "closed":
                    self._breakers[model] = breaker if breaker.since >= own.since else own
