"""Who may run now: the account's concurrency, reserved concurrency, and warm workers.

AWS gives an account 1,000 concurrent invocations and throttles at once beyond them; a laptop
has far fewer, so an invocation first waits a while for its turn. No function may hold every seat,
nor may all that call others together: the API would wait for a seat that only it can free. A
function's own reserved concurrency is the template's wish and throttles at once, as on AWS.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from localcloud.errors import AwsError
from localcloud.lambdas.registry import Registered
from localcloud.lambdas.worker import Worker


@dataclass(frozen=True, slots=True)
class Limits:
    """What one laptop gives. Times in seconds.

    `share` bounds the seats of one function, and of all together that call others, so that what
    they call finds one of the rest.
    `processes` bounds busy and idle workers together, so that each function of a pipeline can
    stay warm while only `concurrency` of them run: there are more seats than functions.
    """

    concurrency: int = 10
    share: int = 6
    processes: int = 48
    waiting: int = 200
    patience_s: float = 10.0
    idle_s: float = 600.0


@dataclass(frozen=True, slots=True, eq=False)
class _Ticket:
    """A place in the queue for a seat; no two are equal."""

    function: str


class Seat:
    """The right to run one invocation, with a warm worker when there is one.

    Whoever holds it sets `worker` to the worker that may serve again, or to None.
    """

    def __init__(self, function: Registered, worker: Worker | None) -> None:
        """Sit down for `function`."""
        self.function = function
        self.worker = worker


def throttled(reason: str) -> AwsError:
    """Return AWS's TooManyRequestsException for `reason`."""
    return AwsError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        429,
        Reason=reason,
        Type="User",
        retryAfterSeconds="1",
    )


def stopping() -> AwsError:
    """Return the error of an invocation that the end of the local cloud cut off."""
    return AwsError("ServiceException", "The local cloud is stopping.", 500)


class Pool:
    """Idle workers and busy seats, within the limits of this machine."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin empty."""
        self._limits = limits
        self._clock = clock
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
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
    def seat(self, function: Registered, patience_s: float | None = None) -> Iterator[Seat]:
        """Hold a seat for one invocation of `function`; raises the throttling error."""
        patience = self._limits.patience_s if patience_s is None else patience_s
        seat = self._sit(function, patience)
        try:
            yield seat
        finally:
            self._leave(seat)

    def set_callers(self, names: frozenset[str]) -> None:
        """Say which functions call others, so that together they leave seats for those."""
        with self._changed:
            self._callers = names
            self._changed.notify_all()

    def retire(self, function: Registered) -> None:
        """Let no worker of an older generation of `function` serve again."""
        with self._changed:
            self._generations[function.spec.name] = function.generation
            old = [worker for worker in self._idle if self._is_stale(worker)]
            self._drop(old)

    def evict_idle(self) -> None:
        """End workers that have been idle for too long."""
        with self._changed:
            limit = self._clock() - self._limits.idle_s
            self._drop([worker for worker in self._idle if worker.idle_since < limit])

    def stop(self) -> None:
        """Refuse every invocation from now on and end all idle workers."""
        with self._changed:
            self._stopped = True
            self._drop(list(self._idle))
            self._changed.notify_all()

    def _sit(self, function: Registered, patience_s: float) -> Seat:
        deadline = self._clock() + patience_s
        with self._changed:
            self._check_reserved(function)
            self._await_turn(function, deadline)
            self._busy[function.spec.name] += 1
            worker = self._warm(function)
            if worker is None:
                self._make_room()
            return Seat(function, worker)

    def _await_turn(self, function: Registered, deadline: float) -> None:
        if len(self._queue) >= self._limits.waiting:
            raise throttled("ConcurrentInvocationLimitExceeded")
        ticket = _Ticket(function.spec.name)
        self._queue.append(ticket)
        try:
            while self._next() is not ticket:
                self._refuse_when_stopped()
                left = deadline - self._clock()
                if left <= 0 or not self._changed.wait(left):
                    raise throttled("ConcurrentInvocationLimitExceeded")
            self._refuse_when_stopped()
            self._check_reserved(function)
        finally:
            self._queue.remove(ticket)
            self._changed.notify_all()

    def _next(self) -> _Ticket | None:
        """Return whose turn it is: who waits longest of those whose function has seats left."""
        if self._busy.total() >= self._limits.concurrency:
            return None
        return next((one for one in self._queue if self._has_seats(one.function)), None)

    def _has_seats(self, name: str) -> bool:
        share = self._limits.share
        if name in self._callers and sum(self._busy[each] for each in self._callers) >= share:
            return False
        return self._busy[name] < share

    def _refuse_when_stopped(self) -> None:
        if self._stopped:
            raise stopping()

    def _check_reserved(self, function: Registered) -> None:
        reserved = function.spec.reserved_concurrency
        if reserved is not None and self._busy[function.spec.name] >= reserved:
            raise throttled("ReservedFunctionConcurrentInvocationLimitExceeded")

    def _warm(self, function: Registered) -> Worker | None:
        mine = [worker for worker in self._idle if _serves(worker, function)]
        for worker in reversed(mine):
            if worker.alive and worker.function.generation == function.generation:
                self._idle.remove(worker)
                return worker
            self._drop([worker])
        return None

    def _make_room(self) -> None:
        """End the worker that has been idle longest when a new one would be one too many."""
        if self._idle and self._busy.total() + len(self._idle) > self._limits.processes:
            self._drop([min(self._idle, key=lambda worker: worker.idle_since)])

    def _leave(self, seat: Seat) -> None:
        with self._changed:
            self._busy[seat.function.spec.name] -= 1
            worker = seat.worker
            if worker is not None:
                worker.idle_since = self._clock()
                self._idle.append(worker)
                if self._stopped or not worker.alive or self._is_stale(worker):
                    self._drop([worker])
            self._changed.notify_all()

    def _is_stale(self, worker: Worker) -> bool:
        function = worker.function
        return function.generation < self._generations.get(function.spec.name, 0)

    def _drop(self, workers: list[Worker]) -> None:
        for worker in workers:
            self._idle.remove(worker)
            worker.kill()


def _serves(worker: Worker, function: Registered) -> bool:
    """Tell whether a worker was started for this function, and for this version of it."""
    started, wanted = worker.function.spec, function.spec
    return (started.name, started.version) == (wanted.name, wanted.version)
