"""Concurrency: the account's limit, reserved concurrency, and warm execution environments.

AWS gives an account 1,000 concurrent invocations and throttles at once beyond them. A laptop has
far fewer, so an invocation first waits a while for a slot. No function may hold every slot, nor
may all functions that call others together: the API would wait for a slot that only it can free.
A function's own reserved concurrency is set by the template and throttles at once, as on AWS.

New accounts begin with 10, and those throttle at once too: `SMALL_ACCOUNT` is one of them.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from localcloud.errors import AwsError
from localcloud.lambdas.execution_environment import ExecutionEnvironment
from localcloud.lambdas.registry import RegisteredFunction


@dataclass(frozen=True, slots=True)
class ConcurrencyLimits:
    """The limits of one laptop. Times in seconds.

    `function_share` bounds the slots of one function, and those of all functions together that
    call others, so that the functions they call find a free slot.
    `max_environments` bounds busy and idle environments together. It exceeds `concurrency`, so
    that each function of a pipeline can stay warm. `max_batch_wait_s` is how long the batch of an
    event source may wait for a slot.
    """

    concurrency: int = 10
    function_share: int = 6
    max_environments: int = 48
    max_waiting: int = 200
    max_wait_s: float = 10.0
    max_batch_wait_s: float = 60.0
    max_idle_s: float = 600.0


SMALL_ACCOUNT = ConcurrencyLimits(
    concurrency=10, function_share=10, max_wait_s=0.0, max_batch_wait_s=0.0
)
"""A new AWS account: ten invocations at once, of any functions, and none waits for its turn."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ticket:
    """A place in the queue for a slot; no two are equal."""

    function: str


class InvocationSlot:
    """The right to run one invocation, with a warm environment if there is one.

    Its holder sets `environment` to the environment that may be reused, or to None.
    """

    def __init__(
        self, function: RegisteredFunction, environment: ExecutionEnvironment | None
    ) -> None:
        self.function = function
        self.environment = environment


def throttling_error(reason: str) -> AwsError:
    """Return AWS's TooManyRequestsException for `reason`."""
    return AwsError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        429,
        Reason=reason,
        Type="User",
        retryAfterSeconds="1",
    )


def stopping_error() -> AwsError:
    """Return the error of an invocation that the stop of the local cloud interrupts."""
    return AwsError("ServiceException", "The local cloud is stopping.", 500)


class EnvironmentPool:
    """Idle environments and the slots in use, within the limits of this machine."""

    def __init__(
        self, limits: ConcurrencyLimits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin empty."""
        self._limits = limits
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._idle: list[ExecutionEnvironment] = []
        self._busy: Counter[str] = Counter()
        self._queue: deque[_Ticket] = deque()
        self._callers: frozenset[str] = frozenset()
        self._generations: dict[str, int] = {}
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether the local cloud is stopping."""
        return self._stopped

    @contextmanager
    def slot(
        self, function: RegisteredFunction, max_wait_s: float | None = None
    ) -> Iterator[InvocationSlot]:
        """Hold a slot for one invocation of `function`. Raises the throttling error."""
        wait_s = self._limits.max_wait_s if max_wait_s is None else max_wait_s
        slot = self._acquire(function, wait_s)
        try:
            yield slot
        finally:
            self._release(slot)

    def set_callers(self, names: frozenset[str]) -> None:
        """Set which functions call others, so that together they leave slots for those."""
        with self._changed:
            self._callers = names
            self._changed.notify_all()

    def retire(self, function: RegisteredFunction) -> None:
        """Reuse no environment of an older generation of `function` any more."""
        with self._changed:
            self._generations[function.spec.name] = function.generation
            stale = [environment for environment in self._idle if self._is_stale(environment)]
            self._drop(stale)

    def evict_idle(self) -> None:
        """End environments that have been idle for too long."""
        with self._changed:
            limit = self._monotonic() - self._limits.max_idle_s
            self._drop([each for each in self._idle if each.idle_since < limit])

    def stop(self) -> None:
        """Refuse every invocation from now on and end all idle environments."""
        with self._changed:
            self._stopped = True
            self._drop(list(self._idle))
            self._changed.notify_all()

    def _acquire(self, function: RegisteredFunction, wait_s: float) -> InvocationSlot:
        deadline = self._monotonic() + wait_s
        with self._changed:
            self._check_reserved(function)
            self._wait_for_turn(function, deadline)
            self._busy[function.spec.name] += 1
            environment = self._take_warm(function)
            if environment is None:
                self._make_room()
            return InvocationSlot(function, environment)

    def _wait_for_turn(self, function: RegisteredFunction, deadline: float) -> None:
        if len(self._queue) >= self._limits.max_waiting:
            raise throttling_error("ConcurrentInvocationLimitExceeded")
        ticket = _Ticket(function.spec.name)
        self._queue.append(ticket)
        try:
            while self._next() is not ticket:
                self._check_not_stopped()
                left = deadline - self._monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise throttling_error("ConcurrentInvocationLimitExceeded")
            self._check_not_stopped()
            self._check_reserved(function)
        finally:
            self._queue.remove(ticket)
            self._changed.notify_all()

    def _next(self) -> _Ticket | None:
        """Return the ticket that has waited longest of those whose function has slots left."""
        if self._busy.total() >= self._limits.concurrency:
            return None
        return next((ticket for ticket in self._queue if self._has_slots(ticket.function)), None)

    def _has_slots(self, name: str) -> bool:
        share = self._limits.function_share
        if name in self._callers and sum(self._busy[each] for each in self._callers) >= share:
            return False
        return self._busy[name] < share

    def _check_not_stopped(self) -> None:
        if self._stopped:
            raise stopping_error()

    def _check_reserved(self, function: RegisteredFunction) -> None:
        reserved = function.spec.reserved_concurrency
        if reserved is not None and self._busy[function.spec.name] >= reserved:
            raise throttling_error("ReservedFunctionConcurrentInvocationLimitExceeded")

    def _take_warm(self, function: RegisteredFunction) -> ExecutionEnvironment | None:
        candidates = [each for each in self._idle if _serves(each, function)]
        for environment in reversed(candidates):
            if environment.alive and environment.function.generation == function.generation:
                self._idle.remove(environment)
                return environment
            self._drop([environment])
        return None

    def _make_room(self) -> None:
        """End the environment that has been idle longest if a new one would be one too many."""
        total = self._busy.total() + len(self._idle)
        if self._idle and total > self._limits.max_environments:
            self._drop([min(self._idle, key=lambda environment: environment.idle_since)])

    def _release(self, slot: InvocationSlot) -> None:
        with self._changed:
            self._busy[slot.function.spec.name] -= 1
            environment = slot.environment
            if environment is not None:
                environment.idle_since = self._monotonic()
                self._idle.append(environment)
                if self._stopped or not environment.alive or self._is_stale(environment):
                    self._drop([environment])
            self._changed.notify_all()

    def _is_stale(self, environment: ExecutionEnvironment) -> bool:
        function = environment.function
        return function.generation < self._generations.get(function.spec.name, 0)

    def _drop(self, environments: list[ExecutionEnvironment]) -> None:
        for environment in environments:
            self._idle.remove(environment)
            environment.kill()


def _serves(environment: ExecutionEnvironment, function: RegisteredFunction) -> bool:
    """Return whether an environment was started for this function and this version of it."""
    started, wanted = environment.function.spec, function.spec
    return (started.name, started.version) == (wanted.name, wanted.version)
