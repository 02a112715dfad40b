"""The guard of one process: circuit breakers and rate limiters of all models.

Each tenant has a breaker of its own for a model, as calls may fail by what a tenant asks for: its
deadlines, sizes or options. Once the breakers of several tenants are open, and of half of those
that call, the model itself is taken to be down, and rests for everyone.

Each process adapts its own rate to the throttling that it meets, like senders that share a line of
unknown capacity. A breaker that opens or closes is saved to a store, which every process reads
every few seconds while it works, and never while it idles.
"""

from __future__ import annotations

import hashlib
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
_OUTAGE_TENANTS = 2
"""Open breakers of so many tenants, and of half of those that call, mean that a model is down."""
_MAX_BREAKERS = 4_096
"""Above so many, breakers of tenants that do not call any more are forgotten."""


class BreakerStore(Protocol):
    """Stores breakers for all processes, as text."""

    def breakers(self) -> Mapping[str, str]:
        """Return the saved breakers by name. Raises `Transient` or `Throttled`."""

    def save(self, name: str, breaker: str, seconds: float) -> None:
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

    def health(self, tenant: str) -> Mapping[str, Breaker]:
        """Return the breakers by model that hold for a tenant, also of other processes."""
        self._refresh()
        with self._lock:
            now = self.epoch_seconds()
            models = {name.partition(_SEPARATOR)[0] for name in self._breakers}
            found = {model: self._in_force(model, tenant, now) for model in models}
        return {model: breaker for model, breaker in found.items() if breaker is not None}

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
            name = _breaker_name(model, tenant)
            breaker = self._in_force(model, tenant, now) or CLOSED_BREAKER
            admitted, breaker = admit_call(breaker, now, self.rules.breaker)
            if admitted:
                self._keep(name, breaker, now)
        if not admitted:
            until = open_until(breaker, now, self.rules.breaker) or now
            raise Transient(
                f"{model} is {describe_rest(breaker, until, now)}.",
                retry_after=max(1, math.ceil(until - now)),
            )
        return breaker.since if breaker.state == "half-open" else None

    def record_end(
        self, model: str, tenant: str, error: HeadraceError | None, ticket: ProbeTicket = None
    ) -> None:
        """Record how a call ended: throttling lowers the rate, failures may open the breaker."""
        with self._lock:
            now = self.epoch_seconds()
            if isinstance(error, Throttled):
                limiter = self._limiters.get(model, UNLIMITED)
                self._limiters[model] = record_throttling(limiter, now, self.rules.limiter)
            name = _breaker_name(model, tenant)
            before = self._breakers.get(name, CLOSED_BREAKER)
            ending = classify_ending(error)
            after = record_call(before, ending, now, ticket, self.rules.breaker)
            self._keep(name, after, now)
        if after.state != before.state:
            self._save(name, after)

    def _in_force(self, model: str, tenant: str, now: float) -> Breaker | None:
        """Return the breaker that holds for a tenant: its own, or that of an outage. Locked."""
        own = self._breakers.get(_breaker_name(model, tenant))
        if own is not None and own.state != "closed":
            return own
        prefix = model + _SEPARATOR
        calling = [
            breaker
            for name, breaker in self._breakers.items()
            if name.startswith(prefix) and not self._is_past(breaker, now)
        ]
        resting = [b for b in calling if open_until(b, now, self.rules.breaker) is not None]
        if len(resting) < _OUTAGE_TENANTS or 2 * len(resting) < len(calling):
            return own
        return min(resting, key=lambda b: open_until(b, now, self.rules.breaker) or now)

    def _is_past(self, breaker: Breaker, now: float) -> bool:
        """Return whether a breaker tells of calls long ago, and would admit one now."""
        is_resting = open_until(breaker, now, self.rules.breaker) is not None
        return not is_resting and now - breaker.since >= 2 * self.rules.breaker.window_s

    def _keep(self, name: str, breaker: Breaker, now: float) -> None:
        self._breakers[name] = breaker
        if len(self._breakers) > _MAX_BREAKERS:
            past = [each for each, kept in self._breakers.items() if self._is_past(kept, now)]
            for each in past:
                del self._breakers[each]

    def _turn(self, model: str, tenant: str) -> float:
        with self._lock:
            limiter = self._limiters.get(model, UNLIMITED)
            grant = request_call(limiter, tenant, self.epoch_seconds(), self.rules.limiter)
            self._limiters[model] = grant.limiter
            return grant.wait_s

    def _save(self, name: str, breaker: Breaker) -> None:
        try:
            self.store.save(name, breaker.dump(), self.rules.ttl_s)
        except (Throttled, Transient) as error:
            self.on_error(error)

    def _refresh(self) -> None:
        now = self.epoch_seconds()
        with self._lock:
            if self._refreshed_at is not None and now - self._refreshed_at < self.rules.fresh_s:
                return
            self._refreshed_at = now
        try:
            saved = {name: load_breaker(text) for name, text in self.store.breakers().items()}
        except (Throttled, Transient) as error:
            self.on_error(error)
            return
        with self._lock:
            for name, breaker in saved.items():
                own = self._breakers.get(name, CLOSED_BREAKER)
                if own.state == "closed" and breaker.state == "open" and breaker.since > own.since:
                    self._breakers[name] = breaker
                elif own.state == "open" and breaker.state == "closed":
                    self._breakers[name] = breaker if breaker.since >= own.since else own


_SEPARATOR = "#"


def _breaker_name(model: str, tenant: str) -> str:
    """Return the name of a tenant's breaker, from which nobody reads the tenant."""
    return f"{model}{_SEPARATOR}{hashlib.sha256(tenant.encode()).hexdigest()[:16]}"
