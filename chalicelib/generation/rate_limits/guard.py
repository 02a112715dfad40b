"""How models are and how fast they are asked: breakers and limiters of one process.

Each process adapts its own rate to what is throttled, as senders do who share a line that none of
them knows. That a breaker opened, or closed again, is told to the other processes through a store;
each asks it every few seconds while it works, and never while it idles.
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

_LEAST_WAIT_S = 0.001


class BreakerStore(Protocol):
    """Where breakers are kept for all processes, as text."""

    def breakers(self) -> Mapping[str, str]:
        """Return what was kept, by model. Raises `Transient` or `Throttled`."""

    def save(self, model: str, breaker: str, seconds: float) -> None:
        """Keep a breaker for `seconds`. Raises `Transient` or `Throttled`."""


@dataclass(frozen=True, slots=True)
class GuardRules:
    """`patience_s` is how long a call waits for its turn, `fresh_s` how long what the store said is
    believed, `kept_s` how long the store keeps it.
    """

    max_wait_s: float = 2.0
    fresh_s: float = 5.0
    ttl_s: float = 3_600.0
    breaker: BreakerRules = BREAKER_RULES
    limiter: LimiterRules = LIMITER_RULES


@dataclass(slots=True)
class ModelGuard:
    """The guard of one process; threads share it. Times are seconds since the epoch.

    `log` hears of a store that does not answer: calls go on by what the process knows itself.
    """

    store: BreakerStore
    epoch_seconds: Callable[[], float]
    sleep: Callable[[float], None]
    on_error: Callable[[HeadraceError], None]
    rules: GuardRules = GuardRules()
    _breakers: dict[str, Breaker] = field(default_factory=dict)
    _limiters: dict[str, Limiter] = field(default_factory=dict)
    _asked: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def health(self) -> Mapping[str, Breaker]:
        """Return the breakers of models, those of other processes among them."""
        self._refresh()
        with self._lock:
            return dict(self._breakers)

    def admit(self, model: str, tenant: str) -> ProbeTicket:
        """Wait for the tenant's turn to ask `model`; returns and raises as the port says."""
        waited = 0.0
        while (wait_s := self._turn(model, tenant)) > 0:
            wait_s = max(wait_s, _LEAST_WAIT_S)
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
        """Note how a call ended: throttling slows down, other failures may open the breaker."""
        with self._lock:
            now = self.epoch_seconds()
            if isinstance(error, Throttled):
                limiter = self._limiters.get(model, UNLIMITED)
                self._limiters[model] = record_throttling(limiter, now, self.rules.limiter)
            before = self._breakers.get(model, CLOSED_BREAKER)
            how = classify_ending(error)
            after = record_call(before, how, now, ticket, self.rules.breaker)
            self._breakers[model] = after
        if after.state != before.state:
            self._tell(model, after)

    def _turn(self, model: str, tenant: str) -> float:
        with self._lock:
            limiter = self._limiters.get(model, UNLIMITED)
            grant = request_call(limiter, tenant, self.epoch_seconds(), self.rules.limiter)
            self._limiters[model] = grant.limiter
            return grant.wait_s

    def _tell(self, model: str, breaker: Breaker) -> None:
        try:
            self.store.save(model, breaker.dump(), self.rules.ttl_s)
        except (Throttled, Transient) as error:
            self.on_error(error)

    def _refresh(self) -> None:
        now = self.epoch_seconds()
        with self._lock:
            if self._asked is not None and now - self._asked < self.rules.fresh_s:
                return
            self._asked = now
        try:
            told = {model: load_breaker(text) for model, text in self.store.breakers().items()}
        except (Throttled, Transient) as error:
            self.on_error(error)
            return
        with self._lock:
            for model, breaker in told.items():
                own = self._breakers.get(model, CLOSED_BREAKER)
                if own.state == "closed" and breaker.state == "open" and breaker.since > own.since:
                    self._breakers[model] = breaker
                elif own.state == "open" and breaker.state == "closed":
                    self._breakers[model] = breaker if breaker.since >= own.since else own
